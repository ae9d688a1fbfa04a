"""Events in ticks from arrays of all neurons and ticks: flags, bits of packed rows, or counts."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from spikec.arrays import IntArray
from spikec.bits import Raster, of_bytes, packed
from spikec.errors import EventsError
from spikec.events import Events, from_kept

_MIRRORED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"))
"""Every byte with its bits the other way round."""


def from_raster(raster: npt.ArrayLike, *, copy: bool = True) -> Events:
    """Make events in ticks from ``(n_samples, n_ticks, n_neurons)``; anything but zero is a spike.

    Args:
        raster: Any numbers.
        copy: Whether the raster may change afterwards. Without, one of bytes is read where its events are,
            by an engine on all its threads.
    """
    array = np.asarray(raster, order="C")
    if array.ndim != 3:
        raise EventsError(f"a raster has shape {array.shape}; (n_samples, n_ticks, n_neurons) is needed")
    if copy or array.dtype.itemsize > 1:
        return from_kept(packed(array), array.shape[2])
    return from_kept(Raster(array.view(np.uint8)), array.shape[2])


def from_packed(rows: npt.ArrayLike, n_neurons: int, *, bitorder: Literal["big", "little"] = "big") -> Events:
    """Make events in ticks from what ``numpy.packbits(raster, axis=2)`` gives.

    Args:
        rows: uint8, ``(n_samples, n_ticks, ceil(n_neurons / 8))``.
        n_neurons: Size of the population.
        bitorder: As for ``packbits``: whether the first neuron is a byte's highest or its lowest bit.

    Raises:
        EventsError: Another shape, type or order, or a bit is set that belongs to no neuron.
    """
    if bitorder not in ("big", "little"):
        raise EventsError(f"bits lie in the order big or little, as for numpy.packbits, not {bitorder!r}")
    array = np.asarray(rows)
    if array.ndim != 3 or array.shape[2] != -(-n_neurons // 8) or array.dtype != np.uint8:
        raise EventsError(
            f"packed rows have shape {array.shape} and type {array.dtype}; {n_neurons} neurons need "
            f"(n_samples, n_ticks, {-(-n_neurons // 8)}) of uint8, as numpy.packbits(raster, axis=2) gives"
        )
    array = _MIRRORED[array] if bitorder == "big" else array.copy()
    if n_neurons % 8 and np.any(array[:, :, -1] >> n_neurons % 8):
        raise EventsError(f"packed rows have spikes beyond their {n_neurons} neurons; check bitorder")
    return from_kept(of_bytes(array), n_neurons)


def from_counts(counts: npt.ArrayLike, *, copy: bool = True) -> Events:
    """Make events in ticks from how often neurons spike, ``(n_samples, n_ticks, n_neurons)``.

    Args:
        counts: Whole numbers.
        copy: As for `from_raster`.
    """
    array = np.asarray(counts)
    if array.dtype.kind == "b" or (array.dtype.kind == "u" and array.max(initial=0) <= 1):
        return from_raster(array, copy=copy)
    return repeated(from_raster(array), array[array != 0].astype(np.int64))


def repeated(events: Events, often: IntArray) -> Events:
    """Every event so many times, ``(n_events,)``, each at least once."""
    if np.all(often == 1):
        return events
    starts = np.concatenate([[0], np.cumsum(often)])[events.sample_starts]
    return Events(np.repeat(events.times, often), np.repeat(events.neurons, often), starts,
                  events.n_neurons, multiple=True)  # fmt: skip
