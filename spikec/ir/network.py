"""The one graph class: populations of neurons, projections between them, and the clock they run on.

The clock and the neuron types say which of three dialects a network is written in (`Network.dialect`):
continuous time, ticks with real numbers, or ticks with a chip's integers. Frontends make the first two,
passes lead to the third, backends run it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from spikec.arrays import FloatArray
from spikec.coding import Decoding, Encoding
from spikec.errors import NetworkError
from spikec.ir.components import components
from spikec.ir.connectivity import Connectivity, Convolution, Delays, FixedDegree
from spikec.ir.conventions import LOIHI as LOIHI
from spikec.ir.conventions import Convention as Convention
from spikec.ir.conventions import Integration as Integration
from spikec.ir.conventions import Reset as Reset
from spikec.ir.fixed_neurons import FIXED
from spikec.ir.neurons import Neuron, Source, parameters

if TYPE_CHECKING:
    import networkx as nx


class Dialect(str, Enum):
    """How a network computes."""

    CONTINUOUS = "continuous"
    TICKS = "ticks"
    FIXED = "fixed"


@dataclass(frozen=True)
class Continuous:
    """Real time: spikes happen at any moment, times are seconds.

    Attributes:
        reset: Whether a spike sets the membrane to ``v_reset`` or takes the threshold off it. `Theta` and
            `QifExp` have no threshold: they go from infinity to minus infinity either way.
    """

    reset: Reset = Reset.VALUE

    def __post_init__(self) -> None:
        object.__setattr__(self, "reset", Reset(self.reset))


@dataclass(frozen=True)
class Ticks:
    """Discrete time.

    Attributes:
        dt: Length of a tick, seconds.
        convention: The simulator's habits.
    """

    dt: float
    convention: Convention = field(default_factory=Convention)

    def __post_init__(self) -> None:
        if not 0 < self.dt < float("inf"):
            raise NetworkError(f"a tick of {self.dt} s is impossible; give a positive dt in seconds")


Clock = Continuous | Ticks


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one type.

    Attributes:
        name: Unique; dots show a hierarchy.
        neuron: Type and parameters, of shape ``()`` or ``(n,)``.
        shape: The neurons' arrangement, row-major.
    """

    name: str
    neuron: Neuron
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(k) for k in self.shape))
        if not self.name or any(k < 1 for k in self.shape) or not self.shape:
            raise NetworkError(
                f"population {self.name!r} has shape {self.shape}; it needs a name and neurons"
            )
        for name, values in parameters(self.neuron).items():
            if values.shape not in ((), (self.n,)):
                raise NetworkError(
                    f"population {self.name} has {self.n} neurons, but {name} has shape {values.shape}; "
                    f"() or ({self.n},) is needed"
                )
        parts = self.neuron.parts if isinstance(self.neuron, Source) else 1
        if parts > 1 and self.shape[0] != parts:
            raise NetworkError(
                f"input {self.name} has shape {self.shape}, which does not begin with its {parts} parts of a "
                "tick"
            )

    @property
    def n(self) -> int:
        """Number of neurons."""
        return prod(self.shape)

    @property
    def is_divided(self) -> bool:
        """Whether it is an input of several neurons for one, each for a part of a tick."""
        return isinstance(self.neuron, Source) and self.neuron.parts > 1

    @property
    def given_shape(self) -> tuple[int, ...]:
        """The shape of the input that a user gives spikes for: without the parts of a divided one."""
        return self.shape[1:] if self.is_divided else self.shape

    @property
    def is_source(self) -> bool:
        """Whether its spikes come from outside."""
        return isinstance(self.neuron, Source)


@dataclass(frozen=True, eq=False)
class Projection:
    """The synapses from one population to another.

    Attributes:
        name: Unique among projections.
        pre: Name of the presynaptic population.
        post: Name of the postsynaptic population.
        connectivity: Which neuron reaches which, with what weight.
        delays: How long it takes.
    """

    name: str
    pre: str
    post: str
    connectivity: Connectivity
    delays: Delays = field(default_factory=Delays)

    def __post_init__(self) -> None:
        expected = self.delays.expected_shape(self.connectivity)
        if self.delays.values.shape != expected:
            raise NetworkError(
                f"projection {self.name} has {self.delays.kind.value} delays of shape "
                f"{self.delays.values.shape}; {expected} is needed"
            )


@dataclass(frozen=True, eq=False)
class Network:
    """A spiking network.

    Attributes:
        populations: In any order; names are unique.
        projections: In any order; cycles and several between one pair are legal.
        inputs: Names of the populations fed from outside (all `Source`).
        outputs: Names of the populations a user wants to see.
        clock: Continuous or in ticks.
        encoding: How a sample becomes input spikes, if the network knows.
        decoding: How its answer becomes a class, if the network knows.
        notes: What a frontend repaired or assumed, one sentence each.

    Raises:
        NetworkError: Names repeat or are unknown, or shapes do not meet.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    clock: Clock
    encoding: Encoding | None = None
    decoding: Decoding | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("populations", "projections", "inputs", "outputs", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _check_names([p.name for p in self.populations], "population")
        _check_names([p.name for p in self.projections], "projection")
        known = {p.name: p for p in self.populations}
        for name in (*self.inputs, *self.outputs):
            if name not in known:
                raise NetworkError(f"the network names {name!r} as input or output, but has {_list(known)}")
        for p in self.populations:
            if p.is_source != (p.name in self.inputs):
                raise NetworkError(f"population {p.name} must be a Source if, and only if, it is an input")
        for q in self.projections:
            _check_projection(q, known)

    @property
    def dialect(self) -> Dialect:
        """Continuous, float ticks or fixed."""
        if isinstance(self.clock, Continuous):
            return Dialect.CONTINUOUS
        computing = [p.neuron for p in self.populations if not p.is_source]
        fixed = bool(computing) and all(isinstance(k, FIXED) for k in computing)
        return Dialect.FIXED if fixed else Dialect.TICKS

    @property
    def dt(self) -> float:
        """Length of a tick, seconds.

        Raises:
            NetworkError: The network is continuous.
        """
        if isinstance(self.clock, Continuous):
            raise NetworkError("a continuous network has no tick; compile it first")
        return self.clock.dt

    @property
    def reset(self) -> Reset:
        """What a spike does to the membrane."""
        return self.clock.reset if isinstance(self.clock, Continuous) else self.clock.convention.reset

    @property
    def n_synapses(self) -> int:
        """Stored synapses of all projections."""
        return sum(q.connectivity.n_synapses for q in self.projections)

    def population(self, name: str) -> Population:
        """Look up a population.

        Raises:
            NetworkError: There is none of this name.
        """
        for p in self.populations:
            if p.name == name:
                return p
        raise NetworkError(
            f"there is no population {name!r}; the network has {_list(p.name for p in self.populations)}"
        )

    def incoming(self, name: str) -> tuple[Projection, ...]:
        """Projections that end at a population."""
        return tuple(q for q in self.projections if q.post == name)

    def outgoing(self, name: str) -> tuple[Projection, ...]:
        """Projections that start at a population."""
        return tuple(q for q in self.projections if q.pre == name)

    def with_populations(self, changed: dict[str, Population]) -> Network:
        """The network with some populations exchanged, by name."""
        return replace(self, populations=tuple(changed.get(p.name, p) for p in self.populations))

    def with_projections(self, changed: dict[str, Projection]) -> Network:
        """The network with some projections exchanged, by name."""
        return replace(self, projections=tuple(changed.get(q.name, q) for q in self.projections))

    def to_networkx(self) -> nx.MultiDiGraph:
        """The graph of population names, an edge (keyed by its name) a projection."""
        import networkx as nx

        graph = nx.MultiDiGraph()
        graph.add_nodes_from(p.name for p in self.populations)
        graph.add_edges_from((q.pre, q.post, q.name) for q in self.projections)
        return graph

    def components(self) -> Iterator[tuple[str, ...]]:
        """Strongly connected components in an order in which spikes flow forward; names in network order."""
        yield from components([p.name for p in self.populations], ((q.pre, q.post) for q in self.projections))

    def leads_back(self, q: Projection) -> bool:
        """Whether a projection closes a cycle: it leads to its own population or to one before it in order.

        Within a cycle the order of `populations` says who comes first.
        """
        return q.name in self._leading_back

    @cached_property
    def _leading_back(self) -> frozenset[str]:
        place = {p.name: i for i, p in enumerate(self.populations)}
        within = {name: k for k, names in enumerate(self.components()) for name in names}
        backward = (q for q in self.projections if place[q.post] <= place[q.pre])
        return frozenset(q.name for q in backward if within[q.pre] == within[q.post])

    def is_recurrent(self, component: tuple[str, ...]) -> bool:
        """Whether a component feeds itself."""
        return len(component) > 1 or any(q.pre == q.post == component[0] for q in self.projections)


def scaled_rows(q: Projection, factor: FloatArray) -> Projection:
    """The projection with its real weights times a factor of each postsynaptic neuron, () or (n_post,).

    A convolution keeps its kernel if neurons of a channel have one factor; else each synapse is stored.
    """
    if isinstance(q.connectivity, FixedDegree):
        return scaled_rows(unrolled(q), factor)
    if isinstance(q.connectivity, Convolution):
        kept = q.connectivity.scaled(factor)
        return scaled_rows(unrolled(q), factor) if kept is None else replace(q, connectivity=kept)
    weights = np.asarray(q.connectivity.weights, np.float64)
    _, post = q.connectivity.synapses()
    rows = factor if factor.ndim == 0 else factor[post].reshape(weights.shape)
    return replace(q, connectivity=q.connectivity.with_weights(weights * rows))


def unrolled(q: Projection) -> Projection:
    """The projection with each synapse stored by itself."""
    if not isinstance(q.connectivity, Convolution | FixedDegree):
        return q
    delays = q.delays.unrolled(q.connectivity)
    return replace(q, connectivity=q.connectivity.unrolled(), delays=delays)


def _check_projection(q: Projection, known: dict[str, Population]) -> None:
    for name in (q.pre, q.post):
        if name not in known:
            raise NetworkError(f"projection {q.name} names {name!r}, but the network has {_list(known)}")
    if known[q.post].is_source:
        raise NetworkError(f"projection {q.name} ends at the input {q.post}; inputs receive nothing")
    if (q.connectivity.n_pre, q.connectivity.n_post) != (known[q.pre].n, known[q.post].n):
        raise NetworkError(
            f"projection {q.name} connects {q.connectivity.n_pre} to {q.connectivity.n_post} neurons, but "
            f"{q.pre} has {known[q.pre].n} and {q.post} has {known[q.post].n}"
        )


def _check_names(names: list[str], what: str) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise NetworkError(f"{what} names must be unique, but {_list(twice)} occur more than once")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
