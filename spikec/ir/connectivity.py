"""How the neurons of one population reach those of another, and how long that takes.

A connectivity stores each synapse (`Dense`, `Sparse`), shares a kernel between them (`Convolution`), or draws
them by a rule (`FixedInDegree`, `FixedOutDegree`), and all answer the same questions; `Delays` come on top.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, finite, read_only
from spikec.errors import NetworkError
from spikec.ir.convolution import Convolution as Convolution
from spikec.ir.fixed_degree import FixedDegree as FixedDegree
from spikec.ir.fixed_degree import FixedInDegree as FixedInDegree
from spikec.ir.fixed_degree import FixedOutDegree as FixedOutDegree
from spikec.ir.synapses import Dense as Dense
from spikec.ir.synapses import Sparse as Sparse
from spikec.ir.synapses import one_to_one as one_to_one
from spikec.ir.synapses import sparse as sparse

Connectivity = Dense | Sparse | Convolution | FixedInDegree | FixedOutDegree


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
        if self.kind is DelayKind.UNIFORM:
            return np.broadcast_to(self.values, (connectivity.n_synapses,))
        pre, post = connectivity.synapses()
        if self.kind is DelayKind.AXONAL:
            return np.asarray(self.values[pre])
        if self.kind is DelayKind.DENDRITIC:
            return np.asarray(self.values[post])
        return connectivity.per_synapse(self.values)

    def select(self, connectivity: Connectivity, post: npt.ArrayLike, pre: npt.ArrayLike) -> Delays:
        """The delays of `connectivity.select(post, pre)`."""
        posts, pres = np.asarray(post, np.int64), np.asarray(pre, np.int64)
        if self.kind is DelayKind.UNIFORM:
            return self
        if self.kind is DelayKind.AXONAL:
            return Delays(self.values[pres], self.kind)
        if self.kind is DelayKind.DENDRITIC:
            return Delays(self.values[posts], self.kind)
        if isinstance(connectivity, Convolution | FixedDegree):
            return self.unrolled(connectivity).select(connectivity.unrolled(), posts, pres)
        if isinstance(connectivity, Dense):
            return Delays(self.values[np.ix_(posts, pres)], self.kind)
        chosen, new_pre, new_post, _, _ = connectivity._selection(posts, pres)
        return Delays(self.values[chosen][np.lexsort((new_post, new_pre))], self.kind)

    def unrolled(self, shared: Convolution | FixedDegree) -> Delays:
        """The delays of `shared.unrolled()`."""
        if self.kind is not DelayKind.SYNAPTIC:
            return self
        pre, post = shared.synapses()
        return Delays(shared.per_synapse(self.values)[np.lexsort((post, pre))], self.kind)


def simplest(delays: Delays, connectivity: Connectivity) -> Delays:
    """The same delays in the plainest kind that can say them; the very object if that is what it is."""
    if delays.kind is DelayKind.UNIFORM:
        return delays
    if isinstance(connectivity, Convolution):
        return _simplest_of_kernel(delays, connectivity)
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


def _simplest_of_kernel(delays: Delays, convolution: Convolution) -> Delays:
    """One delay, if all neurons that have synapses, or all entries of the kernel, have it."""
    every = np.ones(convolution.weights.shape, np.bool_)
    used = {
        DelayKind.AXONAL: convolution.by_pre(every) > 0,
        DelayKind.DENDRITIC: convolution.by_post(every) > 0,
    }
    values = delays.values[used.get(delays.kind, every)]
    if values.size and np.any(values != values[0]):
        return delays
    return Delays(np.asarray(values[0]) if values.size else np.zeros((), values.dtype))
