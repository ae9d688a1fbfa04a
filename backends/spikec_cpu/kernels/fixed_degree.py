"""Draw the synapses of a rule that end in one part of a population, by presynaptic neuron.

As `spikec.ir.fixed_degree` numbers them: synapse k belongs to neuron k // degree. Those of a part are counted
by presynaptic neuron, then drawn again and put in their place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inner, kernel
from spikec_cpu.kernels.iaf import STEP, mixed

_HALF = np.uint64(32)


class Rule(NamedTuple):
    """A rule, as kernels see it.

    Attributes:
        incoming: Whether the degree is that of postsynaptic neurons.
        key: Of its stream.
        n_pre: Presynaptic neurons.
        n_post: Postsynaptic neurons.
        degree: The degree.
    """

    incoming: bool
    key: np.uint64
    n_pre: int
    n_post: int
    degree: int


@inner
def partner(key: np.uint64, k: int, n: int) -> int:
    """The neuron, of `n`, that synapse k is drawn to."""
    bits = mixed(key + np.uint64(k + 1) * STEP)
    place: int = np.int64(((bits >> _HALF) * np.uint64(n)) >> _HALF)  # type: ignore[assignment]
    return place


@kernel
def count_fan_out(rule: Rule, first: int, last: int, sizes: AnyArray) -> None:
    """Count the synapses of each presynaptic neuron that end in a part.

    Args:
        rule: The rule.
        first: First neuron of the part.
        last: The one after its last.
        sizes: ``(n_pre,)`` uint32, zeros, written.
    """
    key, n_pre, n_post, degree = rule.key, rule.n_pre, rule.n_post, rule.degree
    if rule.incoming:
        for k in range(first * degree, last * degree):
            sizes[partner(key, k, n_pre)] += 1
    else:
        for i in range(n_pre):
            for k in range(i * degree, (i + 1) * degree):
                post = partner(key, k, n_post)
                sizes[i] += first <= post and post < last


@kernel
def draw_fan_out(rule: Rule, first: int, last: int, place: AnyArray, posts: AnyArray) -> None:
    """Put the synapses that end in a part in their place.

    Args:
        rule: The rule.
        first: First neuron of the part.
        last: The one after its last.
        place: Where each presynaptic neuron's synapses begin in `posts`, ``(n_pre,)`` int64; changed.
        posts: Postsynaptic neurons, counted from the part's first, uint16, written.
    """
    key, n_pre, n_post, degree = rule.key, rule.n_pre, rule.n_post, rule.degree
    if rule.incoming:
        for j in range(first, last):
            for k in range(j * degree, (j + 1) * degree):
                i = partner(key, k, n_pre)
                posts[place[i]] = j - first
                place[i] += 1
    else:
        for i in range(n_pre):
            for k in range(i * degree, (i + 1) * degree):
                post = partner(key, k, n_post)
                if first <= post and post < last:
                    posts[place[i]] = post - first
                    place[i] += 1
