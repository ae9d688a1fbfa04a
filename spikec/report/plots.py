"""Pictures: what all of them share, and the curves of a training.

Figures are made without pyplot, belong to whoever asked for them, and are a function of what they show.
matplotlib is imported when a picture is made, not before.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikec.errors import UsageError
from spikec.report.table import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
"""Endings of files that can be drawn."""

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
"""Of things side by side: Okabe and Ito's, which every eye tells apart."""

PAIR = ("#5a9bdc", "#b3360b")
"""Of two things: light blue and dark orange, apart for every eye and in grey."""

LONGEST_NAME = 24
"""Letters of a name; of a longer one the beginning is written."""

DPI = 130
"""Dots per inch of a PNG."""


def format_of(path: str | Path) -> str:
    """The format that a file's name asks for.

    Raises:
        UsageError: None that can be drawn.
    """
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        endings = ", ".join(f".{e}" for e in FORMATS)
        raise UsageError(f"cannot draw {path}: a picture's name ends in one of {endings}")
    return ending


def to_bytes(figure: Figure, format_: str) -> bytes:
    """A figure as a file's contents; equal figures give equal bytes.

    Args:
        figure: The figure.
        format_: One of `FORMATS`.
    """
    import matplotlib as mpl

    undated: dict[str, Any] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[format_]
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "spikec"}):
        figure.savefig(buffer, format=format_, dpi=DPI, metadata=undated)
    return buffer.getvalue()


def dark() -> dict[Any, Any]:
    """What matplotlib is set to for a picture on a dark page: the colours of `page.css`."""
    paper, ink = "#11151a", "#e6eaef"
    return {
        **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), paper),
        **dict.fromkeys(("text.color", "legend.labelcolor", "axes.labelcolor", "axes.titlecolor"), ink),
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), ink),
    }


def curves(losses: Sequence[tuple[str, npt.ArrayLike]], title: str, what: str = "loss") -> Figure:
    """Draw training curves, a line each, over the epochs.

    Args:
        losses: For each line its label, for instance the seed, and a value for every epoch.
        title: Of the picture.
        what: What is drawn; on a logarithmic axis if all of it is positive.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.5, 4.0), layout="constrained")
    axis = figure.subplots()
    lines = [(label, np.asarray(values, np.float64)) for label, values in losses]
    for k, (label, values) in enumerate(lines):
        mark = "o" if values.size == 1 else None
        epochs, colour = np.arange(1, values.size + 1), COLOURS[k % len(COLOURS)]
        axis.plot(epochs, values, marker=mark, lw=1.5, color=colour, label=label)
    everything = np.concatenate([np.zeros(0), *(v for _, v in lines)])
    if everything.size and everything.min() > 0:
        axis.set_yscale("log")
        _plain_log_labels(axis)
    axis.set_title(title, loc="left", fontsize=10, parse_math=False)
    axis.set_xlabel("epoch")
    axis.set_ylabel(what)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axis.grid(True, which="both", color="0.92", lw=0.6)
    axis.set_axisbelow(True)
    bare(axis)
    if len(losses) > 1:
        axis.legend(frameon=False, fontsize=9, ncols=1 + (len(losses) - 1) // 8)
    return figure


def name_axis(axis: Axes, name: str) -> None:
    """Write a name left of an axis, in one line or several."""
    longest = LONGEST_NAME
    lines = [printable(x if len(x) <= longest else f"{x[: longest - 1]}…") for x in name.split("\n")]
    axis.annotate(
        "\n".join(lines), (0.0, 0.5), (-46, 0), xycoords="axes fraction", textcoords="offset points",
        ha="right", va="center", fontsize=9, parse_math=False,
    )  # fmt: skip
    axis.tick_params(labelsize=8)
    bare(axis)


def bare(axis: Axes) -> None:
    """Take away the upper and the right edge of an axis."""
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _plain_log_labels(axis: Axes) -> None:
    """Label 0.05 as such, also between powers of ten where these are few."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    low, high = axis.get_ylim()
    axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axis.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: ""))
    if high / low < 100:
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
