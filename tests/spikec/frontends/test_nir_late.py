"""Biases of weights that lead back and come late, against plain loops."""

from itertools import pairwise

import nir
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.frontends import open_network
from spikec.ir.conventions import CHOICES, Convention
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

CONVENTIONS = st.builds(
    Convention,
    **{name: st.sampled_from(list(kind)) for name, kind in CHOICES.items() if name != "recurrent_bias"},
    hop_delay=st.sampled_from([0, 1]),
    recurrent_delay=st.just(1),
    spike_delay=st.sampled_from([0, 1]),
    multi_spike=st.booleans(),
    clamp=st.sampled_from([None, 0.0, -1.0]),
    recurrent_bias=st.just("late"),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Two IF neurons that feed themselves with biases and no weights, and one more layer with biases."""
    one = np.ones(2)
    nodes = {
        "in": nir.Input(np.array([2])),
        "w_in": nir.Affine(0 * np.eye(2), np.array([0.125, 0.0])),
        "n": nir.IF(r=one, v_threshold=1e9 * one),
        "w_rec": nir.Affine(0 * np.eye(2), np.array([0.0, 0.25])),
        "w_out": nir.Affine(0 * np.eye(2), np.array([0.5, 0.5])),
        "m": nir.IF(r=one, v_threshold=1e9 * one),
        "out": nir.Output(np.array([2])),
    }
    edges = [*pairwise(["in", "w_in", "n", "w_out", "m", "out"]), ("n", "w_rec"), ("w_rec", "n")]
    where = tmp_path_factory.mktemp("late") / "net.nir"
    nir.write(where, nir.NIRGraph(nodes, edges))
    return where


def _run(network, n_ticks=6):
    executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
    silence = from_raster(np.zeros((1, n_ticks, 2)))
    return executable.run({"in": silence}, n_ticks, ["n.v", "m.v"])


def _membranes(path, **habits):
    result = _run(open_network(path, dt=1.0, convention=Convention(**habits)))
    return {name: result.traces[f"{name}.v"][0] for name in "nm"}


@pytest.mark.parametrize(
    ("habits", "first"),
    [
        ({}, 1),
        ({"spike_delay": 1}, 2),
        ({"recurrent_delay": 0, "spike_delay": 1}, 1),
        ({"hop_delay": 1}, 1),
        ({"hop_delay": 1, "spike_delay": 1}, 2),
    ],
)
def test_a_bias_that_leads_back_begins_when_a_first_spike_would_arrive_and_others_at_once(
    path, habits, first
):
    found = _membranes(path, **habits, recurrent_bias="late")
    tick = np.arange(6)
    np.testing.assert_array_equal(found["n"][:, 0], 0.125 * (tick + 1))
    np.testing.assert_array_equal(found["n"][:, 1], 0.25 * np.maximum(tick - first + 1, 0))
    np.testing.assert_array_equal(found["m"], 0.5 * np.repeat(tick[:, None] + 1, 2, axis=1))
    always = _membranes(path, **habits)
    np.testing.assert_array_equal(always["n"][:, 1], 0.25 * (tick + 1))


@given(CONVENTIONS)
def test_its_sender_spikes_once_in_every_tick_by_any_convention(path, convention):
    spikes = _run(open_network(path, dt=1e-3, convention=convention)).spikes["n.late_bias"]
    first = convention.spike_delay
    np.testing.assert_array_equal(spikes.times, np.arange(first, 6))


def test_the_notes_say_so_and_nothing_is_added_where_nothing_leads_back(path):
    late = open_network(path, dt=1.0, convention="norse,recurrent_bias=late")
    assert any("Affine w_rec" in n and "late" in n for n in late.notes)
    plain = open_network(path, dt=1.0, convention="norse")
    assert {p.name for p in late.populations} - {p.name for p in plain.populations} == {"n.late_bias"}
    assert not any("late" in n for n in plain.notes)


def test_a_bias_that_an_input_reaches_too_acts_at_once(tmp_path):
    one = np.ones(1)
    nodes = {
        "in": nir.Input(np.array([1])),
        "w": nir.Affine(0 * np.eye(1), np.array([0.5])),
        "n": nir.IF(r=one, v_threshold=1e9 * one),
        "out": nir.Output(np.array([1])),
    }
    graph = nir.NIRGraph(nodes, [("in", "w"), ("w", "n"), ("n", "w"), ("n", "out")])
    nir.write(tmp_path / "net.nir", graph)
    network = open_network(tmp_path / "net.nir", dt=1.0, convention="norse,recurrent_bias=late")
    assert [p.name for p in network.populations] == ["in", "n"]
