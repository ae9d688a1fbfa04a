"""The tick before which nothing can spike: exact where it can be computed by hand, else never too late."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spikec.backend import run
from spikec.events import Events
from spikec.ir.bounds import current_bounds, membrane_bound, once_spiking
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.earliest import earliest_spikes
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.random.networks import random_program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

N_TICKS = 20
FORMAT = FixedFormat(8, Sign.MIXED, 0)


def _dense(mantissas):
    return Dense(Fixed(np.asarray(mantissas, np.int64), FORMAT))


def _chain(delay=0):
    """Three inputs that spike once, a neuron without decay that forgets its current, and one that sums it."""
    jumps = CubaFixed(du=4095, dv=0, vth=10)
    silent = CubaFixed(du=4095, dv=0, vth=131071)
    return Network(
        (
            Population("in", Source(one_spike=True), (3,)),
            Population("hidden", jumps, (2,)),
            Population("out", silent, (1,)),
        ),
        (
            Projection("a", "in", "hidden", _dense([[6, 6, -10], [4, 4, -10]]), Delays(np.array(delay))),
            Projection("b", "hidden", "out", _dense([[50, 30]])),
        ),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )


def test_excitation_that_comes_at_once_says_when_a_neuron_can_spike():
    """12 is above 10 in the tick in which both arrive, one after the spike; 8 never is."""
    for delay in (0, 3):
        network = _chain(delay)
        found = earliest_spikes(network, N_TICKS, once_spiking(network, N_TICKS))
        assert found["hidden"].tolist() == [1 + delay, N_TICKS]
        assert found["in"].tolist() == [0, 0, 0]


def test_a_membrane_is_moved_only_by_who_can_spike():
    """One spike of 50 moves the membrane by 50 x 64; the neuron that cannot spike does not count."""
    network = _chain()
    bound = membrane_bound(network, network.population("out"), N_TICKS, ("hidden",))
    once = "hidden" in once_spiking(network, N_TICKS)
    arrivals = 1 if once else N_TICKS - 1
    assert bound.highest.tolist() == [50 * 64 * arrivals]


def _inputs(rng, network, n_samples):
    inputs: dict[str, Events] = {}
    for name in network.inputs:
        p = network.population(name)
        raster = rng.random((n_samples, N_TICKS, p.n)) < rng.choice([0.1, 0.5, 1.0], (n_samples, 1, 1))
        if p.neuron.one_spike:
            raster &= np.cumsum(raster, axis=1) == 1
        counts = raster * rng.integers(1, p.neuron.most_at_once + 1, raster.shape)
        inputs[name] = from_raster(counts)
    return inputs


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_no_neuron_of_a_random_network_spikes_earlier(seed):
    rng = np.random.default_rng(seed)
    network = random_program(rng, max_neurons=8, max_populations=3, max_delay=4).network
    assume(all(bound.share < 1 for bound in current_bounds(network, N_TICKS).values()))
    program = Program(network, load_target("loihi2"), n_ticks=N_TICKS)
    result = run(ReferenceBackend(), program, _inputs(rng, network, 4), N_TICKS)
    earliest = earliest_spikes(network, N_TICKS, once_spiking(network, N_TICKS))
    for name, spikes in result.spikes.items():
        first = np.minimum(spikes.first_times(), N_TICKS).min(axis=0)
        assert np.all(first >= earliest[name]), name
