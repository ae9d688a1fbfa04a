"""Lava's bit-accurate models, tick for tick, against integers worked out here; then the same for our engines.

Each case is a small graph of Lava's own processes. What must come out follows from the formulas in the
docstrings below, in plain Python integers. All graphs run in one child process (`golden_child.py`). The cases
that the fixed dialect can express also run on the reference interpreter and on the CPU.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
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
from spikec_lava import compat

M = 1 << 23
TIME_LIMIT = 300.0  # seconds; all cases take about fifteen
VTH_MAX = 131071

needs_lava = pytest.mark.skipif(compat.importable() is not None, reason=f"{compat.importable()}")


def neuron(
    currents: Sequence[int],
    du: int,
    dv: int,
    vth: int,
    bias: int = 0,
    low: int | None = None,
    reset_every: int | None = None,
) -> dict[str, list[int]]:
    """A fixed-point LIF neuron: u, v and spikes after every step.

    u loses du + 1 parts in 4096, v loses dv, both cut off toward zero; a current enters 64-fold; u turns by
    2**24 once if it leaves (-2**23, 2**23]; v saturates at 2**23 - 1; a spike needs more than 64 vth. With
    `low` a second threshold gives spikes of -1; with `reset_every` steps 1, 1 + n, ... begin from rest.
    """
    u = v = 0
    out: dict[str, list[int]] = {"u": [], "v": [], "s": []}
    for step, current in enumerate(currents, start=1):
        if reset_every is not None and step % reset_every == 1:
            u = v = 0
        u = int(np.sign(u)) * (abs(u) * (4095 - du) // 4096) + 64 * current
        if u > M:
            u -= 2 * M
        elif u <= -M:
            u += 2 * M
        v = int(np.sign(v)) * (abs(v) * (4096 - dv) // 4096) + u + bias
        v = min(max(v, 1 - M), M - 1)
        spike = (v > 64 * vth) - (low is not None and v < 64 * low)
        v = 0 if spike else v
        for name, value in (("u", u), ("v", v), ("s", int(spike))):
            out[name].append(value)
    return out


def stored(weights: Any, sign: str, bits: int = 8) -> Any:
    """Weights as Lava stores them: clipped to the sign's range, then the unused low bits cut off.

    Mixed signs cost a bit: of 8 bits they keep even numbers, cut off toward minus infinity. Inhibitory
    weights are treated as their absolute values.
    """
    w = np.asarray(weights)
    step = 1 << (8 - bits + (sign == "MIXED"))
    if sign == "INHIBITORY":
        return -(np.clip(-w, 0, 255) // step * step)
    return np.clip(w, -256 if sign == "MIXED" else 0, 255) // step * step


def arrivals(weights: Any, delays: Any, spikes: Any) -> Any:
    """What a connection delivers: a spike of step t arrives in step t + 1 + delay."""
    n_post, n_pre = np.shape(weights)
    n_ticks = np.shape(spikes)[1]
    out = np.zeros((n_post, n_ticks), int)
    for j, i, t in itertools.product(range(n_post), range(n_pre), range(n_ticks)):
        due = t + 1 + delays[j][i]
        if due < n_ticks:
            out[j, due] += weights[j][i] * spikes[i][t]
    return out.tolist()


# Graphs of Lava's processes


def of_neuron(kind: str, currents: Any, *, tag: str = "fixed_pt", **arguments: Any) -> dict[str, Any]:
    """One population, fed with currents, ``(n, n_ticks)``."""
    rows = np.atleast_2d(currents)
    n, n_ticks = rows.shape
    return {
        "processes": {
            "source": ["Source", {"data": rows.tolist()}],
            "lif": [kind, {"shape": [n], **arguments}],
            "sink": ["Sink", {"shape": [n], "buffer": n_ticks}],
        },
        "links": [["source.s_out", "lif.a_in"], ["lif.s_out", "sink.a_in"]],
        "read": ["lif.u", "lif.v"],
        "ticks": [n_ticks],
        "tag": tag,
    }


def of_connection(kind: str, spikes: Any, n_post: int, **arguments: Any) -> dict[str, Any]:
    """One connection, fed with spikes, ``(n_pre, n_ticks)``."""
    n_ticks = np.shape(spikes)[-1]
    return {
        "processes": {
            "source": ["Source", {"data": np.asarray(spikes).tolist()}],
            "synapses": [kind, arguments],
            "sink": ["Sink", {"shape": [n_post], "buffer": n_ticks}],
        },
        "links": [["source.s_out", "synapses.s_in"], ["synapses.a_out", "sink.a_in"]],
        "ticks": [n_ticks],
    }


def one_after_another(n: int, n_ticks: int) -> Any:
    """Neuron i spikes in step i."""
    spikes = np.zeros((n, n_ticks), int)
    spikes[np.arange(n), np.arange(n)] = 1
    return spikes


RNG = np.random.default_rng(20)
RANDOM_NEURONS = [
    {"du": 0, "dv": 0, "vth": 100},
    {"du": 4095, "dv": 0, "vth": 300},
    {"du": 1000, "dv": 500, "vth": 50, "bias_mant": -3, "bias_exp": 4},
    {"du": 4095, "dv": 4095, "vth": 20, "bias_mant": 7, "bias_exp": 6},
    {"du": 200, "dv": 4096, "vth": 60},
]
RANDOM_CURRENTS = RNG.integers(-120, 200, (5, 60))
FORGETFUL = {"du": 4095, "dv": 0}
MATRIX = 2 * RNG.integers(-60, 60, (5, 7))
DELAYS = RNG.integers(0, 9, (5, 7))
SPIKES = (RNG.random((7, 30)) < 0.3).astype(int)
HOLED = RNG.integers(-200, 200, (5, 7)) * (RNG.random((5, 7)) < 0.5)
IMAGE = (RNG.random((6, 6, 2, 3)) < 0.4).astype(int)
KERNEL = RNG.integers(-128, 128, (3, 3, 3, 2))
EDGES = [[127, -128, 3, -3], [300, -300, 255, -255]]
GRADED = [[5, 0, 2, 0]]

EVERYTHING = np.arange(-400, 401)
FORMATS = [(sign, bits) for sign in ("MIXED", "EXCITATORY", "INHIBITORY") for bits in range(1, 9)]

GRAPHS: dict[str, dict[str, Any]] = {
    **{f"random neuron {k}": of_neuron("LIF", RANDOM_CURRENTS[k], **p) for k, p in enumerate(RANDOM_NEURONS)},
    "threshold met": of_neuron("LIF", [10, 0, 0, 0], vth=10, **FORGETFUL),
    "threshold exceeded": of_neuron("LIF", [10, 0, 0, 0], vth=9, **FORGETFUL),
    "du of 0": of_neuron("LIF", [100, 0, 0, 0], du=0, dv=4095, vth=VTH_MAX),
    "du of -1": of_neuron("LIF", [100, 0, 0, 0], du=-1, dv=4095, vth=VTH_MAX),
    "u wraps": of_neuron("LIF", [131072, 131072, 0, 0, -131072, -131072], du=-1, dv=0, vth=VTH_MAX),
    "wide current": of_neuron("LIF", [100000, 0], vth=VTH_MAX, **FORGETFUL),
    "bias to the right": of_neuron("LIF", [0] * 3, bias_mant=-5, bias_exp=-1, vth=1000, **FORGETFUL),
    "wide bias": of_neuron("LIF", [0] * 3, bias_mant=30000, bias_exp=7, vth=VTH_MAX, **FORGETFUL),
    "too wide bias": of_neuron("LIF", [0], bias_mant=40000, bias_exp=0, vth=VTH_MAX, **FORGETFUL),
    "one each": of_neuron("LIF", [[50, 20, 0, 0, 10]] * 2, du=[4095, 1000], dv=[0, 700], vth=[40, 60]),
    "reset": of_neuron("LIFReset", [30] * 9, du=0, dv=0, vth=80, reset_interval=4, reset_offset=1),
    "ternary": of_neuron("TernaryLIF", RANDOM_CURRENTS[0] // 2, du=2000, dv=100, vth_hi=50, vth_lo=-20),
    "refractory": of_neuron("LIFRefractory", [1] * 3, du=0, dv=0, vth=1, refractory_period=2),
    "float refractory": of_neuron(
        "LIFRefractory", [2.0] * 8, tag="floating_pt", du=1.0, dv=0.0, vth=3.0, refractory_period=2
    ),
    "mixed": of_connection("Dense", one_after_another(4, 5), 2, weights=EDGES),
    "excitatory": of_connection("Dense", one_after_another(2, 3), 1, weights=[[3, 300]]),
    "inhibitory": of_connection("Dense", one_after_another(2, 3), 1, weights=[[-3, -300]]),
    "inhibitory of 6 bits": of_connection(
        "Dense", one_after_another(2, 3), 1, weights=[[-3, -5]], num_weight_bits=6
    ),
    "mixed of 6 bits": of_connection(
        "Dense", one_after_another(2, 3), 1, weights=[[-3, 5]], num_weight_bits=6
    ),
    **{
        f"{sign} of {bits} bits": of_connection(
            "Dense", [[1, 0]], 801, weights=EVERYTHING[:, None].tolist(), sign_mode=sign, num_weight_bits=bits
        )
        for sign, bits in FORMATS
    },
    "graded": of_connection("Dense", GRADED, 2, weights=[[6], [-7]], num_message_bits=8, weight_exp=2),
    "graded to the right": of_connection(
        "Dense", GRADED, 2, weights=[[6], [-7]], num_message_bits=8, weight_exp=-2
    ),
    "not graded": of_connection("Dense", GRADED, 2, weights=[[6], [-7]], num_message_bits=0),
    "no saturation": of_connection(
        "Dense", [[1, 0]] * 400, 1, weights=[[255] * 400], weight_exp=6, sign_mode="EXCITATORY"
    ),
    "dense": of_connection("Dense", SPIKES, 5, weights=HOLED.tolist(), sign_mode="MIXED"),
    "sparse": of_connection("Sparse", SPIKES, 5, weights=HOLED.tolist(), sign_mode="MIXED"),
    "delayed dense": of_connection("DelayDense", SPIKES, 5, weights=MATRIX.tolist(), delays=DELAYS.tolist()),
    "delayed sparse": of_connection(
        "DelaySparse", SPIKES, 5, weights=MATRIX.tolist(), delays=DELAYS.tolist()
    ),
    "longest delay": of_connection("DelayDense", [[1] + [0] * 69], 1, weights=[[8]], delays=[[63]]),
    "convolution": {
        "processes": {
            "source": ["Source", {"data": IMAGE.tolist()}],
            "synapses": [
                "Conv",
                {"weight": KERNEL.tolist(), "input_shape": [6, 6, 2], "padding": [1, 1], "weight_exp": 3},
            ],
            "sink": ["Sink", {"shape": [6, 6, 3], "buffer": 3}],
        },
        "links": [["source.s_out", "synapses.s_in"], ["synapses.a_out", "sink.a_in"]],
        "ticks": [3],
    },
    "two layers": {
        "processes": {
            "source": ["Source", {"data": [[1, 0, 0, 0, 0, 0]]}],
            "one": ["Dense", {"weights": [[200]]}],
            "first": ["LIF", {"shape": [1], "vth": 10, **FORGETFUL}],
            "two": ["Dense", {"weights": [[200]]}],
            "second": ["LIF", {"shape": [1], "vth": 10, **FORGETFUL}],
            "sink": ["Sink", {"shape": [1], "buffer": 6}],
            "last sink": ["Sink", {"shape": [1], "buffer": 6}],
        },
        "links": [
            ["source.s_out", "one.s_in"],
            ["one.a_out", "first.a_in"],
            ["first.s_out", "two.s_in"],
            ["two.a_out", "second.a_in"],
            ["first.s_out", "sink.a_in"],
            ["second.s_out", "last sink.a_in"],
        ],
        "ticks": [6],
    },
    "fan-in": {
        "processes": {
            "one": ["Source", {"data": [[1, 2, 3]]}],
            "other": ["Source", {"data": [[10, 20, 30]]}],
            "sink": ["Sink", {"shape": [1], "buffer": 3}],
        },
        "links": [["one.s_out", "sink.a_in"], ["other.s_out", "sink.a_in"]],
        "ticks": [3],
    },
    "two runs": {
        "processes": {
            "source": ["Source", {"data": [[1, 2, 3, 4, 5, 6, 7, 8]]}],
            "sink": ["Sink", {"shape": [1], "buffer": 8}],
        },
        "links": [["source.s_out", "sink.a_in"]],
        "ticks": [4, 4],
    },
}


@pytest.fixture(scope="module")
def lava() -> dict[str, dict[str, Any]]:
    """What Lava makes of every graph."""
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("golden_child.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, messages = child.communicate(json.dumps(list(GRAPHS.values())), timeout=TIME_LIMIT)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
    assert child.returncode == 0, messages
    return dict(zip(GRAPHS, json.loads(output.splitlines()[-1]), strict=True))


def states(result: dict[str, Any], row: int = 0) -> dict[str, list[int]]:
    """u, v and spikes of one neuron."""
    assert "error" not in result, result
    read = result["read"]
    return {"u": read["lif.u"][row], "v": read["lif.v"][row], "s": result["sinks"]["sink"][row]}


def delivered(result: dict[str, Any]) -> list[list[int]]:
    """What a connection delivered."""
    assert "error" not in result, result
    rows: list[list[int]] = result["sinks"]["sink"]
    return rows


# The cases, on Lava


@needs_lava
@pytest.mark.parametrize("k", range(len(RANDOM_NEURONS)))
def test_a_neuron_under_random_currents_follows_the_formulas(lava: dict[str, Any], k: int) -> None:
    p = dict(RANDOM_NEURONS[k])
    bias = p.pop("bias_mant", 0) << p.pop("bias_exp", 0)
    expected = neuron(RANDOM_CURRENTS[k].tolist(), bias=bias, **p)
    assert states(lava[f"random neuron {k}"]) == expected
    assert any(expected["s"])


@needs_lava
def test_a_spike_needs_more_than_the_threshold_in_the_step_of_the_current(lava: dict[str, Any]) -> None:
    assert states(lava["threshold met"])["s"] == [0, 0, 0, 0]
    assert states(lava["threshold met"])["v"] == [640, 640, 640, 640]
    assert states(lava["threshold exceeded"])["s"] == [1, 0, 0, 0]
    assert states(lava["threshold exceeded"])["v"] == [0, 0, 0, 0]


@needs_lava
def test_a_current_leaks_even_with_a_du_of_zero_but_not_with_minus_one(lava: dict[str, Any]) -> None:
    assert states(lava["du of 0"])["u"] == [6400, 6398, 6396, 6394]
    assert states(lava["du of -1"])["u"] == [6400, 6400, 6400, 6400]


@needs_lava
def test_a_current_wraps_and_a_membrane_saturates(lava: dict[str, Any]) -> None:
    expected = neuron([131072, 131072, 0, 0, -131072, -131072], du=-1, dv=0, vth=VTH_MAX)
    assert expected["u"][:2] == [M, 0]  # M itself stays, 2M turns into 0
    assert states(lava["u wraps"]) == expected


@needs_lava
def test_a_sum_of_currents_is_not_cut_to_sixteen_bits(lava: dict[str, Any]) -> None:
    assert states(lava["wide current"])["u"] == [6400000, 0]


@needs_lava
def test_a_bias_is_shifted_to_the_right_toward_minus_infinity(lava: dict[str, Any]) -> None:
    assert states(lava["bias to the right"])["v"] == [-3, -6, -9]
    assert states(lava["wide bias"]) == neuron([0] * 3, vth=VTH_MAX, bias=30000 << 7, **FORGETFUL)


@needs_lava
def test_a_bias_of_more_than_sixteen_bits_wraps_or_is_refused(lava: dict[str, Any]) -> None:
    result = lava["too wide bias"]
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        assert result["error"].startswith("OverflowError")
    else:
        assert states(result)["v"] == [40000 - 65536]


@needs_lava
def test_neurons_of_one_population_may_differ(lava: dict[str, Any]) -> None:
    for row, p in enumerate([{"du": 4095, "dv": 0, "vth": 40}, {"du": 1000, "dv": 700, "vth": 60}]):
        assert states(lava["one each"], row) == neuron([50, 20, 0, 0, 10], **p)


@needs_lava
def test_a_reset_clears_both_states_before_the_step(lava: dict[str, Any]) -> None:
    assert states(lava["reset"]) == neuron([30] * 9, du=0, dv=0, vth=80, reset_every=4)


@needs_lava
def test_a_ternary_neuron_spikes_below_its_low_threshold(lava: dict[str, Any]) -> None:
    expected = neuron((RANDOM_CURRENTS[0] // 2).tolist(), du=2000, dv=100, vth=50, low=-20)
    assert {-1, 0, 1} == set(expected["s"])
    assert states(lava["ternary"]) == expected


@needs_lava
def test_a_refractory_neuron_exists_in_floats_only(lava: dict[str, Any]) -> None:
    assert "No ProcessModels found with tag" in lava["refractory"]["error"]
    result = states(lava["float refractory"])
    assert result["s"] == [0, 1, 0, 0, 0, 1, 0, 0]  # silent for two steps after each spike
    assert result["v"] == [2, 0, 0, 0, 2, 0, 0, 0]


@needs_lava
def test_a_connection_stores_what_its_sign_and_bits_allow_and_delivers_a_step_later(
    lava: dict[str, Any],
) -> None:
    mixed = np.array(delivered(lava["mixed"]))
    assert mixed[:, 0].tolist() == [0, 0]
    assert mixed[:, 1:].tolist() == [[126, -128, 2, -4], [254, -256, 254, -256]]
    assert mixed[:, 1:].tolist() == stored(EDGES, "MIXED").tolist()
    assert delivered(lava["excitatory"]) == [[0, 3, 255]]
    assert delivered(lava["inhibitory"]) == [[0, -3, -255]]
    assert delivered(lava["inhibitory of 6 bits"]) == [[0, 0, -4]]
    assert delivered(lava["mixed of 6 bits"]) == [[0, -8, 0]]


@needs_lava
def test_a_graded_spike_multiplies_and_the_exponent_shifts_the_sum(lava: dict[str, Any]) -> None:
    assert delivered(lava["graded"]) == [
        [0, 120, 0, 48],
        [0, -160, 0, -64],
    ]  # 6 and -8, times 5 and 2, times 4
    assert delivered(lava["graded to the right"]) == [[0, 7, 0, 3], [0, -10, 0, -4]]
    assert delivered(lava["not graded"]) == [[0, 6, 0, 6], [0, -8, 0, -8]]


@needs_lava
def test_a_connection_does_not_saturate(lava: dict[str, Any]) -> None:
    assert delivered(lava["no saturation"]) == [[0, 400 * 255 * 64]]


@needs_lava
def test_sparse_is_dense(lava: dict[str, Any]) -> None:
    expected = arrivals(stored(HOLED, "MIXED"), np.zeros_like(HOLED), SPIKES)
    assert delivered(lava["dense"]) == expected
    assert delivered(lava["sparse"]) == expected


@needs_lava
@pytest.mark.parametrize("kind", ["delayed dense", "delayed sparse"])
def test_a_delay_comes_on_top_of_the_step_that_every_connection_takes(
    lava: dict[str, Any], kind: str
) -> None:
    assert delivered(lava[kind]) == arrivals(MATRIX, DELAYS, SPIKES)


@needs_lava
def test_the_longest_delay_is_63(lava: dict[str, Any]) -> None:
    assert np.flatnonzero(delivered(lava["longest delay"])[0]).tolist() == [64]


@needs_lava
def test_a_convolution_flips_its_kernel_and_ignores_its_exponent(lava: dict[str, Any]) -> None:
    result = np.array(delivered(lava["convolution"]))
    padded = np.pad(IMAGE[..., 0], ((1, 1), (1, 1), (0, 0)))
    flipped = KERNEL[:, ::-1, ::-1]
    for x, y, o in itertools.product(range(6), range(6), range(3)):
        assert result[x, y, o].tolist()[:2] == [0, int((padded[x : x + 3, y : y + 3] * flipped[o]).sum())]


@needs_lava
def test_each_layer_takes_one_step(lava: dict[str, Any]) -> None:
    sinks = lava["two layers"]["sinks"]
    assert sinks["sink"] == [[0, 1, 0, 0, 0, 0]]
    assert sinks["last sink"] == [[0, 0, 1, 0, 0, 0]]


@needs_lava
def test_connections_into_one_port_add_up(lava: dict[str, Any]) -> None:
    assert lava["fan-in"]["sinks"]["sink"] == [[11, 22, 33]]


@needs_lava
def test_a_second_run_goes_on_where_the_first_stopped(lava: dict[str, Any]) -> None:
    assert lava["two runs"]["sinks"]["sink"] == [[1, 2, 3, 4, 5, 6, 7, 8]]


# The same cases on our engines, as far as the fixed dialect has them


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


@needs_lava
@pytest.mark.parametrize(("sign", "bits"), FORMATS)
def test_our_formats_hold_exactly_what_lava_stores(lava: dict[str, Any], sign: str, bits: int) -> None:
    in_lava = np.array(delivered(lava[f"{sign} of {bits} bits"]))[:, 1]
    assert in_lava.tolist() == stored(EVERYTHING, sign, bits).tolist()
    form = FixedFormat(bits, Sign[sign])
    assert EVERYTHING[form.allows(EVERYTHING)].tolist() == np.unique(in_lava).tolist()
    assert EVERYTHING[form.allows(EVERYTHING)].tolist() == EVERYTHING[in_lava == EVERYTHING].tolist()
