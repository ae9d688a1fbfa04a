"""What benchmarks A and B compute, the same for every simulator: networks, inputs, right answers.

Only numpy: peers' environments have no spikec.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

N_TICKS = 100
CURRENT_DECAY, MEMBRANE_DECAY = 1024, 512
"""What a tick takes from current and membrane, of 4096."""

CALIBRATION_SAMPLES = 20
OUTPUT_RATE = 0.05
N_CHECKED = 100
"""Samples whose answers are known."""

LARGEST_WEIGHT = 126
"""Of eight bits, even: Loihi drops the lowest bit of weights of both signs."""


TICK_CASES = {
    "784-256-10/5%": ((784, 256, 10), 0.05),
    "784-256-10/1%": ((784, 256, 10), 0.01),
    "784-256-10/20%": ((784, 256, 10), 0.2),
    "784-1000-1000-10/5%": ((784, 1000, 1000, 10), 0.05),
}
"""Sizes of benchmark A, and the probability that a neuron spikes in a tick."""


@dataclass(frozen=True, eq=False)
class TickLayers:
    r"""Benchmark A: layers of CUBA-LIF neurons in Loihi arithmetic, and their input.

    .. math:: u &\leftarrow d(u, 1024) + 64 \sum_i w_i s_i \qquad v \leftarrow d(v, 512) + u \\
        d(x, k) &= \mathrm{sgn}(x) \lfloor |x| (4096 - k) / 4096 \rfloor

    A neuron spikes where v > 64 times its threshold, and v becomes 0.

    Attributes:
        weights: One matrix a layer, ``(n_post, n_pre)``, even whole numbers of 8 bits.
        thresholds: One a layer.
        raster: Spikes of the input, ``(n_samples, n_ticks, n_in)``, bool.
        counts: Spikes of the outputs in the first samples, ``(n_checked, n_out)``; hops take no time.
        synaptic_events: Of a sample, mean of the first ones.
        neuron_updates: Of a sample.
    """

    weights: tuple[np.ndarray, ...]
    thresholds: tuple[int, ...]
    raster: np.ndarray
    counts: np.ndarray
    synaptic_events: float
    neuron_updates: int

    @property
    def n_samples(self) -> int:
        """Samples of the input."""
        return len(self.raster)

    def agreement(self, counts: np.ndarray) -> dict[str, float]:
        """How output counts, ``(n, n_out)``, agree with the right ones of those samples that are known."""
        got = np.asarray(counts, np.int64)[: len(self.counts)]
        right = self.counts[: len(got)]
        return {
            "checked_samples": len(got),
            "exact_samples": float((got == right).all(axis=1).mean()),
            "same_answers": float((got.argmax(axis=1) == right.argmax(axis=1)).mean()),
            "spikes_to_right_spikes": float(got.sum() / right.sum()),
            "mean_count_error": float(np.abs(got - right).mean()),
        }


def tick_layers(
    sizes: Sequence[int], p: float, n_samples: int, n_ticks: int = N_TICKS, seed: int = 0
) -> TickLayers:
    """The network, its thresholds set so that hidden neurons spike with probability p, outputs with 0.05.

    Args:
        sizes: Neurons of each layer, inputs first.
        p: Probability that an input neuron spikes in a tick.
        n_samples: How many.
        n_ticks: Of a sample's input.
        seed: Of weights and inputs.
    """
    weight_rng, input_rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    first = max(CALIBRATION_SAMPLES, min(n_samples, N_CHECKED))
    raster = input_rng.random((max(n_samples, first), n_ticks, sizes[0]), np.float32) < p
    spikes, events = raster[:first], 0.0
    weights, thresholds = [], []
    for k, (n_pre, n_post) in enumerate(pairwise(sizes), start=1):
        w = (2 * np.rint(weight_rng.normal(0, 20, (n_post, n_pre)))).astype(np.int64)
        w = np.clip(w, -LARGEST_WEIGHT, LARGEST_WEIGHT)
        events += spikes.sum() * n_post / first
        u = _currents(spikes, w)
        threshold = _threshold(u[:CALIBRATION_SAMPLES], p if k < len(sizes) - 1 else OUTPUT_RATE)
        spikes = _spikes(u, threshold)
        weights.append(w)
        thresholds.append(threshold)
    known = spikes.sum(axis=1)[: min(n_samples, N_CHECKED)]
    updates = n_ticks * sum(sizes[1:])
    return TickLayers(tuple(weights), tuple(thresholds), raster[:n_samples], known, float(events), updates)


def _decay(x: np.ndarray, loss: int) -> np.ndarray:
    return np.sign(x) * ((np.abs(x) * (4096 - loss)) >> 12)


def _currents(spikes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """u in every tick, ``(n_samples, n_ticks, n_post)``; sums are below 2^24, so float32 has them exactly."""
    sums = (spikes.astype(np.float32) @ weights.T.astype(np.float32)).astype(np.int64) << 6
    for tick in range(1, sums.shape[1]):
        sums[:, tick] += _decay(sums[:, tick - 1], CURRENT_DECAY)
    return sums


def _spikes(u: np.ndarray, threshold: int) -> np.ndarray:
    v, spikes = np.zeros_like(u[:, 0]), np.zeros(u.shape, np.bool_)
    for tick in range(u.shape[1]):
        v = _decay(v, MEMBRANE_DECAY) + u[:, tick]
        spikes[:, tick] = v > threshold << 6
        v[spikes[:, tick]] = 0
    return spikes


def _threshold(u: np.ndarray, rate: float) -> int:
    """The smallest threshold at which neurons spike with at most that probability."""
    low, high = 0, (1 << 17) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _spikes(u, middle).mean() > rate else (low, middle)
    return high


FIRST_SPIKE_SIZES = (784, 400, 10)
CHECKSUM, CHECKSUM_SAMPLES = 189.334912, 20
"""Sum of the output times of the first samples, as an independent solver found it."""


def first_spikes(n_samples: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Benchmark B: weights and input times of a network that answers with its first spikes.

    784-400-10, a spike a neuron, tau_mem 2 s, tau_syn 1 s, threshold 1. Every input spikes once, uniformly in
    the first 2 s; weights are N(6/n, 6/sqrt(n)).

    Args:
        n_samples: How many, at most 1000.

    Returns:
        Weights, ``(n_pre, n_post)`` each, and times in seconds, ``(n_samples, 784)``.
    """
    rng = np.random.default_rng(7)
    times = rng.uniform(0, 2, (1000, FIRST_SPIKE_SIZES[0]))
    rng.random(times.shape)  # the first solvers drew here which inputs are silent: none
    pairs = pairwise(FIRST_SPIKE_SIZES)
    weights = tuple(rng.normal(6.0 / n, 6.0 / np.sqrt(n), (n, m)) for n, m in pairs)
    return weights, times[:n_samples]


def checksum(times: np.ndarray) -> float:
    """Sum of the finite output times of the first samples, ``(n, 10)``."""
    first = np.asarray(times)[:CHECKSUM_SAMPLES]
    return float(first[np.isfinite(first)].sum())


@dataclass(frozen=True)
class Recurrent:
    """Benchmark C: neurons of which four fifths excite, each fed by a fixed number of them, drawn at random.

    `vogels-abbott` are current-based neurons with exponential currents: tau_m 20 ms, tau_e 5, tau_i 10,
    rest -49 mV, threshold -50, reset -60, refractory for 5 ms, weights +1.62 and -9 mV; they begin uniformly
    between reset and threshold. `brunel` are neurons whose membranes jump: tau 20 ms, threshold 20 mV, reset
    0, refractory for 2 ms, weights J = 100 / k_e mV and -5 J, and a Poisson input of twice the rate that
    reaches threshold.

    Attributes:
        model: Which of the two.
        n: Neurons.
        k: Synapses that each receives.
        rates: Between which spikes per second of a neuron lie, if the answer is right.
    """

    model: str
    n: int
    k: int
    rates: tuple[float, float]

    @property
    def n_exciting(self) -> int:
        """Neurons that excite; they come first."""
        return self.n * 4 // 5

    @property
    def k_exciting(self) -> int:
        """Synapses from those that excite, of each neuron."""
        return self.k * 4 // 5

    @property
    def jump(self) -> float:
        """J of `brunel`, mV."""
        return 100.0 / self.k_exciting

    @property
    def input_rate(self) -> float:
        """Spikes a second that a neuron of `brunel` gets from outside, all its inputs together."""
        return 2 * 20.0 / (self.jump * 0.020)

    def figures(self) -> dict[str, object]:
        """Real-time factor, and time an event, of answers `(seconds or None, spikes, biological seconds)`."""

        def spent(seconds: float, answer: tuple[float | None, int, float]) -> float:
            return seconds if answer[0] is None else answer[0]

        return {
            "real-time factor": lambda seconds, answer: spent(seconds, answer) / answer[2],
            "ns/event": lambda seconds, answer: 1e9 * spent(seconds, answer) / (answer[1] * self.k),
        }

    def check(self, answer: tuple[float | None, int, float]) -> dict[str, object]:
        """Whether the rate of such an answer is right; a short run's may lie 25 % more to the side."""
        rate, margin = answer[1] / self.n / answer[2], 0.0 if answer[2] >= 1 else 0.25
        low, high = self.rates
        return {"answer_ok": low * (1 - margin) <= rate <= high * (1 + margin), "rate_hz": rate}


DT_MS, DELAY_MS = 0.1, 1.5

RECURRENT_CASES = {
    "vogels-abbott-4000": Recurrent("vogels-abbott", 4000, 80, (4.9, 5.5)),
    "brunel-1e6": Recurrent("brunel", 10_000, 100, (42.0, 46.5)),
    "brunel-1e7": Recurrent("brunel", 10_000, 1000, (31.0, 36.5)),
}
"""Ranges hold the rates of five simulators over a second, and 5 % more to both sides."""
