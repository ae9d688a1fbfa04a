"""Bounds of currents, judged by brute force: integers without a wrap, under inputs that try to break them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.ir.bounds import M, current_bound, current_bounds, once_spiking
from spikec.ir.connectivity import Delays, Dense, one_to_one, sparse
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, Source
from spikec.random.networks import random_program

seeds = st.integers(0, 2**32 - 1)


def _decay(x, d):
    return np.sign(x) * ((np.abs(x) * (4096 - d)) >> 12)


def simulate(network, rasters, n_ticks):
    """Currents ``(n_ticks, n)`` that never wrap, and spikes, of every population; formulas as in Lava."""
    spikes = {p.name: np.zeros((n_ticks, p.n), bool) for p in network.populations}
    currents = {p.name: np.zeros((n_ticks, p.n), np.int64) for p in network.populations}
    v = {p.name: np.zeros(p.n, np.int64) for p in network.populations}
    for name, raster in rasters.items():
        spikes[name][:] = raster
    for t in range(n_ticks):
        for p in network.populations:
            if p.is_source:
                continue
            k, a = p.neuron, np.zeros(p.n, np.int64)
            for q in network.incoming(p.name):
                fixed = q.connectivity.weights
                pre, post = q.connectivity.synapses()
                delay = q.delays.per_synapse(q.connectivity)
                for d in np.unique(delay):
                    if t - 1 - d >= 0:
                        sent = spikes[q.pre][t - 1 - d][pre] & (delay == d)
                        total = np.zeros(p.n, np.int64)
                        np.add.at(total, post, q.connectivity.stored() * sent)
                        e = fixed.format.exponent
                        a += total << e if e >= 0 else total >> -e
            last = currents[p.name][t - 1] if t else np.zeros(p.n, np.int64)
            u = _decay(last, k.du + 1) + (a << 6)
            e = np.broadcast_to(k.bias_exp, (p.n,))
            bias = np.where(e >= 0, k.bias_mant << np.maximum(e, 0), k.bias_mant >> np.maximum(-e, 0))
            v[p.name] = np.clip(_decay(v[p.name], k.dv) + u + bias, -(2**23) + 1, 2**23 - 1)
            spikes[p.name][t] = v[p.name] > (k.vth << 6)
            v[p.name][spikes[p.name][t]] = 0
            currents[p.name][t] = u
    return currents, spikes


def _rasters(rng, network, n_ticks):
    rasters = {}
    for name in network.inputs:
        p = network.population(name)
        raster = rng.random((n_ticks, p.n)) < rng.choice([0.05, 0.5, 1.0])
        if p.neuron.one_spike:
            late = rng.random() < 0.3  # all at once hits hardest, at random finds the odd cases
            first = np.full(p.n, rng.integers(n_ticks)) if late else rng.integers(0, n_ticks, p.n)
            raster = np.arange(n_ticks)[:, None] == first
        rasters[name] = raster
    return rasters


def _assert_within(network, n_ticks, rng):
    currents, spikes = simulate(network, _rasters(rng, network, n_ticks), n_ticks)
    for length in (n_ticks, None):
        for name, bound in current_bounds(network, length).items():
            assert (currents[name] <= bound.highest + 1e-6).all(), name
            assert (currents[name] >= bound.lowest - 1e-6).all(), name
        for name in once_spiking(network, length):
            assert spikes[name].sum(axis=0).max() <= 1, name


@settings(max_examples=40)
@given(seeds)
def test_no_current_of_a_random_program_leaves_its_bounds(seed):
    rng = np.random.default_rng(seed)
    network = random_program(rng, max_neurons=6, max_delay=5, pairs=False).network
    _assert_within(network, 30, rng)


def _random_fixed(rng, shape, largest=60):
    form = FixedFormat(8, Sign.MIXED, int(rng.choice([0, 0, -1, -4])))
    steps = rng.integers(-largest // 2, largest // 2, shape, endpoint=True) * (rng.random(shape) < 0.7)
    return Fixed(2 * steps, form)


def _stopping_network(rng):
    """Populations that inhibit themselves and feed each other in any way, and relays; some promises hold.

    Those with leaks are inhibited several times, directly or through a relay of their own.
    """
    n = int(rng.integers(1, 4))
    kinds = rng.choice(["ramp", "if", "leaky", "relay"], rng.integers(1, 4), p=[0.3, 0.15, 0.4, 0.15])
    names = [f"p{k}" for k in range(kinds.size)]
    populations, projections = [Population("in", Source(one_spike=bool(rng.random() < 0.9)), (n,))], []

    def connect(pre, post, connectivity, delay=0):
        projections.append(
            Projection(f"{pre}-{post}-{len(projections)}", pre, post, connectivity, Delays(np.array(delay)))
        )

    for name, kind in zip(names, kinds, strict=True):
        leaks = (int(rng.choice([3, 100, 700, 3000, 4095])), int(rng.choice([0, 20, 300, 4095])))
        du, dv = {
            "ramp": (0, int(rng.integers(0, 4096))), "if": (4095, 0), "relay": (4095, 4095), "leaky": leaks
        }[kind]  # fmt: skip
        bias = int(rng.choice([0, 0, -5, 40]))
        populations.append(
            Population(name, CubaFixed(du, dv, rng.integers(0, 40, n), bias, int(rng.integers(-2, 2))), (n,))
        )
        others = ["in", *names] if rng.random() < 0.5 else ["in", *names[: names.index(name)]]
        if kind == "relay":
            connect(
                str(rng.choice(others)),
                name,
                one_to_one(n, 0.0).with_weights(Fixed(np.full(n, 2))),
                int(rng.integers(3)),
            )
            continue
        for _ in range(int(rng.integers(1, 3))):
            connect(str(rng.choice(others)), name, Dense(_random_fixed(rng, (n, n))), int(rng.integers(3)))
        inhibition = Fixed(
            np.full(n, -int(rng.integers(20, 256))), FixedFormat(8, Sign.INHIBITORY, int(rng.integers(0, 5)))
        )
        own = one_to_one(n, 0.0).with_weights(inhibition)
        connect(name, name, own, int(rng.random() < 0.1))
        if kind == "leaky":
            for delay in range(int(gap := rng.integers(1, 9)), 20, int(gap)):
                connect(name, name, own, delay)
            echo, order = f"{name}.echo", rng.permutation(n)
            populations.append(Population(echo, CubaFixed(4095, 4095, 7), (n,)))
            chain = sparse(n, n, np.arange(n), order, Fixed(np.full(n, int(rng.choice([6, 8])))))
            connect(name, echo, chain, int(rng.integers(3)))
            back = sparse(n, n, order, np.arange(n), inhibition)
            connect(echo, name, back, int(rng.integers(20)))
    return Network(tuple(populations), tuple(projections), ("in",), (names[-1],), Ticks(1e-3, LOIHI))


@given(seeds)
def test_whoever_is_proven_to_spike_once_does(seed):
    rng = np.random.default_rng(seed)
    network = _stopping_network(rng)
    _assert_within(network, 25, rng)


def test_the_random_promises_are_not_all_empty():
    proven = [once_spiking(_stopping_network(np.random.default_rng(seed)), 25) for seed in range(100)]
    assert sum(any(name != "in" and "echo" not in name for name in names) for names in proven) > 20


def test_the_random_promises_of_those_with_leaks_are_not_all_empty():
    proven = 0
    for seed in range(200):
        network = _stopping_network(np.random.default_rng(seed))
        leaky = {p.name for p in network.populations if not p.is_source and 0 < p.neuron.du < 4095}
        proven += bool(leaky & once_spiking(network, 25))
    assert proven > 20


def _chain(mantissa, form=None, du=0, delays=None, one_spike=False, **neuron):
    weights = Fixed(np.atleast_2d(mantissa), form or FixedFormat())
    n_post, n_pre = weights.shape
    k = CubaFixed(du, 0, 131071, **neuron)
    return Network(
        (Population("in", Source(one_spike), (n_pre,)), Population("out", k, (n_post,))),
        (Projection("q", "in", "out", Dense(weights), delays or Delays(np.array(0))),),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )


def _extremes(network, n_ticks=None):
    bound = current_bounds(network, n_ticks)["out"]
    return bound.lowest.tolist(), bound.highest.tolist()


def test_one_spike_each_adds_up_to_the_sum_of_the_weights():
    network = _chain([[10, -4, 6], [0, 0, -2]], one_spike=True)
    assert _extremes(network) == ([-4 * 64, -2 * 64], [16 * 64, 0])


def test_without_memory_only_the_spikes_of_one_tick_meet():
    assert _extremes(_chain([[10, -4]], du=4095)) == ([-256], [640])


@pytest.mark.parametrize("n_ticks", [1, 7, 64])
def test_a_source_that_spikes_in_every_tick_is_a_geometric_series(n_ticks):
    du, left = 1023, 0.75
    _, (highest,) = _extremes(_chain([[2]], du=du), n_ticks)
    assert highest == pytest.approx(128 * (1 - left**n_ticks) / (1 - left))
    assert _extremes(_chain([[2]], du=du))[1] == [pytest.approx(128 / (1 - left))]


def test_decays_of_single_neurons_count_for_them_alone():
    assert _extremes(_chain([[2], [2]], du=[4095, 2047]))[1] == [128, 256]


def test_a_negative_exponent_cuts_off_each_delays_sum_apart():
    """Two synapses of -1/256 each, a tick apart, and every tick their sums round down to -1."""
    form = FixedFormat(8, Sign.INHIBITORY, -8)
    together = _chain([[-1, -1]], form, du=4095)
    apart = _chain([[-1, -1]], form, du=4095, delays=Delays(np.array([[0, 1]]), "synaptic"))
    saturated = {"in": np.ones((8, 2), bool)}
    for network, lowest in ((together, -64), (apart, -128)):
        assert simulate(network, saturated, 8)[0]["out"].min() == lowest
        assert lowest - 1 < _extremes(network, 8)[0][0] <= lowest


def test_silence_has_no_current():
    for exponent in (0, -8):
        assert current_bounds(_chain([[0, 0]], FixedFormat(exponent=exponent)))["out"].share == 0
    alone = Population("alone", CubaFixed(0, 0, 1, 100), (2,))
    network = Network((alone,), (), (), ("alone",), Ticks(1e-3, LOIHI))
    assert current_bound(network, alone, None).share == 0


def test_a_current_that_can_wrap_shows_as_a_share_above_one():
    form = FixedFormat(8, Sign.EXCITATORY, 7)
    network = _chain(np.full((1, 9), 255), form, one_spike=True)
    bound = current_bounds(network)["out"]
    assert bound.share == 9 * 255 * 2**13 / M > 1
    assert current_bounds(_chain(np.full((1, 4), 255), form, one_spike=True))["out"].share < 1


def _stopper(inhibition, excitation, du=0, dv=0, delay=0, bias=0, one_spike=True):
    """A neuron with two equal excitatory inputs and its own inhibition."""
    own = one_to_one(1, 0.0).with_weights(Fixed([-inhibition], FixedFormat(8, Sign.INHIBITORY)))
    halves = Fixed([[excitation // 2] * 2], FixedFormat(8, Sign.EXCITATORY))
    return Network(
        (Population("in", Source(one_spike), (2,)), Population("out", CubaFixed(du, dv, 1, bias), (1,))),
        (
            Projection("q", "in", "out", Dense(halves), Delays(np.array(0))),
            Projection("own", "out", "out", own, Delays(np.array(delay))),
        ),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )


@pytest.mark.parametrize(
    ("network", "n_ticks", "proven"),
    [
        (_stopper(12, 10), 64, True),
        (_stopper(10, 10), 64, False),  # leaks below what it must outweigh
        (_stopper(12, 10), 1000, False),
        (_stopper(12, 10), None, False),
        (_stopper(12, 10, delay=1), 64, False),  # a tick too late
        (_stopper(12, 10, one_spike=False), 64, False),
        (_stopper(12, 10, du=1), 64, True),
        (_stopper(12, 10, du=9, dv=4095), 40, True),
        (_stopper(12, 10, du=9, dv=4095), 64, False),  # 0.855 of it is left, less what rounding takes
        (_stopper(12, 10, du=9, dv=7), 64, True),  # the current does not hold, but the membrane does
        (_stopper(12, 10, du=9, dv=7), 200, False),
        (_stopper(200, 10, du=40, dv=40), 64, True),
        (_stopper(200, 10, du=40, dv=40), 640, False),
        (_stopper(12, 10, bias=40), 64, True),
        (_stopper(12, 10, bias=100), 64, False),
        (_stopper(10, 10, du=4095), None, True),  # a membrane that stays does not leak
        (_stopper(8, 10, du=4095), None, False),
        (_stopper(10, 10, du=4095, dv=1), None, False),
        (_stopper(14, 10, du=4095, dv=1), 64, True),
        (_stopper(14, 10, du=4095, dv=40), 64, False),
        (_stopper(12, 10, du=4095, bias=1), 64, True),
        (_stopper(12, 10, du=4095, bias=3), 64, False),
        (_stopper(12, 10, du=4095, bias=1), None, False),
    ],
)
def test_inhibition_must_outweigh_everything_for_the_whole_sample(network, n_ticks, proven):
    assert ("out" in once_spiking(network, n_ticks)) is proven


@pytest.mark.parametrize(("du", "dv"), [(0, 0), (100, 7), (4095, 0)])
def test_who_is_never_excited_never_spikes(du, dv):
    """Whatever its decays, and though it has no inhibition of its own."""
    form = FixedFormat(8, Sign.INHIBITORY)
    for bias, proven in ((0, True), (-5, True), (1, False)):
        network = _chain([[-3, 0], [0, 0]], form, du=du, bias_mant=[0, bias])
        for n_ticks in (64, None):
            assert ("out" in once_spiking(network, n_ticks)) is proven


def test_populations_that_stop_themselves_and_feed_each_other_are_proven_together():
    def own(name):
        weights = Fixed([-120], FixedFormat(8, Sign.INHIBITORY))
        return Projection(
            f"{name}.own", name, name, one_to_one(1, 0.0).with_weights(weights), Delays(np.array(0))
        )

    def synapse(pre, post):
        return Projection(f"{pre}-{post}", pre, post, Dense(Fixed([[50]])), Delays(np.array(0)))

    network = Network(
        (
            Population("in", Source(True), (1,)),
            Population("a", CubaFixed(0, 0, 1), (1,)),
            Population("b", CubaFixed(0, 0, 1), (1,)),
        ),
        (synapse("in", "a"), synapse("a", "b"), synapse("b", "a"), own("a"), own("b")),
        ("in",),
        ("b",),
        Ticks(1e-3, LOIHI),
    )
    assert once_spiking(network, 64) == {"in", "a", "b"}
    unready = network.with_populations({"b": Population("b", CubaTicks(1, 0, 1.0), (1,))})
    assert once_spiking(unready, 64) == {"in"}
    assert once_spiking(unready, 64, promised=["b"]) == {"in", "a", "b"}
    assert once_spiking(network, 64, promised=["b"]) == {"in", "a", "b"}
    busy = network.with_populations({"in": Population("in", Source(), (1,))})
    assert once_spiking(busy, 64) == frozenset()
    assert once_spiking(busy, 64, promised=["b"]) == frozenset()


def test_the_proof_takes_little_time_in_a_deep_network_with_many_paths():
    n, own = 40, Fixed([-200], FixedFormat(8, Sign.INHIBITORY))
    names = [f"p{k}" for k in range(n)]
    populations = [Population("in", Source(True), (1,))]
    populations += [Population(name, CubaFixed(0, 0, 1), (1,)) for name in names]
    projections = [
        Projection(f"{a}-{b}-{k}", a, b, Dense(Fixed([[30]])), Delays(np.array(k)))
        for a, b in zip(["in", *names], names, strict=False)
        for k in range(3)
    ]
    projections += [
        Projection(f"{name}.own", name, name, one_to_one(1, 0.0).with_weights(own), Delays(np.array(0)))
        for name in names
    ]
    network = Network(tuple(populations), tuple(projections), ("in",), (names[-1],), Ticks(1e-3, LOIHI))
    assert once_spiking(network, 64) == {"in", *names}
