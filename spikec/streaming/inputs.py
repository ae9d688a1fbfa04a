"""Where samples come from: input spikes of some of them at a time, without the others.

A source knows how many samples there are and gives the spikes of any chunk, in the network's own time, as the
whole would have been read. A list (``.csv``) may name its samples in any order: it is held whole, and so are
data sets by name, of which only the chunk's spikes are made. Those in files of the user's stay there.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Protocol

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.container import digest, is_container
from spikec.container_parts import Parts, StoredArray
from spikec.errors import EventsError, FileFormatError
from spikec.event_files import fit_events, only_input, open_raster, read_events
from spikec.events import Events
from spikec.input_arrays import Spikes, inputs_from
from spikec.inputs import default_until, encode_samples
from spikec.ir.network import Continuous, Network
from spikec.memory import EVENT_BYTES
from spikec.program import Program
from spikec.raster_files import MAGIC

_READ_BYTES = 1 << 20
_LOOK_SAMPLES = 256


class Source(ABC):
    """Samples of which any chunk can be had.

    Attributes:
        n_samples: How many there are.
        n_ticks: Length of a sample, if the source is a raster.
        labels: The right class of each sample, ``(n_samples,)``, if known.
        sample_bytes: About what the input spikes of a sample take in memory.
    """

    n_samples: int
    n_ticks: int | None = None
    labels: IntArray | None = None
    sample_bytes: float

    @abstractmethod
    def events(self, first: int, last: int) -> dict[str, Events]:
        """Input spikes of samples `first` to `last` (exclusive), in the network's own kind of time.

        Raises:
            EventsError: They do not fit the network, or contradict themselves.
            FileFormatError: They cannot be read.
        """

    @abstractmethod
    def identity(self) -> str:
        """A hash of all samples, labels included."""

    def all(self) -> dict[str, Events]:
        """Input spikes of all samples."""
        return self.events(0, self.n_samples)

    def close(self) -> None:  # noqa: B027  most have nothing open
        """Close what is open."""


class HeldEvents(Source):
    """Spikes that are in memory.

    Args:
        events: For each input, in the network's own kind of time.
        n_ticks: Length of the raster they come from, if any.
        labels: The right class of each sample, if known.
    """

    def __init__(
        self, events: Mapping[str, Events], n_ticks: int | None = None, labels: IntArray | None = None
    ) -> None:
        self._events, self.n_ticks, self.labels = dict(events), n_ticks, labels
        self.n_samples = next((e.n_samples for e in events.values()), 1)
        self.sample_bytes = EVENT_BYTES * sum(e.n_events for e in events.values()) / max(self.n_samples, 1)

    def events(self, first: int, last: int) -> dict[str, Events]:
        """See `Source`."""
        return {name: e.select(first, last) for name, e in self._events.items()}

    def identity(self) -> str:
        """See `Source`."""
        return digest({"events": self._events, "labels": self.labels})


class Rows(Protocol):
    """Samples that are read when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n_samples, ...)``."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> FloatArray: ...


class EncodedSamples(Source):
    """Samples of a data set, made into spikes a chunk at a time.

    Args:
        network: What they are for; it says how samples become spikes.
        samples: ``(n_samples, ...)``, in memory or read when they are asked for.
        labels: The right class of each sample, if known.
    """

    def __init__(self, network: Network, samples: FloatArray | Rows, labels: IntArray | None = None) -> None:
        self._network, self._samples, self.labels = network, samples, labels
        self.n_samples = len(samples)
        self.sample_bytes = EVENT_BYTES * prod(samples.shape[1:])

    def events(self, first: int, last: int) -> dict[str, Events]:
        """See `Source`."""
        return encode_samples(self._network, self._samples[first:last])

    def identity(self) -> str:
        """See `Source`."""
        if isinstance(self._samples, np.ndarray):
            return digest({"samples": self._samples, "labels": self.labels})
        state = hashlib.sha256(digest({"shape": list(self._samples.shape), "labels": self.labels}).encode())
        step = max(1, _READ_BYTES // (8 * max(prod(self._samples.shape[1:]), 1)))
        for first in range(0, self.n_samples, step):
            state.update(self._samples[first : first + step].tobytes())
        return state.hexdigest()


class HeldArrays(Source):
    """Samples, rasters or spike times as arrays, made into spikes a chunk at a time.

    Args:
        network: What they are for.
        given: As for `spikec.input_arrays.inputs_from`, with the samples along the first axis.
        labels: The right class of each sample, if known.

    Raises:
        EventsError: They do not fit the network, or differ in how many samples there are.
    """

    def __init__(
        self, network: Network, given: Mapping[str, Spikes] | Spikes, labels: IntArray | None = None
    ) -> None:
        self._network, self._given, self.labels = network, given, labels
        each = list(given.values()) if isinstance(given, Mapping) else [given]
        sizes = {x.n_samples if isinstance(x, Events) else len(np.asarray(x)) for x in each}
        if len(sizes) > 1:
            raise EventsError(f"the inputs have different numbers of samples: {sorted(sizes)}")
        self.n_samples = sizes.pop() if sizes else 1  # without inputs, as in `check_inputs`
        one, self.n_ticks = inputs_from(network, self._part(0, min(self.n_samples, 1)))
        self.sample_bytes = EVENT_BYTES * sum(e.n_events for e in one.values())

    def events(self, first: int, last: int) -> dict[str, Events]:
        """See `Source`."""
        return inputs_from(self._network, self._part(first, last))[0]

    def identity(self) -> str:
        """See `Source`."""
        return digest({"given": self._part(0, self.n_samples), "labels": self.labels})

    def _part(self, first: int, last: int) -> Mapping[str, Spikes] | Spikes:
        if isinstance(self._given, Mapping):
            return {name: _rows(x, first, last) for name, x in self._given.items()}
        return _rows(self._given, first, last)


class StoredRaster(Source):
    """A raster on the disk (``.npy``), read a chunk at a time.

    Args:
        path: The file.
        network: What it is for.

    Raises:
        FileFormatError: It is no intact array of numbers.
        EventsError: It does not fit the network.
    """

    def __init__(self, path: Path, network: Network) -> None:
        self._path, self._network, self._raster = path, network, open_raster(path, network)
        self.n_samples, self.n_ticks = self._raster.n_samples, self._raster.n_ticks
        self.sample_bytes = float(self._raster.sample_bytes)

    def events(self, first: int, last: int) -> dict[str, Events]:
        """See `Source`."""
        events = {only_input(self._path, self._network).name: self._raster.events(first, last)}
        return _fitted(self._path, events, self._network)

    def identity(self) -> str:
        """See `Source`."""
        return _hash_of(self._path)


class StoredEvents(Source):
    """Events that spikec wrote (``.npz``), read a chunk at a time after one look at all of it.

    Args:
        path: The file.
        network: What they are for.

    Raises:
        FileFormatError: It is damaged, or holds no events.
        EventsError: They do not fit the network, or contradict themselves.
    """

    def __init__(self, path: Path, network: Network) -> None:
        self._path, self._network, self._checked = path, network, False
        self._parts = Parts(path)
        tree = self._parts.tree
        nodes = tree.get("map") if isinstance(tree, dict) else None
        if nodes is None:
            nodes = {only_input(path, network).name: tree}
        self._inputs = {name: _StoredInput(self._parts, node) for name, node in nodes.items()}
        sizes = {x.n_samples for x in self._inputs.values()}
        if len(sizes) != 1:
            raise EventsError(f"{path}: the inputs have different numbers of samples: {sorted(sizes)}")
        self.n_samples = sizes.pop()
        n_events = sum(x.n_events for x in self._inputs.values())
        self.sample_bytes = EVENT_BYTES * n_events / max(self.n_samples, 1)

    def events(self, first: int, last: int) -> dict[str, Events]:
        """See `Source`."""
        if not self._checked:
            self._parts.check()
            self._checked = True
        try:
            events = {name: x.events(first, last) for name, x in self._inputs.items()}
        except EventsError as error:
            raise EventsError(f"{self._path}: {error}") from error
        return _fitted(self._path, events, self._network)

    def all(self) -> dict[str, Events]:
        """See `Source`."""
        return read_events(self._path, self._network)

    def identity(self) -> str:
        """See `Source`."""
        return self._parts.sha256

    def close(self) -> None:
        """See `Source`."""
        self._parts.close()


class _StoredInput:
    """The events of one input in an open file."""

    def __init__(self, parts: Parts, node: object) -> None:
        if not isinstance(node, dict) or node.get("is") != "Events":
            raise FileFormatError(f"{parts.path} holds something else, where events are needed")
        self._times: StoredArray = parts.array(node.get("times"))
        self._neurons: StoredArray = parts.array(node.get("neurons"))
        self._starts = parts.array(node.get("sample_starts")).all()
        self._size, self._multiple = int(node.get("n_neurons") or 0), bool(node.get("multiple", False))
        self.n_events = int(self._times.shape[0]) if self._times.shape else -1
        rising = self._starts.ndim == 1 and self._starts.size and np.all(np.diff(self._starts) >= 0)
        lengths = self._times.shape == self._neurons.shape == (self.n_events,)
        if not (rising and lengths and self._starts[0] == 0 and self._starts[-1] == self.n_events):
            raise FileFormatError(f"{parts.path} does not hold valid events; make it again")
        self.n_samples = int(self._starts.size - 1)

    def events(self, first: int, last: int) -> Events:
        starts = self._starts[first : last + 1]
        a, b = int(starts[0]), int(starts[-1])
        return Events(
            self._times.rows(a, b), self._neurons.rows(a, b), starts - a, self._size, self._multiple
        )


def open_events(path: str | Path, network: Network) -> Source:
    """Open a file of input spikes, of any kind that `spikec.event_files.read_events` reads.

    Raises:
        FileFormatError: The file is missing, damaged, or of no kind that is known.
        EventsError: The spikes do not fit the network, or contradict themselves.
    """
    path = Path(path)
    if is_container(path):
        return StoredEvents(path, network)
    if path.is_file() and _starts_with(path, MAGIC):
        return StoredRaster(path, network)
    return HeldEvents(read_events(path, network))


def length_of(program: Program, source: Source) -> float:
    """How long to run samples when nobody says: as `spikec.inputs.default_until` for all of them."""
    network = program.network
    continuous = isinstance(network.clock, Continuous)
    if source.n_ticks is not None and not continuous:
        return float(source.n_ticks)
    if network.encoding is not None or (program.n_ticks is not None and not continuous):
        return default_until(program, {})
    latest: dict[str, Events] = {}
    for first in range(0, source.n_samples, _LOOK_SAMPLES):
        for name, e in source.events(first, min(first + _LOOK_SAMPLES, source.n_samples)).items():
            if e.n_events and (name not in latest or e.times.max() > latest[name].times[0]):
                k = int(np.argmax(e.times))
                starts = np.array([0, 1], np.int64)
                latest[name] = Events(e.times[k : k + 1], e.neurons[k : k + 1], starts, e.n_neurons)
    return default_until(program, latest)


def _rows(x: Spikes, first: int, last: int) -> Spikes:
    return x.select(first, last) if isinstance(x, Events) else np.asarray(x)[first:last]


def _fitted(path: Path, events: Mapping[str, Events], network: Network) -> dict[str, Events]:
    try:
        return fit_events(events, network)
    except EventsError as error:
        raise EventsError(f"{path}: {error}") from error


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _hash_of(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            total.update(piece)
    return total.hexdigest()
