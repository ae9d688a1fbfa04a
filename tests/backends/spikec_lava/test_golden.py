"""Lava's bit-accurate models, tick for tick, against integers worked out here.

Each case is one of `golden_graphs`. What must come out follows from `golden_formulas`. All graphs run in one
child process (`golden_child.py`). `test_golden_engines.py` has the same for our engines.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikec.ir.fixed_point import FixedFormat, Sign
from spikec_lava import compat
from tests.golden_formulas import M, arrivals, neuron, stored
from tests.golden_graphs import (
    DELAYS,
    EDGES,
    EVERYTHING,
    FORGETFUL,
    FORMATS,
    GRAPHS,
    HOLED,
    IMAGE,
    KERNEL,
    MATRIX,
    RANDOM_CURRENTS,
    RANDOM_NEURONS,
    SPIKES,
    VTH_MAX,
)

TIME_LIMIT = 300.0  # seconds; all cases take about fifteen

needs_lava = pytest.mark.skipif(compat.importable() is not None, reason=f"{compat.importable()}")


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


@needs_lava
@pytest.mark.parametrize(("sign", "bits"), FORMATS)
def test_our_formats_hold_exactly_what_lava_stores(lava: dict[str, Any], sign: str, bits: int) -> None:
    in_lava = np.array(delivered(lava[f"{sign} of {bits} bits"]))[:, 1]
    assert in_lava.tolist() == stored(EVERYTHING, sign, bits).tolist()
    form = FixedFormat(bits, Sign[sign])
    assert EVERYTHING[form.allows(EVERYTHING)].tolist() == np.unique(in_lava).tolist()
    assert EVERYTHING[form.allows(EVERYTHING)].tolist() == EVERYTHING[in_lava == EVERYTHING].tolist()
