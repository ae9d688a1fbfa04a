r"""The neuron types: parameters, equations, units. Nothing computes here; `spikec.reference` does.

Parameters have shape ``()`` (one for all) or ``(n,)``. Three dialects use them:

* **continuous** (`Source`, `Ramp`, `If`, `Lif`, `IfExp`, `CubaLif`, `LiReadout`, `Theta`, `QifExp`): the
  equations hold in real time, a spike of weight :math:`w` acts at once. Where a docstring says
  :math:`V \to V_r`, a clock of ``Continuous(Reset.SUBTRACT)`` makes it :math:`V \to V - \vartheta`;
* **float ticks** (the same, `CubaTicks`, and those of `spikec.ir.iaf`): the equations are integrated once a
  tick;
* **fixed** (`Source`, and the integers of `spikec.ir.fixed_neurons`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spikec.arrays import finite, read_only
from spikec.errors import NetworkError
from spikec.ir.fixed_neurons import FixedNeuron
from spikec.ir.iaf import IafNeuron
from spikec.ir.parameters import Parameter, set_integers, time_constant

MOST_AT_ONCE = 255
"""Spikes of an input neuron in one tick of integers: engines keep them in a byte."""


@dataclass(frozen=True, eq=False)
class Source:
    """Neurons whose spikes come from outside; they compute nothing.

    Attributes:
        one_spike: Each neuron spikes at most once a sample. The promise is checked when a network runs,
            and lets a compiler prove tighter bounds.
        most_at_once: Most spikes of one neuron in a tick of a chip's integers, as frames of event counts have
            them; a chip sends them as one graded spike. In float ticks there may be any number.
        parts: Into how many neurons each input is divided, one for each part of a tick in which it may spike:
            of n inputs, neuron k n + i is input i in the k-th part. All of an input together spike once.

    Raises:
        NetworkError: `most_at_once` is none of 1 to `MOST_AT_ONCE`, contradicts `one_spike`, or inputs are
            divided that may spike again.
    """

    one_spike: bool = False
    most_at_once: int = 1
    parts: int = 1

    spikes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 1 <= self.most_at_once <= (1 if self.one_spike else MOST_AT_ONCE):
            raise NetworkError(
                f"inputs with {self.most_at_once} spikes in a tick are impossible here; give 1 to "
                f"{MOST_AT_ONCE}, and 1 where a neuron spikes once a sample"
            )
        if self.parts < 1 or (self.parts > 1 and not self.one_spike):
            raise NetworkError(
                f"inputs cannot be divided into {self.parts} parts of a tick; give 1, or more where a neuron "
                "spikes once a sample"
            )


@dataclass(frozen=True, eq=False)
class _Continuous:
    """What all neurons of the continuous and float-tick dialects share; checks their parameters."""

    def __post_init__(self) -> None:
        for f in fields(self):
            if f.name == "one_spike":
                continue
            label = f"{type(self).__name__}.{f.name}"
            given = getattr(self, f.name)
            if f.name.startswith("tau"):
                object.__setattr__(self, f.name, time_constant(given, label))
            else:
                object.__setattr__(self, f.name, finite(given, label))
            if getattr(self, f.name).ndim > 1:
                raise NetworkError(
                    f"{label} has shape {getattr(self, f.name).shape}; allowed are () and (n,)"
                )


@dataclass(frozen=True, eq=False)
class Ramp(_Continuous):
    r"""Non-leaky integrate-and-fire neuron with step currents: each input spike tilts the membrane for good.

    .. math:: \dot V = b + \sum_{i} w_i\, H(t - t_i), \qquad V > \vartheta: \text{ spike}, V \to V_r

    Attributes:
        threshold: :math:`\vartheta`, membrane units.
        bias: Constant slope :math:`b`, membrane units per second.
        v_reset: :math:`V_r`, membrane units.
        one_spike: Only the first spike of a sample leaves the neuron.
    """

    threshold: Parameter
    bias: Parameter = 0.0
    v_reset: Parameter = 0.0
    one_spike: bool = False

    spikes: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class If(_Continuous):
    r"""Integrate-and-fire neuron: an input spike makes the membrane jump by its weight.

    .. math:: \dot V = b + \sum_i w_i\, \delta(t - t_i), \qquad V > \vartheta: \text{ spike}, V \to V_r

    Attributes:
        threshold: :math:`\vartheta`, membrane units.
        bias: :math:`b`, membrane units per second.
        v_reset: :math:`V_r`, membrane units.
        one_spike: Only the first spike of a sample leaves the neuron.
    """

    threshold: Parameter
    bias: Parameter = 0.0
    v_reset: Parameter = 0.0
    one_spike: bool = False

    spikes: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class Lif(_Continuous):
    r"""Leaky integrate-and-fire neuron: an input spike makes the membrane jump by its weight.

    .. math:: \dot V = -(V - V_l)/\tau + b + \sum_i w_i\, \delta(t - t_i), \qquad
              V > \vartheta: \text{ spike}, V \to V_r

    Attributes:
        tau: Membrane time constant :math:`\tau`, seconds; infinite for no leak.
        threshold: :math:`\vartheta`, membrane units.
        v_leak: Resting value :math:`V_l`; the membrane starts here.
        bias: :math:`b`, membrane units per second.
        v_reset: :math:`V_r`.
        one_spike: Only the first spike of a sample leaves the neuron.
    """

    tau: Parameter
    threshold: Parameter
    v_leak: Parameter = 0.0
    bias: Parameter = 0.0
    v_reset: Parameter = 0.0
    one_spike: bool = False

    spikes: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class CubaLif(_Continuous):
    r"""Current-based leaky integrate-and-fire neuron: an input spike makes the *current* jump by its weight.

    .. math:: \dot I = -I/\tau_s + c + \sum_i w_i\, \delta(t - t_i), \qquad
              \dot V = -(V - V_l)/\tau_m + I + b, \qquad V > \vartheta: \text{ spike}, V \to V_r

    The current starts at zero, so a constant :math:`c` raises it to :math:`c \tau_s` by and by: it is the
    bias of a layer whose output is filtered by the synapse, and equals a bias :math:`b = c \tau_s` with a
    current that starts at :math:`-c \tau_s`.

    Attributes:
        tau_mem: :math:`\tau_m`, seconds; infinite for no leak.
        tau_syn: :math:`\tau_s`, seconds; infinite for currents that stay.
        threshold: :math:`\vartheta`, membrane units.
        v_leak: Resting value :math:`V_l`; the membrane starts here.
        bias: :math:`b`, membrane units per second.
        v_reset: :math:`V_r`; the current is not reset.
        one_spike: Only the first spike of a sample leaves the neuron.
        current_bias: :math:`c`, membrane units per second squared; zero if :math:`\tau_s` is infinite.
    """

    tau_mem: Parameter
    tau_syn: Parameter
    threshold: Parameter
    v_leak: Parameter = 0.0
    bias: Parameter = 0.0
    v_reset: Parameter = 0.0
    one_spike: bool = False
    current_bias: Parameter = 0.0

    spikes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_current_bias(self)


@dataclass(frozen=True, eq=False)
class IfExp(_Continuous):
    r"""Non-leaky integrate-and-fire neuron whose currents decay: `CubaLif` without the membrane's leak.

    .. math:: \dot I = -I/\tau_s + \sum_i w_i\, \delta(t - t_i), \qquad
              \dot V = I + b, \qquad V > \vartheta: \text{ spike}, V \to V_r

    Without a bias the spike after a spike-free time is at
    :math:`-\tau_s \ln(1 - (\vartheta - V)/(\tau_s I))`. Source: H. Mostafa, Supervised learning based on
    temporal coding in spiking neural networks, IEEE TNNLS 29, 3227 (2018), eqs. (1)-(5).

    Attributes:
        tau_syn: :math:`\tau_s`, seconds; infinite for currents that stay.
        threshold: :math:`\vartheta`, membrane units.
        bias: :math:`b`, membrane units per second.
        v_reset: :math:`V_r`; the current is not reset.
        one_spike: Only the first spike of a sample leaves the neuron.
    """

    tau_syn: Parameter
    threshold: Parameter
    bias: Parameter = 0.0
    v_reset: Parameter = 0.0
    one_spike: bool = False

    spikes: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class Theta(_Continuous):
    r"""Oscillating quadratic integrate-and-fire neuron: an input spike makes the membrane jump by its weight.

    .. math:: \tau \dot V = V (V - 1) + I_0 + \tau \sum_i w_i\, \delta(t - t_i), \qquad
              V = \infty: \text{ spike}, V \to -\infty

    With :math:`I_0 > 1/4` it spikes by itself, once in :math:`\Theta = \pi \tau / r`,
    :math:`r = \sqrt{I_0 - 1/4}`. Its phase is the time since it last was at :math:`-\infty`, if nothing
    disturbs it:

    .. math:: \varphi(V) = \frac{\tau}{r} \Big(\arctan\frac{V - 1/2}{r} + \frac{\pi}{2}\Big),
              \qquad \dot\varphi = 1

    Source: C. Klos and R.-M. Memmesheimer, Smooth exact gradient descent learning in spiking neural networks,
    Phys. Rev. Lett. 134, 027301 (2025), and the authors' code, github.com/chklos/spikegd.

    Attributes:
        tau: :math:`\tau`, seconds, finite.
        current: :math:`I_0`, dimensionless, above 1/4.
        phase: :math:`\varphi` at the beginning, seconds, 0 to :math:`\Theta`.
        one_spike: Only the first spike of a sample leaves the neuron.
    """

    tau: Parameter
    current: Parameter = 1.25
    phase: Parameter = 0.0
    one_spike: bool = False

    spikes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_finite_tau(self)
        if np.any(np.asarray(self.current) <= 0.25):
            lowest = float(np.asarray(self.current).min())
            raise NetworkError(f"Theta.current is {lowest:g}, but must be above 1/4, or the neuron rests")
        shapes = {values.shape for values in parameters(self).values() if values.ndim}
        if len(shapes) > 1:
            raise NetworkError(f"Theta has parameters of shapes {sorted(shapes)}; all must have one length")
        phase, period = np.asarray(self.phase), self.period
        if np.any((phase < 0) | (phase > period)):
            raise NetworkError(
                f"Theta.phase runs from {phase.min():g} to {phase.max():g} s; allowed is 0 to the period, "
                f"{period.min():g} s"
            )

    @property
    def radius(self) -> npt.NDArray[np.float64]:
        r""":math:`r = \sqrt{I_0 - 1/4}`, shape ``()`` or ``(n,)``."""
        return np.sqrt(np.asarray(self.current, np.float64) - 0.25)

    @property
    def period(self) -> npt.NDArray[np.float64]:
        r""":math:`\Theta = \pi \tau / r`, seconds, shape ``()`` or ``(n,)``."""
        return np.pi * np.asarray(self.tau, np.float64) / self.radius


@dataclass(frozen=True, eq=False)
class QifExp(_Continuous):
    r"""Quadratic integrate-and-fire neuron whose currents decay twice as fast as its membrane.

    .. math:: \tau \dot V = V (V - 1) + I, \qquad
              \dot I = -2 I/\tau + \sum_i w_i\, \delta(t - t_i), \qquad
              V = \infty: \text{ spike}, V \to -\infty

    The current is not reset. At the ratio :math:`\tau_m = 2 \tau_s` the equations have a closed form. From
    rest, a single input spike makes it spike if, and only if, :math:`w > \pi^2/4`.

    Source: as `Theta`.

    Attributes:
        tau: :math:`\tau = \tau_m = 2 \tau_s`, seconds, finite.
        v_init: V at the beginning, dimensionless.
        i_init: I at the beginning, dimensionless.
        one_spike: Only the first spike of a sample leaves the neuron.
    """

    tau: Parameter
    v_init: Parameter = 0.0
    i_init: Parameter = 0.0
    one_spike: bool = False

    spikes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_finite_tau(self)


@dataclass(frozen=True, eq=False)
class LiReadout(_Continuous):
    r"""Leaky integrator that never spikes; its membrane is the network's answer.

    The equations are those of `CubaLif` without a threshold; with both time constants infinite it adds up
    what input spikes have tilted, :math:`V(t) = b\,t + \sum_i w_i (t - t_i)_+`.

    Attributes:
        tau_mem: :math:`\tau_m`, seconds; infinite for no leak.
        tau_syn: :math:`\tau_s`, seconds; infinite for currents that stay.
        v_leak: Resting value; the membrane starts here.
        bias: :math:`b`, membrane units per second.
        current_bias: :math:`c`, membrane units per second squared; zero if :math:`\tau_s` is infinite.
    """

    tau_mem: Parameter = np.inf
    tau_syn: Parameter = np.inf
    v_leak: Parameter = 0.0
    bias: Parameter = 0.0
    current_bias: Parameter = 0.0

    spikes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_current_bias(self)


@dataclass(frozen=True, eq=False)
class CubaTicks(_Continuous):
    r"""A current-based neuron whose time constants are a chip's decays already, but whose weights are real.

    .. math:: u \leftarrow (1 - d_u/4096)\,u + c + \textstyle\sum w s, \qquad
              v \leftarrow (1 - d_v/4096)\,v + u + b, \qquad v > \vartheta: \text{ spike}, v \to 0

    Attributes:
        decay_u: :math:`d_u`, 1 to 4096 (the chip adds one to what it stores).
        decay_v: :math:`d_v`, 0 to 4096.
        threshold: :math:`\vartheta`, membrane units; infinite for a readout, which never spikes.
        bias: :math:`b`, membrane units per tick.
        one_spike: Only the first spike of a sample leaves the neuron.
        current_bias: :math:`c`, membrane units per tick, added to the current.
    """

    decay_u: Parameter
    decay_v: Parameter
    threshold: Parameter
    bias: Parameter = 0.0
    one_spike: bool = False
    current_bias: Parameter = 0.0

    _RANGES: ClassVar[dict[str, tuple[int, int]]] = {"decay_u": (1, 4096), "decay_v": (0, 4096)}

    def __post_init__(self) -> None:
        set_integers(self, self._RANGES)
        object.__setattr__(self, "bias", finite(self.bias, "CubaTicks.bias"))
        object.__setattr__(self, "current_bias", finite(self.current_bias, "CubaTicks.current_bias"))
        threshold = read_only(self.threshold, np.float64)
        object.__setattr__(self, "threshold", threshold)
        if np.any(np.isnan(threshold) | (threshold == -np.inf)):
            raise NetworkError(
                f"CubaTicks.threshold holds {threshold.min()}; it must be a number, or inf for a readout"
            )
        for name, values in parameters(self).items():
            if values.ndim > 1:
                raise NetworkError(f"CubaTicks.{name} has shape {values.shape}; allowed are () and (n,)")

    @property
    def spikes(self) -> bool:
        """Whether any neuron can spike."""
        return bool(np.any(np.isfinite(np.asarray(self.threshold))))


FloatNeuron = Ramp | If | Lif | CubaLif | IfExp | Theta | QifExp | LiReadout | CubaTicks | IafNeuron

Neuron = Source | FloatNeuron | FixedNeuron


def parameters(neuron: Neuron) -> dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]:
    """The numeric parameters of a neuron by name, shapes ``()`` or ``(n,)``."""
    return {
        f.name: getattr(neuron, f.name)
        for f in fields(neuron)
        if isinstance(getattr(neuron, f.name), np.ndarray)
    }


def _check_current_bias(neuron: CubaLif | LiReadout) -> None:
    if np.any(np.asarray(neuron.current_bias) != 0) and np.any(np.isinf(np.asarray(neuron.tau_syn))):
        raise NetworkError(
            f"{type(neuron).__name__} has a current_bias and an infinite tau_syn, so its current would grow "
            "for ever; give a finite tau_syn, or a bias"
        )


def _check_finite_tau(neuron: Theta | QifExp) -> None:
    if np.any(np.isinf(np.asarray(neuron.tau))):
        raise NetworkError(f"{type(neuron).__name__}.tau is infinite; give a finite time constant in seconds")
