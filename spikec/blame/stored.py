"""A compiled program's numbers, found again for every synapse and neuron of the float network.

A compiler splits populations, cuts projections in parts, leaves out zeros and puts relays into delays. Here
each synapse of the program is traced to the one of the network that it stands for, and its mantissa brought
back to real numbers in *tick units*: what a spike adds to the membrane, or its current, in a tick. The float
network in tick units is what `DiscretizeTime` makes of it, with its decays not yet rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.blame.numbers import StoredNeurons, StoredProjection
from spikec.blame.synapses import places
from spikec.causes.arrivals import added, common_name, user_name
from spikec.errors import UsageError
from spikec.ir.discrete import Tick, tick_of
from spikec.ir.fixed_neurons import PAIRS, CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Continuous, Network, Projection
from spikec.ir.neurons import CubaTicks, QifExp, Theta
from spikec.passes.between_ticks import SMALLEST, two_weights
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.divide_ticks import DivideTicks
from spikec.passes.fold import Fold
from spikec.passes.lateness import late_ticks, mean_lateness
from spikec.passes.matched_gain import matched_gain
from spikec.program import Program

WEIGHT_BIT = 64
"""Membrane units of a chip's weight bit."""


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
            found[s.projection][s.synapses] += s.weights * s.worth
        return found

    @cached_property
    def delays(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """For every synapse its delay in ticks as it should be, and as it is stored, by projection.

        Synapses that were left out, for their weight is zero, have the nearest tick; where two stand for one,
        they have no error but that of their weights.
        """
        found = {}
        for q in self.network.projections:
            wanted = self.wanted_delays[q.name]
            found[q.name] = (wanted, np.where(self.divided[q.name], wanted, np.rint(wanted)))
        for s in self.projections:
            kept = ~self.divided[s.projection][s.synapses]
            found[s.projection][1][s.synapses[kept]] = s.delays[kept]
        return found

    @cached_property
    def wanted_delays(self) -> dict[str, FloatArray]:
        """For every synapse its delay in ticks as it should be, by projection."""
        late, found = self._moved(), {}
        for q in self.network.projections:
            on_clock = next(r for r in self.ticks.projections if r.name == q.name)
            wanted = np.array(on_clock.delays.per_synapse(on_clock.connectivity), np.float64) / self.dt
            found[q.name] = np.maximum(wanted + late[q.post] - late[q.pre], 0.0)
        return found

    @cached_property
    def divided(self) -> dict[str, BoolArray]:
        """Which synapses two of the program stand for, by projection."""
        found = {}
        for q in self.network.projections:
            part = np.mod(self.wanted_delays[q.name], 1.0)
            k = self.ticks.population(q.post).neuron
            lasts = isinstance(k, CubaTicks) and bool(np.all(np.asarray(k.decay_u) < 4096))
            found[q.name] = (part > SMALLEST) & (part < 1 - SMALLEST) & (self.has_parts and lasts)
        return found

    @property
    def has_parts(self) -> bool:
        """Whether delays may end between two ticks."""
        return _parts(self.program) > 0

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
        at = places(given, senders[pre], posts)
        weights = q.connectivity.weights
        assert isinstance(weights, Fixed)
        delays = np.asarray(q.delays.per_synapse(q.connectivity), np.int64) + waits[pre]
        share, worth = self._parts_of(given, at, delays)
        return StoredProjection(
            name=q.name,
            projection=name,
            synapses=at,
            posts=posts,
            mantissas=np.asarray(q.connectivity.stored(), np.int64),
            format=weights.format,
            unit=np.ldexp(self._unit(q.post), weights.format.exponent)[post],
            delays=delays,
            share=share,
            worth=worth,
        )

    def _parts_of(self, q: Projection, at: IntArray, delays: IntArray) -> tuple[FloatArray, FloatArray]:
        r"""What synapses that end so late should have of the network's weights, and what they are worth.

        Of weights :math:`w_0, w_1` in two ticks the current keeps :math:`r w_0 + w_1`; of one that is late by
        :math:`\delta` it keeps :math:`r^{1 - \delta}`.
        """
        share, worth = np.ones((2, at.size))
        two = self.divided[q.name][at]
        if not two.any():
            return share, worth
        k, post = self.ticks.population(q.post).neuron, q.connectivity.synapses()[1][at]
        assert isinstance(k, CubaTicks)
        r, b = (
            1 - np.broadcast_to(np.asarray(d), (q.connectivity.n_post,))[post] / 4096
            for d in (k.decay_u, k.decay_v)
        )
        wanted = self.wanted_delays[q.name][at]
        late, second = np.mod(wanted, 1.0), delays > np.floor(wanted)
        now, then = two_weights(r, b, late)
        share = np.where(two, np.where(second, then, now), share)
        return share, np.where(two, r ** (late - second), worth)

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
    if _parts(program) > 1:
        raise UsageError(
            f"the program has {_parts(program)} neurons for one (--parts), each with integers of its own, so "
            "none can be held against the network's; compile it with --parts 1, or without"
        )
    _check_related(network, program)
    folded = Fold().apply(Program(network, program.target)).network
    on_clock = DiscretizeTime(dt=program.network.dt).apply(
        Program(folded, program.target, n_ticks=program.n_ticks)
    )
    if _parts(program):
        on_clock = DivideTicks(1).apply(on_clock)
    found = Stored(folded, program, on_clock.network)
    if not found.projections and any(q.connectivity.n_synapses for q in network.projections):
        raise UsageError("the program has no projection of this network; give the network it was made of")
    return found


def _parts(program: Program) -> int:
    """Into how many parts of a tick a program divides it; 0 for whole ticks."""
    figures = (entry.figures for entry in program.log if entry.step == DivideTicks.name)
    return next((int(str(f["parts"])) for f in figures), 0)


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
