"""What is to be drawn of one run, or of two beside each other: populations, times on the axis, answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec.events import Events
from spikec.result import RunResult
from spikec.spike_times import seconds
from spikec.units import several

MAX_STRIPS = 24
"""Populations drawn; a taller picture nobody would read."""


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


def strips(runs: Sequence[Shown], with_membranes: Collection[str]) -> tuple[dict[str, int], int]:
    """Populations whose spikes are drawn, and their sizes; how many are left out.

    Those that cannot spike have no strip where their membranes are drawn. Left out is what only one run has,
    and what the compiler added: relays, and neurons that always spike.
    """
    sizes: dict[str, int] = {}
    for run in runs:
        listed = (run.result.meta.get("facts") or {}).get("populations") or ()
        silent = {p["name"] for p in listed if not p.get("spikes", True)} & set(with_membranes)
        for name, e in run.result.spikes.items():
            if name not in silent:
                sizes[name] = max(sizes.get(name, 1), e.n_neurons)
    drawn = [name for name in sizes if all(name in _own(run.result) for run in runs)][:MAX_STRIPS]
    return {name: sizes[name] for name in drawn}, len(sizes) - len(drawn)


def _own(run: RunResult) -> Collection[str]:
    """Populations of the network that was compiled: those whose lateness its program knows; else all."""
    return set(run.meta.get("late_ticks") or ()) & set(run.spikes) or set(run.spikes)


def check_related(a: RunResult, b: RunResult) -> None:
    """Refuse to draw runs of two networks beside each other.

    Raises:
        UsageError: They are.
    """
    common = [name for name in a.spikes if name in b.spikes]
    for name in common:
        n_a, n_b = a.spikes[name].n_neurons, b.spikes[name].n_neurons
        if n_a != n_b:
            raise UsageError(
                f"{name} has {several(n_a, 'neuron')} in one run and {n_b} in the one beside it; draw runs "
                "of one network"
            )
    if not common:
        raise UsageError("the runs have no population in common; draw runs of one network beside each other")


def check_sample(result: RunResult, sample: int) -> None:
    """Refuse to draw what was not run.

    Raises:
        UsageError: There is no such sample.
    """
    n = min((e.n_samples for e in result.spikes.values()), default=0)
    if not 0 <= sample < n:
        there = f"the run has samples 0 to {n - 1}" if n else "the run has no samples"
        raise UsageError(f"there is no sample {sample} to draw; {there}")


def time_scale(runs: Sequence[Shown]) -> tuple[float | None, str]:
    """By what to multiply seconds, and the axis' label; None where there are only ticks.

    Raises:
        UsageError: One run is in ticks of unknown length, and the other is not.
    """
    unknown = [run for run in runs if not run.result.meta.get("dt") and _in_ticks(run.result)]
    if not unknown:
        return 1e3, "time (ms)"
    if len(unknown) < len(runs):
        raise UsageError(
            f"{unknown[0].label or 'a run'} is in ticks of unknown length and cannot be drawn beside the "
            "other; run its program again with this spikec"
        )
    return None, "tick"


def _in_ticks(run: RunResult) -> bool:
    return any(e.in_ticks and e.n_events for e in run.spikes.values())


def end_of(run: RunResult, scale: float | None) -> float:
    """The end of a run on the time axis."""
    until, dt = run.meta.get("until"), run.meta.get("dt")
    if until is None:
        return max(
            (float(times_of(run, n, e, scale).max(initial=0)) for n, e in run.spikes.items()), default=0.0
        )
    return float(until) if scale is None else scale * float(until) * (float(dt) if dt else 1.0)


def title_of(runs: Sequence[Shown], sample: int, number: int, n_left_out: int) -> str:
    """What is written above a sample: its number, its answers, and what is not drawn."""
    parts = [f"sample {number}"]
    answers = [answer_of(run.result, sample) for run in runs if run.result.meta.get("predictions")]
    if answers:
        words = ("none" if a is None else str(a) for a in dict.fromkeys(answers))
        parts.append(f"answer {', beside it '.join(words)}")
    labels = tuple(runs[0].result.meta.get("labels") or ())
    if sample < len(labels):
        parts.append(f"right is {labels[sample]}")
    if n_left_out:
        parts.append(f"{n_left_out} more populations are not drawn")
    return "  ·  ".join(parts)
