r"""One tick of any float neuron, in one form.

Whatever its type, a neuron that is integrated once a tick (all but `Theta` and `QifExp`) computes

.. math:: u \leftarrow \alpha u + c + g \sum w s, \qquad
          v \leftarrow V_l + \beta (v - V_l) + u + b, \qquad v > \vartheta: \text{ spike}

and this module gives :math:`\alpha, \beta, g, b, c`. The reference interpreter runs this form, and the pass
that puts time constants on a chip starts from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.conventions import Convention, Gain, Integration
from spikec.ir.neurons import CubaLif, CubaTicks, If, IfExp, Lif, LiReadout, Neuron, Ramp

MOST_SPIKES = 1 << 16
"""Spikes of one neuron in one tick; more are an explosion."""


@dataclass(frozen=True, eq=False)
class Tick:
    r"""The coefficients of one tick, each of shape ``()`` or ``(n,)``.

    Attributes:
        alpha: What is left of the current after a tick, :math:`\alpha`.
        beta: What is left of the membrane's distance from rest, :math:`\beta`.
        gain: Membrane units per tick that a weight of one makes, :math:`g`.
        bias: :math:`b`, membrane units per tick.
        v_leak: :math:`V_l`, where the membrane rests and starts.
        threshold: :math:`\vartheta`; infinite for readouts.
        v_reset: Membrane after a spike.
        one_spike: Whether only the first spike of a sample leaves the neuron.
        current_bias: What the current gains in every tick, :math:`c`, membrane units per tick.
    """

    alpha: FloatArray
    beta: FloatArray
    gain: FloatArray
    bias: FloatArray
    v_leak: FloatArray
    threshold: FloatArray
    v_reset: FloatArray
    one_spike: bool
    current_bias: FloatArray = field(default_factory=lambda: np.zeros(()))


def tick_of(neuron: Neuron, dt: float, convention: Convention) -> Tick:
    r"""Integrate a float neuron over one tick.

    With `Integration.EULER`, decays are ``1 - dt/tau``, and bias and current act for ``dt``. With
    `Integration.EXACT` the tick is the solution of the equations: decays are ``exp(-dt/tau)``, and a current
    that starts at one moves the membrane by :math:`g = \int_0^{dt} e^{-s/\tau_s} e^{-(dt-s)/\tau_m} ds`, so
    that the membrane is right at the end of every tick if spikes fall on ticks. Only a `current_bias` comes
    one tick early: what it adds to the current during a tick is there from the tick's beginning. Where the
    convention has another `input_gain`, :math:`g` is ``dt`` or, for a step, the membrane's time constant.

    Args:
        neuron: Any float neuron that computes.
        dt: Length of the tick, seconds.
        convention: How the simulator integrates.
    """
    zero = np.zeros(())
    if isinstance(neuron, CubaTicks):
        alpha, beta = 1 - np.asarray(neuron.decay_u) / 4096, 1 - np.asarray(neuron.decay_v) / 4096
        return Tick(
            alpha,
            beta,
            np.ones(()),
            _array(neuron.bias),
            zero,
            _array(neuron.threshold),
            zero,
            neuron.one_spike,
            _array(neuron.current_bias),
        )
    assert isinstance(neuron, If | Lif | Ramp | CubaLif | IfExp | LiReadout)
    tau_mem = _array(getattr(neuron, "tau_mem", getattr(neuron, "tau", np.inf)))
    beta, held = _decay(tau_mem, dt, convention)
    alpha, gain, bias, current_bias = zero, np.ones(()), _array(neuron.bias) * held, zero
    if not isinstance(neuron, If | Lif):
        tau_syn = _array(getattr(neuron, "tau_syn", np.inf))
        alpha, held_by_current = _decay(tau_syn, dt, convention)
        exact = convention.integration is Integration.EXACT and convention.input_gain is Gain.HELD
        gain = beta * _fading(dt, 1 / tau_syn - 1 / tau_mem) if exact else np.full(tau_mem.shape, dt)
        if convention.input_gain is Gain.STEP:
            gain = np.where(np.isfinite(tau_mem), tau_mem, dt)
        drive = _array(getattr(neuron, "current_bias", 0.0))
        current_bias = gain * held_by_current * drive
        if exact and np.any(drive != 0):
            bias = bias + (held - gain) * drive * tau_syn
    return Tick(
        alpha=alpha,
        beta=beta,
        gain=gain,
        bias=bias,
        v_leak=_array(getattr(neuron, "v_leak", 0.0)),
        threshold=_array(getattr(neuron, "threshold", np.inf)),
        v_reset=_array(getattr(neuron, "v_reset", 0.0)),
        one_spike=getattr(neuron, "one_spike", False),
        current_bias=current_bias,
    )


def _decay(tau: FloatArray, dt: float, convention: Convention) -> tuple[FloatArray, FloatArray]:
    """What is left after a tick, and the effect of a constant slope of one over it."""
    if convention.integration is Integration.EULER:
        return 1 - dt / tau, np.full(tau.shape, dt)
    return np.exp(-dt / tau), _fading(dt, 1 / tau)


def taken_up(tau: FloatArray, dt: float, convention: Convention, gain: Gain) -> FloatArray:
    r"""The share of a tick's input that a low-pass of time constant :math:`\tau` takes up.

    Args:
        tau: Seconds.
        dt: Length of the tick, seconds.
        convention: How the simulator integrates.
        gain: Its habit for this input.
    """
    if gain is Gain.STEP:
        return np.ones(tau.shape)
    if gain is Gain.EULER:
        return np.asarray(dt / tau)
    _, held = _decay(tau, dt, convention)
    return np.asarray(held / tau)


def _fading(dt: float, rate: FloatArray) -> FloatArray:
    """Integral of ``exp(-rate * t)`` from 0 to `dt`; `rate` may be zero or negative."""
    return np.where(rate == 0, dt, -np.expm1(-dt * rate) / np.where(rate == 0, 1.0, rate))


def _array(value: object) -> FloatArray:
    return np.asarray(value, np.float64)
