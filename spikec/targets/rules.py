"""The limits of a target as small named rules: each takes a compiled program and yields what it breaks.

`check_all` collects everything at once. A new limit is a figure in the YAML and a function here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from spikec.errors import Violation
from spikec.ir.bounds import current_bounds
from spikec.ir.connectivity import Dense
from spikec.ir.fixed_neurons import PAIRS, CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import Dialect, Population, Projection
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.targets.target import Figure

Rule = Callable[[Program], Iterator[Violation]]


def integers(program: Program) -> Iterator[Violation]:
    """A chip with number formats runs the fixed dialect only."""
    if program.target.formats is not None and program.network.dialect is not Dialect.FIXED:
        kind = program.network.dialect.value
        yield Violation("dialect", "the network", kind, "fixed", "compile it for this target")


def weight_formats(program: Program) -> Iterator[Violation]:
    """Mantissa bits and exponents exist on the chip."""
    f = program.target.formats
    for q, form in _formats(program):
        if f is None:
            return
        if form.bits > f.weight_bits.value:
            yield Violation(
                "weight bits", q.name, str(form.bits), _most(f.weight_bits), "compile with fewer --bits"
            )
        low, high = f.weight_exponent_min.value, f.weight_exponent_max.value
        if not low <= form.exponent <= high:
            yield Violation(
                "weight exponent", q.name, str(form.exponent), f"{low:g} to {high:g}", "scale the weights"
            )


def neuron_parameters(program: Program) -> Iterator[Violation]:
    """Thresholds, decays and biases exist on the chip."""
    f = program.target.formats
    for p, k in _neurons(program):
        if f is None:
            return
        largest_decay = 2**f.decay_bits.value - 1
        for name, values, limit, advice in (
            ("threshold", k.vth, f.threshold_max.value, "scale the weights down"),
            ("current decay", k.du, largest_decay, "use a longer time constant or a finer dt"),
            ("membrane decay", k.dv, largest_decay, "use a longer time constant or a finer dt"),
            ("bias", np.abs(np.asarray(k.bias_mant)), f.bias_max.value, "scale the weights down"),
            ("bias exponent", k.bias_exp, f.bias_exponent_max.value, "scale the weights down"),
        ):
            largest = int(np.max(np.asarray(values)))
            if largest > limit:
                yield Violation(name, p.name, str(largest), f"at most {limit:g}", advice)


def distinct_parameters(program: Program) -> Iterator[Violation]:
    """A population has no more different thresholds, decays and bias exponents than one core can hold."""
    limits = program.target.limits
    for p, k in _neurons(program):
        decays = np.broadcast_arrays(np.asarray(k.du), np.asarray(k.dv), np.zeros(p.n))[:2]
        for name, count, limit in (
            ("distinct thresholds", np.unique(np.asarray(k.vth)).size, limits.thresholds_per_population),
            ("distinct decays", np.unique(np.stack(decays), axis=1).shape[1], limits.decays_per_population),
            ("distinct bias exponents", np.unique(np.asarray(k.bias_exp)).size, limits.biases_per_population),
        ):
            if limit is not None and count > limit.value:
                yield Violation(name, p.name, str(count), _most(limit), "split the population")


def programmable_neurons(program: Program) -> Iterator[Violation]:
    """Neurons other than Loihi's own need a chip that can be programmed."""
    f = program.target.formats
    if f is None or (f.programmable_neurons is not None and f.programmable_neurons.value):
        return
    for p in program.network.populations:
        if isinstance(p.neuron, PAIRS):
            limit, advice = "Loihi's own neuron", "choose a chip whose neurons are programmable, as loihi2"
            yield Violation("neuron", p.name, type(p.neuron).__name__, limit, advice)


def graded_inputs(program: Program) -> Iterator[Violation]:
    """Inputs that spike several times in a tick need spikes that carry a number."""
    f = program.target.formats
    if f is None:
        return
    most = 2**f.message_bits.value - 1 if f.message_bits is not None else 1
    for p in program.network.populations:
        if isinstance(p.neuron, Source) and p.neuron.most_at_once > most:
            got, advice = str(p.neuron.most_at_once), "choose a chip with graded spikes, as loihi2"
            yield Violation("spikes of an input in a tick", p.name, got, f"at most {most:g}", advice)


def threshold_tests(program: Program) -> Iterator[Violation]:
    """Loihi's own neuron spikes above its threshold only; others need a chip that can be programmed."""
    f = program.target.formats
    if f is None or (f.programmable_neurons is not None and f.programmable_neurons.value):
        return
    for p, k in _neurons(program):
        if np.any(k.inclusive):
            advice = "compile the lava-dl file for this target, or read it with the convention lava"
            yield Violation("threshold test", p.name, "v >= vth", "v > vth", advice)


def delays(program: Program) -> Iterator[Violation]:
    """No delay is longer than a synapse can wait."""
    f = program.target.formats
    for q in program.network.projections:
        if f is not None and q.delays.in_ticks and q.delays.longest > f.delay_max.value:
            yield Violation(
                "delay",
                q.name,
                f"{q.delays.longest:g} ticks",
                _most(f.delay_max),
                "allow relay neurons, use a longer dt, or shorten the delay",
            )


def currents(program: Program) -> Iterator[Violation]:
    """No current can leave the state's bits, whatever spikes: it would wrap to the other sign."""
    if program.target.formats is None or program.network.dialect is not Dialect.FIXED:
        return
    for name, bound in current_bounds(program.network, program.n_ticks).items():
        share = bound.share * 2 ** (24 - program.target.formats.state_bits.value)
        if share >= 1:
            reach = f"up to {share:.3g} times the range" if np.isfinite(share) else "unbounded"
            yield Violation(
                "current",
                name,
                reach,
                f"{program.target.formats.state_bits.value:g} bits",
                "lower the weights or tau_syn, give the length of a sample (--ticks), or promise one spike",
            )


def sizes(program: Program) -> Iterator[Violation]:
    """The whole network fits the cores of all chips together, and each neuron's inputs fit one core."""
    limits, network = program.target.limits, program.network
    cores = limits.all_cores
    computing = [p for p in network.populations if not p.is_source]
    n, stored = sum(p.n for p in computing), sum(synapse_bytes(q) for q in network.projections)
    if limits.neurons_per_core and n > cores * limits.neurons_per_core.value:
        most = f"at most {cores * limits.neurons_per_core.value:g}"
        yield Violation("neurons", "the network", str(n), most, "make the network smaller")
    if limits.synapse_bytes_per_core and stored > cores * limits.synapse_bytes_per_core.value:
        most = f"at most {cores * limits.synapse_bytes_per_core.value:g}"
        advice = "prune, or use fewer --bits"
        yield Violation("synapse memory", "the network", f"{stored} bytes", most, advice)
    for p in computing if limits.axons_in_per_core else ():
        assert limits.axons_in_per_core is not None
        fan_in = sum(_largest_fan_in(q) for q in network.incoming(p.name))
        if fan_in > limits.axons_in_per_core.value:
            yield Violation(
                "inputs of one neuron",
                p.name,
                str(fan_in),
                _most(limits.axons_in_per_core),
                "use fewer inputs, for no core adds up what another one received",
            )


RULES: tuple[Rule, ...] = (
    integers,
    weight_formats,
    neuron_parameters,
    distinct_parameters,
    programmable_neurons,
    graded_inputs,
    threshold_tests,
    delays,
    currents,
    sizes,
)
"""All rules, in the order in which they are reported."""


def check_all(program: Program) -> list[Violation]:
    """Everything that keeps a program from running on its target."""
    return [*program.violations, *(v for rule in RULES for v in rule(program))]


def synapse_bytes(q: Projection) -> int:
    """Synapse memory of a projection, bytes: weight, delay (6 bits, if any) and, for lists, an index.

    Source of the parts: nengo-loihi, ``block.py``, ``bits_per_axon``, without its rounding to words.
    """
    weights = q.connectivity.weights
    bits = weights.format.bits if isinstance(weights, Fixed) else 32
    bits += 6 if q.delays.longest > 0 else 0
    if not isinstance(q.connectivity, Dense):
        bits += int(np.ceil(np.log2(max(q.connectivity.n_post, 2))))
    return -(-q.connectivity.n_synapses * bits // 8)


def _largest_fan_in(q: Projection) -> int:
    return int(q.connectivity.by_post(np.ones(q.connectivity.weights.shape, np.bool_)).max(initial=0))


def _formats(program: Program) -> Iterator[tuple[Projection, FixedFormat]]:
    for q in program.network.projections:
        if isinstance(q.connectivity.weights, Fixed):
            yield q, q.connectivity.weights.format


def _neurons(program: Program) -> Iterator[tuple[Population, CubaFixed]]:
    for p in program.network.populations:
        if isinstance(p.neuron, CubaFixed):
            yield p, p.neuron


def _most(figure: Figure) -> str:
    return f"at most {figure.value:g}"
