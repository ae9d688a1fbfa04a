r"""Loss and exact gradient of feed-forward networks of `CubaLif` neurons that spike once, sample by sample.

Times are in units of :math:`\tau_s`, membranes in units of the threshold. Between arrivals

.. math:: I(t) = I_0 e^{-t}, \quad V(t) = V_0 e^{-at} + I_0 K(t), \quad
          K(t) = \frac{e^{-at} - e^{-t}}{1 - a} \;\; (t e^{-t} \text{ if } a = 1), \quad \dot V = I - aV

with :math:`a = \tau_s / \tau_m \le 1`, and the spike of synapse j, which left at :math:`t_j`, makes I jump by
:math:`w_j` at :math:`s_j = t_j + d_j`. Where V rises towards the threshold it is concave, for
:math:`\ddot V = -a \dot V - I`: Newton's steps from the left come nearer to the crossing and never pass it.

**Adjoint.** The first spike T solves :math:`\sum_j w_j K(T - s_j) = 1`, the sum over :math:`s_j \le T`. So

.. math:: \frac{\partial T}{\partial w_j} = -\frac{K(T - s_j)}{\dot V(T)}, \qquad
          \frac{\partial T}{\partial s_j} = \frac{w_j\, K'(T - s_j)}{\dot V(T)}, \qquad K' = e^{-t} - a K

where :math:`\dot V(T)` vanishes if the maximum just touches the threshold: there the derivatives diverge, and
a floor under :math:`\dot V` bounds them. Derivatives of T with respect to delays, and to the spikes of the
layer before, are those with respect to arrivals. Nothing but T and :math:`\dot V(T)` has to be remembered.

**Silent neurons.** Their highest membrane is smooth in the same quantities, with the derivatives
:math:`K(t^* - s_j)` and :math:`-w_j K'(t^* - s_j)`: the place :math:`t^*` of a maximum adds nothing. But a
maximum that inhibition makes moves with it, which gives that arrival :math:`\dot V` before it.

Sources: J. Goeltz et al., Nat. Mach. Intell. 3, 823 (2021) for T and its derivatives, J. Goeltz et al., Nat.
Commun. 16 (2025), doi:10.1038/s41467-025-63120-y for those of delays, R. Guetig and H. Sompolinsky, Nat.
Neurosci. 9, 420 (2006) for the highest membrane; written from the equations.
"""

from __future__ import annotations

import math

from spikec.arrays import FloatArray, IntArray
from spikec_train.kernels import inner, kernel
from spikec_train.kernels.cuba_adjoint import back_through_layers
from spikec_train.kernels.cuba_forward import run_layers
from spikec_train.kernels.cuba_room import Room


@kernel
def run_samples(
    first: int,
    last: int,
    weights: FloatArray,
    delays: FloatArray,
    sizes: IntArray,
    inputs: FloatArray,
    labels: IntArray,
    a: float,
    duration: float,
    temperature: float,
    gamma: float,
    wake: float,
    flattest: float,
    losses: FloatArray,
    answers: FloatArray,
    spikes: FloatArray,
    gradient: FloatArray,
    d_inputs: FloatArray,
    memory: Room,
) -> None:
    r"""Run samples `first` to `last` (exclusive); add up their gradients if there is room for one.

    Args:
        first: A sample.
        last: A sample.
        weights: Of all layers one after another, each ``(n_post, n_pre)``.
        delays: Likewise.
        sizes: Neurons of each layer, the inputs' first, ``(n_layers + 1,)``.
        inputs: When each input spikes, infinite for never, ``(n_samples, n_inputs)``.
        labels: The right output of each sample.
        a: :math:`\tau_s / \tau_m`, at most 1.
        duration: T, after which no spike counts.
        temperature: The scale on which the loss tells answers apart.
        gamma: Weight of the loss's second term.
        wake: Weight of what silent hidden neurons lack to their threshold.
        flattest: A floor under the slope with which a membrane reaches its threshold.
        losses: Filled, ``(n_samples,)``.
        answers: When each output spikes, or would, filled, ``(n_samples, n_outputs)``.
        spikes: When each neuron spikes, infinite for never, filled, ``(n_samples, n_neurons)``.
        gradient: dL/dweights and dL/ddelays, added to, ``(2, n_synapses)``; empty for none.
        d_inputs: dL/dt of each input, filled if there is a gradient.
        memory: Working memory.
    """
    for s in range(first, last):
        for j in range(sizes[0]):
            memory.times[0, j] = inputs[s, j]
        run_layers(weights, delays, sizes, a, duration, spikes[s], memory)
        losses[s] = _loss(labels[s], sizes, a, duration, temperature, gamma, wake, answers[s], memory)
        if gradient.size:
            back_through_layers(weights, delays, sizes, a, flattest, gradient, memory)
            for j in range(sizes[0]):
                d_inputs[s, j] = memory.d_times[0, j]


@inner
def _loss(
    label: int,
    sizes: IntArray,
    a: float,
    duration: float,
    temperature: float,
    gamma: float,
    wake: float,
    answer: FloatArray,
    memory: Room,
) -> float:
    """The loss of one sample; leaves its derivatives where `Room.d_times` has them."""
    last = sizes.size - 1
    n = sizes[last]
    d_times, delay = memory.d_times[last], 1.0 / a
    for i in range(n):
        time = memory.times[last, i]
        late = duration + (1.0 - memory.heights[last, i]) * delay
        answer[i] = time if time < math.inf else late
    earliest = duration
    for i in range(n):
        earliest = min(earliest, answer[i])
    total = math.exp((earliest - duration) / temperature)
    for i in range(n):
        total += math.exp((earliest - answer[i]) / temperature)
    late = math.exp(answer[label] / duration)
    loss: float = (answer[label] - earliest) / temperature + math.log(total) + gamma * (late - 1.0)
    for i in range(n):
        d = -math.exp((earliest - answer[i]) / temperature) / total / temperature
        if i == label:
            d += 1.0 / temperature + gamma * late / duration
        d_times[i] = d if memory.times[last, i] < math.inf else d * delay
    for layer in range(1, last):
        for i in range(sizes[layer]):
            silent = memory.times[layer, i] == math.inf
            memory.d_times[layer, i] = wake if silent else 0.0
            if silent:
                loss += wake * (1.0 - memory.heights[layer, i])
    return loss
