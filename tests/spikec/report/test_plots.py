"""Pictures in general: formats, equal bytes, and curves of a training."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec.report.plots import FORMATS, curves, format_of, to_bytes

HEADS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_has_the_format_of_its_name_and_equal_ones_have_equal_bytes(kind: str) -> None:
    data, again = (to_bytes(curves([("a", [1.0, 0.5])], "t"), kind) for _ in range(2))
    assert data.startswith(HEADS[kind])
    assert data == again
    assert format_of(f"some/picture.{kind.upper()}") == kind


@pytest.mark.parametrize("name", ["picture", "picture.jpg", ".png.txt", "png"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"ends in one of \.png, \.svg, \.pdf"):
        format_of(name)


def test_curves_have_a_line_each_over_the_epochs() -> None:
    losses = [("seed 0", [1.0, 0.1, 0.01]), ("seed 1", np.array([2.0, 0.2]))]
    (axis,) = curves(losses, "title").axes
    assert [line.get_xdata().tolist() for line in axis.lines] == [[1, 2, 3], [1, 2]]
    assert axis.lines[0].get_ydata().tolist() == [1.0, 0.1, 0.01]
    assert axis.get_yscale() == "log"
    assert [t.get_text() for t in axis.get_legend().get_texts()] == ["seed 0", "seed 1"]


def test_what_is_not_positive_has_a_straight_axis_and_one_line_no_legend() -> None:
    (axis,) = curves([("seed 0", [1.0, 0.0, -1.0])], "title").axes
    assert axis.get_yscale() == "linear"
    assert axis.get_legend() is None


def test_a_picture_leaves_no_state_behind() -> None:
    code = (
        "import sys; from spikec.report.plots import curves, to_bytes\n"
        "assert 'matplotlib' not in sys.modules\n"
        "to_bytes(curves([('a', [1.0])], 't'), 'png'); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
