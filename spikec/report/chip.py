"""The chip as a picture: what each core of a placed run did, where it lies, and the busiest over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spikec.arrays import AnyArray, FloatArray
from spikec.report.plots import COLOURS, bare
from spikec.result import CoreCounts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOUR_MAP = "cividis"
"""From dark to bright for every eye, and in grey."""

NO_CORE = "0.94"
"""Of places that hold nothing."""

MOST_LABELS = 256
"""Places up to which cores are numbered."""


def chip(cores: CoreCounts, n_samples: int) -> Figure:
    """Draw the mesh twice, with the work and the messages of every core, and below them the busiest core.

    Args:
        cores: Counts of a run.
        n_samples: Its samples; all figures are those of one.
    """
    from matplotlib.figure import Figure

    columns, rows = mesh_size(cores)
    side = 9.0 / 2 / max(columns, 1)
    figure = Figure(figsize=(9.0, min(max(rows * side, 1.2), 6.0) + 2.9), layout="constrained")
    axes = figure.subplot_mosaic([["work", "messages"], ["time", "time"]], height_ratios=[1.6, 1])
    each = 1 / max(n_samples, 1)
    _draw_mesh(axes["work"], cores, cores.work.sum(axis=0) * each, "synaptic events and neuron updates")
    _draw_mesh(
        axes["messages"], cores, (cores.messages_in + cores.messages_out) * each, "messages, in and out"
    )
    _draw_busiest(axes["time"], cores, each)
    return figure


def mesh_size(cores: CoreCounts) -> tuple[int, int]:
    """Squares from west to east and from north to south, a square a place: a tile's cores lie in a row."""
    m = cores.mesh
    return m["chips"] * m["columns"] * m["cores_per_tile"], m["rows"]


def square_of(cores: CoreCounts) -> tuple[FloatArray, FloatArray]:
    """Column and row of the square of every core, ``(n_cores,)`` each."""
    per_tile, rows = cores.mesh["cores_per_tile"], cores.mesh["rows"]
    tile, within = np.divmod(cores.place, per_tile)
    return tile // rows * per_tile + within, tile % rows


def _draw_mesh(axis: Axes, cores: CoreCounts, values: AnyArray, what: str) -> None:
    from matplotlib import colormaps

    columns, rows = mesh_size(cores)
    shown = np.full((rows, columns), np.nan)
    x, y = square_of(cores)
    shown[y, x] = values
    colours = colormaps[COLOUR_MAP].with_extremes(bad=NO_CORE)
    top = max(float(values.max(initial=0)), 1e-12)
    image = axis.imshow(shown, cmap=colours, vmin=0, vmax=top, aspect="auto", interpolation="nearest")
    for tile in range(1, columns // cores.mesh["cores_per_tile"]):
        wide = 2.5 if tile % cores.mesh["columns"] == 0 else 1.0
        axis.axvline(tile * cores.mesh["cores_per_tile"] - 0.5, color="white", lw=wide)
    for row in range(1, rows):
        axis.axhline(row - 0.5, color="white", lw=1.0)
    if columns * rows <= MOST_LABELS:
        for core in range(cores.n_cores):
            dark = values[core] < 0.6 * top
            axis.text(x[core], y[core], str(core), ha="center", va="center", fontsize=6,
                      color="white" if dark else "black")  # fmt: skip
    axis.set_title(f"{what}, an inference", loc="left", fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
    bar = axis.figure.colorbar(image, ax=axis, orientation="horizontal", pad=0.03, aspect=40)
    bar.ax.tick_params(labelsize=8)


def _draw_busiest(axis: Axes, cores: CoreCounts, each: float) -> None:
    ticks = np.arange(cores.busiest.size)
    axis.step(ticks, cores.busiest * each, where="mid", color=COLOURS[0], lw=1.5, label="busiest core")
    mean = cores.work.mean(axis=1) * each if cores.n_cores else np.zeros(ticks.size)
    axis.step(ticks, mean, where="mid", color=COLOURS[1], lw=1.5, ls="--", label="mean of all cores")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("tick", fontsize=9)
    axis.set_title("synaptic events and neuron updates of a core in a tick", loc="left", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.legend(frameon=False, fontsize=8)
    bare(axis)
