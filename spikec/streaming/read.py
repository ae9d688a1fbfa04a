"""A result in parts, read as far as it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from spikec.container_parts import Parts
from spikec.errors import FileFormatError, UsageError
from spikec.memory import COPIES, EVENT_BYTES, bytes_text, free_bytes
from spikec.outcome import Outcome, Size
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

    def part_of(self, sample: int) -> tuple[Part, RunResult]:
        """The part that holds a sample, and what it holds.

        Raises:
            UsageError: There is no such sample.
        """
        for part in self.parts:
            if part.first <= sample < part.last:
                return part, load_part(part)
        raise UsageError(f"there is no sample {sample}; {self.path} has samples 0 to {self.n_samples - 1}")

    def results(self) -> Iterator[tuple[Part, RunResult]]:
        """All parts, one after another."""
        for part in self.parts:
            yield part, load_part(part)

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
