"""How the neurons of one population reach those of another: `Dense` and `Sparse`, and `Delays` on top.

A connectivity knows its weights and nothing of names or times. Weights are real numbers or `Fixed`
integers; both forms answer the same questions, so passes and backends need not ask which they hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
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
        object.__setattr__(self, "weights", _checked(self.weights, "Dense"))
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

    def dense_matrix(self) -> AnyArray:
        """The stored weights (mantissas, if fixed) as ``(n_post, n_pre)``."""
        return mantissas(self.weights)

    def with_weights(self, weights: Weights) -> Self:
        """The same synapses with other weights."""
        return replace(self, weights=weights)

    def select(self, post: npt.ArrayLike, pre: npt.ArrayLike) -> Dense:
        """The synapses between some neurons, renumbered in the order given."""
        index = np.ix_(np.asarray(post, np.int64), np.asarray(pre, np.int64))
        return Dense(_take(self.weights, index))


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
        object.__setattr__(self, "weights", _checked(self.weights, "Sparse"))
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
        return sparse(n_pre, n_post, new_pre, new_post, _take(self.weights, chosen))

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


Connectivity = Dense | Sparse


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
    return Sparse(n_post, starts, posts[order], _take(weights, order))


def one_to_one(n: int, weights: npt.ArrayLike) -> Sparse:
    """Neuron ``i`` reaches neuron ``i`` only; `weights` has shape () or (n,)."""
    index = np.arange(n)
    return sparse(n, n, index, index, np.broadcast_to(np.asarray(weights, np.float64), (n,)))


class DelayKind(str, Enum):
    """What a delay belongs to."""

    UNIFORM = "uniform"
    AXONAL = "axonal"
    DENDRITIC = "dendritic"
    SYNAPTIC = "synaptic"


@dataclass(frozen=True, eq=False)
class Delays:
    """How long the spikes of one projection travel.

    In the continuous dialect values are seconds; in the fixed dialect they are ticks on top of the one tick
    that every hop takes; the float-tick dialect takes both, told apart by the values' type.

    Attributes:
        values: Shape ``()`` (uniform), ``(n_pre,)`` (axonal), ``(n_post,)`` (dendritic) or the weights'.
        kind: Which of these; it is named because ``n_pre`` may equal ``n_post``.
    """

    values: AnyArray = field(default_factory=lambda: np.zeros(()))
    kind: DelayKind = DelayKind.UNIFORM

    def __post_init__(self) -> None:
        given = np.asarray(self.values)
        whole = given.dtype.kind in "iu"
        values = read_only(given, np.int64) if whole else finite(given, "a delay")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "kind", DelayKind(self.kind))
        if values.size and values.min() < 0:
            raise NetworkError(
                f"a delay is {values.min()}; a spike cannot arrive before it left: use 0 or more"
            )
        if (self.kind is DelayKind.UNIFORM) != (values.ndim == 0):
            raise NetworkError(
                f"{self.kind.value} delays have shape {values.shape}; only uniform ones have ()"
            )

    @property
    def in_ticks(self) -> bool:
        """Whether the values are whole ticks rather than seconds."""
        return self.values.dtype.kind == "i"

    @property
    def longest(self) -> float:
        """The longest delay, 0 if there is no synapse."""
        return float(self.values.max()) if self.values.size else 0.0

    def expected_shape(self, connectivity: Connectivity) -> tuple[int, ...]:
        """The shape the values must have on a connectivity."""
        shapes: dict[DelayKind, tuple[int, ...]] = {
            DelayKind.UNIFORM: (),
            DelayKind.AXONAL: (connectivity.n_pre,),
            DelayKind.DENDRITIC: (connectivity.n_post,),
            DelayKind.SYNAPTIC: tuple(connectivity.weights.shape),
        }
        return shapes[self.kind]

    def per_synapse(self, connectivity: Connectivity) -> AnyArray:
        """The delay of every stored synapse, flat, in the weights' order."""
        pre, post = connectivity.synapses()
        if self.kind is DelayKind.UNIFORM:
            return np.full(pre.size, self.values)
        if self.kind is DelayKind.AXONAL:
            return np.asarray(self.values[pre])
        if self.kind is DelayKind.DENDRITIC:
            return np.asarray(self.values[post])
        return self.values.ravel()

    def select(self, connectivity: Connectivity, post: npt.ArrayLike, pre: npt.ArrayLike) -> Delays:
        """The delays of `connectivity.select(post, pre)`."""
        posts, pres = np.asarray(post, np.int64), np.asarray(pre, np.int64)
        if self.kind is DelayKind.UNIFORM:
            return self
        if self.kind is DelayKind.AXONAL:
            return Delays(self.values[pres], self.kind)
        if self.kind is DelayKind.DENDRITIC:
            return Delays(self.values[posts], self.kind)
        if isinstance(connectivity, Dense):
            return Delays(self.values[np.ix_(posts, pres)], self.kind)
        chosen, new_pre, new_post, _, _ = connectivity._selection(posts, pres)
        return Delays(self.values[chosen][np.lexsort((new_post, new_pre))], self.kind)


def simplest(delays: Delays, connectivity: Connectivity) -> Delays:
    """The same delays in the plainest kind that can say them; the very object if that is what it is."""
    if delays.kind is DelayKind.UNIFORM:
        return delays
    flat = delays.per_synapse(connectivity)
    if flat.size == 0 or np.all(flat == flat[0]):
        return Delays(np.asarray(flat[0]) if flat.size else np.zeros((), flat.dtype))
    if delays.kind is not DelayKind.SYNAPTIC:
        return delays
    for kind, side, n in zip(
        (DelayKind.AXONAL, DelayKind.DENDRITIC),
        connectivity.synapses(),
        (connectivity.n_pre, connectivity.n_post),
        strict=True,
    ):
        values = np.zeros(n, flat.dtype)
        values[side] = flat
        if np.array_equal(values[side], flat):
            return Delays(values, kind)
    return delays


def _checked(weights: Weights, what: str) -> Weights:
    return weights if isinstance(weights, Fixed) else finite(weights, f"{what} weights")


def _take(weights: Weights, index: Any) -> Weights:
    if isinstance(weights, Fixed):
        return Fixed(weights.mantissa[index], weights.format)
    taken: FloatArray = weights[index]
    return taken
