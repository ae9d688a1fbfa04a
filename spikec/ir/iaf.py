r"""Integrate-and-fire neurons with a refractory period, as large networks of neuroscience have them.

They live in float ticks only, with the convention `spikec.ir.conventions.LOIHI`: integrated exactly, reset to
a value, a spike takes one tick to the next population. What they do within a tick is in `spikec.ir.iaf_tick`.
Parameters are one number for all neurons of a population, but for the membrane at the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikec.arrays import finite
from spikec.errors import NetworkError
from spikec.ir.parameters import Parameter, time_constant


@dataclass(frozen=True)
class PoissonDrive:
    """Spikes from outside that reach every neuron of a population, each by a Poisson process of its own.

    They are not recorded. As Brian's `PoissonInput`, or a `poisson_generator` of NEST.

    Attributes:
        rate: Spikes of each neuron's process, hertz.
        weight: What one does; as the weights of synapses that end at the neuron.
        seed: Where chance comes from, 0 to 2^64 - 1; populations with one seed get the same spikes.

    Raises:
        NetworkError: A number is out of range.
    """

    rate: float
    weight: float
    seed: int

    def __post_init__(self) -> None:
        rate, weight = (
            float(finite(getattr(self, f), f"PoissonDrive.{f}").reshape(())) for f in ("rate", "weight")
        )
        object.__setattr__(self, "rate", rate)
        object.__setattr__(self, "weight", weight)
        if rate < 0:
            raise NetworkError(f"PoissonDrive.rate is {rate:g} Hz; give 0 or more")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 1 << 64:
            raise NetworkError(f"PoissonDrive.seed is {self.seed!r}; give a whole number from 0 to 2^64 - 1")


@dataclass(frozen=True, eq=False)
class IafPscExp:
    r"""Leaky integrate-and-fire neuron with exponential currents, excitatory and inhibitory ones apart.

    .. math:: \tau_m \dot V = -(V - V_l) + I_e + I_i, \qquad
              \dot I_x = -I_x/\tau_x + \sum_i w_i\, \delta(t - t_i), \qquad
              V > \vartheta: \text{ spike}, V = V_r \text{ for } t_{ref}

    A projection acts on the excitatory current if its weights are zero or above, on the inhibitory one if
    they are below; all weights of one have one sign. The currents go on during the refractory period. NEST's
    `iaf_psc_exp` has the same equations with currents in pA: w = w_NEST tau_m / C_m.

    Attributes:
        tau_mem: :math:`\tau_m`, seconds.
        tau_ex: :math:`\tau_e` of the excitatory current, seconds.
        tau_in: :math:`\tau_i` of the inhibitory current, seconds.
        threshold: :math:`\vartheta`, membrane units, as are all weights.
        v_leak: :math:`V_l`, membrane units.
        v_reset: :math:`V_r`, membrane units.
        refractory: :math:`t_{ref}`, seconds; rounded to ticks.
        v_init: V at the beginning, ``()`` or ``(n,)``; None for `v_leak`.
        drive: Spikes from outside.
    """

    tau_mem: Parameter
    tau_ex: Parameter
    tau_in: Parameter
    threshold: Parameter
    v_leak: Parameter = 0.0
    v_reset: Parameter = 0.0
    refractory: Parameter = 0.0
    v_init: Parameter | None = None
    drive: PoissonDrive | None = None

    spikes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self, ("tau_mem", "tau_ex", "tau_in"))


@dataclass(frozen=True, eq=False)
class IafPscDelta:
    r"""Leaky integrate-and-fire neuron whose membrane jumps by the weight of each input spike.

    .. math:: \tau_m \dot V = -(V - V_l) + \tau_m \sum_i w_i\, \delta(t - t_i), \qquad
              V > \vartheta: \text{ spike}, V = V_r \text{ for } t_{ref}

    What arrives in the refractory period is lost. As NEST's `iaf_psc_delta`.

    Attributes:
        tau_mem: :math:`\tau_m`, seconds.
        threshold: :math:`\vartheta`, membrane units, as are all weights.
        v_leak: :math:`V_l`, membrane units.
        v_reset: :math:`V_r`, membrane units.
        refractory: :math:`t_{ref}`, seconds; rounded to ticks.
        v_init: V at the beginning, ``()`` or ``(n,)``; None for `v_leak`.
        drive: Spikes from outside.
    """

    tau_mem: Parameter
    threshold: Parameter
    v_leak: Parameter = 0.0
    v_reset: Parameter = 0.0
    refractory: Parameter = 0.0
    v_init: Parameter | None = None
    drive: PoissonDrive | None = None

    spikes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self, ("tau_mem",))


IafNeuron = IafPscExp | IafPscDelta

IAF = (IafPscExp, IafPscDelta)
"""Neurons with a refractory period."""


def _check(neuron: IafNeuron, taus: tuple[str, ...]) -> None:
    """Make the parameters read-only arrays.

    Raises:
        NetworkError: One is not finite, out of range, or has several values.
    """
    name = type(neuron).__name__
    if neuron.v_init is None:
        object.__setattr__(neuron, "v_init", neuron.v_leak)
    for field in (*taus, "threshold", "v_leak", "v_reset", "refractory", "v_init"):
        label = f"{name}.{field}"
        values = finite(getattr(neuron, field), label)
        if field in taus:
            time_constant(values, label)
        if values.ndim > int(field == "v_init"):
            raise NetworkError(f"{label} has shape {values.shape}; give one number for all neurons")
        object.__setattr__(neuron, field, values)
    if np.any(np.asarray(neuron.refractory) < 0):
        raise NetworkError(f"{name}.refractory is {float(np.asarray(neuron.refractory)):g} s; give 0 or more")
    if neuron.drive is not None and not isinstance(neuron.drive, PoissonDrive):
        raise NetworkError(f"{name}.drive is a {type(neuron.drive).__name__}; give a PoissonDrive or None")
