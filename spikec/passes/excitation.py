r"""How far inputs move a membrane, and so what errors of their weights cost.

Errors :math:`\delta_i` of a neuron's weights move its membrane by :math:`\sum_i \delta_i x_i`, where
:math:`x_i` is what the spikes of input i have left in it (`spikec.ir.kernels`). Its mean square,
:math:`\delta^T H \delta` with :math:`H = E[x x^T]`, is what rounding should keep small. Errors of equal sign
add up, for all inputs excite: that is why their sum counts more than their sizes.

With calibration data H is measured when the neurons spike. Without, each input is taken to spike once, at any
time of the sample, whatever the others do: :math:`H = diag(\sigma^2) + \mu \mu^T`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.calibration import Calibration
from spikec.inputs import in_own_time
from spikec.ir.convolution import Convolution
from spikec.ir.divided import repeats
from spikec.ir.kernels import membrane_kernel
from spikec.ir.network import Population, Projection
from spikec.ir.neurons import CubaTicks, QifExp
from spikec.ir.synapses import Dense
from spikec.program import Program

ASSUMED_TICKS = 64
"""Length of a sample of which nothing is said."""

MOST_CORRELATED = 4096
"""Inputs of a projection up to which correlations are measured."""

MOMENTS = (0.1, 0.35, 0.65, 0.9)
"""When membranes are looked at: quantiles of the times at which their neurons spike."""


@dataclass(frozen=True, eq=False)
class Excitation:
    """What is left of the inputs' spikes in a membrane: mean and spread.

    Attributes:
        mean: Of each input, in the membrane's unit for a weight of one, ``(n_pre,)``.
        variance: Likewise, ``(n_pre,)``, above zero.
        moments: H, ``(n_pre, n_pre)``, positive definite, if correlations are known.
        parts: Into how many neurons each input is divided, of which one spikes in a sample.
    """

    mean: FloatArray
    variance: FloatArray
    moments: FloatArray | None = None
    parts: int = 1


@dataclass(frozen=True, eq=False)
class Rows:
    """Which entries of a projection's weights belong to one neuron, or to one channel of a convolution.

    Attributes:
        row: Of each entry, in the weights' flat order, ``(n_entries,)``.
        mean: Excitation of each entry's input, ``(n_entries,)``.
        variance: Likewise.
    """

    row: IntArray
    mean: FloatArray
    variance: FloatArray

    def cost(self, errors: FloatArray) -> float:
        """Mean square of what errors of the weights do to membranes, summed over rows.

        Args:
            errors: Of each entry, ``(n_entries,)``.
        """
        common = np.bincount(self.row, errors * self.mean) if self.row.size else np.zeros(0)
        return float(np.sum(common**2) + np.sum(errors**2 * self.variance))


def rows(q: Projection, excitation: Excitation) -> Rows:
    """The rows of a projection; every entry of a kernel sees the mean over its channel's pixels."""
    c = q.connectivity
    if not isinstance(c, Convolution):
        pre, post = c.synapses()
        return Rows(post, excitation.mean[pre], excitation.variance[pre])
    c_out, c_read = c.weights.shape[:2]
    channel = np.arange(c_out)[:, None] // (c_out // c.groups) * c_read + np.arange(c_read)
    window = int(np.prod(c.weights.shape[2:]))
    mean, variance = (
        np.repeat(a.reshape(c.input_shape[0], -1).mean(axis=1)[channel].ravel(), window)
        for a in (excitation.mean, excitation.variance)
    )
    return Rows(np.repeat(np.arange(c_out), c_read * window), mean, variance)


def assumed(program: Program, q: Projection) -> Excitation:
    """What is to be expected without data."""
    kernel = _kernel(program.network.population(q.post), program.n_ticks or ASSUMED_TICKS, program.network.dt)
    full, parts = np.ones(q.connectivity.n_pre), _parts(program, q)
    mean = float(kernel.mean()) / parts
    variance = max(float(np.mean(kernel**2)) / parts - mean**2, 1e-3 * mean**2)
    return Excitation(full * mean, full * variance, parts=parts)


def measured(program: Program, q: Projection, calibration: Calibration) -> Excitation | None:
    """What samples show; None for inputs that the float network had not, or that never spiked."""
    times, post = first_ticks(program, q.pre, calibration), program.network.population(q.post)
    if times is None or not np.isfinite(times).any():
        return None
    n_ticks = program.n_ticks or ASSUMED_TICKS
    kernel = np.concatenate([[0.0], _kernel(post, n_ticks, program.network.dt)])
    pre, _ = q.connectivity.synapses()
    n = np.maximum(np.bincount(pre, minlength=q.connectivity.n_pre), 1)
    delay = np.bincount(pre, q.delays.per_synapse(q.connectivity), minlength=n.size) / n
    looked = np.array(_moments(program, q.post, calibration, n_ticks))[:, None, None]
    since = np.maximum(looked - np.rint(times) - delay, -1.0)  # -1 before they come, and if they never do
    x = kernel[np.minimum(since + 1, n_ticks).astype(int)].reshape(-1, n.size)
    least = 1e-2 * float(np.mean(x**2))
    if not least:
        return None
    correlated = isinstance(q.connectivity, Dense) and q.connectivity.n_pre <= MOST_CORRELATED
    moments = x.T @ x / len(x) + least * np.eye(x.shape[1]) if correlated else None
    return Excitation(x.mean(axis=0), x.var(axis=0) + least, moments, _parts(program, q))


def _kernel(population: Population, n_ticks: int, dt: float) -> FloatArray:
    """What is left of an arrival after 0, 1, ... ticks; `Theta` is taken to keep it until it spikes."""
    k = population.neuron
    if isinstance(k, CubaTicks):
        r, b = (1 - float(np.median(np.asarray(d))) / 4096 for d in (k.decay_u, k.decay_v))
    elif isinstance(k, QifExp):
        b = float(np.exp(-dt / np.median(np.asarray(k.tau))))
        r = b * b
    else:
        return np.concatenate([np.zeros(n_ticks // 2), np.ones(n_ticks - n_ticks // 2)])
    return membrane_kernel(r, b, n_ticks - 1).left


def first_ticks(program: Program, name: str, calibration: Calibration) -> FloatArray | None:
    """First spikes of a population of the program in its ticks, ``(n_samples, n)``, infinite for none.

    None for a population that the float network had not.
    """
    for whole, parts in program.shards.items():
        for part in parts:
            if part.population == name and whole in calibration.spikes:
                return _on_clock(program, whole, calibration)[:, part.neurons]
    return _on_clock(program, name, calibration) if name in calibration.spikes else None


def _on_clock(program: Program, name: str, calibration: Calibration) -> FloatArray:
    """First spikes, as late as the program's are; of a divided input, of the neuron that has each."""
    if any(p.is_divided for p in program.network.populations if p.name == name):
        (events,) = in_own_time(program.network, {name: calibration.spikes[name]}).values()
        return events.first_times()
    return calibration.first_times(name) / program.network.dt + program.late.get(name, 0.0)


def _parts(program: Program, q: Projection) -> int:
    """Into how many neurons each input is divided whose spikes a projection brings, directly or by relays."""
    origin = repeats(program.network, q.pre)
    return 1 if origin is None else program.network.population(origin[0]).shape[0]


def _moments(program: Program, name: str, calibration: Calibration, n_ticks: int) -> list[float]:
    """When the membranes of a population matter, in ticks."""
    times = first_ticks(program, name, calibration)
    if times is None or not np.isfinite(times).any():
        return [float(n_ticks)]
    return [float(t) for t in np.quantile(times[np.isfinite(times)], MOMENTS)]
