"""Lists of spikes as text: CSV with a header, a spike a row; its form stands in `event_files`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikec.errors import EventsError, FileFormatError
from spikec.events import Events, from_rows
from spikec.ir.network import Continuous, Network

MAX_TICK = (1 << 31) - 1
MAX_SAMPLE = (1 << 24) - 1
"""What a number from a text may at most make us count to."""

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
    in_ticks, rows = _parse(path, text, network)
    n_samples = 1 + max((row.sample for row in rows), default=0)
    events = {}
    for name in network.inputs:
        mine = [row for row in rows if row.input == name and row.time is not None]
        if in_ticks:
            _refuse_twice(path, mine)
        times = np.array([row.time for row in mine], np.int64 if in_ticks else np.float64)
        samples, neurons = [row.sample for row in mine], [row.neuron for row in mine]
        n = network.population(name).n
        events[name] = from_rows(samples, times, neurons, n_samples=n_samples, n_neurons=n)
    return events


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


@dataclass(frozen=True)
class _Row:
    """One row of a list.

    Attributes:
        line: Where it ends in the file, counted from 1.
        sample: Which sample.
        input: The source it feeds.
        time: Tick or seconds; None if the row only says that its sample exists.
        neuron: Which neuron.
    """

    line: int
    sample: int
    input: str
    time: int | float | None
    neuron: int


def _parse(path: Path, text: str, network: Network) -> tuple[bool, list[_Row]]:
    """Whether times are ticks, and all rows."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(path, header, network)
        parser = _Parser(path, header, network)
        rows = [parser.row(reader.line_num, cells) for cells in reader if any(c.strip() for c in cells)]
    except csv.Error as error:
        raise FileFormatError(f"{path}, line {reader.line_num}: {error}; write the list again") from error
    return "tick" in header, rows


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


class _Parser:
    """Turns rows of text into spikes, or refuses them by their line."""

    def __init__(self, path: Path, header: list[str], network: Network) -> None:
        self.path, self.header = path, header
        self.sizes = {name: network.population(name).n for name in network.inputs}

    def row(self, line: int, cells: list[str]) -> _Row:
        """One row."""
        if len(cells) != len(self.header):
            raise self.fault(line, f"there are {len(cells)} values for {len(self.header)} columns")
        cell = dict(zip(self.header, (c.strip() for c in cells), strict=True))
        name = cell.get("input", next(iter(self.sizes), ""))
        if name not in self.sizes:
            raise self.fault(line, f"there is no input {name!r}; the inputs are {', '.join(self.sizes)}")
        sample = self.whole(line, "sample", cell.get("sample", "0"), MAX_SAMPLE)
        when = "tick" if "tick" in cell else "time"
        if "sample" in cell and not cell[when] and not cell["neuron"]:
            return _Row(line, sample, name, None, 0)
        time: int | float
        if when == "tick":
            time = self.whole(line, when, cell[when], MAX_TICK)
        else:
            time = self.seconds(line, cell[when])
        neuron = self.whole(line, "neuron", cell["neuron"], self.sizes[name] - 1)
        return _Row(line, sample, name, time, neuron)

    def whole(self, line: int, what: str, cell: str, largest: int) -> int:
        """A whole number from 0 to `largest`."""
        try:
            value = int(cell)
        except ValueError:
            raise self.fault(line, f"{what} is {cell[:40]!r}, but a whole number is needed") from None
        if not 0 <= value <= largest:
            raise self.fault(line, f"{what} is {cell[:40]}, but 0 to {largest} is possible")
        return value

    def seconds(self, line: int, cell: str) -> float:
        """A finite time from 0."""
        try:
            value = float(cell)
        except ValueError:
            raise self.fault(line, f"time is {cell[:40]!r}, but seconds are needed") from None
        if not 0 <= value < np.inf:
            raise self.fault(line, f"time is {cell[:40]}, but a finite time of 0 s or later is needed")
        return value

    def fault(self, line: int, what: str) -> EventsError:
        """What is wrong with a line."""
        return EventsError(f"{self.path}, line {line}: {what}; correct the row")


def _refuse_twice(path: Path, rows: list[_Row]) -> None:
    seen: dict[tuple[int, int | float | None, int], int] = {}
    for row in rows:
        key = (row.sample, row.time, row.neuron)
        if key in seen:
            raise EventsError(
                f"{path}, lines {seen[key]} and {row.line}: neuron {row.neuron} spikes twice in tick "
                f"{row.time}; a tick holds one spike of a neuron: remove one row"
            )
        seen[key] = row.line


def _list_rows(name: str, e: Events) -> Iterator[tuple[object, ...]]:
    samples = e.sample_of_event().tolist()
    yield from zip(samples, e.times.tolist(), [name] * e.n_events, e.neurons.tolist(), strict=True)
    if e.n_samples and (not samples or samples[-1] != e.n_samples - 1):
        yield (e.n_samples - 1, "", name, "")
