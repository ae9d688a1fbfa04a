"""Calibration: sample data and what the float network did with them, for passes to decide from.

`calibrate` runs the float network once. A pass that decides from data holds the `Calibration` as a field.
What runs networks is handed in, so that neither this module nor a pass knows an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.backend import Backend, run
from spikec.coding import Decoding, Readout, decode
from spikec.errors import EventsError
from spikec.events import Events
from spikec.inputs import default_until
from spikec.ir.network import Continuous, Network, Population
from spikec.program import Program
from spikec.targets.target import load_target


@dataclass(frozen=True, eq=False)
class Calibration:
    """Samples, and the run of the float network on them.

    Attributes:
        inputs: For each input its spikes, in the float network's own kind of time.
        spikes: For each population its spikes, inputs included, in the same time.
        until: When the run ended, in the same time.
        dt: Length of the float network's tick, seconds; None if it is continuous.
        scores: What its answer is taken from, the higher the better, ``(n_samples, n)``: a membrane, a count,
            or how long before the end a first spike came, 0 if none did. None if the network does not say how
            it is decoded.
        predictions: Its answer to each sample, ``(n_samples,)``, -1 for none; None likewise.
        labels: The right class of each sample, ``(n_samples,)``, if known.
        backend: What ran the float network, and can run on the same samples what is made of it.
    """

    inputs: Mapping[str, Events]
    spikes: Mapping[str, Events]
    until: float
    dt: float | None = None
    scores: FloatArray | None = None
    predictions: IntArray | None = None
    labels: IntArray | None = None
    backend: Backend | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return next(iter(self.inputs.values())).n_samples

    @property
    def seconds(self) -> float:
        """When the run ended, seconds."""
        return self.until * (1.0 if self.dt is None else self.dt)

    def first_times(self, name: str) -> FloatArray:
        """First spike of each neuron in each sample, seconds, infinite for none, ``(n_samples, n)``."""
        times = self.spikes[name].first_times()
        return times if self.dt is None else times * self.dt

    def rates(self, name: str) -> FloatArray:
        """Mean spikes of each neuron in a sample, ``(n,)``."""
        mean: FloatArray = self.spikes[name].counts().mean(axis=0)
        return mean

    def margins(self) -> FloatArray | None:
        """By how much the best score of a sample exceeds the next, ``(n_samples,)``; None without scores."""
        if self.scores is None or self.scores.shape[1] < 2:
            return None
        best = np.partition(self.scores, -2, axis=1)
        margin: FloatArray = best[:, -1] - best[:, -2]
        return margin


def calibrate(
    network: Network,
    backend: Backend,
    inputs: Mapping[str, Events],
    labels: IntArray | None = None,
    until: float | None = None,
) -> Calibration:
    """Run a float network on samples.

    Args:
        network: In a float dialect.
        backend: What runs it.
        inputs: Spikes in the network's own kind of time.
        labels: The right class of each sample, if known.
        until: Seconds or ticks; None for what the encoding or the input suggests.

    Raises:
        EventsError: There are no samples, the labels do not fit, or a population never spikes.
    """
    n_samples = min((e.n_samples for e in inputs.values()), default=0)
    if not n_samples:
        raise EventsError("there are no samples to calibrate with; give one or more")
    if labels is not None:
        _check_labels(network, labels, n_samples)
    program = Program(network, load_target("ideal"))
    end = default_until(program, inputs) if until is None else until
    decoding = network.decoding
    recorded = None if decoding is None else decoding.record
    result = run(backend, program, inputs, end, () if recorded is None else (recorded,))
    _check_activity(network, result.spikes, n_samples)
    scores = predictions = None
    if decoding is not None:
        membrane = None if recorded is None else result.traces[recorded]
        answering = result.spikes[decoding.population]
        scores = scores_of(decoding, answering, membrane, end)
        predictions = decode(decoding, answering, membrane)
    dt = None if isinstance(network.clock, Continuous) else network.dt
    return Calibration(dict(inputs), dict(result.spikes), end, dt, scores, predictions, labels, backend)


def scores_of(decoding: Decoding, spikes: Events, membrane: AnyArray | None, until: float) -> FloatArray:
    """What an answer is taken from, the higher the better, ``(n_samples, n)``.

    Args:
        decoding: How the answer is taken.
        spikes: Of the population that answers.
        membrane: What `Decoding.record` names; None if that is None.
        until: When the run ended; a first spike scores how long before that it came.
    """
    if decoding.record is not None:
        return np.asarray(membrane, np.float64)
    if decoding.readout is Readout.COUNT:
        return spikes.counts().astype(np.float64)
    return np.maximum(until - spikes.first_times(), 0.0)


def _check_labels(network: Network, labels: IntArray, n_samples: int) -> None:
    if labels.shape != (n_samples,):
        raise EventsError(
            f"there are {n_samples} samples to calibrate with, but labels of shape {labels.shape}; give one "
            "label a sample"
        )
    if network.decoding is None:
        return
    n = network.population(network.decoding.population).n
    if labels.min() < 0 or labels.max() >= n:
        bad = int(labels.min() if labels.min() < 0 else labels.max())
        raise EventsError(
            f"a label to calibrate with is {bad}, but the network answers with classes 0 to {n - 1}; "
            "take the data set that it was made for"
        )


def _check_activity(network: Network, spikes: Mapping[str, Events], n_samples: int) -> None:
    """Refuse data on which some population that can spike never does: nothing can be decided from them."""
    for p in network.populations:
        if not spikes[p.name].n_events and _has_to_spike(network, p):
            raise EventsError(
                f"population {p.name} never spikes in the {n_samples} samples to calibrate with; give more, "
                "or samples that the network was made for"
            )


def _has_to_spike(network: Network, population: Population) -> bool:
    """Whether its spikes matter: not those of readouts, and of neurons whose membrane is the answer."""
    decoding = network.decoding
    if decoding is not None and decoding.record is not None and decoding.population == population.name:
        return False
    threshold = getattr(population.neuron, "threshold", 0.0)
    return population.is_source or (population.neuron.spikes and bool(np.any(np.isfinite(threshold))))
