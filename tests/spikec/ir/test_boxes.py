"""Boxes of inputs: never below what any input does, and near it when they are small."""

from itertools import pairwise, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.ir.bounds import current_bound
from spikec.ir.boxes import boxed_current_bound
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source

N_TICKS = 9
N_INPUTS, N_HIDDEN, N_OUT = 2, 5, 2
FORMAT, STRONG = FixedFormat(8, Sign.MIXED, 0), FixedFormat(8, Sign.MIXED, 6)


def _dense(rng, n_post, n_pre):
    weights = 2 * rng.integers(-30, 31, (n_post, n_pre))
    delays = Delays(rng.integers(0, 3, (n_post, n_pre)), DelayKind.SYNAPTIC)
    return Dense(Fixed(weights, FORMAT)), delays


def _network(rng, bias=0, decays=((0, 300), (0, 300))):
    """Inputs and hidden neurons that spike once, and two outputs which both may push."""
    du, dv = (int(rng.integers(low, high)) for low, high in decays)
    hidden = CubaFixed(du=du, dv=dv, vth=40, bias_mant=bias)
    out = CubaFixed(du=int(rng.integers(0, 2000)), dv=0, vth=100_000)
    stops = Dense(Fixed(np.diag(np.full(N_HIDDEN, -254)), STRONG))
    return Network(
        (
            Population("in", Source(one_spike=True), (N_INPUTS,)),
            Population("hidden", hidden, (N_HIDDEN,)),
            Population("out", out, (N_OUT,)),
        ),
        (
            Projection("a", "in", "hidden", *_dense(rng, N_HIDDEN, N_INPUTS)),
            Projection("stop", "hidden", "hidden", stops, Delays(np.array(0))),
            Projection("b", "hidden", "out", *_dense(rng, N_OUT, N_HIDDEN)),
            Projection("c", "in", "out", *_dense(rng, N_OUT, N_INPUTS)),
        ),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )


def _decayed(x, d):
    return np.sign(x) * ((np.abs(x) * (4096 - d)) >> 12)


def _every_input(network):
    """The extremes of the outputs' currents over all inputs: Loihi's arithmetic, before any second spike."""
    ticks = np.array(list(product(range(N_TICKS + 1), repeat=N_INPUTS)))
    spikes = {
        "in": np.arange(N_TICKS)[:, None, None] == ticks,
        "hidden": np.zeros((N_TICKS, len(ticks), N_HIDDEN), bool),
    }
    state = {
        name: np.zeros((2, len(ticks), network.population(name).n), np.int64) for name in ("hidden", "out")
    }
    extremes = np.zeros((2, N_OUT))
    for k in range(N_TICKS):
        for name, (u, v) in state.items():
            n = network.population(name).neuron
            arriving = np.zeros_like(u)
            for q in network.incoming(name):
                for post, pre in product(*map(range, (u.shape[1], network.population(q.pre).n))):
                    if q.name != "stop" and k > (d := int(q.delays.values[post, pre])):
                        weight = int(q.connectivity.weights.mantissa[post, pre])
                        arriving[:, post] += weight * spikes[q.pre][k - 1 - d, :, pre]
            u[:] = _decayed(u, n.du + 1) + 64 * arriving
            v[:] = _decayed(v, n.dv) + u + n.bias_mant
            if name == "hidden":
                spikes[name][k] = (v > 64 * n.vth) & ~spikes[name][:k].any(axis=0)
            else:
                extremes = np.stack([np.minimum(extremes[0], u.min(0)), np.maximum(extremes[1], u.max(0))])
    return extremes


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 90, -90]))
@settings(max_examples=25)
def test_no_input_takes_a_current_out_of_its_boxes(seed, bias):
    network = _network(np.random.default_rng(seed), bias)
    lowest, highest = _every_input(network)
    for n_boxes in (1, 20, 2000):
        bound = boxed_current_bound(network, network.population("out"), N_TICKS, n_boxes)
        assert np.all(lowest >= bound.lowest)
        assert np.all(highest <= bound.highest)


def test_boxes_of_single_inputs_leave_only_what_rounding_hides():
    """Rounding hides less than one unit of current a tick, and what it hides of spike times is rare."""
    near = []
    for seed in range(10):
        network = _network(np.random.default_rng(seed))
        bound = boxed_current_bound(network, network.population("out"), N_TICKS, 5000)
        lowest, highest = _every_input(network)
        near.extend([*(lowest - bound.lowest), *(bound.highest - highest)])
    assert np.mean(np.array(near) < N_TICKS + 1) > 0.9


def test_halving_boxes_only_helps():
    network = _network(np.random.default_rng(1))
    out = network.population("out")
    bounds = [current_bound(network, out, N_TICKS)]
    bounds += [boxed_current_bound(network, out, N_TICKS, n) for n in (1, 100, 400, 1600)]
    for wide, narrow in pairwise(bounds):
        assert np.all(narrow.highest <= wide.highest)
        assert np.all(narrow.lowest >= wide.lowest)
    assert np.any(bounds[-1].highest < 0.9 * bounds[0].highest)


def test_other_networks_have_no_boxes():
    """Here the hidden neurons do not inhibit themselves, so they may spike again."""
    network = _network(np.random.default_rng(0))
    several = Network(
        network.populations,
        tuple(q for q in network.projections if q.name != "stop"),
        network.inputs,
        network.outputs,
        network.clock,
    )
    assert boxed_current_bound(several, several.population("out"), N_TICKS) is None
