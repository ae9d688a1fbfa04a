"""Rounding several synapses for one: what one loses the next makes up for.

Where a synapse was cut in two of neighbouring delays (`spikec.passes.between_ticks`), a membrane soon takes
both for one, so that what counts is the rounding of their sum. Those of divided inputs are rounded so.

Where several neurons tell others one time (`spikec.passes.divide_ticks`), those take them for one that spikes
when they do on average. So what a synapse to or from one of them loses, that of the next makes up for: of
P neurons for one, the sum of P synapses is as near to what was meant as one weight on its grid can be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np

from spikec.arrays import IntArray
from spikec.ir.connectivity import Convolution
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import Projection

Pairs = tuple[IntArray, IntArray]
"""Neurons at both ends of synapses."""

Together = Mapping[str, tuple[str, int]]
"""Populations of which several neurons tell one time: for which population they do, and its size, by name."""


def rounded_together(
    real: Collection[Projection], rounded: Mapping[str, Projection], s: float, together: Together
) -> dict[str, Projection]:
    """Projections in integers in which synapses between the same two neurons are rounded one after the other.

    Args:
        real: A population's projections of real weights, which may be rounded so.
        rounded: The same in integers, by name; formats stay.
        s: The population's scale.
        together: Who counts as the same neuron; neuron k of such a population counts as neuron k modulo n.
    """
    changed = dict(rounded)
    listed = [q for q in real if not isinstance(q.connectivity, Convolution)]
    for origin in {_stands_for(q.pre, together) for q in listed}:
        group = [q for q in listed if _stands_for(q.pre, together) == origin]
        if len(group) > 1 or group[0].post in together:
            changed |= _rounded(group, rounded, s, together)
    return changed


def _stands_for(name: str, together: Together) -> str:
    return together[name][0] if name in together else name


def _rounded(
    group: Collection[Projection], rounded: Mapping[str, Projection], s: float, together: Together
) -> dict[str, Projection]:
    """Projections from neurons that count as the same, rounded again neuron by neuron, fine grids last."""
    wanted = {q.name: s * np.asarray(q.connectivity.stored(), np.float64) for q in group}
    mantissas = {q.name: np.zeros(q.connectivity.n_synapses, np.int64) for q in group}
    forms = {q.name: _form(rounded[q.name]) for q in group}
    turns = [(*turn, q.name) for q in group for turn in _turns(q, together)]
    turns.sort(key=lambda turn: (turn[0], -forms[turn[-1]].step * 2.0 ** forms[turn[-1]].exponent))
    owed = np.zeros([1 + max((int(turn[2][side].max()) for turn in turns), default=0) for side in (0, 1)])
    for _, chosen, pairs, name in turns:
        due = wanted[name][chosen] + owed[pairs]
        mantissas[name][chosen] = forms[name].nearest(due)
        owed[pairs] = due - mantissas[name][chosen] * 2.0 ** forms[name].exponent
    return {name: _with_mantissas(rounded[name], mantissas[name]) for name in mantissas}


def _turns(q: Projection, together: Together) -> Iterator[tuple[tuple[int, int], IntArray, Pairs]]:
    """A projection's synapses, in parts of which each has one between the same two neurons at most.

    Returns:
        Of each part the numbers of the neurons that it is between, which of the synapses are in it, and
        between which neurons they count.
    """
    pre, post = q.connectivity.synapses()
    (near, first), (far, second) = (_counts(*end, together) for end in ((q.pre, pre), (q.post, post)))
    for numbers in np.unique(np.stack([near, far], axis=1), axis=0).tolist():
        chosen = np.flatnonzero((near == numbers[0]) & (far == numbers[1]))
        yield (numbers[0], numbers[1]), chosen, (first[chosen], second[chosen])


def _counts(name: str, neurons: IntArray, together: Together) -> tuple[IntArray, IntArray]:
    """Which of several neurons for one each is, and for which one."""
    if name not in together:
        return np.zeros_like(neurons), neurons
    first, n = together[name]
    return neurons // n + (name != first), neurons % n


def _form(q: Projection) -> FixedFormat:
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights.format


def _with_mantissas(q: Projection, mantissas: IntArray) -> Projection:
    weights = q.connectivity.weights
    fixed = Fixed(mantissas.reshape(weights.shape), _form(q))
    return replace(q, connectivity=q.connectivity.with_weights(fixed))
