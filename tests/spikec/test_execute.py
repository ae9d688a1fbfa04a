"""Running and decoding: the same network answers by its maximum in continuous time and in integers."""

import numpy as np
import pytest

from spikec.coding import Decoding, Readout
from spikec.errors import UsageError
from spikec.events import from_rows
from spikec.execute import RunOptions, execute, execute_as
from spikec.inputs import in_own_time
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import Lif, LiReadout, Source
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.placement.place import place_program
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend


def network(readout):
    # Output 0 is driven up early and forgets; output 1 is driven less, but late.
    return Network(
        (Population("in", Source(one_spike=True), (2,)), Population("out", LiReadout(4e-3, 4e-3), (2,))),
        (Projection("q", "in", "out", Dense([[3.0, 0.0], [0.0, 1.0]])),),
        ("in",),
        ("out",),
        Continuous(),
        decoding=Decoding("out", readout),
    )


INPUTS = {"in": from_rows([0, 0], np.array([1e-3, 38e-3]), [0, 1], n_samples=1, n_neurons=2)}


@pytest.mark.parametrize(("readout", "answer"), [(Readout.MAXIMUM, 0), (Readout.MEMBRANE, 1)])
@pytest.mark.parametrize("backend", [CpuBackend(), ReferenceBackend()], ids=lambda b: b.name)
def test_the_highest_ever_and_the_highest_at_the_end_are_different_answers(backend, readout, answer):
    exact = Program(network(readout), load_target("ideal"))
    result = execute(exact, backend, INPUTS, np.array([answer]), until=45e-3)
    assert result.meta["predictions"] == [answer]
    assert result.meta["accuracy"] == 1.0
    assert result.meta["decoding"] == {"population": "out", "readout": readout.value}
    program = compile_network(network(readout), load_target("loihi2"), CompileOptions(dt=1e-3, n_ticks=47))
    ticks = in_own_time(program.network, INPUTS)
    assert execute(program, backend, ticks, until=47).meta["predictions"] == [answer]


@pytest.mark.parametrize(("clock", "option"), [(Continuous(), "--until"), (Ticks(1e-3), "--ticks")])
def test_a_network_without_inputs_runs_for_as_long_as_it_is_told(clock, option):
    alone = Network((Population("out", Lif(5e-3, 1.0, v_leak=2.0), (1,)),), (), (), ("out",), clock)
    program = Program(alone, load_target("ideal"))
    with pytest.raises(UsageError, match=f"how long to run it; give {option}"):
        execute(program, ReferenceBackend(), {})
    end = 0.02 if option == "--until" else 20.0
    assert execute(program, ReferenceBackend(), {}, until=end).spikes["out"].n_events > 0


def test_a_result_tells_what_each_pass_did_how_it_was_placed_and_who_asked() -> None:
    program = compile_network(
        network(Readout.MEMBRANE), load_target("loihi1"), CompileOptions(dt=1e-3, n_ticks=47)
    )
    ticks = in_own_time(program.network, INPUTS)
    plain = execute(program, ReferenceBackend(), ticks).meta
    assert [entry["step"] for entry in plain["passes"]] == [entry.step for entry in program.log]
    assert not {"placement", "core_use", "command"} & plain.keys()
    placed = place_program(program, "sequential", seed=3)
    told = execute_as(placed, ReferenceBackend(), ticks, RunOptions(command="spikec run x.npz")).meta
    assert (told["command"], told["placement"]) == ("spikec run x.npz", {"method": "sequential", "seed": 3})
    (of_neurons,) = [line for line in told["core_use"] if line["rule"] == "neurons"]
    assert (of_neurons["use"], of_neurons["limit"]) == ([2], 1024)
