"""How good a program's numbers are: grids, clipped weights, errors in steps, answers that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from spikec.answers import Accuracy, Discordant, accuracy_of, discordant
from spikec.arrays import FloatArray, IntArray
from spikec.blame.blame import Blame
from spikec.blame.numbers import StoredProjection
from spikec.blame.stored import Stored
from spikec.ir.fixed_point import Sign
from spikec.pairing import pair_spikes
from spikec.result import RunResult
from spikec.spike_times import SpikeTimes, seconds, spike_times


@dataclass(frozen=True)
class ProjectionFigures:
    """The weights of one projection of a program.

    Attributes:
        name: In the program.
        projection: In the network.
        n_synapses: Stored.
        bits: Of a mantissa.
        sign: Which signs the mantissas may have.
        exponent: Power of two that all are multiplied with.
        step: Distance between two weights that exist, in what a spike adds to the membrane (or its current)
            in a tick, the user's units; the mean over neurons.
        clipped: Share of the weights that lie beyond the grid.
        to_zero: Share of the weights other than zero that became zero, stored or left out.
        error_rms: Error of a weight, root of the mean square, in steps.
        error_max: The largest.
    """

    name: str
    projection: str
    n_synapses: int
    bits: int
    sign: str
    exponent: int
    step: float
    clipped: float
    to_zero: float
    error_rms: float
    error_max: float


@dataclass(frozen=True)
class PopulationFigures:
    """The numbers of one population of current-based neurons.

    Attributes:
        name: By the user's name.
        scale: Integer membrane units that make one of the user's, the smallest and the largest.
        threshold_error: Largest error of a threshold, as a share of it.
        bias_error: Largest error of a bias, membrane units a tick, as a share of the threshold.
        current_decay_error: Largest error of what a tick leaves of the current.
        membrane_decay_error: Of the membrane.
    """

    name: str
    scale: tuple[float, float]
    threshold_error: float | None
    bias_error: float | None
    current_decay_error: float
    membrane_decay_error: float


@dataclass(frozen=True, eq=False)
class Quantisation:
    """All that is known of what quantisation did.

    Attributes:
        projections: The weights.
        populations: The neurons.
        weights: For each projection of the network its real weights and what is stored, in tick units, both
            ``(n_synapses,)``.
        times: Spike times of the program against the float network's; None without a run.
        order_changes: For each population, neighbours in the float network's order of spikes in a sample that
            come in the other order, and how many neighbours there are.
        accuracy_float: Of the float network, if known.
        accuracy_compiled: Of the program.
        discordant: The samples that decide between them.
        blame: Part by part; None if nobody asked.
        samples: What both ran on; None without a run.
        seen: Whether passes decided from these samples, so that others may be answered worse.
    """

    projections: tuple[ProjectionFigures, ...]
    populations: tuple[PopulationFigures, ...]
    weights: dict[str, tuple[FloatArray, FloatArray]]
    times: SpikeTimes | None = None
    order_changes: dict[str, tuple[int, int]] | None = None
    accuracy_float: Accuracy | None = None
    accuracy_compiled: Accuracy | None = None
    discordant: Discordant | None = None
    blame: Blame | None = None
    samples: str | None = None
    seen: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names, the weights themselves left out."""

        def plain(x: Any) -> Any:
            return None if x is None else asdict(x)

        return {
            "projections": [asdict(q) for q in self.projections],
            "populations": [asdict(p) for p in self.populations],
            "times": None if self.times is None else self.times.to_json(),
            "order_changes": self.order_changes,
            "accuracy_float": plain(self.accuracy_float),
            "accuracy_compiled": plain(self.accuracy_compiled),
            "discordant": plain(self.discordant),
            "blame": None if self.blame is None else self.blame.to_json(),
            "samples": self.samples,
            "seen": self.seen,
        }


def figures(
    both: Stored,
    runs: tuple[RunResult, RunResult] | None = None,
    found: Blame | None = None,
    samples: str | None = None,
    seen: bool = False,
) -> Quantisation:
    """Bring together what is known.

    Args:
        both: The network and its program.
        runs: Runs of the one and of the other on the same samples.
        found: The blame.
        samples: What these samples are called.
        seen: Whether passes decided from them.
    """
    real = {q.name: _real_weights(both, q.name) for q in both.network.projections}
    lost = _left_out(both, real)
    numbers = Quantisation(
        projections=tuple(_of_projection(s, real[s.projection], lost[s.name]) for s in both.projections),
        populations=tuple(_of_population(both, name) for name in both.neurons),
        weights={name: (weights, both.weights[name]) for name, weights in real.items()},
        blame=found,
        samples=samples,
        seen=seen,
    )
    if runs is None:
        return numbers
    exact, compiled = runs
    return replace(
        numbers,
        times=spike_times(exact, compiled),
        order_changes=_order_changes(exact, compiled),
        accuracy_float=accuracy_of(exact.meta),
        accuracy_compiled=accuracy_of(compiled.meta),
        discordant=_discordant(exact, compiled),
    )


def _real_weights(both: Stored, name: str) -> FloatArray:
    q = next(q for q in both.ticks.projections if q.name == name)
    return np.asarray(q.connectivity.stored(), np.float64)


def _left_out(both: Stored, real: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """For each projection of the program the weights, in its mantissas, of which rounding left nothing.

    A synapse that is stored nowhere belongs to the first part of its projection that could hold its sign.
    """
    found: dict[str, FloatArray] = {s.name: np.zeros(0) for s in both.projections}
    for q in both.network.projections:
        parts = [s for s in both.projections if s.projection == q.name]
        lost = real[q.name] != 0
        for s in parts:
            lost[s.synapses] = False
        _, post = q.connectivity.synapses()
        for s in parts:
            signs = {Sign.EXCITATORY: real[q.name] > 0, Sign.INHIBITORY: real[q.name] < 0}
            mine = np.flatnonzero(lost & signs.get(s.format.sign, lost))
            found[s.name] = real[q.name][mine] / _unit_at(s, post[mine], q.connectivity.n_post)
            lost[mine] = False
    return found


def _unit_at(s: StoredProjection, posts: IntArray, n_post: int) -> FloatArray:
    """What a mantissa of one is for some neurons; the mean where none of their synapses is stored."""
    unit = np.full(n_post, np.mean(s.unit) if s.unit.size else 1.0)
    unit[s.posts] = s.unit
    return unit[posts]


def _of_projection(s: StoredProjection, real: FloatArray, left_out: FloatArray) -> ProjectionFigures:
    form = s.format
    wanted = np.concatenate([real[s.synapses] * s.share / s.unit, left_out])
    mantissas = np.concatenate([s.mantissas, np.zeros(left_out.size, np.int64)])
    error = (mantissas - wanted) / form.step
    beyond = (wanted > form.maximum + form.step / 2) | (wanted < form.minimum - form.step / 2)
    nonzero = wanted != 0
    n = wanted.size
    return ProjectionFigures(
        name=s.name,
        projection=s.projection,
        n_synapses=s.mantissas.size,
        bits=form.bits,
        sign=form.sign.value,
        exponent=form.exponent,
        step=float(np.mean(s.unit)) * form.step if s.unit.size else 0.0,
        clipped=float(np.mean(beyond)) if n else 0.0,
        to_zero=float(np.mean(mantissas[nonzero] == 0)) if nonzero.any() else 0.0,
        error_rms=float(np.sqrt(np.mean(error**2))) if n else 0.0,
        error_max=float(np.max(np.abs(error), initial=0.0)),
    )


def _of_population(both: Stored, name: str) -> PopulationFigures:
    kept, exact = both.neurons[name], both.exact[name]
    finite = np.isfinite(kept.threshold)
    wanted = np.broadcast_to(exact.threshold, kept.threshold.shape)[finite]
    threshold_error = bias_error = None
    if finite.any() and np.all(wanted != 0):
        threshold_error = float(np.max(np.abs(kept.threshold[finite] / wanted - 1)))
        bias = np.broadcast_to(exact.bias, kept.bias.shape)
        bias_error = float(np.max(np.abs(kept.bias - bias)[finite] / np.abs(wanted)))
    return PopulationFigures(
        name=name,
        scale=(float(np.min(kept.scale)), float(np.max(kept.scale))),
        threshold_error=threshold_error,
        bias_error=bias_error,
        current_decay_error=float(np.max(np.abs(kept.alpha - exact.alpha))),
        membrane_decay_error=float(np.max(np.abs(kept.beta - exact.beta))),
    )


def _order_changes(a: RunResult, b: RunResult) -> dict[str, tuple[int, int]]:
    """How many neighbours among the spikes of a sample change places, and how many there are."""
    found = {}
    for name in a.spikes:
        if name not in b.spikes or a.spikes[name].n_neurons != b.spikes[name].n_neurons:
            continue
        of_a, of_b = a.spikes[name], b.spikes[name]
        in_a, in_b = pair_spikes(of_a, of_b)
        times_a, times_b = seconds(a, name, of_a)[in_a], seconds(b, name, of_b)[in_b]
        sample = of_a.sample_of_event()[in_a]
        order = np.lexsort((times_a, sample))
        apart = (np.diff(sample[order]) == 0) & (np.diff(times_a[order]) > 0)
        found[name] = (int(np.sum(apart & (np.diff(times_b[order]) < 0))), int(np.sum(apart)))
    return found


def _discordant(a: RunResult, b: RunResult) -> Discordant | None:
    labels = tuple(a.meta.get("labels") or ())
    answers = [tuple(run.meta.get("predictions") or ()) for run in (a, b)]
    if not labels or any(len(x) != len(labels) for x in answers):
        return None
    return discordant(answers[0], answers[1], labels)
