"""From a network of `spikec.ir.iaf` neurons to the flat arrays that its kernels walk.

A *part* holds some neurons of every population and the synapses that end at them. Parts run side by side on
threads, and none holds more than 65,536 neurons of a population: a synapse is then the two bytes of its
postsynaptic neuron, for weight and delay are one for all of a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, IntArray
from spikec.errors import Violation
from spikec.ir.connectivity import DelayKind, FixedDegree
from spikec.ir.counter_random import key_of
from spikec.ir.iaf import IAF, IafNeuron, IafPscExp
from spikec.ir.iaf_tick import iaf_tick, poisson_limits
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec_cpu.lower_float import whole_delays
from spikec_cpu.lower_parts import starts

CHUNK = 1024
"""Neurons that go through a tick together: their states fit the first-level cache."""

WHOLE = 1 << 12
"""Neurons up to which a population goes through a tick as one, so that few arrivals can be added singly."""

FEW = 4
"""Arrivals are few if there are so many times more neurons: one takes as long as a sweep over some."""

LARGEST_PART = 1 << 16
"""Neurons of a population in one part: their numbers fit 16 bits."""

MOST_ARRIVALS = (1 << 16) - 1
"""Spikes that reach a neuron through one rule in one tick."""

MOST_TOGETHER = 64
"""Ticks in which parts run by themselves where no delay sets an end to it."""

ROUND_BYTES = 1 << 18
"""Numbers of arrivals of one round: half of a common second-level cache."""

BETA, REST, GAIN_EX, GAIN_IN, ALPHA_EX, ALPHA_IN, THRESHOLD, V_RESET = range(8)
"""Columns of the coefficients."""

EXCITATORY, INHIBITORY, MEMBRANE = range(3)
"""What arrivals act on, and the order in which states lie."""

POPULATION = np.dtype(
    [
        ("n", "i8"),  # neurons in this part
        ("first", "i8"),  # place of the first in the part's states
        ("offset", "i8"),  # its number in the population, even
        ("whole", "i8"),  # neurons of the population
        ("part", "i8"),  # number of the part
        ("is_source", "i8"),
        ("has_currents", "i8"),
        ("side", "i8"),  # what its drive acts on
        ("waits", "i8"),  # refractory ticks
        ("first_block", "i8"),  # the blocks that end here
        ("last_block", "i8"),
        ("first_limit", "i8"),  # the limits of its drive
        ("last_limit", "i8"),
        ("key", "u8"),  # of its drive's stream
    ],
    align=True,
)

BLOCK = np.dtype(
    [
        ("pre", "i8"),  # presynaptic population
        ("n", "i8"),  # postsynaptic neurons in this part
        ("delay", "i8"),  # ticks, the hop's own among them
        ("starts", "i8"),  # place of its first row in `starts`, n_pre + 1 of them
        ("into", "i8"),  # place of its first neuron in the counts or sums
        ("weights", "i8"),  # where its weights begin, -1 for a rule, which has one
        ("side", "i8"),  # what arrivals act on
    ],
    align=True,
)


class Part(NamedTuple):
    """Some neurons of every population, and the synapses that end at them.

    Attributes:
        populations: `POPULATION` records, in the network's order.
        blocks: `BLOCK` records, by postsynaptic population.
        starts: Where the synapses of each presynaptic neuron of each block begin in `posts`, int64.
        posts: Postsynaptic neuron of each synapse, counted from the part's first, uint16.
        weights: Of blocks whose synapses have weights of their own.
        units: The weight of each block that is a rule.
        coefficients: Of each population, ``(n_populations, 8)``.
        drives: The weight of each population's drive.
        limits: How random bits become spikes of drives, int32.
    """

    populations: AnyArray
    blocks: AnyArray
    starts: IntArray
    posts: AnyArray
    weights: AnyArray
    units: AnyArray
    coefficients: AnyArray
    drives: AnyArray
    limits: AnyArray


@dataclass(frozen=True, eq=False)
class Plan:
    """How a network is cut.

    Attributes:
        network: The network.
        projections: By postsynaptic population, in the order of blocks.
        delays: Of each, ticks.
        cuts: For each population where its parts begin, and the end of the last, ``(n_parts + 1,)``.
        real: Type of real numbers.
    """

    network: Network
    projections: tuple[Projection, ...]
    delays: tuple[int, ...]
    cuts: dict[str, IntArray]
    real: np.dtype[Any]

    @property
    def n_parts(self) -> int:
        """How many parts there are."""
        return next(iter(self.cuts.values())).size - 1

    @property
    def together(self) -> int:
        """Ticks that a part can run before it must know what others did: as many as the shortest delay."""
        return min(self._own_delays(), default=MOST_TOGETHER)

    @property
    def round(self) -> int:
        """Ticks that a part goes through at a time, so that what arrives in them stays in the cache."""
        largest = sum(int(np.diff(self.cuts[q.post]).max()) for q in self.projections)
        return max(1, min(self.together, MOST_TOGETHER, ROUND_BYTES // (2 * max(largest, 1))))

    @property
    def n_slots(self) -> int:
        """Ticks whose spikes are kept until they have arrived, and their neurons are free again."""
        waits = [_waits(p, self.network.dt) for p in self.network.populations]
        ahead = self.round if self.n_parts == 1 else self.together
        return max(max(self._own_delays(), default=0) + ahead, max(waits) + 1 + self.round)

    def _own_delays(self) -> list[int]:
        """Delays of spikes that the network makes itself, ticks."""
        sources = set(self.network.inputs)
        return [d for q, d in zip(self.projections, self.delays, strict=True) if q.pre not in sources]

    def span(self, name: str, part: int) -> tuple[int, int]:
        """First neuron of a population in a part, and the one after its last."""
        return int(self.cuts[name][part]), int(self.cuts[name][part + 1])


def holds_iaf(network: Network) -> bool:
    """Whether a network has neurons of `spikec.ir.iaf`."""
    return any(isinstance(p.neuron, IAF) for p in network.populations)


def unsupported_iaf(network: Network) -> list[Violation]:
    """What keeps a network with such neurons, or with rules, from the engine that is made for them."""
    special = holds_iaf(network)
    found = []
    for p in network.populations:
        if special and not p.is_source and not isinstance(p.neuron, IAF):
            where, got = f"population {p.name}", f"{type(p.neuron).__name__} beside an Iaf neuron"
            limit, advice = "IafPscExp and IafPscDelta among themselves", "run it with --backend reference"
            found.append(Violation("neuron in float ticks", where, got, limit, advice))
    for q in network.projections:
        where, rule = f"projection {q.name}", isinstance(q.connectivity, FixedDegree)
        if rule and not isinstance(network.population(q.post).neuron, IAF):
            got, limit = type(q.connectivity).__name__, "a rule onto IafPscExp or IafPscDelta"
            advice = "run it with --backend reference, or list its synapses with spikec.ir.listing.listed"
            found.append(Violation("connectivity", where, got, limit, advice))
        elif special and q.delays.kind is not DelayKind.UNIFORM:
            got, limit = f"{q.delays.kind.value} delays", "one delay of all synapses onto Iaf neurons"
            advice = "split it by delay, or run it with --backend reference"
            found.append(Violation("delay", where, got, limit, advice))
        elif isinstance(q.connectivity, FixedDegree) and most_arrivals(q.connectivity) > MOST_ARRIVALS:
            got, limit = f"{q.connectivity.degree} synapses a neuron", f"{MOST_ARRIVALS} of one rule"
            found.append(Violation("connectivity", where, got, limit, "split it into several rules"))
    return found


def most_arrivals(c: FixedDegree) -> int:
    """Synapses onto one neuron; where chance decides, twice their mean, which none of so many reaches."""
    return c.degree if c.incoming else 2 * -(-c.n_synapses // c.n_post)


def plan(network: Network, n_parts: int, real: npt.DTypeLike) -> Plan:
    """Cut a network into parts of about the same size.

    Args:
        network: In float ticks, of `spikec.ir.iaf` neurons and sources.
        n_parts: How many parts are wanted; there are more if these would be too large.
        real: float64 or float32.
    """
    largest = max((p.n for p in network.populations if not p.is_source), default=1)
    n = max(n_parts, -(-largest // (LARGEST_PART - 2)))
    cuts = {
        p.name: np.array([p.n * k // n // 2 * 2 if k < n else p.n for k in range(n + 1)], np.int64)
        for p in network.populations
    }
    ordered = tuple(q for p in network.populations for q in network.incoming(p.name))
    delays = tuple(int(whole_delays(network, q)) for q in ordered)
    return Plan(network, ordered, delays, cuts, np.dtype(real))


def lower_part(
    of: Plan, part: int, first_rows: Sequence[IntArray], posts: AnyArray, weights: AnyArray
) -> Part:
    """The tables of one part.

    Args:
        of: The plan.
        part: Its number.
        first_rows: Of each block where the synapses of each presynaptic neuron begin in `posts`, and the end
            of the last, ``(n_pre + 1,)``.
        posts: See `Part`.
        weights: See `Part`.
    """
    network = of.network
    assert isinstance(network.clock, Ticks)
    place = {p.name: i for i, p in enumerate(network.populations)}
    limits = [_limits(p, network.dt) for p in network.populations]
    populations = np.array([_population(p, of, part) for p in network.populations], POPULATION)
    populations["first"] = starts(np.where(populations["is_source"], 0, populations["n"]))
    incoming = np.array([len(network.incoming(p.name)) for p in network.populations])
    populations["first_block"], populations["last_block"] = starts(incoming), np.cumsum(incoming)
    populations["first_limit"] = starts([k.size for k in limits])
    populations["last_limit"] = np.cumsum([k.size for k in limits])
    blocks = np.zeros(len(of.projections), BLOCK)
    blocks["pre"] = [place[q.pre] for q in of.projections]
    blocks["n"] = [populations["n"][place[q.post]] for q in of.projections]
    blocks["delay"] = of.delays
    blocks["starts"] = starts([rows.size for rows in first_rows])
    rules = np.array([isinstance(q.connectivity, FixedDegree) for q in of.projections], np.bool_)
    own = [0 if rule else int(rows[-1] - rows[0]) for rows, rule in zip(first_rows, rules, strict=True)]
    blocks["weights"] = np.where(rules, -1, starts(own))
    for kind in (rules, ~rules):
        blocks["into"][kind] = starts(blocks["n"][kind])
    blocks["side"] = [_side(network.population(q.post), q.connectivity.weights) for q in of.projections]
    return Part(
        populations,
        blocks,
        np.concatenate([np.zeros(0, np.int64), *first_rows]),
        posts,
        weights,
        np.array([_weight(q) for q in of.projections], of.real),
        np.array([_coefficients(p, network.dt) for p in network.populations], of.real),
        np.array([_drive(p) for p in network.populations], of.real),
        np.concatenate([np.zeros(0, np.int32), *limits]),
    )


def widths(part: Part) -> tuple[int, int]:
    """Numbers of arrivals, and sums, that a part needs in a tick."""
    rules = part.blocks["weights"] < 0
    return int(part.blocks["n"][rules].sum()), int(part.blocks["n"][~rules].sum())


def _population(p: Population, of: Plan, part: int) -> tuple[int, ...]:
    first, last = of.span(p.name, part)
    if p.is_source:
        return (0, 0, 0, p.n, part, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    assert isinstance(p.neuron, IafNeuron)
    drive = p.neuron.drive
    return (
        last - first, 0, first, p.n, part, 0, isinstance(p.neuron, IafPscExp), _side(p, _drive(p)),
        _waits(p, of.network.dt), 0, 0, 0, 0, 0 if drive is None else key_of(drive.seed),
    )  # fmt: skip


def _waits(p: Population, dt: float) -> int:
    return iaf_tick(p.neuron, dt).waits if isinstance(p.neuron, IafNeuron) else 0


def _coefficients(p: Population, dt: float) -> tuple[float, ...]:
    if p.is_source:
        return (0.0,) * 8
    assert isinstance(p.neuron, IafNeuron)
    k = iaf_tick(p.neuron, dt)
    return (k.beta, k.rest, k.gain_ex, k.gain_in, k.alpha_ex, k.alpha_in, k.threshold, k.v_reset)


def _limits(p: Population, dt: float) -> AnyArray:
    drive = p.neuron.drive if isinstance(p.neuron, IafNeuron) else None
    return np.zeros(0, np.int32) if drive is None else poisson_limits(drive, dt)


def _drive(p: Population) -> float:
    drive = p.neuron.drive if isinstance(p.neuron, IafNeuron) else None
    return 0.0 if drive is None else drive.weight


def _weight(q: Projection) -> float:
    c = q.connectivity
    return float(c.weights) if isinstance(c, FixedDegree) else 0.0


def _side(post: Population, weights: object) -> int:
    """What weights act on."""
    if not isinstance(post.neuron, IafPscExp):
        return MEMBRANE
    return INHIBITORY if np.any(np.asarray(weights) < 0) else EXCITATORY
