"""A compiled program's numbers, found again for every synapse and neuron of the float network.

A compiler splits populations, cuts projections in parts, leaves out zeros and puts relays into delays. Here
each synapse of the program is traced to the one of the network that it stands for, and its mantissa brought
back to real numbers in *tick units*: what a spike adds to the membrane, or its current, in a tick. The float
network in tick units is what `DiscretizeTime` makes of it, with its decays not yet rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.causes.arrivals import added, common_name, user_name
from spikec.errors import UsageError
from spikec.ir.connectivity import DelayKind, Delays, Dense, Sparse, sparse
from spikec.ir.discrete import Tick, tick_of
from spikec.ir.fixed_neurons import PAIRS, CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import LOIHI, Continuous, Network, Projection
from spikec.ir.neurons import CubaTicks, QifExp, Theta
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.divide_ticks import DivideTicks
from spikec.passes.fold import Fold
from spikec.passes.lateness import late_ticks, mean_lateness
from spikec.passes.matched_gain import matched_gain
from spikec.program import Program

WEIGHT_BIT = 64
"""Membrane units of a chip's weight bit."""


@dataclass(frozen=True, eq=False)
class StoredProjection:
    """One projection of the program, and the synapses of the network that it stands for.

    Attributes:
        name: In the program.
        projection: In the network.
        synapses: Which of its synapses, in the order of `Connectivity.synapses`, ``(n,)``.
        posts: The postsynaptic neurons, numbered as in the network, ``(n,)``.
        mantissas: What is stored, ``(n,)``.
        format: In which format.
        unit: What a mantissa of one is in tick units, ``(n,)``.
        delays: Ticks on the way beside the hop, those of relays among them, ``(n,)``.
    """

    name: str
    projection: str
    synapses: IntArray
    posts: IntArray
    mantissas: IntArray
    format: FixedFormat
    unit: FloatArray
    delays: IntArray

    @property
    def weights(self) -> FloatArray:
        """What is stored, in tick units, ``(n,)``."""
        return self.mantissas * self.unit


@dataclass(frozen=True, eq=False)
class StoredNeurons:
    """The numbers of one population of current-based neurons, each ``(n,)``, in the user's units.

    Attributes:
        threshold: Half a unit above the last integer that does not spike; infinite for readouts.
        bias: Membrane units a tick.
        alpha: What is left of the current after a tick.
        beta: What is left of the membrane.
        scale: Integer membrane units that make one of the user's.
    """

    threshold: FloatArray
    bias: FloatArray
    alpha: FloatArray
    beta: FloatArray
    scale: FloatArray


@dataclass(frozen=True, eq=False)
class Stored:
    """A float network and its program, side by side.

    Attributes:
        network: The float network, its membranes at rest at 0.
        program: What was made of it.
        ticks: The network on the program's clock, real weights, decays rounded.
    """

    network: Network
    program: Program
    ticks: Network

    @property
    def dt(self) -> float:
        """Length of a tick, seconds."""
        return self.program.network.dt

    @cached_property
    def exact(self) -> dict[str, Tick]:
        """The float neurons' coefficients of a tick, decays not rounded, by population."""
        clock = self.network.clock
        habits = LOIHI if isinstance(clock, Continuous) else clock.convention
        return {
            p.name: tick_of(p.neuron, self.dt, habits)
            for p in self.network.populations
            if not p.is_source and not isinstance(p.neuron, Theta | QifExp)
        }

    @cached_property
    def matched(self) -> dict[str, FloatArray]:
        """By what weights make up for rounded decays, by population (`spikec.passes.matched_gain`)."""
        if not isinstance(self.network.clock, Continuous):
            return {name: np.ones(()) for name in self.exact}
        found = {}
        for name, tick in self.exact.items():
            k = self.ticks.population(name).neuron
            assert isinstance(k, CubaTicks)
            found[name] = matched_gain(tick, np.asarray(k.decay_u), np.asarray(k.decay_v))
        return found

    @cached_property
    def projections(self) -> tuple[StoredProjection, ...]:
        """All of the program that stand for synapses of the network."""
        names = {q.name for q in self.network.projections}
        found = []
        for q in self.program.network.projections:
            name = common_name(user_name(self.program, q), names)
            if name in names and not added(self.program, q.post):
                found.append(self._projection(q, name))
        return tuple(found)

    @cached_property
    def neurons(self) -> dict[str, StoredNeurons]:
        """Populations of current-based neurons by the user's names."""
        return {name: self._neurons(name) for name in self.exact if self._is_cuba(name)}

    @cached_property
    def weights(self) -> dict[str, FloatArray]:
        """What is stored of every synapse, in tick units, zero where nothing is, by projection."""
        found = {q.name: np.zeros(q.connectivity.n_synapses) for q in self.network.projections}
        for s in self.projections:
            found[s.projection][s.synapses] = s.weights
        return found

    @cached_property
    def delays(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """For every synapse its delay in ticks as it should be, and as it is stored, by projection.

        Synapses that were left out, for their weight is zero, have the nearest tick.
        """
        network, late = self.network, self._moved()
        found = {}
        for q in network.projections:
            on_clock = next(r for r in self.ticks.projections if r.name == q.name)
            wanted = np.array(on_clock.delays.per_synapse(on_clock.connectivity), np.float64) / self.dt
            wanted = np.maximum(wanted + late[q.post] - late[q.pre], 0.0)
            found[q.name] = (wanted, np.rint(wanted))
        for s in self.projections:
            found[s.projection][1][s.synapses] = s.delays
        return found

    def _moved(self) -> dict[str, float]:
        """By how many ticks more the program makes populations late than hops do."""
        usual = mean_lateness(self.network, self.dt, late_ticks(self.network, self.dt))
        return {name: float(np.rint(self.program.late.get(name, t) - t)) for name, t in usual.items()}

    def _is_cuba(self, name: str) -> bool:
        parts = [s.population for s in self.program.shards.get(name, ())] or [name]
        return all(isinstance(self.program.network.population(p).neuron, CubaFixed) for p in parts)

    def _neurons(self, name: str) -> StoredNeurons:
        n = self.network.population(name).n
        columns = [np.zeros(n) for _ in range(5)]
        shards = self.program.shards.get(name, ())
        for part, which in [(s.population, s.neurons) for s in shards] or [(name, np.arange(n))]:
            for column, values in zip(columns, self._one_population(part), strict=True):
                column[which] = values
        return StoredNeurons(*columns)

    def _one_population(self, name: str) -> tuple[FloatArray, ...]:
        k = self.program.network.population(name).neuron
        assert isinstance(k, CubaFixed)
        scale = np.asarray(self.program.scales.get(name, float(WEIGHT_BIT)), np.float64)
        vth, exponent = np.asarray(k.vth, np.float64), np.asarray(k.bias_exp)
        bias = np.floor(np.ldexp(np.asarray(k.bias_mant, np.float64), exponent))
        silent = np.isinf(np.asarray(self._real(name)))
        threshold = np.where(silent, np.inf, (WEIGHT_BIT * vth + 0.5 - np.asarray(k.inclusive)) / scale)
        du, dv = np.asarray(k.du, np.float64), np.asarray(k.dv, np.float64)
        return threshold, bias / scale, 1 - (du + 1) / 4096, 1 - dv / 4096, scale

    def _real(self, name: str) -> FloatArray:
        """The real thresholds of a population or shard of the program."""
        for whole, shards in self.program.shards.items():
            for s in shards:
                if s.population == name:
                    n = self.network.population(whole).n
                    return np.broadcast_to(self.exact[whole].threshold, (n,))[s.neurons]
        return self.exact[name].threshold

    def _projection(self, q: Projection, name: str) -> StoredProjection:
        given = next(r for r in self.network.projections if r.name == name)
        pre, post = q.connectivity.synapses()
        senders, waits = self._senders(q.pre)
        posts = self._numbers(q.post)[post]
        at = _places(given, senders[pre], posts)
        weights = q.connectivity.weights
        assert isinstance(weights, Fixed)
        return StoredProjection(
            name=q.name,
            projection=name,
            synapses=at,
            posts=posts,
            mantissas=np.asarray(q.connectivity.stored(), np.int64),
            format=weights.format,
            unit=np.ldexp(self._unit(q.post), weights.format.exponent)[post],
            delays=np.asarray(q.delays.per_synapse(q.connectivity), np.int64) + waits[pre],
        )

    def _unit(self, name: str) -> FloatArray:
        """What a weight bit is in tick units for each neuron of a population of the program."""
        p = self.program.network.population(name)
        if isinstance(p.neuron, PAIRS):
            return np.full(p.n, 1 / self.scale_of_pairs(name))
        scale = np.asarray(self.program.scales.get(name, float(WEIGHT_BIT)), np.float64)
        return np.broadcast_to(WEIGHT_BIT / scale, (p.n,))

    def scale_of_pairs(self, name: str) -> float:
        """The weight bits that make one of the user's units of a population of `Theta` or `QifExp`.

        Raises:
            UsageError: The program's log does not say.
        """
        for entry in reversed(self.program.log):
            if f"{name}.scale" in entry.figures:
                return float(str(entry.figures[f"{name}.scale"]))
        raise UsageError(f"the program's log does not know the scale of {name}; compile the network again")

    def _numbers(self, name: str) -> IntArray:
        """The numbers in the network of a population's neurons."""
        for shards in self.program.shards.values():
            for s in shards:
                if s.population == name:
                    return s.neurons
        return np.arange(self.program.network.population(name).n)

    def _senders(self, name: str) -> tuple[IntArray, IntArray]:
        """Whose spikes a population's are, relays or not, and how many ticks these take."""
        if not added(self.program, name):
            numbers = self._numbers(name)
            return numbers, np.zeros(numbers.size, np.int64)
        n = self.program.network.population(name).n
        senders, waits = np.full(n, -1, np.int64), np.zeros(n, np.int64)
        for q in self.program.network.incoming(name):
            pre, post = q.connectivity.synapses()
            of_pre, so_far = self._senders(q.pre)
            senders[post] = of_pre[pre]
            waits[post] = so_far[pre] + 1 + np.asarray(q.delays.per_synapse(q.connectivity))
        return senders, waits


def stored(network: Network, program: Program) -> Stored:
    """Hold a float network and its program side by side.

    Raises:
        UsageError: The program is in no integers, is not of this network, or has several synapses for one.
    """
    if not program.is_compiled:
        raise UsageError("the second file is no compiled program; make one with `spikec compile`")
    if any(entry.step == DivideTicks.name for entry in program.log):
        raise UsageError(
            "the program tells spike times to parts of a tick, by several synapses for one, so its weights "
            "cannot be held against the network's; compile it without --parts"
        )
    _check_related(network, program)
    folded = Fold().apply(Program(network, program.target)).network
    on_clock = DiscretizeTime(dt=program.network.dt).apply(
        Program(folded, program.target, n_ticks=program.n_ticks)
    )
    found = Stored(folded, program, on_clock.network)
    if not found.projections and any(q.connectivity.n_synapses for q in network.projections):
        raise UsageError("the program has no projection of this network; give the network it was made of")
    return found


def _check_related(network: Network, program: Program) -> None:
    for p in network.populations:
        shards = program.shards.get(p.name)
        known = [q.n for q in program.network.populations if q.name == p.name]
        n = sum(s.neurons.size for s in shards) if shards else sum(known)
        if n != p.n:
            got = f"{n} neurons" if n else "no such population"
            raise UsageError(
                f"{p.name} has {p.n} neurons in the network, and the program has {got}; give the network "
                "that the program was made of"
            )


def _places(q: Projection, pre: IntArray, post: IntArray) -> IntArray:
    """Where in a projection's synapses some pairs of neurons stand.

    Raises:
        UsageError: A pair has no synapse.
    """
    all_pre, all_post = q.connectivity.synapses()
    n = q.connectivity.n_post
    keys, wanted = all_pre * n + all_post, pre * n + post
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], wanted), max(keys.size - 1, 0))
    found: IntArray = order[at] if keys.size else np.zeros(0, np.int64)
    if wanted.size and (not keys.size or np.any(keys[found] != wanted)):
        raise UsageError(
            f"projection {q.name} of the network lacks synapses that the program has; give the network that "
            "the program was made of"
        )
    return found


def rebuilt(q: Projection, weights: FloatArray, delays: FloatArray | IntArray | None = None) -> Projection:
    """A projection with another real weight, and maybe delay, at each synapse.

    Args:
        q: The projection; a convolution stays one if its kernel, and one delay, can say all of it.
        weights: In the order of its synapses, ``(n_synapses,)``.
        delays: Likewise, seconds or ticks; None for those it has.
    """
    c = q.connectivity
    one = delays is not None and (delays.size == 0 or bool(np.all(delays == delays[0])))
    size = int(np.prod(c.weights.shape))
    entry = np.asarray(c.per_synapse(np.arange(size).reshape(c.weights.shape)))
    kernel = np.zeros(size)
    kernel[entry] = weights
    shared = size != c.n_synapses or not isinstance(c, Dense | Sparse)
    if shared and not (np.array_equal(kernel[entry], weights) and (delays is None or one)):
        waits = q.delays.per_synapse(c) if delays is None else delays
        pre, post = c.synapses()
        order = np.lexsort((post, pre))
        listed = sparse(c.n_pre, c.n_post, pre, post, weights)
        return replace(q, connectivity=listed, delays=Delays(waits[order], DelayKind.SYNAPTIC))
    q = replace(q, connectivity=c.with_weights(kernel.reshape(c.weights.shape)))
    if delays is None:
        return q
    if one:
        value = delays[0] if delays.size else np.zeros((), delays.dtype)
        return replace(q, delays=Delays(np.asarray(value)))
    return replace(q, delays=Delays(delays.reshape(c.weights.shape), DelayKind.SYNAPTIC))
