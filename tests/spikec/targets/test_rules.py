"""Rules: each limit broken on purpose gives one violation that says where, what and how much is allowed."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.errors import TargetError, Violation
from spikec.ir.connectivity import Delays, Dense, sparse
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Source
from spikec.program import Program
from spikec.targets.rules import RULES, check_all, synapse_bytes
from spikec.targets.target import Figure, load_target

LOIHI2 = load_target("loihi2")
WHOLE = Delays(np.array(0))


def _program(n=1, n_in=1, form=None, delays=WHOLE, weights=None, target=LOIHI2, n_ticks=64, **neuron):
    """One population behind one projection; everything is within all limits unless told otherwise."""
    k = CubaFixed(**{"du": 100, "dv": 100, "vth": 100, **neuron})
    form = form or FixedFormat()
    weights = Fixed(np.zeros((n, n_in)), form) if weights is None else weights
    network = Network(
        (Population("in", Source(), (n_in,)), Population("out", k, (n,))),
        (Projection("q", "in", "out", Dense(weights), delays),),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )
    return Program(network, target, n_ticks=n_ticks)


def _with(part, **figures):
    values = {name: Figure(value, "a test") for name, value in figures.items()}
    return replace(LOIHI2, **{part: replace(getattr(LOIHI2, part), **values)})


def _tight(**figures):
    return _with("formats", **figures)


def _small(**figures):
    return _with("limits", **figures)


@pytest.mark.parametrize("target", [load_target(name) for name in ("loihi1", "loihi2", "ideal")])
def test_a_small_program_breaks_nothing(target):
    assert check_all(_program(target=target)) == []


BROKEN = {
    "weight bits of q is 8, at most 4": _program(target=_tight(weight_bits=4)),
    "weight exponent of q is 5, -8 to 3": _program(
        form=FixedFormat(exponent=5), target=_tight(weight_exponent_max=3)
    ),
    "weight exponent of q is -8, -2 to 7": _program(
        form=FixedFormat(exponent=-8), target=_tight(weight_exponent_min=-2)
    ),
    "threshold of out is 70, at most 63": _program(vth=70, target=_tight(threshold_max=63)),
    "current decay of out is 64, at most 63": _program(du=64, dv=3, target=_tight(decay_bits=6)),
    "membrane decay of out is 4096, at most 4095": _program(dv=4096),
    "bias of out is 9, at most 8": _program(bias_mant=-9, target=_tight(bias_max=8)),
    "bias exponent of out is 7, at most 6": _program(bias_exp=7, target=_tight(bias_exponent_max=6)),
    "distinct thresholds of out is 2, at most 1": _program(2, vth=[1, 2]),
    "distinct decays of out is 2, at most 1": _program(2, du=[1, 2]),
    "distinct decays of out is 3, at most 2": _program(
        4, du=[1, 1, 2, 2], dv=[1, 2, 2, 2], target=_small(decays_per_population=2)
    ),
    "distinct bias exponents of out is 2, at most 1": _program(2, bias_exp=[1, 2]),
    "delay of q is 63 ticks, at most 62": _program(delays=Delays(np.array(63))),
    "neurons of the network is 20, at most 18": _program(
        20, target=_small(chips=1, cores=2, neurons_per_core=9)
    ),
    "synapse memory of the network is 16 bytes, at most 15": _program(
        4, 4, target=_small(chips=1, cores=1, synapse_bytes_per_core=15)
    ),
    "inputs of one neuron of out is 9, at most 8": _program(1, 9, target=_small(axons_in_per_core=8)),
}


def test_a_network_larger_than_one_chip_fits_several():
    assert not check_all(_program(20, target=_small(chips=2, cores=2, neurons_per_core=5)))
    (violation,) = check_all(_program(21, target=_small(chips=2, cores=2, neurons_per_core=5)))
    assert (violation.rule, violation.limit) == ("neurons", "at most 20")


@pytest.mark.parametrize("said", BROKEN)
def test_a_broken_limit_is_reported_once_with_what_was_found_and_what_is_allowed(said):
    (v,) = check_all(BROKEN[said])
    assert f"{v.rule} of {v.where} is {v.got}, {v.limit}" == said
    assert v.advice
    assert str(v) == f"{v.where}: {v.rule} is {v.got}, allowed is {v.limit}; {v.advice}"


def test_a_current_that_can_wrap_is_reported():
    largest = Fixed(np.full((1, 20), 255), FixedFormat(8, Sign.EXCITATORY, 7))
    (violation,) = check_all(_program(1, 20, weights=largest))
    assert (violation.rule, violation.where, violation.limit) == ("current", "out", "24 bits")
    assert violation.got.startswith("up to ")
    tight = _program(1, 1, weights=Fixed(np.full((1, 1), 254)), du=4095, target=_tight(state_bits=14))
    (violation,) = check_all(tight)
    assert violation.got == f"up to {254 * 64 / 2**13:.3g} times the range"
    assert not check_all(replace(tight, target=_tight(state_bits=15)))


def test_a_network_that_is_not_compiled_is_reported():
    populations = (Population("in", Source(), (1,)), Population("out", If(1.0), (1,)))
    q = Projection("q", "in", "out", Dense(np.ones((1, 1))))
    network = Network(populations, (q,), ("in",), ("out",), Ticks(1e-3))
    (violation,) = check_all(Program(network, LOIHI2))
    assert (violation.rule, violation.got, violation.limit) == ("dialect", "ticks", "fixed")
    assert not check_all(Program(network, load_target("ideal")))


def test_everything_broken_is_reported_at_once_in_the_order_of_the_rules():
    earlier = Violation("reset", "out", "a", "b", "c")
    target = replace(_tight(weight_bits=4, threshold_max=50), limits=_small(axons_in_per_core=2).limits)
    program = _program(2, 3, delays=Delays(np.array(63)), du=[1, 2], target=target)
    violations = check_all(replace(program, violations=(earlier,)))
    assert [v.rule for v in violations] == [
        "reset", "weight bits", "threshold", "distinct decays", "delay", "inputs of one neuron",
    ]  # fmt: skip
    error = TargetError("loihi2", violations)
    assert error.exit_code == 1
    assert error.violations == tuple(violations)
    assert all(str(v) in str(error) for v in violations)


def test_limits_of_ideal_do_not_exist():
    busy = _program(3, du=[1, 2, 3], vth=[1, 2, 3], delays=Delays(np.array(500)), target=load_target("ideal"))
    assert check_all(busy) == []


def test_synapse_memory_counts_weight_delay_and_index_bits():
    dense = Dense(Fixed(np.zeros((4, 8)), FixedFormat(5)))
    assert synapse_bytes(Projection("q", "a", "b", dense, WHOLE)) == 32 * 5 / 8
    assert synapse_bytes(Projection("q", "a", "b", dense, Delays(np.array(1)))) == 32 * (5 + 6) / 8
    listed = sparse(8, 16, np.arange(8), np.arange(8), Fixed(np.zeros(8), FixedFormat(8)))
    assert synapse_bytes(Projection("q", "a", "b", listed, WHOLE)) == 8 * (8 + 4) / 8
    nothing = sparse(8, 16, [], [], Fixed(np.zeros(0), FixedFormat(8)))
    assert synapse_bytes(Projection("q", "a", "b", nothing, WHOLE)) == 0


def test_a_projection_without_synapses_breaks_no_rule():
    program = _program()
    nothing = sparse(1, 1, [], [], Fixed(np.zeros(0), FixedFormat()))
    empty = program.network.with_projections({"q": Projection("q", "in", "out", nothing, WHOLE)})
    assert check_all(replace(program, network=empty)) == []


def test_every_rule_is_a_function_with_a_sentence():
    assert len(RULES) == len(set(RULES)) == 10
    assert all(rule.__doc__ and rule.__doc__.rstrip().endswith(".") for rule in RULES)
