"""A run held against another of the same network, as its exact one: answers and spike times."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spikec.answers import Accuracy, Discordant, accuracy_of, discordant
from spikec.provenance import commands
from spikec.report.table import Table, accuracy_text, count_text
from spikec.result import RunResult
from spikec.spike_times import SpikeTimes, spike_times
from spikec.units import seconds_text


@dataclass(frozen=True)
class Beside:
    """What a run differs in from the one beside it.

    Attributes:
        name: What the other is called.
        accuracy: Of the other, if known.
        discordant: Which of the two has samples right that the other has not; None without both answers.
        times: How far apart their spikes lie; the other run is the first of the two.
        ends: How samples of the other end, if before the end of the run.
        commands: That led to the other, the first one first.
    """

    name: str
    accuracy: Accuracy | None
    discordant: Discordant | None
    times: SpikeTimes
    ends: str | None = None
    commands: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names; of `discordant` ``float`` is the other run."""
        return {
            "name": self.name,
            "accuracy": None if self.accuracy is None else asdict(self.accuracy),
            "discordant": None if self.discordant is None else asdict(self.discordant),
            "times": self.times.to_json(),
            "ends": self.ends,
            "commands": list(self.commands),
        }


def beside(run: RunResult, other: RunResult, name: str) -> Beside:
    """Hold a run against another one.

    Args:
        run: For instance of a program.
        other: For instance of its exact network, on the same samples.
        name: What the other is called.

    Raises:
        UsageError: They have no population or no sample in common, or a run in ticks does not say how long a
            tick is.
    """
    return Beside(
        name,
        accuracy_of(other.meta),
        _discordant(run, other),
        spike_times(other, run),
        other.meta.get("ends"),
        commands(other.meta),
    )


def _discordant(run: RunResult, other: RunResult) -> Discordant | None:
    labels = tuple(run.meta.get("labels") or ())
    theirs, ours = (tuple(r.meta.get("predictions") or ()) for r in (other, run))
    if not labels or labels != tuple(other.meta.get("labels") or ()):
        return None
    if len(theirs) != len(labels) or len(ours) != len(labels):
        return None
    return discordant(theirs, ours, labels)


def beside_tables(found: Beside, accuracy: Accuracy | None) -> tuple[Table, ...]:
    """Answers of both runs, and how far apart their spikes lie.

    Args:
        found: The comparison.
        accuracy: Of the run itself, if known.
    """
    rows = [
        (name, accuracy_text(a)) for name, a in (("this run", accuracy), (found.name, found.accuracy)) if a
    ]
    if found.discordant is not None:
        d = found.discordant
        rows.append(("right in one only", f"{d.only_compiled} this run, {d.only_float} {found.name}"))
        rows.append(("by chance (McNemar, exact)", f"p = {d.p_value:.3g}"))
    return Table("Answers, this run beside another", (), tuple(rows)), _times(found)


def _times(found: Beside) -> Table:
    """How far apart spikes lie; those after the other run's end only if there are any."""
    times = found.times
    lines = [*times.populations, *([times.overall] if len(times.populations) != 1 else [])]
    after = any(e.after_a or e.after_b for e in lines)
    rows = []
    for e in lines:
        counts = (e.n_a, e.n_b, e.missed, e.extra, *((e.after_a + e.after_b,) if after else ()))
        errors = (e.median, e.percentile_99, e.mean)
        rows.append((e.name, *map(count_text, counts), *map(seconds_text, errors)))
    header = ("population", found.name, "this run", "missed", "extra", *(("after end",) if after else ()),
              "median error", "99 %", "mean")  # fmt: skip
    notes = [f"Here a is {found.name}, b is this run: missed are spikes of a alone, extra those of b alone."]
    if found.ends:
        notes.append(f"Of {found.name}: {found.ends}")
    return Table("Spike times, this run beside another", header, tuple(rows), notes=(*notes, *times.notes))
