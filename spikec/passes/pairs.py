r"""`Theta` and `QifExp` in a chip's integers: weights to mantissas, angles to coefficients, states to pairs.

A pair's own unit is free (`spikec.ir.fixed_neurons`), so the scale s of the weights, in weight units a unit
of V or I, is only bound by their format: the widest projection fills its mantissas, and the narrowest has an
exponent of 0 if it can. Nothing that is summed is then cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import Violation
from spikec.ir.bounds import M
from spikec.ir.fixed_neurons import PAIR_BITS, QifFixed, ThetaFixed
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import QifExp, Theta
from spikec.passes.integers import reach
from spikec.passes.weight_fit import WeightFit
from spikec.targets.target import Formats

ONE = 1 << PAIR_BITS
LARGEST = (1 << 15) - 1
"""The largest coefficient."""

MOST_ERROR = 0.05
"""Part of the angle of a tick, or of the rate at which a current decays, by which rounding may miss it."""


def quantize_pairs(network: Network, p: Population, fit: WeightFit) -> tuple[Network, float]:
    """Put one population of `Theta` or `QifExp` and its incoming weights into integers.

    Args:
        network: In ticks.
        p: One of its populations.
        fit: How weights become mantissas.

    Returns:
        The network with both exchanged, and the scale s.
    """
    incoming = network.incoming(p.name)
    s = fit.scale(p, incoming, widest_scale(incoming, fit.formats, fit.bits))
    fixed = fit.fixed(incoming, s)
    neuron = fixed_pair(p, s, network.dt)
    return network.with_projections(fixed).with_populations({p.name: replace(p, neuron=neuron)}), s


def fixed_pair(p: Population, s: float, dt: float) -> ThetaFixed | QifFixed:
    """The integer form of a population at a scale."""
    if isinstance(p.neuron, Theta):
        return _theta(p.neuron, s, dt)
    assert isinstance(p.neuron, QifExp)
    return _qif(p.neuron, s, dt)


def widest_scale(incoming: tuple[Projection, ...], formats: Formats, bits: int) -> float:
    """The scale at which the widest projection fills its mantissas, and the narrowest needs no exponent."""
    reaches = [r for r in (reach(q, bits) for q in incoming) if r > 0]
    if not reaches:
        return 1.0
    spread = int(np.ceil(np.log2(max(reaches) / min(reaches)) - 1e-9))
    return float(2.0 ** min(spread, formats.weight_exponent_max.value) / max(reaches))


def pair_errors(real: Population, p: Population, s: float, dt: float) -> dict[str, object]:
    """A population's scale, what rounding did to the angle of a tick or to its decay, and where I stops."""
    figures: dict[str, object] = {f"{p.name}.scale": s}
    if isinstance(real.neuron, Theta):
        figures[f"{p.name}.angle_error"] = _rounding_error(real, p, dt)
        figures[f"{p.name}.ticks_per_period"] = float(np.min(real.neuron.period) / dt)
    else:
        figures[f"{p.name}.decay_error"] = _rounding_error(real, p, dt)
        figures[f"{p.name}.largest_current"] = M / (64 * s)
    return figures


def _rounding_error(real: Population, p: Population, dt: float) -> float:
    """The largest relative error of the angle of a tick, or of the rate at which I decays."""
    if isinstance(p.neuron, ThetaFixed):
        assert isinstance(real.neuron, Theta)
        k = p.neuron
        got = np.arctan(np.sqrt(np.asarray(k.sin_a) * np.asarray(k.sin_b)) / np.asarray(k.cos))
        wanted = np.pi * dt / real.neuron.period
    else:
        assert isinstance(p.neuron, QifFixed)
        assert isinstance(real.neuron, QifExp)
        got = -np.log(1 - (np.asarray(p.neuron.du) + 1) / 4096)
        wanted = 2 * dt / np.asarray(real.neuron.tau)
    return float(np.max(np.abs(got / wanted - 1)))


def unstorable_pair(real: Population, p: Population, dt: float) -> Iterator[Violation]:
    """What of a population has no integer form.

    Args:
        real: The population in float ticks.
        p: What became of it.
        dt: Length of a tick, seconds.
    """
    k = real.neuron
    assert isinstance(k, Theta | QifExp)
    if k.one_spike:
        advice = "allow several spikes"
        yield Violation("one spike a sample", real.name, "neurons that go on spiking", "none", advice)
    longest = float(np.min(k.period)) / 2 if isinstance(k, Theta) else float(np.min(np.asarray(k.tau)))
    if dt >= longest:
        what = "half the period" if isinstance(k, Theta) else "tau"
        yield Violation(
            "tick", real.name, f"{dt:g} s", f"less than {longest:g} s, {what}", "use a finer --dt"
        )
        return
    error = _rounding_error(real, p, dt)
    if error > MOST_ERROR:
        what = "angle of a tick" if isinstance(k, Theta) else "decay of a tick"
        got, limit = f"wrong by {100 * error:.3g} %, as ticks are short", f"at most {100 * MOST_ERROR:g} %"
        yield Violation(what, real.name, got, limit, "use a coarser --dt")


def _theta(k: Theta, s: float, dt: float) -> ThetaFixed:
    unit = s * k.radius
    shift = np.clip(np.rint(np.log2(unit)), 0, 31).astype(np.int64)
    stretch = unit / 2.0**shift
    slope = np.tan(np.minimum(np.pi * dt / k.period, 1.5))
    cos, sin_a, sin_b = coefficients(stretch * slope, slope / stretch)
    angle = np.pi * np.asarray(k.phase) / k.period
    a, b = pair_of(-stretch * np.cos(angle), np.maximum(np.sin(angle), 0.0))
    return ThetaFixed(cos, sin_a, sin_b, a, b, shift)


def _qif(k: QifExp, s: float, dt: float) -> QifFixed:
    left = np.exp(-dt / np.asarray(k.tau, np.float64))
    turn = np.clip(np.rint(ONE * (1 - left)), 1, ONE)
    stretch = ONE * (1 - left) / turn
    gain = ONE * stretch * (1 - left) / (64 * s)
    shift = np.clip(PAIR_BITS - np.floor(np.log2(gain)), 0, 47)
    du = np.clip(np.rint(4096 * (1 - left**2)) - 1, 0, 4094)
    started = 64 * s * np.asarray(k.i_init) / (1 - (du + 1) / 4096)
    a, b = pair_of(stretch * np.asarray(k.v_init, np.float64), np.ones(()))
    return QifFixed(
        du=du.astype(np.int64),
        gain=np.minimum(np.rint(gain * 2.0**shift), LARGEST).astype(np.int64),
        shift=shift.astype(np.int64),
        turn=turn.astype(np.int64),
        keep=np.maximum(np.rint(ONE * left), 1).astype(np.int64),
        a_init=a,
        b_init=b,
        u_init=np.clip(np.rint(started), 1 - M, M - 1).astype(np.int64),
    )


def coefficients(a: FloatArray, b: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """Integers up to 32767 in the ratio 1 to `a` to `b`, as near as there are; the same shape for each."""
    ratios, where = np.unique(np.stack(np.broadcast_arrays(a, b)).reshape(2, -1), axis=1, return_inverse=True)
    found = np.array([_nearest(float(x), float(y)) for x, y in ratios.T], np.int64)
    shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    first, second, third = (found[where.ravel(), k].reshape(shape) for k in range(3))
    return first, second, third


def _nearest(a: float, b: float) -> tuple[int, int, int]:
    highest = int(LARGEST / max(1.0, a, b))
    one = np.arange(max(highest // 2, 1), highest + 1)
    first, second = np.maximum(np.rint(one * a), 1), np.maximum(np.rint(one * b), 1)
    error = np.maximum(np.abs(first / (one * a) - 1), np.abs(second / (one * b) - 1))
    best = int(np.argmin(error))
    return int(one[best]), int(first[best]), int(second[best])


def pair_of(a: FloatArray, b: FloatArray) -> tuple[IntArray, IntArray]:
    """The integers nearest to a pair whose larger number is 2**14."""
    largest = np.maximum(np.abs(a), b)
    return np.rint(ONE * a / largest).astype(np.int64), np.rint(ONE * b / largest).astype(np.int64)
