"""The picture of a network: generations from left to right, and labels that do not lie on each other."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.facts import facts
from spikec.report.graph import graph, label_of, layout
from tests.spikec.test_facts import fixed_network, float_network


def test_what_leads_back_in_a_cycle_by_the_order_of_the_network_moves_no_population() -> None:
    pairs = [("in", "a"), ("a", "b"), ("b", "a"), ("b", "out"), ("in", "out"), ("out", "out")]
    assert layout(["in", "a", "b", "out", "alone"], pairs) == [["in", "alone"], ["a"], ["b"], ["out"]]
    assert layout(["b", "in", "a"], [("in", "a"), ("a", "b"), ("b", "a")]) == [["b", "in"], ["a"]]


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_every_population_stands_once_and_only_what_leads_back_in_a_cycle_leads_left(pairs) -> None:
    names = [str(k) for k in range(8)]
    columns = layout(names, [(str(a), str(b)) for a, b in sorted(pairs)])
    assert sorted(name for column in columns for name in column) == names
    at = {name: k for k, column in enumerate(columns) for name in column}
    reach = {name: {name} for name in names}
    for _ in names:
        for a, b in pairs:
            reach[str(a)] |= reach[str(b)]
    assert all(at[str(a)] < at[str(b)] or (str(a) in reach[str(b)] and b <= a) for a, b in pairs)


def test_a_line_tells_weights_bits_and_delays() -> None:
    first, second, loop = facts(fixed_network(recurrent=True))["projections"]
    assert label_of(first) == ("6 weights", "8 bits, 0 to 5 ticks")
    assert label_of(second) == ("3 weights", "8 bits")
    assert label_of(facts(float_network())["projections"][0]) == ("6 weights", "real")
    assert label_of({"n_synapses": 1}) == ("1 weight", "")
    assert label_of(loop)[0] == "4 weights"


@pytest.mark.parametrize("recurrent", [False, True])
def test_boxes_hold_name_neuron_and_size_and_lines_have_whole_descriptions(recurrent: bool) -> None:
    drawn = graph(facts(fixed_network(recurrent=recurrent)))
    assert drawn is not None
    svg = ET.fromstring(drawn)
    boxes = {g.get("data-name"): g for g in svg.iter("g") if g.get("data-name")}
    assert {name: g.get("data-value") for name, g in boxes.items()} == {"in": "3", "hidden": "2", "out": "2"}
    assert [t.text for t in boxes["hidden"].iter("text")] == ["hidden", "CubaFixed", "2"]
    assert len([p for p in svg.iter("path") if p.get("class") == "wire"]) == (3 if recurrent else 2)
    told = [t.text for t in svg.iter("title")]
    words = "6 weights, 3 not zero; Dense; 8 bits from -4 to 6; synaptic delays of 0 to 5 ticks"
    assert f"first: in to hidden; {words}" in told


def test_labels_do_not_lie_on_each_other_and_all_lies_within_the_picture() -> None:
    names = ["in", *(f"p{k}" for k in range(9)), "out"]
    populations = [
        {"name": n, "n": 5, "shape": [5], "neuron": "Lif", "input": n == "in", "spikes": True} for n in names
    ]
    pairs = [("in", n) for n in names[1:10]] + [(n, "out") for n in names[1:10]]
    pairs += [("in", "out"), ("p0", "p0"), ("p3", "p4"), ("out", "p5")]
    delays = {"kind": "uniform", "ends": [0, 0], "unit": "ticks"}
    projections = [
        {"name": f"{a}-{b}", "pre": a, "post": b, "n_synapses": 25, "n_nonzero": 25, "bits": 8,
         "weights": [0, 1], "delays": delays, "connectivity": "Dense"}
        for a, b in pairs
    ]  # fmt: skip
    drawn = graph({"populations": populations, "projections": projections})
    assert drawn is not None
    svg = ET.fromstring(drawn)
    width, height = float(svg.get("width", 0)), float(svg.get("height", 0))
    boxes = [
        [float(r.get(key, 0)) for key in ("x", "y", "width", "height")]
        for r in svg.iter("rect")
        if r.get("class") == "label"
    ]
    assert len(boxes) == len(pairs)
    for k, (x, y, w, h) in enumerate(boxes):
        assert 0 <= x <= width - w
        assert 0 <= y <= height - h
        for a, b, c, d in boxes[:k]:
            assert x + w <= a or a + c <= x or y + h <= b or b + d <= y
    for path in svg.iter("path"):
        if path.get("class") == "wire":
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
            assert min(numbers) >= 0


def test_what_is_too_large_or_unknown_is_not_drawn() -> None:
    assert graph({}) is None
    many = [{"name": str(k), "n": 1, "neuron": "Lif", "input": False} for k in range(301)]
    assert graph({"populations": many}) is None
