"""A result in parts, read as far as it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from spikec.container_parts import Parts
from spikec.errors import FileFormatError, UsageError
from spikec.memory import COPIES, EVENT_BYTES, bytes_text, free_bytes
from spikec.outcome import Outcome, Size, outcome_of
from spikec.result import RunResult
from spikec.streaming.join import join, join_outcomes
from spikec.streaming.store import Part, load_part, parts_of, read_identity


class StoredResult:
    """A result in a folder of parts: the samples from the first on that are there.

    Args:
        path: The folder.

    Attributes:
        n_samples: How many samples are there.
        n_missing: How many are not, for the run did not end.
        parts: What holds them.
        outcome: What they amount to.

    Raises:
        FileFormatError: It is damaged, or holds no sample yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        identity = read_identity(self.path)
        self.parts = _from_the_first(parts_of(self.path))
        if not self.parts:
            raise FileFormatError(f"{path} holds no samples yet; run its program again")
        self.n_samples = self.parts[-1].last
        self.n_missing = identity.n_samples - self.n_samples
        self.outcome = outcome_of_parts(self.parts, self.n_missing)

    def part_of(self, sample: int) -> tuple[int, RunResult]:
        """What the part of a sample holds, and its first sample."""
        part = next(part for part in self.parts if sample < part.last)
        return part.first, load_part(part)

    def whole(self) -> RunResult:
        """All of it in memory.

        Raises:
            UsageError: Memory would not hold it.
        """
        size = sum(part.path.stat().st_size for part in self.parts)
        spikes = sum(s.n_events for s in self.outcome.sizes.values())
        need, free = max(size, EVENT_BYTES * spikes * COPIES), free_bytes()
        if free is not None and need > free:
            raise UsageError(
                f"all of {self.path} needs {bytes_text(need)} of memory, and {bytes_text(free)} are free; "
                "run fewer samples"
            )
        return join([load_part(part) for part in self.parts])


Run = RunResult | StoredResult
"""A result, in memory or in parts on the disk."""


def results_of(run: Run) -> Iterator[tuple[int, RunResult]]:
    """A result piece by piece: the first sample of each, and what it holds."""
    if isinstance(run, RunResult):
        yield 0, run
        return
    for part in run.parts:
        yield part.first, load_part(part)


def outcome_of_run(run: Run) -> Outcome:
    """What a result amounts to."""
    return outcome_of(run) if isinstance(run, RunResult) else run.outcome


def one_sample(run: Run, sample: int) -> RunResult:
    """One sample of a result, without the others; counts are those of all that lay in memory with it.

    Raises:
        UsageError: There is no such sample.
    """
    n = outcome_of_run(run).n_samples or 0
    if not 0 <= sample < n:
        there = f"the run has samples 0 to {n - 1}" if n else "the run has no samples"
        raise UsageError(f"there is no sample {sample}; {there}")
    first, result = (0, run) if isinstance(run, RunResult) else run.part_of(sample)
    k = sample - first
    answers = {key: result.meta[key][k : k + 1] for key in ("predictions", "labels") if key in result.meta}
    return RunResult(
        {name: e.select(k, k + 1) for name, e in result.spikes.items()},
        {key: trace[k : k + 1] for key, trace in result.traces.items()},
        result.counters,
        {**result.meta, **answers},
        result.cores,
    )


def outcome_of_parts(parts: Sequence[Part], n_missing: int = 0) -> Outcome:
    """What parts amount to, without a look at their spikes.

    Args:
        parts: In the order of their samples.
        n_missing: Samples that are not there; noted in the meta.

    Raises:
        FileFormatError: One is damaged.
    """
    joined = join_outcomes([_outcome(part) for part in parts])
    return replace(joined, meta={**joined.meta, "missing": n_missing}) if n_missing else joined


def _outcome(part: Part) -> Outcome:
    """What a part amounts to."""
    with Parts(part.path) as stored:
        tree = stored.tree
        try:
            nodes = tree["spikes"]["map"]
            sizes = {
                name: Size(int(node["n_neurons"]), stored.array(node["times"]).shape[0])
                for name, node in nodes.items()
            }
        except (KeyError, TypeError, IndexError) as error:
            raise FileFormatError(f"{part.path} holds no result; delete it, and run again") from error
        empty: dict[str, object] = {"map": {}}
        rest = stored.made({**tree, "spikes": empty, "traces": empty})
    if not isinstance(rest, RunResult):
        raise FileFormatError(f"{part.path} holds no result; delete it, and run again")
    return Outcome(part.last - part.first, sizes, rest.counters, rest.meta, rest.cores)


def _from_the_first(parts: Sequence[Part]) -> list[Part]:
    """Parts up to the first gap."""
    found: list[Part] = []
    for part in parts:
        if part.first != (found[-1].last if found else 0):
            break
        found.append(part)
    return found
