"""Two runs that part: the first spike that differs, and the one synapse that was made to differ."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikec
from spikec.backend import run
from spikec.causes.diff import diff
from spikec.causes.first import Side
from spikec.errors import UsageError
from spikec.events import from_rows
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, Lif, QifExp, Source
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.random.networks import random_inputs, random_program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

N_TICKS = 30
DT = 1e-3
seeds = st.integers(0, 2**32 - 1)


def _side(program, inputs, until=N_TICKS):
    return Side(program, run(ReferenceBackend(), program, inputs, until).spikes, until)


def _changed(program, q):
    return replace(program, network=program.network.with_projections({q.name: q}))


def _drawn(rng):
    program = random_program(rng, pairs=False, max_neurons=6, max_populations=2, max_delay=8)
    stored = [q for q in program.network.projections if q.connectivity.weights.mantissa.size]
    return program, stored[int(rng.integers(len(stored)))] if stored else None


def _another_weight(rng, q):
    """A projection of which one stored mantissa is another; of a convolution many synapses have it."""
    weights = q.connectivity.weights
    form, mantissa = weights.format, weights.mantissa.copy()
    at = tuple(int(rng.integers(k)) for k in mantissa.shape)
    steps = rng.integers(form.minimum // form.step, form.maximum // form.step + 1)
    mantissa[at] = steps * form.step
    mask = np.zeros(mantissa.shape, np.bool_)
    mask[at] = True
    pre, post = (side[q.connectivity.per_synapse(mask)] for side in q.connectivity.synapses())
    changed = replace(q, connectivity=q.connectivity.with_weights(Fixed(mantissa, form)))
    return changed, set(zip(pre.tolist(), post.tolist(), strict=True))


@given(seeds)
@settings(max_examples=60)
def test_a_weight_that_was_changed_is_named_and_the_parts_are_the_difference(seed):
    rng = np.random.default_rng(seed)
    program, q = _drawn(rng)
    if q is None:
        return
    changed, synapses = _another_weight(rng, q)
    inputs = random_inputs(rng, program, 1, N_TICKS)
    found = diff(_side(program, inputs), _side(_changed(program, changed), inputs))
    if found.first is None:
        return
    guilty = [c for c in found.causes if c.difference]
    assert guilty
    assert guilty == list(found.causes[: len(guilty)])
    for c in guilty:
        assert c.projection == q.name
        assert (c.neuron, found.first.neuron) in synapses
        assert c.parts["weights"] == c.difference
    assert sum(found.sums().values()) == found.margin_difference
    above = [h.membrane > h.threshold for h in (found.a, found.b)]
    assert above == ([True, False] if found.first.side == "a" else [False, True])


@given(seeds)
@settings(max_examples=60)
def test_a_delay_that_was_changed_is_named(seed):
    rng = np.random.default_rng(seed)
    program, q = _drawn(rng)
    if q is None:
        return
    delays = q.delays.per_synapse(q.connectivity)
    if q.delays.kind is not DelayKind.SYNAPTIC:
        return
    values = q.delays.values.copy()
    at = tuple(int(rng.integers(k)) for k in values.shape)
    values[at] = int(rng.integers(0, 9))
    changed = replace(q, delays=Delays(values, DelayKind.SYNAPTIC))
    moved = delays != changed.delays.per_synapse(q.connectivity)
    pre, post = (side[moved] for side in q.connectivity.synapses())
    inputs = random_inputs(rng, program, 1, N_TICKS)
    found = diff(_side(program, inputs), _side(_changed(program, changed), inputs))
    if found.first is None:
        return
    guilty = [c for c in found.causes if c.difference]
    for c in guilty:
        assert c.projection == q.name
        assert (c.neuron, found.first.neuron) in set(zip(pre.tolist(), post.tolist(), strict=True))
        assert c.parts["times"] == c.difference
    assert sum(found.sums().values()) == found.margin_difference


def _network(clock, neuron=None):
    """A chain of two layers whose neurons spike a few times."""
    rng = np.random.default_rng(3)
    hidden = CubaLif(0.02, 0.005, 6e-3) if neuron is None else neuron
    weights = rng.uniform(0.3, 0.9, (6, 8))
    delays = Delays(rng.uniform(0, 4e-3, (6, 8)), DelayKind.SYNAPTIC)
    return Network(
        (
            Population("in", Source(), (8,)),
            Population("hidden", hidden, (6,)),
            Population("out", Lif(0.01, 0.7), (3,)),
        ),
        (
            Projection("first", "in", "hidden", Dense(weights), delays),
            Projection("second", "hidden", "out", Dense(rng.uniform(0.1, 0.5, (3, 6)))),
        ),
        ("in",),
        ("out",),
        clock,
    )


def _inputs(seed=0):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 20, 16)) * 1e-3
    neurons = np.concatenate([rng.permutation(8), rng.permutation(8)])
    rows = np.unique(np.stack([np.zeros(16), times, neurons]), axis=1)
    return from_rows(*rows, n_samples=1, n_neurons=8)


def _both(network, seconds=0.05, **options):
    """A float network and its program, run on the same spikes."""
    continuous = isinstance(network.clock, Continuous)
    n_ticks = 10 + round(seconds / options.get("dt", 1e-3))
    program = spikec.compile(network, ticks=n_ticks, **options)
    events = _inputs()
    in_ticks = {"in": events.to_ticks(program.network.dt)}
    exact = Program(network, load_target("ideal"))
    inputs, until = ({"in": events}, seconds) if continuous else (in_ticks, n_ticks - 5)
    return _side(exact, inputs, until), _side(program, in_ticks, n_ticks)


def test_a_fine_program_of_a_float_network_does_not_differ():
    exact, program = _both(_network(Ticks(1e-3)))
    assert diff(exact, program, tolerance=1.0).first is None


@pytest.mark.parametrize("clock", [Continuous(), Ticks(1e-3)])
def test_a_synapse_broken_in_the_program_is_named_against_the_float_network(clock):
    network = _network(clock)
    options = {"dt": 2.5e-4} if isinstance(clock, Continuous) else {}
    exact, program = _both(network, **options)
    name = next(q.name for q in program.program.network.projections if q.name.startswith("first"))
    q = next(q for q in program.program.network.projections if q.name == name)
    pre, post = q.connectivity.synapses()
    spikes = program.spikes["in"]
    early = int(spikes.neurons[0])
    broken = np.flatnonzero((pre == early) & (post == 2))[0]
    mantissa = q.connectivity.weights.mantissa.copy()
    mantissa.reshape(-1)[broken] = 0
    weights = Fixed(mantissa, q.connectivity.weights.format)
    other = _changed(program.program, replace(q, connectivity=q.connectivity.with_weights(weights)))
    inputs = {"in": spikes}
    found = diff(exact, _side(other, inputs, program.until), tolerance=3.0)
    assert (found.first.population, found.first.neuron) == ("hidden", 2)
    worst = found.causes[0]
    assert (worst.projection, worst.population, worst.neuron) == ("first", "in", early)
    assert worst.weight_b == 0
    assert worst.weight_a > 0
    together = sum(float(v) for v in found.sums().values())
    assert together == pytest.approx(float(found.margin_difference), abs=1e-9)


def test_weights_of_a_float_network_and_its_program_are_told_in_one_unit():
    exact, program = _both(_network(Ticks(1e-3)), bits=3)
    found = diff(exact, program, tolerance=0)
    assert found.first is not None
    assert found.notes == (
        f"spikes of {found.first.population} are 1 tick late in b, for hops and ticks take time",
    )
    for c in found.causes:
        if c.weight_a is not None and c.weight_b is not None:
            assert float(c.weight_b) == pytest.approx(float(c.weight_a), rel=0.35)


def test_relays_are_told_as_the_neurons_whose_spikes_they_pass_on():
    network = _network(Continuous())
    q = network.projections[0]
    late = replace(q, delays=Delays(q.delays.values + 0.01, DelayKind.SYNAPTIC))
    network = network.with_projections({"first": late})
    exact, program = _both(network, 0.07, dt=1e-4, bits=2)
    assert any(".relay" in p.name for p in program.program.network.populations)
    found = diff(exact, program)
    assert found.first is not None
    assert {(c.projection, c.population) for c in found.causes} <= {("first", "in"), ("second", "hidden")}
    assert all(c.weight_a is not None and c.weight_b is not None for c in found.causes)


def test_several_synapses_for_one_add_up_too():
    network = _network(Continuous())
    exact, _ = _both(network, dt=DT)
    options = CompileOptions(dt=DT, n_ticks=60, bits=3, parts=1)
    program = compile_network(network, load_target("loihi2"), options)
    assert any(q.name.endswith(".next") for q in program.network.projections)
    found = diff(exact, _side(program, {"in": _inputs().to_ticks(DT)}, 60))
    assert found.first is not None
    together = sum(float(v) for v in found.sums().values())
    assert together == pytest.approx(float(found.margin_difference), abs=1e-9)


def test_a_neuron_that_always_spikes_for_a_bias_is_told_as_the_bias():
    hidden = CubaLif(0.02, 0.005, 6e-3, current_bias=40.0)
    exact, program = _both(_network(Ticks(DT), hidden), bits=2)
    assert any(p.name == "hidden.bias" for p in program.program.network.populations)
    found = diff(exact, program, tolerance=0)
    assert found.first is not None
    assert all(c.population in ("in", "hidden") for c in found.causes)
    bias = next(t for t in found.terms if t.name == "bias")
    assert float(bias.b) == pytest.approx(bias.a, rel=0.3)
    together = sum(float(v) for v in found.sums().values())
    assert together == pytest.approx(float(found.margin_difference), abs=1e-9)


def test_a_neuron_whose_membrane_is_no_sum_still_names_its_arrivals():
    network = _network(Continuous(), QifExp(0.01))
    exact, program = _both(network, dt=1e-3, bits=1)
    found = diff(exact, program, tolerance=0.0)
    assert found.first is not None
    if found.first.population == "hidden":
        assert "no sum" in found.notes[-1]
        assert found.margin_difference is None


def test_a_run_against_itself_does_not_differ():
    exact, program = _both(_network(Ticks(1e-3)))
    for side in (exact, program):
        found = diff(side, side)
        assert found.first is None
        assert found.to_json()["identical"]


def test_a_tolerance_that_judges_nothing_is_refused():
    exact, program = _both(_network(Ticks(1e-3)))
    with pytest.raises(UsageError, match="judges nothing"):
        diff(exact, program, tolerance=-1)
