"""A run that is to be drawn: its name, its times on the axis, its answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray
from spikec.events import Events
from spikec.result import RunResult
from spikec.spike_times import seconds


@dataclass(frozen=True, eq=False)
class Shown:
    """A run to draw.

    Attributes:
        result: The run.
        label: What it is called in the legend.
    """

    result: RunResult
    label: str = ""


def times_of(run: RunResult, name: str, events: Events, scale: float | None) -> FloatArray:
    """When spikes of a population are drawn; a tick is one where `scale`, units a second, is None."""
    return events.times.astype(np.float64) if scale is None else scale * seconds(run, name, events)


def answer_of(run: RunResult, sample: int, population: str | None = None) -> int | None:
    """The neuron that a run answers with, if there is one, and if it is one of this population."""
    if population is not None and (run.meta.get("decoding") or {}).get("population") != population:
        return None
    answers = tuple(run.meta.get("predictions") or ())
    return int(answers[sample]) if sample < len(answers) and answers[sample] >= 0 else None
