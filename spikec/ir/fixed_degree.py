"""Connectivity that is a rule: every neuron has as many synapses, drawn at random from a seed.

A network of a hundred million synapses is so a few numbers in a file. All synapses of a rule have one weight.
A neuron may reach another several times, and itself: in NEST's words multapses and autapses are allowed.

Engines draw the synapses for themselves (`spikec.ir.counter_random`); whoever needs them one by one asks
`synapses`, which refuses more than `MOST_LISTED`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, FloatArray, IntArray, finite
from spikec.errors import NetworkError
from spikec.ir.counter_random import below, key_of, outputs
from spikec.ir.fixed_point import Fixed, Weights
from spikec.ir.synapses import Sparse, sparse

if TYPE_CHECKING:
    from typing_extensions import Self

MOST_LISTED = 10_000_000
"""Synapses of a rule that are listed one by one; each takes 16 bytes and more."""

MOST_NEURONS = 1 << 31
"""Neurons on either side."""


@dataclass(frozen=True, eq=False)
class FixedDegree:
    """What `FixedInDegree` and `FixedOutDegree` share.

    Attributes:
        n_pre: Number of presynaptic neurons.
        n_post: Number of postsynaptic neurons.
        degree: Synapses of each neuron on the side that the rule is named for.
        weights: The weight of every synapse, shape ``()``, real.
        seed: Where chance comes from, 0 to 2^64 - 1.

    Raises:
        NetworkError: A number is out of range, or there is more than one weight.
    """

    n_pre: int
    n_post: int
    degree: int
    weights: FloatArray
    seed: int

    incoming: ClassVar[bool]
    """Whether the degree counts the synapses that end at a neuron."""

    def __post_init__(self) -> None:
        name = type(self).__name__
        object.__setattr__(self, "weights", finite(self.weights, f"{name} weights"))
        if self.weights.shape != ():
            raise NetworkError(f"{name} has weights of shape {self.weights.shape}; give one number for all")
        for what, value, low, high in (
            ("n_pre", self.n_pre, 1, MOST_NEURONS),
            ("n_post", self.n_post, 1, MOST_NEURONS),
            ("degree", self.degree, 0, MOST_NEURONS),
            ("seed", self.seed, 0, (1 << 64) - 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise NetworkError(f"{name}.{what} is {value!r}; give a whole number from {low} to {high}")

    @property
    def n_synapses(self) -> int:
        """Synapses, all of them."""
        return self.degree * (self.n_post if self.incoming else self.n_pre)

    def synapses(self) -> tuple[IntArray, IntArray]:
        """Presynaptic and postsynaptic neuron of every synapse, in the order in which they are drawn.

        Raises:
            NetworkError: There are more than `MOST_LISTED`.
        """
        if self.n_synapses > MOST_LISTED:
            raise NetworkError(
                f"a {type(self).__name__} of {self.n_synapses:,} synapses is too large to be listed one by "
                f"one, which this needs ({MOST_LISTED:,} at most); run it as it is on the cpu, or lower the "
                "degree"
            )
        return self._drawn(0, self.n_synapses)

    def _drawn(self, first: int, n: int) -> tuple[IntArray, IntArray]:
        """Both ends of some synapses: number k belongs to neuron k // degree, whose partner is drawn."""
        own = np.arange(first, first + n, dtype=np.int64) // max(self.degree, 1)
        partner = below(self.n_pre if self.incoming else self.n_post, outputs(key_of(self.seed), first, n))
        return (partner, own) if self.incoming else (own, partner)

    def _degrees(self, side: int) -> IntArray:
        """Synapses of each neuron before (0) or after (1) them."""
        n, step = (self.n_pre, self.n_post)[side], MOST_LISTED // 8
        if side == int(self.incoming):
            return np.full(n, self.degree, np.int64)
        counts = np.zeros(n, np.int64)
        for first in range(0, self.n_synapses, step):
            ends = self._drawn(first, min(step, self.n_synapses - first))
            counts += np.bincount(ends[side], minlength=n)
        return counts

    def per_synapse(self, values: AnyArray) -> AnyArray:
        """The one value that holds for all, for each synapse, ``(n_synapses,)``."""
        return np.broadcast_to(values, (self.n_synapses,))

    def stored(self) -> AnyArray:
        """The weight of every synapse, ``(n_synapses,)``."""
        return self.per_synapse(self.weights)

    def by_post(self, values: AnyArray, per_pre: AnyArray | None = None) -> AnyArray:
        """Sum over the synapses of each postsynaptic neuron; see `Dense.by_post`."""
        if per_pre is None:
            return np.asarray(values * self._degrees(1))
        numbers = replace(self, weights=np.ones(())).unrolled()
        return np.asarray(numbers.by_post(numbers.stored(), per_pre) * values)

    def by_pre(self, values: AnyArray, per_post: AnyArray | None = None) -> AnyArray:
        """Sum over the synapses of each presynaptic neuron; see `Dense.by_post`."""
        if per_post is None:
            return np.asarray(values * self._degrees(0))
        numbers = replace(self, weights=np.ones(())).unrolled()
        return np.asarray(numbers.by_pre(numbers.stored(), per_post) * values)

    def dense_matrix(self) -> AnyArray:
        """The weights as ``(n_post, n_pre)``, those of several synapses of a pair added up."""
        return self.unrolled().dense_matrix()

    def with_weights(self, weights: Weights) -> Self:
        """The same synapses with another weight.

        Raises:
            NetworkError: It is no real number.
        """
        if isinstance(weights, Fixed):
            raise NetworkError(f"a {type(self).__name__} has a real weight; list its synapses for integers")
        return replace(self, weights=weights)

    def unrolled(self) -> Sparse:
        """The same synapses in a list, where several of one pair become one with the sum of their weights.

        Raises:
            NetworkError: See `synapses`.
        """
        pre, post = self.synapses()
        pairs, often = np.unique(pre * self.n_post + post, return_counts=True)
        return sparse(self.n_pre, self.n_post, *np.divmod(pairs, self.n_post), often * self.weights)

    def select(self, post: npt.ArrayLike, pre: npt.ArrayLike) -> Sparse:
        """The synapses between some neurons, in a list; see `Dense.select`."""
        return self.unrolled().select(post, pre)


class FixedInDegree(FixedDegree):
    """Every postsynaptic neuron has `degree` synapses, each from a presynaptic neuron drawn by itself.

    Synapse k, from 0, ends at neuron ``k // degree`` and comes from `below` (n_pre, output k of the stream
    ``key_of(seed)``).
    """

    incoming = True


class FixedOutDegree(FixedDegree):
    """Every presynaptic neuron has `degree` synapses, each to a postsynaptic neuron drawn by itself.

    Synapse k, from 0, begins at neuron ``k // degree`` and leads to `below` (n_post, output k of the stream
    ``key_of(seed)``).
    """

    incoming = False
