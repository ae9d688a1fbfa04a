"""Pipelines: every pass is verified, held to its promise by a probe, and measured where it loses."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from spikec.coding import Decoding
from spikec.errors import NetworkError, Violation
from spikec.events import from_dense_times, from_rows
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Lif, LiReadout, Ramp, Source
from spikec.passes.base import rename_free, run_pipeline
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.pipelines import CompileOptions, compile_network, loihi
from spikec.passes.split_decays import SplitDecays
from spikec.program import LogEntry
from spikec.targets.target import load_target
from tests.float_networks import DT, random_inputs, random_network, started

PROBE = {"in": from_dense_times([[0.0, 4 * DT], [2 * DT, np.inf]])}


def _network(clock=Ticks(DT), neuron=If(1.0)):  # noqa: B008
    return Network(
        (Population("in", Source(), (2,)), Population("out", neuron, (1,))),
        (Projection("q", "in", "out", Dense(np.array([[1.5, 0.7]]))),),
        ("in",),
        ("out",),
        clock,
    )


@dataclass(frozen=True)
class Change:
    """A pass that does whatever it is told."""

    network: Network | None = None
    violations: tuple[Violation, ...] = ()
    lossless: bool = True
    name: str = "change"

    def apply(self, program):
        entry = LogEntry(self.name, self.lossless, "did it", {"own": 1})
        violations = (*program.violations, *self.violations)
        return program.logged(entry, network=self.network or program.network, violations=violations)


def test_a_pass_that_leaves_an_impossible_network_is_stopped():
    broken = replace(_network(), decoding=Decoding("nobody", "count"))
    with pytest.raises(NetworkError, match="no population 'nobody'"):
        run_pipeline(started(_network()), [Change(broken)])


def test_a_network_that_is_impossible_from_the_start_is_stopped():
    with pytest.raises(NetworkError, match="resets neuron 0"):
        run_pipeline(started(_network(Continuous(), Ramp(0.0))), [])


def test_a_pass_that_breaks_its_promise_is_named_with_the_population():
    with pytest.raises(
        NetworkError, match="pass change promised the same spikes, but out spikes differently"
    ):
        run_pipeline(started(_network()), [Change(_network(neuron=If(2.0)))], PROBE)


def test_the_promise_is_only_held_against_a_probe():
    assert run_pipeline(started(_network()), [Change(_network(neuron=If(2.0)))]).log


def test_a_pass_that_reported_why_is_not_accused():
    why = Violation("reset", "out", "x", "y", "z")
    program = run_pipeline(started(_network()), [Change(_network(neuron=If(2.0)), (why,))], PROBE)
    assert program.violations == (why,)


def test_a_lossy_passs_shift_is_written_into_its_log():
    later = _network()
    later = later.with_projections({"q": replace(later.projections[0], delays=Delays(np.array(3 * DT)))})
    program = run_pipeline(started(_network()), [Change(later, lossless=False)], PROBE)
    figures = program.log[-1].figures
    assert figures["own"] == 1
    assert figures["probe.out.first_spike_shift_s"] == pytest.approx(3 * DT)
    assert figures["probe.out.first_spike_rms_s"] == pytest.approx(3 * DT)
    assert figures["probe.out.first_spikes_changed"] == 0  # a run lasts until the last input is answered
    assert figures["probe.in.first_spike_shift_s"] == 0


def test_spikes_that_differ_by_rounding_only_are_the_same():
    nearly = _network(Continuous(), Ramp(1.0, bias=300.0))
    other = _network(Continuous(), Ramp(1.0 + 1e-15, bias=300.0))
    probe = {"in": from_dense_times([[0.0, 20 * DT], [2 * DT, 1 * DT]])}
    program = run_pipeline(started(nearly), [Change(other)], probe)
    assert program.log[-1].figures["probe.out.first_spikes_changed"] == 0
    with pytest.raises(NetworkError, match="promised the same spikes"):
        run_pipeline(started(nearly), [Change(_network(Continuous(), Ramp(1.001, bias=300.0)))], probe)


def test_spikes_that_change_neurons_are_not_the_same():
    """Times and neurons agree as sets, but in the second sample the other neuron spikes."""
    one = Dense(np.array([[1.5, 0.0], [0.0, 1.5]]))
    network = replace(
        _network(), populations=(_network().populations[0], Population("out", If(1.0), (2,))),
        projections=(Projection("q", "in", "out", one),),
    )  # fmt: skip
    swapped = network.with_projections(
        {"q": Projection("q", "in", "out", Dense(np.array([[0.0, 1.5], [1.5, 0.0]])))}
    )
    probe = {"in": from_dense_times([[0.0, np.inf], [np.inf, 0.0]])}
    with pytest.raises(NetworkError, match="promised the same spikes"):
        run_pipeline(started(network), [Change(swapped)], probe)


def test_progress_hears_of_every_pass_before_it_runs():
    heard = []
    passes = [Change(name="a"), Change(name="b")]
    program = run_pipeline(started(_network()), passes, progress=heard.append)
    assert heard == [entry.step for entry in program.log] == ["a", "b"]


def test_a_probe_goes_from_seconds_through_ticks_to_integers():
    rng = np.random.default_rng(8)
    network = random_network(rng, Continuous(), kinds=("ramp",), max_delay=2)
    probe = random_inputs(rng, network, 3, 30)
    program = compile_network(network, load_target("loihi2"), CompileOptions(dt=DT, n_ticks=40), probe)
    assert [e.step for e in program.log] == [p.name for p in loihi(CompileOptions())]
    assert all("probe.h0.first_spikes_changed" in e.figures for e in program.log)


def test_split_populations_are_still_compared_under_their_own_name():
    network = _network(Continuous(), Lif(0.01, 1.0))
    wide = replace(
        network, populations=(network.populations[0], Population("out", Lif([0.01, 0.02, 0.03], 1.0), (3,))),
        projections=(Projection("q", "in", "out", Dense(np.full((3, 2), 1.2))),),
        decoding=Decoding("out", "count"),
    )  # fmt: skip
    program = run_pipeline(started(wide), [DiscretizeTime(DT), SplitDecays()], PROBE)
    assert len(program.shards["out"]) == 3
    assert program.log[-1].figures["probe.out.first_spikes_changed"] == 0


def test_a_new_name_is_the_wanted_one_if_it_is_free():
    network = _network()
    assert rename_free(network, "new") == "new"
    assert rename_free(network, "out") == "out2"
    assert rename_free(network, "q") == "q2"
    taken = replace(network, populations=(*network.populations, Population("out2", LiReadout(), (1,))))
    assert rename_free(taken, "out") == "out3"


def test_events_in_ticks_do_for_a_network_in_ticks():
    ticks = {"in": from_rows([0], [3], [0], n_samples=1, n_neurons=2)}
    program = run_pipeline(started(_network(Ticks(DT, LOIHI)), n_ticks=9), [Change()], ticks)
    assert program.log[-1].figures["probe.out.first_spike_shift_s"] == 0
