"""Parts of drawings: escaped, with round numbers on their axes."""

import xml.etree.ElementTree as ET
from itertools import pairwise
from math import isclose

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.report.svg import LETTER, colour, marks, number, picture, tag, text

NASTY = "<script>alert('&')</script>\"\x1b[31m"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_marks_are_few_round_and_between_the_ends(low, span, most):
    found = marks(low, low + span, most)
    assert len(found) <= most + 1
    slack = 1e-6 * span + 2 * np.spacing(abs(low) + span)  # numbers so near each other are few
    assert all(low - slack <= m <= low + span + slack for m in found)
    steps = [b - a for a, b in pairwise(found)]
    assert all(isclose(s, steps[0], rel_tol=1e-3, abs_tol=1e-9) for s in steps)
    if steps and span > 1e-3:
        first = f"{steps[0]:.0e}"[0]
        assert first in "125"


def test_an_axis_of_no_length_has_one_mark():
    assert marks(3.0, 3.0) == [3.0]
    assert marks(0, 10) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize(
    ("share", "expected"), [(0, "#440154"), (1, "#fde725"), (0.5, "#21918c"), (2, "#fde725")]
)
def test_the_ramp_is_viridis(share, expected):
    assert colour(share) == expected


def test_whatever_stands_in_a_drawing_is_escaped():
    drawn = picture(10, 10, NASTY, [text(0, 0, NASTY), tag("rect", data_name=NASTY, class_="")])
    svg = ET.fromstring(drawn)
    assert svg.find("text").text == NASTY.replace("\x1b", "?")
    assert svg.find("rect").attrib == {"data-name": NASTY.replace("\x1b", "?")}
    assert "<script" not in drawn


def test_what_has_no_room_is_cut_and_told_whole():
    cut = ET.fromstring(text(0, 0, "a long name", room=5 * LETTER))
    assert cut.find("title").text == "a long name"
    assert "".join(cut.itertext()).replace("a long name", "") == "a lo…"
    assert ET.fromstring(text(0, 0, "short", room=5 * LETTER)).text == "short"


@pytest.mark.parametrize(
    ("value", "expected"), [(1.0, "1"), (1.005, "1"), (-0.126, "-0.13"), ("a", "a"), (100, "100")]
)
def test_numbers_are_short(value, expected):
    assert number(value) == expected
