r"""Loss and exact gradient of one trial of recurrent `QifExp` neurons.

Time is counted in units of the neurons' time constant. A membrane is the point :math:`(a, b)` of the unit
circle with :math:`V = a / b`, :math:`b \ge 0`, and has the angle :math:`\psi = \operatorname{atan2}(a, b)`.
With :math:`E = e^{-\Delta t}`, :math:`s = 1 - E` and the current I from before, a neuron that is left alone
moves by

.. math:: a \to E (C a + I S b), \qquad b \to C b - S a, \qquad I \to I E^2

where :math:`C = \cos(q s)`, :math:`S = \sin(q s) / q`, :math:`q = \sqrt I`, or hyperbolic functions of
:math:`q = \sqrt{-I}`. It spikes where b becomes negative; the reset flips both signs, which moves no
:math:`\psi`. With :math:`h = C^2 + I S^2` (1, unless C and S are scaled), :math:`D = (s h - S C) / (2 I)` and
the squared length m of the new point, before it is put back on the circle,

.. math:: \frac{\partial\psi'}{\partial\psi} = \frac{E h}{m}, \qquad
          \frac{\partial\psi'}{\partial I} = \frac{E\,[(a^2 + I b^2) D + S b b']}{m}, \qquad
          \frac{\partial I'}{\partial I} = E^2.

A neuron is brought forward only when something touches it: an arrival, its own spike, another neuron's spike,
and the end. Each touch leaves these three derivatives and :math:`b^2` behind.

**Adjoint.** :math:`\lambda = dL/d\psi` and :math:`\mu = dL/dI` of each neuron go back over its touches. A
kick of weight w at :math:`t_e` gives :math:`\mu` to :math:`dL/dw` and :math:`w (2 \mu - \lambda b^2)` to
:math:`dL/dt_e`, for it changes :math:`\dot\psi` by :math:`w b^2` and :math:`\dot I` by :math:`-2 w`. At a
spike :math:`\dot\psi = 1`, so the neuron that spiked loses :math:`dL/dt_e` from its :math:`\lambda`.

**Pseudospikes.** After the trial's end T the network goes on as one of rates. Neuron i has the current
:math:`I_i(T) + \sum_j w_{ji} r_j` for good, made positive as :math:`J = \alpha \ln(1 + e^{I / \alpha})`, so
that it spikes for the k-th time at :math:`T + (k \pi - \theta_i - \pi/2) / \sqrt J` with
:math:`\theta_i = \arctan((V_i - 1/2) / \sqrt J)`. The rates :math:`r_j = 1/2 + \theta_j / \pi` take J to be
:math:`\alpha \ln 2`, that of no current.

Source: C. Klos and R.-M. Memmesheimer, Phys. Rev. Lett. 134, 027301 (2025); written from the equations.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spikec_train.kernels import inner, kernel
from spikec_train.kernels.qif_adjoint import back_through_events, back_through_rates
from spikec_train.kernels.qif_forward import find_rates, run_events
from spikec_train.kernels.qif_room import Arrivals, Room, Wanted

if TYPE_CHECKING:
    from spikec_train.qif_gradient import Parts


@kernel
def run_trial(
    parts: Parts,
    arrivals: Arrivals,
    duration: float,
    alpha: float,
    wanted: Wanted,
    differentiate: bool,
    d: Parts,
    memory: Room,
) -> tuple[float, int]:
    """Run a trial; add up the gradient of its loss if it is wanted.

    Args:
        parts: The parameters; no neuron reaches itself.
        arrivals: What comes from outside.
        duration: T.
        alpha: How softly currents after T are made positive.
        wanted: Targets; what became of them is filled in.
        differentiate: Whether the derivatives are wanted.
        d: Derivatives of the loss for the parameters, then added to.
        memory: Working memory.

    Returns:
        The loss, and the number of spikes, -1 if the memory did not suffice.
    """
    n_spikes = run_events(parts, arrivals, duration, memory)
    if n_spikes < 0:
        return math.nan, n_spikes
    find_rates(parts.weights, alpha, memory)
    loss = _loss(n_spikes, duration, alpha, wanted, memory)
    if differentiate:
        back_through_rates(parts.weights, d.weights, memory)
        back_through_events(n_spikes, parts, arrivals, d, memory)
        for i in range(parts.v.size):
            d.v[i] += memory.states[5, i] / (1.0 + parts.v[i] * parts.v[i])
            d.current[i] += memory.states[6, i]
    return loss, n_spikes


@inner
def _loss(n_spikes: int, duration: float, alpha: float, wanted: Wanted, memory: Room) -> float:
    """The loss; leaves its derivatives with the spikes, and with lambda and mu at T."""
    loss = 0.0
    for x in range(n_spikes):
        memory.d_spike_times[x] = 0.0
    for k in range(wanted.neurons.size):
        i, found = wanted.neurons[k], -1
        left = wanted.ranks[k]
        for x in range(n_spikes):
            if memory.spikes[x] == i:
                if left == 0:
                    found = x
                    break
                left -= 1
        d_psi, d_i = 0.0, 0.0
        if found >= 0:
            answer = memory.spike_times[found]
        else:
            answer, d_psi, d_i = _pseudospike(i, left + 1, duration, alpha, memory)
        wanted.answers[k], wanted.spiked[k] = answer, found >= 0
        late = answer - wanted.times[k]
        if wanted.one_sided[k] and late > 0.0:
            continue
        loss += wanted.factors[k] * late * late
        d = 2.0 * wanted.factors[k] * late
        if found >= 0:
            memory.d_spike_times[found] += d
        else:
            memory.states[5, i] += d * d_psi
            memory.states[6, i] += d * d_i
            memory.states[10, i] += d * d_i
    return loss


@inner
def _pseudospike(i: int, k: int, duration: float, alpha: float, memory: Room) -> tuple[float, float, float]:
    """When neuron i would spike for the k-th time after T, and the derivatives for psi and I."""
    a, b = memory.states[0, i], memory.states[1, i]
    z = (memory.states[2, i] + memory.states[9, i]) / alpha
    e = math.exp(-abs(z))
    r = math.sqrt(alpha * (max(z, 0.0) + math.log1p(e)))
    slope = (1.0 if z > 0.0 else e) / (1.0 + e)
    x, y = r * b, a - b / 2.0
    m = x * x + y * y
    after = ((k - 0.5) * math.pi - math.atan2(y, x)) / r
    d_r = (y * b / m - after) / r
    return duration + after, -1.0 / m, d_r * slope / (2.0 * r)
