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
from pathlib import Path

import numpy as np

from spikec import container
from spikec.errors import EventsError, FileFormatError
from spikec.event_lists import MAX_SAMPLE, MAX_TICK, list_text, parse_list
from spikec.events import Events
from spikec.inputs import check_inputs, in_own_time
from spikec.ir.network import Continuous, Network, Population
from spikec.raster_files import MAGIC, RasterFile


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
    elif start.startswith(MAGIC):
        raster = open_raster(path, network)
        events = {network.inputs[0]: raster.events(0, raster.n_samples)}
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
    if not _start_of(path).startswith(MAGIC):
        return None
    return RasterFile(path, only_input(path, network)).n_ticks


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


def only_input(path: Path, network: Network) -> Population:
    """The input that a file without names feeds.

    Raises:
        EventsError: The network has another number of inputs.
    """
    if len(network.inputs) != 1:
        raise EventsError(
            f"{path} feeds one input, but the network has {len(network.inputs)}; give an .npz with events "
            f"for each of {', '.join(network.inputs)}, or a .csv with a column 'input'"
        )
    return network.population(network.inputs[0])


def _from_container(path: Path, network: Network) -> dict[str, Events]:
    thing = container.load(path, (Events, dict))
    if isinstance(thing, Events):
        return {only_input(path, network).name: thing}
    for name, e in thing.items():
        if not isinstance(e, Events):
            raise FileFormatError(
                f"{path} holds a {type(e).__name__} under {name!r}, where events are needed"
            )
    return dict(thing)


def open_raster(path: Path, network: Network) -> RasterFile:
    """Open a raster of a network's only input.

    Raises:
        FileFormatError: It is no intact array of numbers.
        EventsError: It does not fit the network.
    """
    population = only_input(path, network)
    if isinstance(network.clock, Continuous):
        raise EventsError(
            f"{path} is a raster of ticks, but the network runs in continuous time; give a .csv with a "
            "column 'time' in seconds"
        )
    raster = RasterFile(path, population)
    raster.check()
    if (raster.n_ticks or 0) - 1 > MAX_TICK or raster.n_samples - 1 > MAX_SAMPLE:
        raise EventsError(f"{path} claims {raster.n_samples} samples of {raster.n_ticks} ticks; cut it up")
    return raster


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
