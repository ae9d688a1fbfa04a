"""What a core holds: each limit of a core as a small function that measures its use on every core.

A limit is a figure of the target's YAML; a new one is a figure there, a function here and a line in `RULES`.
Axons belong to a neuron and a core: all synapses of one neuron onto one core hang on one axon, and a spike is
one message on it. A neuron's own core is no exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log2, prod
from typing import NamedTuple

import numpy as np

from spikec.arrays import IntArray
from spikec.errors import Violation
from spikec.ir.connectivity import Convolution, Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population, Projection
from spikec.placement.reach import Reach, reach, together
from spikec.targets.target import Target

BLOCK, HEADER, WORD = 64, 10, 64
"""Synapses that share a header, its bits, and those of a word of memory (nengo-loihi, ``block.py``)."""

DELAY_BITS = 6
"""Of a synapse with a delay: delays go up to 62."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """Which core every neuron is on, whatever the place of these cores.

    Attributes:
        network: The network.
        target: The chip.
        cores: For every population that is no input the core of each neuron, ``(n,)``.
        n_cores: How many cores there are.
    """

    network: Network
    target: Target
    cores: Mapping[str, IntArray]
    n_cores: int

    @cached_property
    def reaches(self) -> Mapping[str, Reach]:
        """By projection, which cores its presynaptic neurons reach."""
        return {
            q.name: reach(q.connectivity, self.cores[q.post], self.n_cores) for q in self.network.projections
        }

    @cached_property
    def axons(self) -> Mapping[str, Reach]:
        """By presynaptic population, which cores its neurons reach in any way."""
        joined = {p.name: [self.reaches[q.name] for q in self.network.outgoing(p.name)]
                  for p in self.network.populations}  # fmt: skip
        return {name: together(reaches) for name, reaches in joined.items() if reaches}

    def bits(self, q: Projection) -> int:
        """Of one synapse of a projection."""
        return synapse_bits(q, self.target)


def neurons(a: Assignment) -> IntArray:
    """Neurons of every core."""
    return sum((np.bincount(c, minlength=a.n_cores) for c in a.cores.values()), np.zeros(a.n_cores, np.int64))


def axons_in(a: Assignment) -> IntArray:
    """Neurons, anywhere, that reach every core."""
    use = np.zeros(a.n_cores, np.int64)
    for r in a.axons.values():
        use += r.neurons @ (r.counts > 0).astype(np.int64)
    return use


def axons_out(a: Assignment) -> IntArray:
    """Pairs of a neuron of every core and a core that it reaches."""
    use = np.zeros(a.n_cores, np.int64)
    for name, r in a.axons.items():
        if name in a.cores:
            fan = np.diff(r.counts.indptr)[r.kind]
            use += np.bincount(a.cores[name], fan, minlength=a.n_cores).astype(np.int64)
    return use


def synapse_bytes(a: Assignment) -> IntArray:
    """Synapse memory of every core.

    The synapses of an axon are stored in blocks, each with a header and rounded up to words (nengo-loihi,
    ``block.py``, ``bits_per_axon``). A convolution's kernel is stored once a core, for the channels there.
    """
    bits = np.zeros(a.n_cores, np.int64)
    for q in a.network.projections:
        if isinstance(q.connectivity, Convolution):
            bits += _kernel_bits(q.connectivity, a.bits(q), a.cores[q.post], a.n_cores)
        else:
            r = a.reaches[q.name]
            of_axon = r.counts.copy()
            of_axon.data = axon_bits(np.arange(of_axon.data.max(initial=0) + 1), a.bits(q))[of_axon.data]
            bits += r.neurons @ of_axon
    return -(-bits // 8)


def thresholds(a: Assignment) -> IntArray:
    """Distinct thresholds of every core."""
    return _distinct(a, {p.name: threshold_rows(p) for p in _computing(a.network)})


def decays(a: Assignment) -> IntArray:
    """Distinct decays and bias exponents of every core."""
    return _distinct(a, {p.name: decay_rows(p) for p in _computing(a.network)})


def synapse_formats(a: Assignment) -> IntArray:
    """Distinct formats of the synapses of every core."""
    found: set[tuple[int, tuple[object, ...]]] = set()
    for q in a.network.projections:
        kind = synapse_format(q)
        here = np.flatnonzero(np.bincount(a.reaches[q.name].counts.indices, minlength=a.n_cores))
        found |= {(core, kind) for core in here.tolist()}
    return np.bincount(np.array([core for core, _ in found], np.int64), minlength=a.n_cores)


class Rule(NamedTuple):
    """One limit of a core.

    Attributes:
        name: For people.
        limit: Its field in `spikec.targets.target.Limits`.
        use: Measures every core.
        advice: What to do where it is broken, with the population that fills the core most.
    """

    name: str
    limit: str
    use: Callable[[Assignment], IntArray]
    advice: str


RULES: tuple[Rule, ...] = (
    Rule("neurons", "neurons_per_core", neurons, "split {name} into {parts} parts"),
    Rule("input axons", "axons_in_per_core", axons_in, "split {name} into tiles, or give it fewer inputs"),
    Rule("output axons", "axons_out_per_core", axons_out, "split {name}, or what it reaches, less finely"),
    Rule("synapse bytes", "synapse_bytes_per_core", synapse_bytes,
         "split {name} into {parts} parts, or compile with --bits {bits}"),
    Rule("distinct thresholds", "thresholds_per_core", thresholds, "split {name} by threshold"),
    Rule("distinct decays", "decays_per_core", decays, "split {name} by time constant"),
    Rule("synapse formats", "synapse_formats_per_core", synapse_formats,
         "give the projections to {name} fewer formats, or put fewer populations on the core"),
)  # fmt: skip
"""All limits of a core, in the order in which they are reported."""


class Use(NamedTuple):
    """How full the cores are by one rule.

    Attributes:
        rule: Which.
        use: Of every core, ``(n_cores,)``.
        limit: Of a core; None if the target has none.
    """

    rule: Rule
    use: IntArray
    limit: int | None

    @property
    def broken(self) -> IntArray:
        """Cores that hold too much."""
        over = np.zeros(self.use.size, np.bool_) if self.limit is None else self.use > self.limit
        return np.flatnonzero(over)


def uses(a: Assignment) -> list[Use]:
    """Use and limit of every core by every rule."""
    return [Use(rule, rule.use(a), limit_of(a.target, rule.limit)) for rule in RULES]


def check_cores(a: Assignment) -> Iterator[Violation]:
    """Everything that cores cannot hold, all at once."""
    for use in uses(a):
        for core in use.broken:
            assert use.limit is not None
            yield _violation(a, use, int(core), use.limit)


def check_placed(a: Assignment) -> Iterator[Violation]:
    """Everything that cores cannot hold, and whether there are so many; all at once."""
    yield from check_cores(a)
    most = a.target.limits.all_cores
    if a.n_cores > most:
        advice = "make the network smaller, or use fewer --bits"
        yield Violation("cores", "the network", str(a.n_cores), f"at most {most:g}", advice)


def limit_of(target: Target, name: str) -> int | None:
    """A limit of a core; None if the target has none."""
    figure = getattr(target.limits, name)
    return None if figure is None else int(figure.value)


def synapse_bits(q: Projection, target: Target) -> int:
    """Bits of one synapse: its weight, its delay if it has one, and, unless dense, its neuron's number.

    No format has 7 bits of weight: those take 8. Indices have 6 to 12 bits (nengo-loihi, ``block.py``).
    """
    weights = q.connectivity.weights
    bits = weights.format.bits if isinstance(weights, Fixed) else 32
    bits = 8 if bits == 7 else bits
    bits += DELAY_BITS if q.delays.longest > 0 else 0
    if isinstance(q.connectivity, Dense):
        return bits
    most = limit_of(target, "neurons_per_core") or q.connectivity.n_post
    return bits + min(max(ceil(log2(max(most, 2))), 6), 12)


def axon_bits(n: IntArray, bits: int) -> IntArray:
    """Memory of the synapses of one axon.

    Args:
        n: How many there are.
        bits: Of each.
    """
    full, rest = np.divmod(n, BLOCK)
    words = full * -(-(BLOCK * bits + HEADER) // WORD) + (rest > 0) * -(-(rest * bits + HEADER) // WORD)
    return np.asarray(words * WORD)


def synapse_format(q: Projection) -> tuple[object, ...]:
    """What tells synapse formats apart: the weights' format, whether there are indices, and delays."""
    weights = q.connectivity.weights
    kind = weights.format if isinstance(weights, Fixed) else "real"
    return kind, isinstance(q.connectivity, Dense), q.delays.longest > 0


def threshold_rows(p: Population) -> list[tuple[object, ...]]:
    """The threshold of every neuron; programmed neurons have none of their own, and count as one."""
    if not isinstance(p.neuron, CubaFixed):
        return [(type(p.neuron).__name__,)] * p.n
    return [(int(v),) for v in np.broadcast_to(np.asarray(p.neuron.vth), p.n)]


def decay_rows(p: Population) -> list[tuple[object, ...]]:
    """Decays and bias exponent of every neuron; programmed neurons count as one a population."""
    if not isinstance(p.neuron, CubaFixed):
        return [(type(p.neuron).__name__, p.name)] * p.n
    k = p.neuron
    columns = (np.broadcast_to(np.asarray(v), p.n).tolist() for v in (k.du, k.dv, k.bias_exp))
    return list(zip(*columns, strict=True))


def _computing(network: Network) -> list[Population]:
    return [p for p in network.populations if not p.is_source]


def _distinct(a: Assignment, rows: Mapping[str, list[tuple[object, ...]]]) -> IntArray:
    found = {pair for name, of in rows.items() for pair in zip(a.cores[name].tolist(), of, strict=True)}
    return np.bincount(np.array([core for core, _ in found], np.int64), minlength=a.n_cores)


def _kernel_bits(c: Convolution, bits: int, core: IntArray, n_cores: int) -> IntArray:
    channel = np.repeat(np.arange(c.output_shape[0], dtype=np.int64), prod(c.output_shape[1:]))
    there = np.unique(core * c.output_shape[0] + channel) // c.output_shape[0]
    return np.bincount(there, minlength=n_cores) * int(prod(c.weights.shape[1:])) * bits


def _violation(a: Assignment, use: Use, core: int, limit: int) -> Violation:
    there = {name: int(np.sum(c == core)) for name, c in a.cores.items()}
    name = max(there, key=there.__getitem__)
    got = int(use.use[core])
    bits = max((w.format.bits for q in a.network.incoming(name)
                if isinstance(w := q.connectivity.weights, Fixed)), default=8)  # fmt: skip
    parts = -(-got // max(limit, 1))
    advice = use.rule.advice.format(name=name, parts=parts, bits=max(1, bits * limit // max(got, 1)))
    return Violation(
        f"{use.rule.name} of a core", f"core {core} ({name})", str(got), f"at most {limit}", advice
    )
