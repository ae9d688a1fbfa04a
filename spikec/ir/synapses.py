"""Synapses that are stored one by one: all pairs of two populations (`Dense`), or a list (`Sparse`).

Both know their weights and nothing of names or times. Weights are real numbers or `Fixed` integers; both
forms answer the same questions, so passes and backends need not ask which they hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, FloatArray, IntArray, finite, read_only
from spikec.errors import NetworkError
from spikec.ir.fixed_point import Fixed, Weights, mantissas

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, eq=False)
class Dense:
    r"""Every presynaptic neuron reaches every postsynaptic one.

    .. math:: I_j = \sum_i W_{ji}\, s_i

    Attributes:
        weights: :math:`W`, shape ``(n_post, n_pre)``.
    """

    weights: Weights

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", checked(self.weights, "Dense"))
        if len(self.weights.shape) != 2:
            raise NetworkError(f"Dense weights have shape {self.weights.shape}; (n_post, n_pre) is needed")

    @property
    def n_pre(self) -> int:
        """Number of presynaptic neurons."""
        return self.weights.shape[1]

    @property
    def n_post(self) -> int:
        """Number of postsynaptic neurons."""
        return self.weights.shape[0]

    @property
    def n_synapses(self) -> int:
        """Stored synapses, zeros among them."""
        return self.n_pre * self.n_post

    def synapses(self) -> tuple[IntArray, IntArray]:
        """Presynaptic and postsynaptic neuron of every stored synapse, in the weights' (C) order."""
        post, pre = np.divmod(np.arange(self.n_synapses, dtype=np.int64), max(self.n_pre, 1))
        return pre, post

    def per_synapse(self, values: AnyArray) -> AnyArray:
        """What stands in an array of the weights' shape for every synapse, in the order of `synapses`."""
        return values.ravel()

    def stored(self) -> AnyArray:
        """The weight (mantissa, if fixed) of every synapse, in the order of `synapses`, ``(n_synapses,)``."""
        return self.per_synapse(mantissas(self.weights))

    def by_post(self, values: AnyArray, per_pre: AnyArray | None = None) -> AnyArray:
        """Sum over the synapses of each postsynaptic neuron.

        Args:
            values: One for each synapse, the weights' shape.
            per_pre: A factor for each presynaptic neuron, ``(..., n_pre)``; 1 if None.

        Returns:
            ``(..., n_post)``.
        """
        return np.asarray(values.sum(axis=1) if per_pre is None else per_pre @ numbers(values).T)

    def by_pre(self, values: AnyArray, per_post: AnyArray | None = None) -> AnyArray:
        """Sum over the synapses of each presynaptic neuron; as `by_post`, the other way round."""
        return np.asarray(values.sum(axis=0) if per_post is None else per_post @ numbers(values))

    def dense_matrix(self) -> AnyArray:
        """The stored weights (mantissas, if fixed) as ``(n_post, n_pre)``."""
        return mantissas(self.weights)

    def with_weights(self, weights: Weights) -> Self:
        """The same synapses with other weights."""
        return replace(self, weights=weights)

    def select(self, post: npt.ArrayLike, pre: npt.ArrayLike) -> Dense:
        """The synapses between some neurons, renumbered in the order given."""
        index = np.ix_(np.asarray(post, np.int64), np.asarray(pre, np.int64))
        return Dense(take(self.weights, index))


@dataclass(frozen=True, eq=False)
class Sparse:
    """A list of synapses, grouped by presynaptic neuron (compressed rows of the fan-out).

    Attributes:
        n_post: Number of postsynaptic neurons.
        starts: Where each presynaptic neuron's synapses begin, shape ``(n_pre + 1,)``.
        posts: Postsynaptic neuron of each synapse, ascending within a group, shape ``(n_synapses,)``.
        weights: Shape ``(n_synapses,)``; stored zeros are legal and counted apart.
    """

    n_post: int
    starts: IntArray
    posts: IntArray
    weights: Weights

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", read_only(self.starts, np.int64))
        object.__setattr__(self, "posts", read_only(self.posts, np.int64))
        object.__setattr__(self, "weights", checked(self.weights, "Sparse"))
        n = self.posts.size
        if self.starts.ndim != 1 or self.posts.ndim != 1 or self.weights.shape != (n,):
            raise NetworkError(
                f"Sparse has starts {self.starts.shape}, posts {self.posts.shape} and weights "
                f"{self.weights.shape}; (n_pre + 1,), (n,) and (n,) are needed"
            )
        if (
            self.starts.size < 1
            or self.starts[0] != 0
            or self.starts[-1] != n
            or np.any(np.diff(self.starts) < 0)
        ):
            raise NetworkError(f"Sparse starts must rise from 0 to the number of synapses, {n}")
        if n and not (0 <= self.posts.min() and self.posts.max() < self.n_post):
            raise NetworkError(f"Sparse reaches neuron {self.posts.max()}, but there are {self.n_post}")
        pre, post = self.synapses()
        if np.any((np.diff(pre) == 0) & (np.diff(post) <= 0)):
            raise NetworkError("Sparse lists a synapse twice or out of order; sort and merge with `sparse()`")

    @property
    def n_pre(self) -> int:
        """Number of presynaptic neurons."""
        return int(self.starts.size - 1)

    @property
    def n_synapses(self) -> int:
        """Stored synapses, zeros among them."""
        return int(self.posts.size)

    def synapses(self) -> tuple[IntArray, IntArray]:
        """Presynaptic and postsynaptic neuron of every stored synapse, in the weights' order."""
        return np.repeat(np.arange(self.n_pre, dtype=np.int64), np.diff(self.starts)), self.posts

    def per_synapse(self, values: AnyArray) -> AnyArray:
        """What stands in an array of the weights' shape for every synapse, in the order of `synapses`."""
        return values

    def stored(self) -> AnyArray:
        """The weight (mantissa, if fixed) of every synapse, in the order of `synapses`, ``(n_synapses,)``."""
        return mantissas(self.weights)

    def by_post(self, values: AnyArray, per_pre: AnyArray | None = None) -> AnyArray:
        """Sum over the synapses of each postsynaptic neuron; see `Dense.by_post`."""
        if per_pre is None:
            return _summed(values, self.posts, self.n_post)
        return np.asarray(per_pre @ self._matrix(values))

    def by_pre(self, values: AnyArray, per_post: AnyArray | None = None) -> AnyArray:
        """Sum over the synapses of each presynaptic neuron; see `Dense.by_post`."""
        if per_post is None:
            return _summed(values, self.synapses()[0], self.n_pre)
        return np.asarray(per_post @ self._matrix(values).T)

    def _matrix(self, values: AnyArray) -> Any:
        from scipy.sparse import csr_array  # a third of a second, which few runs need

        return csr_array((numbers(values), self.posts, self.starts), shape=(self.n_pre, self.n_post))

    def dense_matrix(self) -> AnyArray:
        """The stored weights (mantissas, if fixed) as ``(n_post, n_pre)``; zero where nothing is stored."""
        pre, post = self.synapses()
        stored = mantissas(self.weights)
        matrix = np.zeros((self.n_post, self.n_pre), stored.dtype)
        matrix[post, pre] = stored
        return matrix

    def with_weights(self, weights: Weights) -> Self:
        """The same synapses with other weights."""
        return replace(self, weights=weights)

    def select(self, post: npt.ArrayLike, pre: npt.ArrayLike) -> Sparse:
        """The synapses between some neurons, renumbered in the order given."""
        chosen, new_pre, new_post, n_pre, n_post = self._selection(post, pre)
        return sparse(n_pre, n_post, new_pre, new_post, take(self.weights, chosen))

    def _selection(
        self, post: npt.ArrayLike, pre: npt.ArrayLike
    ) -> tuple[IntArray, IntArray, IntArray, int, int]:
        posts, pres = np.asarray(post, np.int64), np.asarray(pre, np.int64)
        place_post = np.full(self.n_post, -1, np.int64)
        place_post[posts] = np.arange(posts.size)
        place_pre = np.full(self.n_pre, -1, np.int64)
        place_pre[pres] = np.arange(pres.size)
        all_pre, all_post = self.synapses()
        new_pre, new_post = place_pre[all_pre], place_post[all_post]
        chosen = np.flatnonzero((new_pre >= 0) & (new_post >= 0))
        return chosen, new_pre[chosen], new_post[chosen], pres.size, posts.size


def sparse(n_pre: int, n_post: int, pre: npt.ArrayLike, post: npt.ArrayLike, weights: Weights) -> Sparse:
    """Make a `Sparse` from synapses listed in any order.

    Args:
        n_pre: Number of presynaptic neurons.
        n_post: Number of postsynaptic neurons.
        pre: Presynaptic neuron of each synapse, shape ``(n,)``.
        post: Postsynaptic neuron of each synapse, shape ``(n,)``.
        weights: Shape ``(n,)``.

    Raises:
        NetworkError: A pair occurs twice or lies outside the populations.
    """
    pres, posts = read_only(pre, np.int64), read_only(post, np.int64)
    if pres.size and not (0 <= pres.min() and pres.max() < n_pre):
        raise NetworkError(f"a synapse starts at neuron {pres.max()}, but there are {n_pre}")
    order = np.lexsort((posts, pres))
    starts = np.concatenate([[0], np.cumsum(np.bincount(pres, minlength=n_pre))]).astype(np.int64)
    return Sparse(n_post, starts, posts[order], take(weights, order))


def one_to_one(n: int, weights: npt.ArrayLike) -> Sparse:
    """Neuron ``i`` reaches neuron ``i`` only; `weights` has shape () or (n,)."""
    index = np.arange(n)
    return sparse(n, n, index, index, np.broadcast_to(np.asarray(weights, np.float64), (n,)))


def checked(weights: Weights, what: str) -> Weights:
    """Weights that are known to be numbers."""
    return weights if isinstance(weights, Fixed) else finite(weights, f"{what} weights")


def _summed(values: AnyArray, places: IntArray, n: int) -> AnyArray:
    """Sums of the values at each of `n` places."""
    found = np.zeros(n, np.result_type(numbers(values), np.int64))
    np.add.at(found, places, values.astype(found.dtype, copy=False))
    return found


def numbers(values: AnyArray) -> AnyArray:
    """Values that can be summed: truth values are counted."""
    return values.astype(np.int64) if values.dtype.kind == "b" else values


def take(weights: Weights, index: Any) -> Weights:
    """Some of the weights, as numpy would index them."""
    if isinstance(weights, Fixed):
        return Fixed(weights.mantissa[index], weights.format)
    taken: FloatArray = weights[index]
    return taken
