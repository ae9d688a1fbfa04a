"""Spikes from and to files: what ``--input`` takes.

Three kinds, told apart by content:

* what spikec wrote (``.npz``): `Events`, or a mapping from inputs to `Events`;
* a raster (``.npy``): how often each neuron spikes in each tick, ``(n_ticks, n)`` or ``(n_samples, n_ticks,
  n)``; the neurons may also lie as the input's shape says;
* a list (``.csv``): a header, then one spike a row, in any order. Columns are ``neuron``; ``tick`` (counted
  from 0) or ``time`` (seconds); ``sample``, if there are several; ``input``, if the network has several. A
  row whose neuron and tick are blank says that its sample exists, though nothing spikes (`event_lists`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from spikec import container
from spikec.arrays import AnyArray
from spikec.errors import EventsError, FileFormatError
from spikec.event_lists import MAX_SAMPLE, MAX_TICK, list_text, parse_list
from spikec.events import Events, from_rows
from spikec.ir.network import Continuous, Network, Population
from spikec.ir.neurons import MOST_AT_ONCE
from spikec.program import check_inputs, in_own_time

_CHUNK_BYTES = 64 << 20


def read_events(path: str | Path, network: Network) -> dict[str, Events]:
    """Read the input spikes of a network.

    Args:
        path: A file of one of the three kinds.
        network: The network; its inputs say what is expected.

    Returns:
        For each input its spikes, in the network's own kind of time.

    Raises:
        FileFormatError: The file is missing, damaged, or of no kind that is known.
        EventsError: The spikes do not fit the network, or contradict themselves.
    """
    path = Path(path)
    start = _start_of(path)
    if container.is_container(path):
        events = _from_container(path, network)
    elif start.startswith(b"\x93NUMPY"):
        events = _from_raster_file(path, network)
    elif start.startswith((b"PK", b"\x89HDF")):
        raise FileFormatError(
            f"{path} holds no spikes that spikec can read; give an .npz that spikec wrote, a raster (.npy) "
            "or a list (.csv)"
        )
    else:
        events = parse_list(path, _text(path), network)
    try:
        return fit_events(events, network)
    except EventsError as error:
        raise EventsError(f"{path}: {error}") from error


def fit_events(events: Mapping[str, Events], network: Network) -> dict[str, Events]:
    """Bring spikes from outside to a network's own kind of time, without losing any.

    Raises:
        EventsError: They do not fit the network, contradict themselves, or some would meet in a tick.
    """
    _check_times(events, network)
    own = in_own_time(network, events)
    _check_meetings(events, own)
    check_inputs(network, own)
    return own


def write_events(path: str | Path, events: Mapping[str, Events], *, n_ticks: int | None = None) -> None:
    """Write spikes so that `read_events` reads the same again.

    Args:
        path: Its ending chooses the kind: ``.npz``, ``.npy`` (one population, in ticks) or ``.csv``.
        events: By population.
        n_ticks: Length of a raster; None for just long enough.

    Raises:
        FileFormatError: The ending is none of these, or the file cannot be written.
        EventsError: A raster cannot hold these events.
    """
    path = Path(path)
    if path.suffix == ".npz":
        container.save(dict(events), path)
    elif path.suffix == ".npy":
        container.write_atomically(path, _raster_bytes(path, events, n_ticks))
    elif path.suffix == ".csv":
        container.write_atomically(path, list_text(events).encode())
    else:
        raise FileFormatError(f"spikes are written as .npz, .npy or .csv; {path} ends in none of these")


def raster_ticks(path: str | Path, network: Network) -> int | None:
    """How many ticks a raster file of a network's only input has; None for other kinds, which do not say."""
    path = Path(path)
    if not _start_of(path).startswith(b"\x93NUMPY"):
        return None
    shape = _opened(path).shape
    n_axes = _neuron_axes(shape, _only_input(path, network))
    return int(shape[-n_axes - 1]) if n_axes and len(shape) > n_axes else None


def _start_of(path: Path) -> bytes:
    if path.is_dir():
        raise FileFormatError(f"{path} is a folder; name a file of spikes in it")
    if not path.is_file():
        raise FileFormatError(f"there is no file {path}; check the name")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if not start:
        raise FileFormatError(f"{path} is empty; spikes are needed")
    return start


def _check_times(events: Mapping[str, Events], network: Network) -> None:
    """Refuse times whose ticks no counter could hold."""
    dt = None if isinstance(network.clock, Continuous) else network.dt
    for name, e in events.items():
        last = float(e.times.max()) if e.n_events else 0.0
        if dt is not None and (last if e.in_ticks else last / dt) > MAX_TICK:
            raise EventsError(f"input {name} has a spike after tick {MAX_TICK}; are the times in seconds?")


def _check_meetings(given: Mapping[str, Events], rounded: Mapping[str, Events]) -> None:
    """Refuse times of which rounding to ticks would lose some."""
    for name, e in rounded.items():
        lost = given[name].n_events - e.n_events
        if lost:
            raise EventsError(
                f"{lost} of {given[name].n_events} spikes of input {name} fall on a tick on which their "
                "neuron spikes already, and a tick holds one; remove them, or use a shorter time step"
            )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise FileFormatError(
            f"{path} is of an unknown kind; give an .npz that spikec wrote, a raster (.npy) or a list (.csv)"
        ) from error


def _only_input(path: Path, network: Network) -> Population:
    if len(network.inputs) != 1:
        raise EventsError(
            f"{path} feeds one input, but the network has {len(network.inputs)}; give an .npz with events "
            f"for each of {', '.join(network.inputs)}, or a .csv with a column 'input'"
        )
    return network.population(network.inputs[0])


def _from_container(path: Path, network: Network) -> dict[str, Events]:
    thing = container.load(path, (Events, dict))
    if isinstance(thing, Events):
        return {_only_input(path, network).name: thing}
    for name, e in thing.items():
        if not isinstance(e, Events):
            raise FileFormatError(
                f"{path} holds a {type(e).__name__} under {name!r}, where events are needed"
            )
    return dict(thing)


def _from_raster_file(path: Path, network: Network) -> dict[str, Events]:
    population = _only_input(path, network)
    if isinstance(network.clock, Continuous):
        raise EventsError(
            f"{path} is a raster of ticks, but the network runs in continuous time; give a .csv with a "
            "column 'time' in seconds"
        )
    raster = _opened(path)
    if raster.dtype.kind not in "biuf":
        raise FileFormatError(f"{path} holds values of type {raster.dtype}; a raster holds numbers of spikes")
    n_axes = _neuron_axes(raster.shape, population)
    if n_axes == 0 or raster.ndim - n_axes not in (1, 2):
        raise EventsError(
            f"{path} has shape {raster.shape}; (n_ticks, {population.n}) or "
            f"(n_samples, n_ticks, {population.n}) is needed for input {population.name}"
        )
    samples = raster if raster.ndim - n_axes == 2 else raster[None]
    if samples.shape[1] - 1 > MAX_TICK or samples.shape[0] - 1 > MAX_SAMPLE:
        raise EventsError(f"{path} claims {samples.shape[0]} samples of {samples.shape[1]} ticks; cut it up")
    return {population.name: _spikes_of(path, samples, population.n)}


def _opened(path: Path) -> AnyArray:
    try:
        opened: AnyArray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises errors of all kinds on damaged headers
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path} is no intact array of numbers ({cause}); write it again") from error
    return opened


def _neuron_axes(shape: tuple[int, ...], population: Population) -> int:
    """How many of the last axes of a raster are neurons, as the input's shape or in a row; 0 if none are."""
    return next((len(s) for s in (population.shape, (population.n,)) if shape[-len(s) :] == s), 0)


def _spikes_of(path: Path, samples: AnyArray, n: int) -> Events:
    """The spikes of a raster ``(n_samples, n_ticks, ...)``, read a piece at a time."""
    n_samples, n_ticks = samples.shape[:2]
    step = max(1, _CHUNK_BYTES // max(1, n * samples.dtype.itemsize))
    found = []
    for k in range(n_samples):
        for first in range(0, n_ticks, step):
            piece = np.asarray(samples[k, first : first + step]).reshape(-1, n)
            odd = np.argwhere((piece < 0) | (piece > MOST_AT_ONCE) | (piece != np.floor(piece)))
            if odd.size:
                tick, neuron = (int(i) for i in odd[0])
                raise EventsError(
                    f"{path} holds {piece[tick, neuron]} at sample {k}, tick {first + tick}, neuron "
                    f"{neuron}; a raster holds how often a neuron spikes in a tick, 0 to {MOST_AT_ONCE}"
                )
            ticks, neurons = np.nonzero(piece)
            once = np.stack([np.full(ticks.size, k), first + ticks, neurons])
            found.append(np.repeat(once, piece[ticks, neurons].astype(np.int64), axis=1))
    rows = np.concatenate(found, axis=1) if found else np.zeros((3, 0), np.int64)
    events = from_rows(*rows, n_samples=n_samples, n_neurons=n, multiple=True)
    return events if events.most_at_once() > 1 else replace(events, multiple=False)


def _raster_bytes(path: Path, events: Mapping[str, Events], n_ticks: int | None) -> bytes:
    if len(events) != 1:
        raise EventsError(f"a raster holds one population, but there are {len(events)}; write {path} as .npz")
    (e,) = events.values()
    last = int(e.times.max()) + 1 if e.n_events and e.in_ticks else 0
    if n_ticks is not None and n_ticks < last:
        raise EventsError(
            f"a spike falls on tick {last - 1}, but the raster has {n_ticks} ticks; make it longer"
        )
    raster = e.how_often(last if n_ticks is None else n_ticks)
    buffer = io.BytesIO()
    np.save(buffer, raster.astype(np.uint8) if e.multiple else raster > 0, allow_pickle=False)
    return buffer.getvalue()
