"""Small graphs of Lava's own processes, as `golden_child.py` takes them, and what is drawn for them."""

from __future__ import annotations

from typing import Any

import numpy as np

VTH_MAX = 131071


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
