r"""One spike: make a second spike impossible by construction where a neuron may spike only once.

A chip has no "once only". Synapses from each neuron to itself do the same: the spike's own tick resets the
membrane, and from the next tick on the inhibition must outweigh whatever can come until the sample ends.

* Where the current lasts (`Ramp`, `CubaLif`, `IfExp`), the inhibition keeps it below zero. Faded, it must
  still be as strong as all excitation together: :math:`A\, r^T \ge E`.
* Where it does not (`If`, `Lif`), the inhibition keeps the membrane below zero, against all jumps together.

What fades too far is inhibited again: the spike comes back to its neuron several times, each before less than
1/16 of the last one is left. An inhibition takes its place in the current's 24 bits and in the weights'
exponents, so the whole population may have to be scaled down for it; the log says by how many bits.

A population whose spikes no neuron receives, and of which only the first spikes are read, loses nothing but
silence when its promise is dropped. It is dropped where it cannot be kept or would cost a bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.errors import Violation
from spikec.ir.bounds import M
from spikec.ir.connectivity import Delays, one_to_one
from spikec.ir.divided import most_together
from spikec.ir.fan_in import most_at_once
from spikec.ir.kernels import Kernel, current_kernel, membrane_kernel, repeated, total
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks, Source
from spikec.passes.base import only_first_counts, rename_free
from spikec.passes.integers import starting_scale
from spikec.passes.quantize_delays import MOST_RELAYS, RELAY
from spikec.program import LogEntry, Program
from spikec.units import several

MARGIN = 2.0
"""How often the self-inhibition outweighs the strongest excitation: covers the rounding of weights."""

FADED = 16.0
"""An inhibition is repeated before less than this part of it is left."""

LASTING = 0.5
"""A current that keeps at least so much of itself in a tick is held below zero; otherwise the membrane is."""

STAYS = (0.0, 1.0)
"""What a tick leaves of current and membrane where membranes jump and nothing fades: the length of a sample
does not matter."""

MOST_REPEATS = 64
"""Most synapses from a neuron to itself."""

MOST_PROVEN = 1 << 27
"""Most neurons times ticks that are looked at: 1 GiB of numbers."""


SHORTER = "use a shorter sample, or longer ticks or time constants"


@dataclass(frozen=True, eq=False)
class Silence:
    """How to keep one population silent after its first spikes.

    Attributes:
        strength: What every inhibition takes off, membrane units per tick; infinite if nothing suffices.
        starts: When they arrive, in ticks after the first of them does.
    """

    strength: float
    starts: tuple[int, ...]


@dataclass(frozen=True)
class OneSpike:
    """Give every population of one-spike neurons a self-inhibition.

    Attributes:
        relays: Whether relay neurons carry inhibition that comes later than a synapse can wait.
    """

    relays: bool = True

    name: ClassVar[str] = "one-spike"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network, violations = program.network, list(program.violations)
        formats = program.target.formats
        longest = int(formats.delay_max.value) if formats else None
        figures: dict[str, object] = {}
        kept, dropped = list[str](), list[str]()
        for p in program.network.populations:
            if not _promises(p):
                continue
            silence, broken = self._silence(program, p, longest)
            bits = 0.0 if broken else bits_of_range(program, p, silence)
            if only_first_counts(program.network, program.stands_for(p.name)) and (broken or bits > 0):
                dropped.append(p.name)
                figures[f"{p.name}.promise"] = "dropped: only first spikes are read"
            elif broken:
                violations.append(broken)
            else:
                n_populations = len(network.populations)
                network = with_silence(network, p, silence, longest if self.relays else None)
                relays = [r.name for r in network.populations[n_populations:]]
                kept += [p.name, *relays]
                figures[f"{p.name}.inhibitions"] = len(silence.starts) if silence.strength > 0 else 0
                figures[f"{p.name}.bits_of_range"] = bits
                figures |= {f"{p.name}.relay_neurons": p.n * len(relays)} if relays else {}
        network = network.with_populations(
            {
                p.name: replace(p, neuron=replace(p.neuron, one_spike=False))
                for p in network.populations
                if isinstance(p.neuron, CubaTicks) and p.neuron.one_spike
            }
        )
        n_kept = sum(name.endswith(".inhibitions") for name in figures)
        summary = f"self-inhibition after the first spike added to {several(n_kept, 'population')}"
        if dropped:
            summary += f"; later spikes of {', '.join(dropped)} stay, for only first ones are read"
        entry = LogEntry(self.name, not dropped, summary, figures)
        return program.logged(
            entry, network=network, violations=tuple(violations), once=(*program.once, *kept)
        )

    def _silence(
        self, program: Program, p: Population, longest: int | None
    ) -> tuple[Silence, Violation | None]:
        """How to keep a population silent, and why a chip cannot."""
        n_ticks = program.n_ticks
        if p.n * (n_ticks or 0) > MOST_PROVEN:
            got, limit = f"{p.n * (n_ticks or 0):.3g} neurons times ticks", f"at most {MOST_PROVEN}"
            return Silence(np.inf, ()), Violation("one spike a sample", p.name, got, limit, SHORTER)
        silence = silence_after(program.network, p, n_ticks, longest)
        broken = unenforceable(program.network, p, n_ticks, silence)
        if broken is None and self.relays and longest is not None:
            n = max(silence.starts) // (longest + 1)
            if n > MOST_RELAYS:
                got, limit = f"a chain of {n} relays", f"at most {MOST_RELAYS}"
                broken = Violation("one spike a sample", p.name, got, limit, SHORTER)
        return silence, broken


def silence_after(
    network: Network, population: Population, n_ticks: int | None, longest: int | None = None
) -> Silence:
    """The self-inhibition that keeps every later spike of a population away.

    Args:
        network: In float ticks.
        population: One of its populations, of `CubaTicks`.
        n_ticks: Length of a sample; None if nobody knows, then nothing suffices where anything fades.
        longest: The longest delay of a synapse, ticks; it is exceeded only where it must be. None for any.
    """
    last = n_ticks or 0
    groups = [(neurons, _kernel(keeps, last)) for neurons, keeps in _alike(population)]
    starts = _starts(last + 1, min(_lasts(kernel) for _, kernel in groups), longest)
    excitation = strongest_excitation(network, population, n_ticks)
    needed = [np.max(excitation[neurons] / repeated(kernel.left, starts)) for neurons, kernel in groups]
    return Silence(MARGIN * float(max(needed)), starts)


def _starts(n_ticks: int, lasts: int, longest: int | None) -> tuple[int, ...]:
    """When to inhibit so that no more than `lasts` ticks go by without: as seldom as possible, and evenly."""
    n = -(-n_ticks // lasts)
    spacing = -(-n_ticks // n)
    if n > 1 and longest is not None and (n - 1) * spacing > longest:
        closer = longest // (n - 1)
        if closer and n_ticks - (n - 1) * closer <= lasts:
            spacing = closer
    return tuple(k * spacing for k in range(n) if k * spacing < n_ticks)


def strongest_excitation(network: Network, population: Population, n_ticks: int | None) -> FloatArray:
    """What inhibition must outweigh in each tick to keep every later spike away, ``(n, n_ticks + 1)``.

    Where the current lasts, that is the largest current that all inputs together can ever raise, and the
    bias; elsewhere the most that can be left of all jumps, and of the bias in every tick. What lies below a
    negative threshold comes on top. Membrane units; infinite where nothing bounds it.
    """
    k = population.neuron
    assert isinstance(k, CubaTicks)
    n, last = population.n, n_ticks or 0
    once, often = _excitation(network, population)
    bias = np.broadcast_to(np.maximum(np.asarray(k.bias, np.float64), 0.0), (n,))
    below = np.broadcast_to(np.maximum(-np.asarray(k.threshold), 0.0), (n,))
    strongest = np.zeros((n, last + 1))
    for neurons, keeps in _alike(population):
        kernel = _kernel(keeps, last)
        of_bias = np.ones(last + 1) if _current_lasts(keeps) else np.cumsum(keeps[1] ** np.arange(last + 1.0))
        times = [kernel.highest, kernel.most(last), of_bias]
        if n_ticks is None:
            times = [np.full(1, 1.0 if keeps == STAYS else np.inf), *2 * [np.full(1, np.inf)]]
        strongest[neurons] = below[neurons, None] + sum(
            total(amount[neurons, None], t) for amount, t in zip((once, often, bias), times, strict=True)
        )
    return strongest


def unenforceable(
    network: Network, population: Population, n_ticks: int | None, silence: Silence
) -> Violation | None:
    """Why a population's promise of one spike cannot be kept on a chip; None if it can."""
    limit, advice = "samples of a known length", "give the length of a sample (--ticks)"
    n = len(silence.starts)
    if n > MOST_REPEATS:
        got, limit = f"memory so short that {n} inhibitions must follow a spike", f"at most {MOST_REPEATS}"
        advice = SHORTER
    elif np.isfinite(silence.strength):
        return None
    elif any(keeps != STAYS for _, keeps in _alike(population)):
        got = "a current or membrane that fades"
    elif np.any(_excitation(network, population)[1] > 0):
        got = "input from neurons that may spike again"
        advice = "give the inputs one_spike=True if they keep to it, or the length of a sample (--ticks)"
    else:
        got = "a bias that lifts the membrane without end"
    return Violation("one spike a sample", population.name, got, limit, advice)


def bits_of_range(program: Program, population: Population, silence: Silence) -> float:
    """By how many bits a population must be scaled down to hold its self-inhibition, about."""
    formats, last = program.target.formats, program.n_ticks or 0
    if formats is None or silence.strength == 0:
        return 0.0
    network, bits = program.network, int(formats.weight_bits.value)
    largest, with_inhibition = 0.0, 0.0
    for neurons, (r, _) in _alike(population):
        kernel = current_kernel(r, last)
        up, down = (
            float(np.max((once + often * kernel.most(last)[-1])[neurons]))
            for once, often in (_excitation(network, population), _excitation(network, population, -1))
        )
        peak = silence.strength * float(repeated(kernel.left, silence.starts).max())
        largest = max(largest, up, down)
        with_inhibition = max(with_inhibition, up, down + peak)
    incoming = network.incoming(population.name)
    before = min(starting_scale(population, incoming, formats, bits), _fits(largest))
    own = Projection("own", population.name, population.name, one_to_one(population.n, -silence.strength))
    after = min(starting_scale(population, (*incoming, own), formats, bits), _fits(with_inhibition))
    return float(np.log2(before / after))


def _fits(current: float) -> float:
    """The scale at which a current reaches the end of its 24 bits."""
    return M / 64 / current if current > 0 else np.inf


def with_silence(network: Network, population: Population, silence: Silence, longest: int | None) -> Network:
    """Give each neuron of a population a synapse to itself for every inhibition.

    Args:
        network: In float ticks.
        population: One of its populations.
        silence: What to add.
        longest: The longest delay of a synapse, ticks: what comes later comes from relays, one behind the
            other. None if synapses may wait for ever.
    """
    carriers, itself = [population.name], one_to_one(population.n, -silence.strength)
    for start in silence.starts if silence.strength > 0 else ():
        stage, wait = (0, start) if longest is None else divmod(start, longest + 1)
        while len(carriers) <= stage:
            name = rename_free(network, f"{population.name}.once.relay{len(carriers)}")
            chain = one_to_one(population.n, 1.0)
            into = Projection(f"{name}.in", carriers[-1], name, chain, Delays(np.array(longest)))
            network = replace(
                network,
                populations=(*network.populations, Population(name, RELAY, population.shape)),
                projections=(*network.projections, into),
            )
            carriers.append(name)
        name = rename_free(network, f"{population.name}.once")
        back = Projection(name, carriers[stage], population.name, itself, Delays(np.array(wait)))
        network = replace(network, projections=(*network.projections, back))
    return network


def _excitation(network: Network, population: Population, sign: int = 1) -> tuple[FloatArray, FloatArray]:
    """What excites each neuron (or, with sign -1, inhibits it): by inputs that spike once, and by others."""
    k = population.neuron
    assert isinstance(k, CubaTicks)
    drive = np.maximum(sign * np.asarray(k.current_bias, np.float64), 0.0)
    once, often = np.zeros(population.n), np.zeros(population.n) + drive

    def excites(q: Projection) -> FloatArray:
        return np.maximum(sign * np.asarray(q.connectivity.weights, np.float64), 0.0)

    for q in network.incoming(population.name):
        amount = most_together(network, q, excites) * most_at_once(network, q)
        if _spikes_once(network.population(q.pre)):
            once += amount
        else:
            often += amount
    return once, often


def _alike(population: Population) -> Iterator[tuple[IntArray, tuple[float, float]]]:
    """Neurons with the same decays, and what a tick leaves of their current and membrane."""
    k = population.neuron
    assert isinstance(k, CubaTicks)
    decays = [np.broadcast_to(np.asarray(d), (population.n,)) for d in (k.decay_u, k.decay_v)]
    pairs, which = np.unique(np.stack(decays), axis=1, return_inverse=True)
    for j, (decay_u, decay_v) in enumerate(pairs.T):
        yield np.flatnonzero(which.ravel() == j), (1 - float(decay_u) / 4096, 1 - float(decay_v) / 4096)


def _current_lasts(keeps: tuple[float, float]) -> bool:
    return keeps[0] >= LASTING


def _kernel(keeps: tuple[float, float], n_ticks: int) -> Kernel:
    """Of that which inhibition holds below zero."""
    return current_kernel(keeps[0], n_ticks) if _current_lasts(keeps) else membrane_kernel(*keeps, n_ticks)


def _lasts(kernel: Kernel) -> int:
    """After how many ticks an inhibition must be repeated."""
    faded = np.flatnonzero(kernel.highest > FADED * kernel.left)
    return int(faded[0]) if faded.size else kernel.left.size


def _promises(population: Population) -> bool:
    return isinstance(population.neuron, CubaTicks) and population.neuron.one_spike


def _spikes_once(population: Population) -> bool:
    return isinstance(population.neuron, Source | CubaTicks) and population.neuron.one_spike
