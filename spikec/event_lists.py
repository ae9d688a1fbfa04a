"""Lists of spikes as text: CSV with a header, a spike a row; its form stands in `event_files`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import EventsError, FileFormatError
from spikec.events import Events, from_rows
from spikec.ir.network import Continuous, Network

MAX_TICK = (1 << 31) - 1
MAX_SAMPLE = (1 << 24) - 1
"""What a number from a text may at most make us count to."""

T = TypeVar("T")

_COLUMNS = ("sample", "tick", "time", "input", "neuron")


def parse_list(path: Path, text: str, network: Network) -> dict[str, Events]:
    """Read the text of a list.

    Args:
        path: Where it stood, for messages.
        text: All of it.
        network: Its inputs say what is expected.

    Returns:
        For each input its spikes: ticks, or seconds as they stand there.

    Raises:
        EventsError: A row cannot be meant so; the message names its line.
        FileFormatError: The text is no CSV.
    """
    table = _table(path, text, network)
    n_samples = 1 + int(table.samples().max(initial=0))
    spikes = table.without_silent_rows()
    samples, inputs = spikes.samples(), spikes.inputs(network)
    sizes = np.array([network.population(name).n for name in network.inputs], np.int64)
    neurons = spikes.whole("neuron", sizes[inputs] - 1)
    times: IntArray | FloatArray
    if "tick" in table.columns:
        times = spikes.whole("tick", MAX_TICK)
        spikes.refuse_twice(np.stack([inputs, samples, times, neurons]))
    else:
        times = spikes.seconds("time")
    return {
        name: from_rows(samples[mine], times[mine], neurons[mine], n_samples=n_samples, n_neurons=int(n))
        for name, n, mine in ((name, sizes[k], inputs == k) for k, name in enumerate(network.inputs))
    }


def list_text(events: Mapping[str, Events]) -> str:
    """Write events as a list that `parse_list` reads as the same again, to the last bit.

    Raises:
        EventsError: Some are in ticks and some in seconds.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    in_ticks = all(e.in_ticks for e in events.values())
    if not in_ticks and any(e.in_ticks and e.n_events for e in events.values()):
        raise EventsError("some events are in ticks and some in seconds; write them as .npz, or convert them")
    writer.writerow(["sample", "tick" if in_ticks else "time", "input", "neuron"])
    for name, e in events.items():
        writer.writerows(_list_rows(name, e))
    return text.getvalue()


def _table(path: Path, text: str, network: Network) -> _Table:
    """Cut a text into cells."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(path, header, network)
        rows = [(reader.line_num, cells) for cells in reader if "".join(cells).strip()]
    except csv.Error as error:
        raise FileFormatError(f"{path}, line {reader.line_num}: {error}; write the list again") from error
    for line, cells in rows:
        if len(cells) != len(header):
            raise EventsError(
                f"{path}, line {line}: there are {len(cells)} values for {len(header)} columns; correct it"
            )
    columns = {name: [cells[k].strip() for _, cells in rows] for k, name in enumerate(header)}
    return _Table(path, [line for line, _ in rows], columns)


def _check_header(path: Path, header: list[str], network: Network) -> None:
    trouble = ""
    if "neuron" not in header or not {"tick", "time"} & set(header):
        trouble = "columns 'neuron' and 'tick' (or 'time', in seconds) are needed"
    elif {"tick", "time"} <= set(header):
        trouble = "'tick' and 'time' are both there, where one is needed"
    elif len(set(header)) != len(header) or not set(header) <= set(_COLUMNS):
        trouble = f"each column must be one of {', '.join(_COLUMNS)}, and stand there once"
    elif "input" not in header and len(network.inputs) != 1:
        trouble = f"a column 'input' is needed, as the network has {', '.join(network.inputs) or 'no inputs'}"
    elif isinstance(network.clock, Continuous) and "tick" in header:
        trouble = "a column 'time' in seconds is needed instead of 'tick', as the network runs continuously"
    if trouble:
        shown = ", ".join(repr(name) for name in header[:8])
        raise EventsError(f"{path}, line 1: the header is {shown}; {trouble}")


@dataclass(frozen=True)
class _Table:
    """A list cut into columns of text; reads them as numbers, or refuses a row by its line.

    Attributes:
        path: Where it stood.
        lines: Where each row ends in the file, counted from 1.
        columns: Cells by the name of their column.
    """

    path: Path
    lines: list[int]
    columns: Mapping[str, list[str]]

    def without_silent_rows(self) -> _Table:
        """Only the rows that are spikes: a sample without anything else says that it exists."""
        time = self.columns.get("tick", self.columns.get("time", []))
        kept = [k for k, cells in enumerate(zip(time, self.columns["neuron"], strict=True)) if any(cells)]
        if "sample" not in self.columns or len(kept) == len(self.lines):
            return self
        columns = {name: [cells[k] for k in kept] for name, cells in self.columns.items()}
        return _Table(self.path, [self.lines[k] for k in kept], columns)

    def samples(self) -> IntArray:
        """The sample of each row."""
        if "sample" not in self.columns:
            return np.zeros(len(self.lines), np.int64)
        return self.whole("sample", MAX_SAMPLE)

    def inputs(self, network: Network) -> IntArray:
        """Which of the network's inputs each row feeds."""
        if "input" not in self.columns:
            return np.zeros(len(self.lines), np.int64)
        place = {name: k for k, name in enumerate(network.inputs)}
        listed = ", ".join(place) or "none"
        return np.array(self._converted("input", place.__getitem__, f"one of {listed}"), np.int64)

    def whole(self, name: str, largest: IntArray | int) -> IntArray:
        """A column of whole numbers from 0 to `largest`, which may differ between rows."""
        far = 1 << 62
        given = self._converted(name, int, "a whole number")
        values = np.array([min(max(value, -1), far) for value in given], np.int64)
        limits = np.broadcast_to(np.asarray(largest), values.shape)
        bad = np.flatnonzero((values < 0) | (values > limits))
        if bad.size:
            raise self._fault(name, int(bad[0]), f"a number from 0 to {limits[bad[0]]}")
        return values

    def seconds(self, name: str) -> FloatArray:
        """A column of finite times from 0."""
        values = np.array(self._converted(name, float, "a number of seconds"), np.float64)
        bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if bad.size:
            raise self._fault(name, int(bad[0]), "a finite time of 0 s or later")
        return values

    def refuse_twice(self, rows: IntArray) -> None:
        """Refuse rows, ``(4, n)`` with the neuron last and its tick before it, that say the same."""
        order = np.lexsort(rows[::-1])
        again = np.flatnonzero(np.all(np.diff(rows[:, order]) == 0, axis=0))
        if again.size:
            first, second = order[again[0]], order[again[0] + 1]
            tick, neuron = rows[2:, first]
            raise EventsError(
                f"{self.path}, lines {self.lines[first]} and {self.lines[second]}: neuron {neuron} spikes "
                f"twice in tick {tick}; a tick holds one spike of a neuron: remove one row"
            )

    def _converted(self, name: str, convert: Callable[[str], T], wanted: str) -> list[T]:
        cells = self.columns[name]
        try:
            return [convert(cell) for cell in cells]
        except (ValueError, KeyError):
            for k, cell in enumerate(cells):
                try:
                    convert(cell)
                except (ValueError, KeyError):
                    raise self._fault(name, k, wanted) from None
            raise

    def _fault(self, name: str, row: int, wanted: str) -> EventsError:
        cell = self.columns[name][row]
        shown = repr(cell if len(cell) <= 40 else f"{cell[:40]}...")
        return EventsError(
            f"{self.path}, line {self.lines[row]}: {name} is {shown}, but {wanted} is needed; correct the row"
        )


def _list_rows(name: str, e: Events) -> Iterator[tuple[object, ...]]:
    samples = e.sample_of_event().tolist()
    yield from zip(samples, e.times.tolist(), [name] * e.n_events, e.neurons.tolist(), strict=True)
    if e.n_samples and (not samples or samples[-1] != e.n_samples - 1):
        yield (e.n_samples - 1, "", name, "")
