"""Input spikes as a user of the library has them: arrays, events, or a file.

What an array means follows from its shape and from the network, never from its values:

* samples, ``(n_samples, ...)``, if the network has an encoding and a sample has as many values as that wants;
* a raster, ``(n_samples, n_ticks, n)``, for networks in ticks: how often each neuron spikes in a tick, 0 or 1
  (or False or True) unless the input may spike more often; neurons may also lie as the input's shape says;
* one spike time a neuron in seconds, ``(n_samples, n)`` of floats, infinite where it stays silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray
from spikec.coding import values_of_sample
from spikec.errors import EventsError, UsageError
from spikec.event_files import fit_events, raster_ticks, read_events
from spikec.events import Events, from_dense_times
from spikec.inputs import encode_samples
from spikec.ir.network import Continuous, Network, Population
from spikec.rasters import from_counts

Spikes = Events | npt.ArrayLike
"""What one input may be given."""


def inputs_from(
    network: Network, given: Mapping[str, Spikes] | Spikes | Path
) -> tuple[dict[str, Events], int | None]:
    """The input spikes of a network.

    Args:
        network: Its inputs say what is expected.
        given: An array or events for its only input, or for each input by name; or the file of spikes.

    Returns:
        For each input its spikes, in the network's own kind of time; and how many ticks their rasters have,
        None if there are none.

    Raises:
        EventsError: They do not fit the network, or contradict themselves.
        FileFormatError: The file is missing, damaged, or of no kind that is known.
        UsageError: The network does not say how samples become spikes.
    """
    if isinstance(given, str | Path):
        ticks = None if isinstance(network.clock, Continuous) else raster_ticks(given, network)
        return read_events(given, network), ticks
    if isinstance(given, Mapping):
        return _by_name(network, given)
    if isinstance(given, Events):
        return _by_name(network, {_only_input(network): given})
    array = _array(given)
    if _are_samples(network, array):
        return encode_samples(network, array), None
    return _by_name(network, {_only_input(network): array})


def labels_from(
    network: Network, labels: npt.ArrayLike, events: Mapping[str, Events] | int
) -> npt.NDArray[np.int64]:
    """The classes of samples as integers, one a sample.

    Args:
        network: It must say how its spikes become a class.
        labels: ``(n_samples,)``.
        events: Of all samples; or how many there are.

    Raises:
        EventsError: They are no whole numbers, or not one a sample.
        UsageError: The network has no classes.
    """
    classes = np.asarray(labels)
    n_samples = events if isinstance(events, int) else next((e.n_samples for e in events.values()), 0)
    if classes.shape != (n_samples,) or classes.dtype.kind not in "iu":
        raise EventsError(
            f"the labels have shape {classes.shape} and type {classes.dtype}; {n_samples} whole numbers are "
            "needed, one a sample"
        )
    if network.decoding is None:
        raise UsageError(
            "this network does not say how its spikes become a class, so labels have no use; count its "
            "output's spikes (`result.spikes[NAME].counts()`)"
        )
    return classes.astype(np.int64)


def _by_name(network: Network, given: Mapping[str, Spikes]) -> tuple[dict[str, Events], int | None]:
    arrays = {name: x if isinstance(x, Events) else _array(x) for name, x in given.items()}
    events = {
        name: x if isinstance(x, Events) else _events(x, network.population(name), network)
        for name, x in arrays.items()
    }
    lengths = {
        x.shape[1] for name, x in arrays.items() if not isinstance(x, Events) and events[name].in_ticks
    }
    if len(lengths) > 1:
        raise EventsError(f"the inputs have rasters of {sorted(lengths)} ticks; make them equally long")
    return fit_events(events, network), lengths.pop() if lengths else None


def _only_input(network: Network) -> str:
    if len(network.inputs) != 1:
        raise EventsError(
            f"one array was given, but the network has the inputs {', '.join(network.inputs)}; give a "
            "mapping from their names to arrays or events"
        )
    return network.inputs[0]


def _array(given: npt.ArrayLike) -> AnyArray:
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that needs a gradient
        raise EventsError(f"the input is no array of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise EventsError(f"the input has values of type {array.dtype}; give numbers, or events")
    return array


def _are_samples(network: Network, array: AnyArray) -> bool:
    encoding = network.encoding
    if encoding is None:
        return False
    n = values_of_sample(encoding, prod(network.population(encoding.population).given_shape))
    return array.ndim > 0 and prod(array.shape[1:]) == n


def _events(array: AnyArray, population: Population, network: Network) -> Events:
    n, continuous = prod(population.given_shape), isinstance(network.clock, Continuous)
    for shape in (population.shape, (population.n,), population.given_shape, (n,)):
        if not continuous and array.shape[2:] == shape and array.ndim > 2:
            return _from_raster(array.reshape(*array.shape[:2], prod(shape)), population.name)
    if array.shape[1:] == (n,) and array.dtype.kind == "f":
        finite = array[np.isfinite(array)]
        if not continuous and finite.size and np.all(finite == np.rint(finite)):
            raise EventsError(
                f"the array for input {population.name} has shape {array.shape} and whole numbers only, "
                "which may be a raster or times; give a raster as (n_samples, n_ticks, n), or events"
            )
        return from_dense_times(array)
    wanted = [f"spike times in seconds (n_samples, {n}), as floats"]
    wanted += [] if continuous else [f"a raster (n_samples, n_ticks, {n})"]
    wanted += [] if network.encoding is None else ["samples"]
    raise EventsError(
        f"the array for input {population.name} has shape {array.shape} and type {array.dtype}; give "
        f"{' or '.join(reversed(wanted))}"
    )


def _from_raster(raster: AnyArray, name: str) -> Events:
    if raster.dtype.kind in "bu":
        return from_counts(raster, copy=False)
    odd = np.argwhere(~((raster >= 0) & (raster == np.rint(raster))))
    if odd.size:
        sample, tick, neuron = (int(k) for k in odd[0])
        found = raster[sample, tick, neuron]
        raise EventsError(
            f"the raster for input {name} holds {found} at sample {sample}, tick {tick}, neuron {neuron}; "
            "give how often each neuron spikes in a tick, a whole number that is 0 or more"
        )
    return from_counts(raster)
