"""The cases of `test_golden.py` on our engines, as far as the fixed dialect has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from spikec.backend import find_backend
from spikec.events import from_rows
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.targets.target import load_target
from tests.golden_formulas import arrivals, neuron, stored
from tests.golden_graphs import (
    DELAYS,
    EDGES,
    FORGETFUL,
    MATRIX,
    RANDOM_CURRENTS,
    RANDOM_NEURONS,
    SPIKES,
    VTH_MAX,
    one_after_another,
)


def run_fixed(backend: str, network: Network, spikes: Any, key: str) -> tuple[Any, Any]:
    """Spikes and membranes of the population "out", ``(n, n_ticks)``."""
    neurons, ticks = np.nonzero(spikes)
    n_pre, n_ticks = np.shape(spikes)
    events = from_rows(np.zeros(ticks.size, int), ticks, neurons, n_samples=1, n_neurons=n_pre)
    executable = find_backend(backend).prepare(Program(network, load_target("loihi2")))
    result = executable.run({"in": events}, n_ticks, [key])
    executable.close()
    return result.spikes["out"].raster(n_ticks)[0].T.astype(int), result.traces[key][0].T


def network_of(neuron: CubaFixed, n_pre: int, n_post: int, *projections: Projection) -> Network:
    populations = (Population("in", Source(), (n_pre,)), Population("out", neuron, (n_post,)))
    return Network(populations, projections, ("in",), ("out",), Ticks(1e-3, LOIHI))


def run_currents(backend: str, currents: Sequence[int], **parameters: int) -> dict[str, list[int]]:
    """One neuron under given currents: input neuron t spikes in tick t, and its weight is the current."""
    c = np.array([currents])
    signs = {"up": (np.maximum(c, 0), Sign.EXCITATORY), "down": (np.minimum(c, 0), Sign.INHIBITORY)}
    projections = [
        Projection(name, "in", "out", Dense(Fixed(w, FixedFormat(8, sign))), Delays(0))
        for name, (w, sign) in signs.items()
    ]
    network = network_of(CubaFixed(**parameters), c.size, 1, *projections)
    s, v = run_fixed(backend, network, one_after_another(c.size, c.size + 1)[:, : c.size + 1], "out.v")
    return {"v": v[0].tolist(), "s": s[0].tolist()}


def run_connection(
    backend: str, weights: Any, spikes: Any, form: FixedFormat, delays: Any = None
) -> list[list[int]]:
    """What a connection delivers, read from neurons that hold 64 times what arrives."""
    n_post, n_pre = np.shape(weights)
    kept = Delays(0) if delays is None else Delays(delays, DelayKind.SYNAPTIC)
    projection = Projection("in_out", "in", "out", Dense(Fixed(weights, form)), kept)
    network = network_of(CubaFixed(du=4095, dv=4096, vth=VTH_MAX), n_pre, n_post, projection)
    _, v = run_fixed(backend, network, spikes, "out.v")
    assert not np.any(v % 64)
    return (v // 64).tolist()


ENGINES = ("reference", "cpu")


@pytest.mark.parametrize("backend", ENGINES)
@pytest.mark.parametrize("k", range(len(RANDOM_NEURONS)))
def test_our_neuron_under_random_currents_follows_the_formulas(backend: str, k: int) -> None:
    p = dict(RANDOM_NEURONS[k])
    bias = p.get("bias_mant", 0) << p.get("bias_exp", 0)
    expected = neuron([0, *RANDOM_CURRENTS[k].tolist()], p["du"], p["dv"], p["vth"], bias)
    assert run_currents(backend, RANDOM_CURRENTS[k].tolist(), **p) == {
        "v": expected["v"],
        "s": expected["s"],
    }


@pytest.mark.parametrize("backend", ENGINES)
def test_our_threshold_must_be_exceeded(backend: str) -> None:
    assert run_currents(backend, [10, 0, 0], vth=10, **FORGETFUL)["v"] == [0, 640, 640, 640]
    assert run_currents(backend, [10, 0, 0], vth=9, **FORGETFUL)["s"] == [0, 1, 0, 0]


@pytest.mark.parametrize("backend", ENGINES)
def test_our_current_leaks_even_with_a_du_of_zero(backend: str) -> None:
    v = run_currents(backend, [100, 0, 0, 0], du=0, dv=4096, vth=VTH_MAX)["v"]
    assert v == [0, 6400, 6398, 6396, 6394]


@pytest.mark.parametrize("backend", ENGINES)
def test_our_bias_is_shifted_to_the_right_toward_minus_infinity(backend: str) -> None:
    v = run_currents(backend, [0, 0], bias_mant=-5, bias_exp=-1, vth=1000, **FORGETFUL)["v"]
    assert v == [-3, -6, -9]


@pytest.mark.parametrize("backend", ENGINES)
def test_our_connections_store_and_deliver_as_lava(backend: str) -> None:
    mixed = stored(EDGES, "MIXED")
    got = run_connection(backend, mixed, one_after_another(4, 5), FixedFormat(8, Sign.MIXED))
    assert np.array(got)[:, 1:].tolist() == mixed.tolist()
    for weights, form, expected in (
        ([[3, 255]], FixedFormat(8, Sign.EXCITATORY), [[0, 3, 255]]),
        ([[-3, -255]], FixedFormat(8, Sign.INHIBITORY), [[0, -3, -255]]),
        ([[0, -4]], FixedFormat(6, Sign.INHIBITORY), [[0, 0, -4]]),
        ([[-8, 0]], FixedFormat(6, Sign.MIXED), [[0, -8, 0]]),
        ([[6, -8]], FixedFormat(8, Sign.MIXED, 2), [[0, 24, -32]]),
        ([[6, -10]], FixedFormat(8, Sign.MIXED, -2), [[0, 1, -3]]),
    ):
        assert run_connection(backend, weights, one_after_another(2, 3), form) == expected


@pytest.mark.parametrize("backend", ENGINES)
def test_our_delays_come_on_top_of_a_tick(backend: str) -> None:
    got = run_connection(backend, MATRIX, SPIKES, FixedFormat(8, Sign.MIXED), DELAYS)
    assert got == arrivals(MATRIX, DELAYS, SPIKES)
    longest = run_connection(backend, [[8]], [[1] + [0] * 69], FixedFormat(8, Sign.MIXED), [[63]])
    assert np.flatnonzero(longest[0]).tolist() == [64]
