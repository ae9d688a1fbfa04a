"""Counts of every core against counts made spike by spike and synapse by synapse."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import find_backend
from spikec.errors import NetworkError
from spikec.ir.fixed_point import mantissas
from spikec.ir.network import unrolled
from spikec.placed import Placement
from spikec.placement.grid import Grid
from spikec.placement.ledger import count_cores
from spikec.random.networks import random_inputs, random_program
from spikec.streaming.join import join_cores
from spikec.targets.target import Barrier, Figure, Timing, load_target
from tests.spikec.placement.nets import layers, program

N_TICKS, N_SAMPLES = 12, 2
EVENT, UPDATE, SPIKE, OUT, IN = 3500, 9700, 30_000, 5100, 16_000
"""Picoseconds."""
GRID = Grid(2, 2, 2, chips=3)


def target():
    """Chips of two by two tiles with two cores each."""
    two = Figure(2, "a test")
    chip = load_target("loihi2")
    figures = [Figure(ps / 1000, "a test") for ps in (EVENT, UPDATE, SPIKE, OUT, IN)]
    timing = Timing(*figures, barriers=(Barrier(1, 100, "a test"), Barrier(3, 200, "a test")))
    return replace(chip, timing=timing, mesh=replace(chip.mesh, columns=two, rows=two, cores_per_tile=two))


def placed(rng, p):
    """A program whose neurons are anywhere, on up to three chips."""
    sizes = {q.name: q.n for q in p.network.populations if not q.is_source}
    n_cores = int(rng.integers(1, min(sum(sizes.values()), GRID.n_places) + 1))
    every = rng.permutation(
        np.concatenate([np.arange(n_cores), rng.integers(0, n_cores, sum(sizes.values()) - n_cores)])
    )
    cores, k = {}, 0
    for name, n in sizes.items():
        cores[name], k = every[k : k + n], k + n
    place = rng.permutation(GRID.n_places)[:n_cores]
    return replace(p, target=target(), placement=Placement(cores, place))


def by_hand(p, spikes):
    """All counts, one spike after the other."""
    n = p.placement.n_cores
    names = ("spikes", "synaptic_events", "zero_weight_events", "delay_writes", "messages_out", "messages_in")
    found = {name: np.zeros(n, np.int64) for name in names}
    found |= {"east": 0, "west": 0, "north": 0, "south": 0, "crossings": 0}
    work = np.zeros((N_SAMPLES, N_TICKS, n), np.int64)
    arrived, left = np.zeros((2, *work.shape), np.int64)
    for core in p.placement.cores.values():
        for c in core:
            work[:, :, c] += 1
    for name, e in spikes.items():
        for sample, tick, neuron in zip(e.sample_of_event(), e.times, e.neurons, strict=True):
            home = p.placement.cores[name][neuron] if name in p.placement.cores else None
            if home is not None:
                found["spikes"][home] += 1
                left[sample, tick, home] += SPIKE
            reached = set()
            for q in map(unrolled, p.network.outgoing(name)):
                pre, post = q.connectivity.synapses()
                weights = mantissas(q.connectivity.weights)
                late = q.delays.per_synapse(q.connectivity)
                for s in np.flatnonzero(pre == neuron):
                    core = p.placement.cores[q.post][post[s]]
                    reached.add(int(core))
                    some = weights.ravel()[s] != 0
                    found["synaptic_events" if some else "zero_weight_events"][core] += 1
                    found["delay_writes"][core] += some and late[s] > 0
                    work[sample, tick, core] += 1
            for core in reached:
                found["messages_in"][core] += 1
                arrived[sample, tick, core] += IN
                if home is not None:
                    found["messages_out"][home] += 1
                    left[sample, tick, home] += OUT
                go(found, None if home is None else p.placement.place[home], p.placement.place[core])
    return found, work, slowest(p, work, arrived, left)


def slowest(p, work, arrived, left):
    """Picoseconds of the slowest core of every tick, and of its end."""
    neurons = np.zeros(p.placement.n_cores, np.int64)
    for core in p.placement.cores.values():
        np.add.at(neurons, core, 1)
    n_tiles = len({int(k) // 2 for k in p.placement.place})
    barrier = {1: 100_000, 2: 150_000, 3: 200_000}.get(n_tiles, 200_000)
    took = (work - neurons) * EVENT + neurons * UPDATE + arrived + left
    return took.max(axis=2).sum(axis=0) + N_SAMPLES * barrier


def go(found, start, end):
    """A message's way, tile by tile: first along the row, then along the column."""
    x, y = (0, 0) if start is None else (start // 2 // 2, start // 2 % 2)
    to_x, to_y = end // 2 // 2, end // 2 % 2
    while x != to_x:
        step = 1 if to_x > x else -1
        found["east" if step > 0 else "west"] += 1
        found["crossings"] += x // 2 != (x + step) // 2
        x += step
    while y != to_y:
        step = 1 if to_y > y else -1
        found["south" if step > 0 else "north"] += 1
        y += step


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_every_core_counts_what_is_counted_by_hand(seed):
    rng = np.random.default_rng(seed)
    p = placed(rng, random_program(rng, max_neurons=5, max_populations=3, max_delay=4))
    inputs = random_inputs(rng, p, N_SAMPLES, N_TICKS)
    result = find_backend("reference").prepare(p).run(inputs, N_TICKS)
    cores = count_cores(p, result.spikes, N_TICKS)
    found, work, picoseconds = by_hand(p, result.spikes)
    for name in (
        "spikes",
        "synaptic_events",
        "zero_weight_events",
        "delay_writes",
        "messages_out",
        "messages_in",
    ):
        assert getattr(cores, name).tolist() == found[name].tolist()
    assert cores.hops == {k: found[k] for k in ("east", "west", "north", "south")}
    assert {name: n.tolist() for name, n in cores.neurons.items()} == {
        name: np.bincount(of, minlength=cores.n_cores).tolist() for name, of in p.placement.cores.items()
    }
    assert cores.chip_crossings == found["crossings"]
    assert np.array_equal(cores.work, work.sum(axis=0))
    assert np.array_equal(cores.busiest, work.max(axis=2).sum(axis=0))
    assert np.array_equal(cores.picoseconds, picoseconds)
    totals = result.counters.totals()
    for name in ("neuron_updates", "synaptic_events", "zero_weight_events", "delay_writes"):
        assert getattr(cores, name).sum() == totals[name]
    stored = sum(of.sum() for of in cores.by_storage.values())
    assert stored == totals["synaptic_events"] + totals["zero_weight_events"]


def test_a_program_without_a_placement_has_no_cores_to_count():
    with pytest.raises(NetworkError, match="compile it with --place"):
        count_cores(program(layers(2, 3)), {}, 3)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_counts_of_chunks_add_up_to_those_of_the_whole_run(seed):
    rng = np.random.default_rng(seed)
    p = placed(rng, random_program(rng, max_neurons=5, max_populations=3, max_delay=4))
    if rng.random() < 0.5:
        p = replace(p, target=replace(p.target, timing=None))
    inputs = random_inputs(rng, p, N_SAMPLES, N_TICKS)
    spikes = find_backend("reference").prepare(p).run(inputs, N_TICKS).spikes
    whole = count_cores(p, spikes, N_TICKS)
    parts = [{name: e.select(k, k + 1) for name, e in spikes.items()} for k in range(N_SAMPLES)]
    joined = join_cores([count_cores(p, part, N_TICKS) for part in parts])
    for f in fields(whole):
        one, other = getattr(whole, f.name), getattr(joined, f.name)
        if isinstance(one, dict):
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[k], other[k]) for k in one)
        else:
            assert np.array_equal(one, other)
