"""Replay: what a program in integers does on the samples that its float network was calibrated with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.backend import Backend, run
from spikec.calibration import Calibration, scores_of
from spikec.coding import decode
from spikec.events import Events
from spikec.inputs import default_until, in_own_time
from spikec.program import Program

CLEARLY = 0.9
"""A repair is taken if it leaves at most this part of an error: what gains less may as well be chance."""

TICK = 12**-0.5
"""Ticks by which a moment misses when it is rounded, root mean square: nothing comes nearer."""

HELD_OUT = 4
"""Every so many-th sample decides between fits and takes no part in them."""


@dataclass(frozen=True, eq=False)
class Replay:
    """A program's run on the calibration's samples.

    Attributes:
        spikes: For each population its spikes, ticks.
        n_ticks: Ticks run.
        scores: As `spikec.calibration.Calibration.scores`, of the integers; None likewise.
        predictions: Its answer to each sample, ``(n_samples,)``; None likewise.
    """

    spikes: dict[str, Events]
    n_ticks: int
    scores: FloatArray | None
    predictions: IntArray | None


def replay(program: Program, calibration: Calibration, backend: Backend) -> Replay:
    """Run a program in integers on the calibration's samples.

    Args:
        program: In integers.
        calibration: Of the float network it was made from.
        backend: What runs it.
    """
    inputs = in_own_time(program.network, calibration.inputs)
    n_ticks = int(default_until(program, inputs))
    decoding = program.network.decoding
    recorded = None if decoding is None else decoding.record
    result = run(backend, program, inputs, n_ticks, () if recorded is None else (recorded,))
    if decoding is None:
        return Replay(dict(result.spikes), n_ticks, None, None)
    membrane = None if recorded is None else result.traces[recorded]
    answering = result.spikes[decoding.population]
    of_parts = result.spikes.get(program.copies.get(decoding.population, ""))
    scores = scores_of(decoding, answering, membrane, n_ticks)
    return Replay(dict(result.spikes), n_ticks, scores, decode(decoding, answering, membrane, of_parts))


def on_clock(program: Program, calibration: Calibration) -> Calibration:
    """The calibration with its input in a program's ticks, so that replays need not round it every time."""
    return replace(calibration, inputs=in_own_time(program.network, calibration.inputs))


def held_out(n_samples: int) -> BoolArray:
    """Which samples decide between fits, ``(n_samples,)``."""
    kept: BoolArray = np.arange(n_samples) % HELD_OUT == HELD_OUT - 1
    return kept


def leads(first_times: FloatArray, end: float) -> FloatArray:
    """How long before the end first spikes come, 0 if they do not."""
    lead: FloatArray = np.maximum(end - first_times, 0.0)
    return lead
