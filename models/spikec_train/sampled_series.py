r"""Networks for signals in time, without back-propagation: spiking neurons are placed between alike signals.

Signals become spikes where they change (`spikec.delta_encoding`). Hidden neurons come from pairs of signals
that are alike but of different classes, delays and time constants from what the two differ in
(`series_layer`; the idea of sampling them so is that of E. Gollwitzer and F. Dietrich, arXiv:2510.01012).
They spike as often as they like. Each spike makes the readout's membrane jump, which leaks slowly: a spike
counts the more the later it is. So the membrane at the end is linear in counts and times of spikes, and its
weights are solved for (`readout`), for the spikes that an engine gives.

The network lives in ticks and has a chip's decays from the beginning, its weights are real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray, IntArray
from spikec.backend import Backend, find_backend
from spikec.coding import Decoding, Readout, encode
from spikec.delta_encoding import DeltaEncoding
from spikec.errors import UsageError
from spikec.events import Events
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.conventions import LOIHI
from spikec.ir.kernels import membrane_kernel
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, Source
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_train.datasets import Dataset
from spikec_train.pairs import draw_pairs
from spikec_train.readout import LinearReadout, fit_pieces
from spikec_train.series_layer import Constants, SeriesLayer, series_layers
from spikec_train.stored import StoredSamples

BANDS, HIDDEN, READOUT = "bands", "hidden", "readout"

_PIECE = 256
"""Samples whose spikes are held at a time."""

_DRAWN = 1 << 13
"""Samples that hidden neurons are drawn from, at random, if there are more."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SampledSeries:
    """How a network is made.

    Attributes:
        method: What a recipe calls this.
        hidden: Number of hidden neurons.
        dt: A tick, seconds; signals are looked at once a tick.
        frame: From one value of a band to the next, seconds.
        change: The change of a band that is a spike, in the data's unit.
        time_constants: Pairs of membrane and synaptic time constants to choose from, seconds.
        longest_delay: Seconds.
        profile: Signals are alike if their spikes are, counted in spans of so many seconds.
        memory: Time constant of the readout's membrane, seconds: earlier spikes count less.
        tail: How long after the signal's end the answer is read, seconds.
        candidates: Pairs drawn for each hidden neuron, of which those are taken that the distance favours.
        penalties: Ridge penalties to choose from, in units of the features' mean eigenvalue.
    """

    method: Literal["sampled-series"] = "sampled-series"
    hidden: int = 512
    dt: float = 0.005
    frame: float = 0.01
    change: float = 0.1
    time_constants: tuple[tuple[float, float], ...] = ((0.02, 0.01), (0.05, 0.02), (0.1, 0.05))
    longest_delay: float = 0.15
    profile: float = 0.1
    memory: float = 2.0
    tail: float = 0.05
    candidates: int = 4
    penalties: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.candidates < 1:
            raise UsageError(
                f"{self.hidden} hidden neurons with {self.candidates} candidates each were asked for; "
                "both must be 1 or more"
            )
        taus = [tau for pair in self.time_constants for tau in pair]
        lengths = (self.dt, self.frame, self.change, self.profile, self.memory, *taus)
        if not taus or not all(0 < x < np.inf for x in lengths) or self.dt > self.frame:
            raise UsageError(
                f"ticks of {self.dt} s, frames of {self.frame} s, change {self.change}, a profile of "
                f"{self.profile} s, a memory of {self.memory} s and time constants {self.time_constants} "
                "were asked for; all must be positive and finite, and a tick no longer than a frame"
            )
        if not (0 <= self.longest_delay < np.inf and 0 <= self.tail < np.inf):
            raise UsageError(
                f"a longest delay of {self.longest_delay} s and a tail of {self.tail} s were asked for; "
                "neither must be negative"
            )

    def encoding(self, data: Dataset) -> DeltaEncoding:
        """How the samples of a data set, frames by bands, become spikes."""
        if len(data.shape) != 2:
            raise UsageError(
                f"data set {data.name} has samples of shape {data.shape}, but signals of frames by bands are "
                "needed"
            )
        frames, bands = data.shape
        duration = frames * self.frame + self.tail
        return DeltaEncoding(BANDS, bands, frames, self.frame, self.dt, self.change, duration)


@dataclass(frozen=True, eq=False)
class SampledSeriesNetwork:
    """A network and what its training knew of it.

    Attributes:
        network: In float ticks.
        readout: The fit; its features are those of `SeriesFeatures`.
        groups: Hidden neurons by time constant and size of weights.
        spikes: Spikes of a hidden neuron in a sample, mean over the training samples.
        events: Input spikes of a sample, mean over the training samples.
    """

    network: Network
    readout: LinearReadout
    groups: tuple[SeriesLayer, ...]
    spikes: float
    events: float

    @property
    def figures(self) -> dict[str, float]:
        """What a recipe tells of it."""
        return {"input_spikes": self.events, "hidden_spikes": self.spikes}

    def scores(self, samples: FloatArray | StoredSamples) -> FloatArray:
        """The readout's membrane at the end, ``(n_samples, n_classes)``, for the spikes of the CPU engine."""
        ask = SeriesFeatures(self.network, find_backend("cpu"))
        found = [f @ self.readout.weights for f in ask.pieces(samples)]
        return np.concatenate(found) + self.readout.bias


def sampled_series(data: Dataset, options: SampledSeries, rng: np.random.Generator) -> SampledSeriesNetwork:
    """Train a network on labelled signals, which are read, and become spikes, some at a time.

    Raises:
        UsageError: The data are no signals of frames by bands, or have too few pairs of samples that differ
            in spikes and class.
    """
    encoding = options.encoding(data)
    groups = sample_groups(data, options, encoding, rng)
    silent = LinearReadout(np.zeros((options.hidden, data.n_classes)), np.zeros(data.n_classes), 1.0, 0.0, 0)
    leak = Constants.of(options.memory, 0.0, options.dt)
    ask = SeriesFeatures(series_network(groups, silent, encoding, leak), find_backend("cpu"))
    targets = _in_pieces(data.labels, np.eye(data.n_classes))
    pieces = zip(ask.pieces(data.samples), targets, strict=True)
    readout = fit_pieces(pieces, data.n_samples, options.penalties)
    return SampledSeriesNetwork(
        network=series_network(groups, readout, encoding, leak),
        readout=readout,
        groups=tuple(groups),
        spikes=ask.n_spikes / (options.hidden * data.n_samples),
        events=ask.n_input_spikes / data.n_samples,
    )


def sample_groups(
    data: Dataset, options: SampledSeries, encoding: DeltaEncoding, rng: np.random.Generator
) -> list[SeriesLayer]:
    """Draw the hidden neurons, of many samples from `_DRAWN` of them."""
    drawn = np.arange(data.n_samples)
    if data.n_samples > _DRAWN:
        drawn = np.sort(rng.choice(data.n_samples, _DRAWN, replace=False))
    n_ticks, span = n_ticks_of(encoding), max(1, round(options.profile / options.dt))
    alike = np.concatenate(
        [
            profiles(_given(encoding, data.samples[drawn[at : at + _PIECE]]), span, n_ticks)
            for at in range(0, drawn.size, _PIECE)
        ]
    )
    pairs = draw_pairs(alike, data.labels[drawn], options.hidden, options.candidates, rng)
    choices = [Constants.of(*taus, options.dt) for taus in options.time_constants]
    a, b = (rasters(_given(encoding, data.samples[drawn[chosen]]), n_ticks) for chosen in pairs)
    return series_layers(a, b, choices, round(options.longest_delay / options.dt), rng)


def profiles(given: Events, span: int, n_ticks: int) -> FloatArray:
    """Spikes of each input in each span of ticks, ``(n_samples, n_spans * n_inputs)``."""
    n_spans = -(-n_ticks // span)
    place = (given.sample_of_event() * n_spans + given.times // span) * given.n_neurons + given.neurons
    size = given.n_samples * n_spans * given.n_neurons
    return np.bincount(place, minlength=size).reshape(given.n_samples, -1).astype(np.float64)


class SeriesFeatures:
    """What spikes of hidden neurons leave in a readout that weighs each of them one.

    Attributes:
        n_spikes: Of hidden neurons in all samples so far.
        n_input_spikes: Of inputs.
    """

    def __init__(self, network: Network, backend: Backend) -> None:
        self._engine = backend.prepare(Program(network, load_target("ideal")))
        self._hidden = [p.name for p in network.populations if p.name.startswith(HIDDEN)]
        assert isinstance(network.encoding, DeltaEncoding)
        self._n_ticks = n_ticks_of(network.encoding)
        readout = network.population(READOUT).neuron
        assert isinstance(readout, CubaTicks)
        decays = (float(np.asarray(readout.decay_u)), float(np.asarray(readout.decay_v)))
        self._kernel = membrane_kernel(*(1.0 - d / 4096 for d in decays), self._n_ticks).left
        self._encoding = network.encoding
        self.n_spikes = self.n_input_spikes = 0

    def pieces(self, samples: FloatArray | StoredSamples) -> Iterator[FloatArray]:
        """Features of some samples at a time, ``(n, n_hidden)``."""
        for first in range(0, len(samples), _PIECE):
            some = _given(self._encoding, samples[first : first + _PIECE])
            spikes = self._engine.run({BANDS: some}, self._n_ticks).spikes
            self.n_input_spikes += some.n_events
            self.n_spikes += sum(spikes[name].n_events for name in self._hidden)
            yield np.hstack([self._of(spikes[name]) for name in self._hidden])

    def _of(self, spikes: Events) -> FloatArray:
        since = self._n_ticks - 2 - spikes.times  # a spike of tick k arrives in tick k + 1
        seen = since >= 0
        place = (spikes.sample_of_event() * spikes.n_neurons + spikes.neurons)[seen]
        size = spikes.n_samples * spikes.n_neurons
        summed = np.bincount(place, weights=self._kernel[since[seen]], minlength=size)
        return summed.reshape(spikes.n_samples, spikes.n_neurons)


def n_ticks_of(encoding: DeltaEncoding) -> int:
    """Length of a sample."""
    return round(encoding.duration / encoding.step) + 1


def series_network(
    groups: Sequence[SeriesLayer], readout: LinearReadout, encoding: DeltaEncoding, leak: Constants
) -> Network:
    """The network of hidden neurons and a readout, in float ticks.

    Args:
        groups: Hidden neurons.
        readout: How their spikes are read.
        encoding: How signals become spikes.
        leak: The readout's constants; its current lasts one tick.
    """
    names = [f"{HIDDEN}{k}" for k in range(1, len(groups) + 1)]
    left = (1.0 - leak.decay_v / 4096) ** np.arange(n_ticks_of(encoding))
    bias = readout.bias / left.sum()  # of every tick
    populations = [Population(BANDS, Source(), (2, encoding.bands))]
    projections, first = [], 0
    for name, group in zip(names, groups, strict=True):
        n, c = len(group.weights), group.constants
        populations.append(Population(name, CubaTicks(c.decay_u, c.decay_v, 1.0), (n,)))
        delays = Delays(group.delays, DelayKind.SYNAPTIC)
        projections += [
            Projection(f"{BANDS}-{name}", BANDS, name, Dense(group.weights), delays),
            Projection(f"{name}-{READOUT}", name, READOUT, Dense(readout.weights[first : first + n].T)),
        ]
        first += n
    neuron = CubaTicks(leak.decay_u, leak.decay_v, np.inf, bias)
    return Network(
        populations=(*populations, Population(READOUT, neuron, bias.shape)),
        projections=tuple(projections),
        inputs=(BANDS,),
        outputs=(READOUT,),
        clock=Ticks(encoding.step, LOIHI),
        encoding=encoding,
        decoding=Decoding(READOUT, Readout.MEMBRANE),
    )


def rasters(given: Events, n_ticks: int) -> FloatArray:
    """Spikes of samples, 0 or 1, ``(n_samples, n_ticks, n_inputs)``."""
    found = np.zeros((given.n_samples, n_ticks, given.n_neurons))
    found[given.sample_of_event(), given.times, given.neurons] = 1.0
    return found


def _given(encoding: DeltaEncoding, samples: FloatArray) -> Events:
    """Input spikes of samples, in ticks."""
    return encode(encoding, samples)[BANDS].to_ticks(encoding.step)


def _in_pieces(labels: IntArray, targets: FloatArray) -> Iterator[FloatArray]:
    return (targets[labels[first : first + _PIECE]] for first in range(0, len(labels), _PIECE))
