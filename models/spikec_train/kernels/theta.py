r"""Loss and exact gradient of feed-forward networks of `Theta` neurons, sample by sample.

A neuron's phase :math:`\varphi` is kept as the point :math:`(a, b) = (-\cos\alpha, \sin\alpha)` of the unit
circle, :math:`\alpha = \varphi r / \tau`. Its membrane is :math:`V = r a / b + 1/2`, so that

* time turns it, :math:`a \leftarrow a \cos d + b \sin d,\; b \leftarrow b \cos d - a \sin d` with
  :math:`d = r \Delta t / \tau`;
* it spikes where :math:`b` becomes negative, and flipping both signs is the reset;
* a kick of weight w shears it, :math:`a \leftarrow a + (w / r)\, b`. With :math:`q` one over the squared
  length of the result, the new phase :math:`H(\varphi, w)` has the derivatives :math:`H_\varphi = q` and
  :math:`H_w = (\tau / r^2)\, q\, b^2`; then the point is put back on the circle.

**Adjoint.** :math:`\lambda = dL/d\psi` with :math:`\psi = \varphi - t`, which changes at kicks only. Going
back over a kick at :math:`t_e`, it gives :math:`\lambda (H_\varphi - 1)` to :math:`dL/dt_e` and
:math:`\lambda H_w` to :math:`dL/dw`, and becomes :math:`\lambda H_\varphi`. Going back over the neuron's own
spike at :math:`t_s`, it loses :math:`dL/dt_s`: the neuron spikes when :math:`\psi + t_s` is a multiple of the
period.

**Pseudospikes.** After the trial's end T the network goes on as one of rates: each neuron's rate is its phase
over the period after one kick of the summed weights times the rates of the layer before (the inputs' are 0).
An output that did not spike is taken to spike when its phase, so kicked at T, would reach the period.

Source: C. Klos and R.-M. Memmesheimer, Phys. Rev. Lett. 134, 027301 (2025); written from the equations.
"""

from __future__ import annotations

import math

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec_train.kernels import inner, kernel
from spikec_train.kernels.rows import add
from spikec_train.kernels.theta_adjoint import back_through_layers, back_through_rates
from spikec_train.kernels.theta_forward import find_rates, run_layers
from spikec_train.kernels.theta_room import Room


@kernel
def run_samples(
    first: int,
    last: int,
    weights: FloatArray,
    start: FloatArray,
    sizes: IntArray,
    sample_starts: IntArray,
    pulse_times: FloatArray,
    pulse_starts: IntArray,
    members: AnyArray,
    labels: IntArray,
    tau: float,
    r: float,
    duration: float,
    gamma: float,
    losses: FloatArray,
    answers: FloatArray,
    spiked: AnyArray,
    counts: IntArray,
    gradient: FloatArray,
    d_pulses: FloatArray,
    memory: Room,
) -> int:
    r"""Run samples `first` to `last` (exclusive); add up their gradients if there is room for one.

    Args:
        first: A sample.
        last: A sample.
        weights: Of all layers one after another, each ``(n_pre, n_post)``.
        start: a and b of all neurons at time 0, ``(2, n_neurons)``.
        sizes: Neurons of each layer, the inputs' first, ``(n_layers + 1,)``.
        sample_starts: Where each sample's pulses begin, ``(n_samples + 1,)``.
        pulse_times: When each pulse comes, rising within a sample, in 0 to `duration`.
        pulse_starts: Where the members of each pulse begin, ``(n_pulses + 1,)``.
        members: The inputs that spike together.
        labels: The right output of each sample.
        tau: Time constant.
        r: :math:`\sqrt{I_0 - 1/4}`.
        duration: T.
        gamma: Weight of the loss's second term.
        losses: Filled, ``(n_samples,)``.
        answers: First spike or pseudospike of each output, filled, ``(n_samples, n_outputs)``.
        spiked: Whether it was a spike, filled.
        counts: Spikes of each neuron, added to, ``(n_neurons,)``.
        gradient: dL/dweights, then dL/dphases, added to; empty for none.
        d_pulses: dL/dt of each pulse, filled if there is a gradient.
        memory: Working memory.

    Returns:
        -1, or the first sample for which the memory did not suffice.
    """
    for s in range(first, last):
        fits = run_layers(
            s, weights, start, sizes, sample_starts, pulse_times, pulse_starts, members, tau, r, duration,
            counts, memory,
        )  # fmt: skip
        if not fits:
            return s
        find_rates(weights, sizes, r, memory)
        losses[s] = _loss(labels[s], sizes, tau, r, duration, gamma, answers[s], spiked[s], memory)
        if gradient.size:
            back_through_rates(weights, sizes, tau, r, gradient, memory)
            back_through_layers(weights, sizes, tau, r, gradient, memory)
            for e in range(memory.n_events[0]):
                pulse = sample_starts[s] + e
                d_pulses[pulse] = memory.d_times[0, e]
                for x in range(pulse_starts[pulse], pulse_starts[pulse + 1]):
                    at = members[x] * sizes[1]
                    add(gradient[at : at + sizes[1]], memory.kicks[1, e])
    return -1


@inner
def _loss(
    label: int,
    sizes: IntArray,
    tau: float,
    r: float,
    duration: float,
    gamma: float,
    answer: FloatArray,
    spiked: AnyArray,
    memory: Room,
) -> float:
    """The loss of one sample; leaves its derivatives with the outputs' spikes and rates."""
    last = sizes.size - 2
    times, rows, d_times = memory.times[last + 1], memory.rows[last + 1], memory.d_times[last + 1]
    rate, d_rate = memory.states[4, last], memory.states[5, last]
    period = math.pi * tau / r
    n, n_spikes = sizes[last + 1], memory.n_events[last + 1]
    for i in range(n):
        answer[i] = duration + period * (1.0 - rate[i])
        spiked[i] = False
    for x in range(n_spikes - 1, -1, -1):
        answer[rows[x]] = times[x]
        spiked[rows[x]] = True
    earliest = answer[0]
    for i in range(n):
        earliest = min(earliest, answer[i])
    total = 0.0
    for i in range(n):
        total += math.exp(earliest - answer[i])
    late = math.exp(answer[label] / duration)
    loss: float = answer[label] - earliest + math.log(total) + gamma * (late - 1.0)
    for x in range(n_spikes):
        d_times[x] = 0.0
    for i in range(n):
        d = -math.exp(earliest - answer[i]) / total
        if i == label:
            d += 1.0 + gamma * late / duration
        d_rate[i] = 0.0 if spiked[i] else -period * d
        if spiked[i]:
            for x in range(n_spikes):
                if rows[x] == i:
                    d_times[x] = d
                    break
    return loss
