r"""Quantise weights: real weights, thresholds and biases to a chip's mantissas and exponents.

Each population gets one number :math:`s`, the integer weight units that stand for one unit of its membrane.
It is the largest for which

* the weights of its widest projection fill the mantissa's range (:math:`s\,max|W| = m_{max}\,2^e`),
* the threshold stays below an eighth of its range, so that inhibition has room, or, for a readout, the
  membrane cannot saturate,
* thresholds, biases and exponents exist, and
* no current can leave 24 bits, whatever spikes (`spikec.ir.bounds`).

Every other projection takes the smallest exponent that holds its weights. Mantissas are rounded to the
nearest that exist, before Lava or the chip would cut them off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError, Violation
from spikec.ir.bounds import M, current_bound
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign, mantissas
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaFixed, CubaTicks
from spikec.passes.rounding import parameter_errors, weight_errors
from spikec.program import LogEntry, Program
from spikec.targets.target import Formats

HEADROOM = 8
"""A spiking population's threshold uses at most this part of its range: the membrane may go as far below
zero."""


@dataclass(frozen=True)
class QuantizeWeights:
    """Turn `CubaTicks` into `CubaFixed` and real weights into `Fixed`.

    Attributes:
        bits: Bits of the weight mantissas, 1 to 8; None for all the target has.
    """

    bits: int | None = None

    name: ClassVar[str] = "quantize-weights"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        formats = program.target.formats
        if formats is None:
            raise UsageError(
                f"target {program.target.name} has no integers to compile to; choose another target"
            )
        bits = self.bits if self.bits is not None else int(formats.weight_bits.value)
        if not 1 <= bits <= formats.weight_bits.value:
            raise UsageError(f"weights of {bits} bits are impossible; {program.target.name} has 1 to "
                             f"{int(formats.weight_bits.value)}")  # fmt: skip
        network, units = _quantize_all(program, formats, bits, {})
        largest = _common_scales(program, units)
        if largest:
            network, units = _quantize_all(program, formats, bits, largest)
        scales, figures, broken = dict(program.scales), dict[str, object](), list[Violation]()
        for name, s in units.items():
            p = program.network.population(name)
            scales[name] = np.broadcast_to(np.asarray(scales.get(name, 1.0)) * s * 64, (p.n,))
            figures.update(parameter_errors(p, network.population(name), s))
            broken.extend(_unstorable(network, p, program.n_ticks))
        for q, real in zip(network.projections, program.network.projections, strict=True):
            figures.update(weight_errors(q, real, units[q.post]))
            broken.extend(_wiped_out(q, real))
        worst = max((float(str(v)) for k, v in figures.items() if k.endswith("rms_error")), default=0.0)
        summary = f"weights of {bits} bits, rms error up to {100 * worst:.2g} % of a projection's rms weight"
        entry = LogEntry(self.name, False, summary, figures)
        violations = (*program.violations, *broken)
        return program.logged(entry, network=network, scales=scales, violations=violations)


def _wiped_out(q: Projection, real: Projection) -> Iterator[Violation]:
    """A projection of which rounding leaves nothing is no longer the network that was given."""
    if np.any(mantissas(real.connectivity.weights)) and not np.any(mantissas(q.connectivity.weights)):
        advice = "use more bits, or read the network with the time step it was trained with"
        yield Violation("weights", q.name, "all rounded to zero", "some other than zero", advice)


def quantize_population(
    network: Network,
    p: Population,
    formats: Formats,
    bits: int,
    n_ticks: int | None,
    largest: float = np.inf,
) -> tuple[Network, float]:
    """Put one population and its incoming weights into integers.

    Args:
        network: Populations that spikes reach first should be in integers already: then more is known.
        p: One of its populations.
        formats: The chip's.
        bits: Bits of the weight mantissas.
        n_ticks: Length of a sample, if known.
        largest: The largest scale to use.

    Returns:
        The network with both exchanged, and the population's scale s.
    """
    incoming = network.incoming(p.name)
    s = min(starting_scale(p, incoming, formats, bits), largest)
    while True:
        fixed = {q.name: fixed_projection(q, s, formats, bits) for q in incoming}
        neuron = fixed_neuron(p, s, formats)
        changed = network.with_projections(fixed).with_populations({p.name: replace(p, neuron=neuron)})
        bound = current_bound(changed, changed.population(p.name), n_ticks)
        reach = _membrane_reach(bound.share * M, neuron, n_ticks) if _is_readout(p) else 0.0
        fits = bound.share < 1 and (reach < M or np.isinf(reach))  # no scale helps if it grows for ever
        if fits or not _can_shrink(fixed, formats):
            return changed, s
        s /= 2


def starting_scale(p: Population, incoming: tuple[Projection, ...], formats: Formats, bits: int) -> float:
    """The largest scale at which formats suffice and the widest projection fills its mantissas."""
    k = p.neuron
    assert isinstance(k, CubaTicks)
    limits = []
    threshold = np.asarray(k.threshold)
    highest = float(np.max(threshold[np.isfinite(threshold)], initial=0.0))
    if highest > 0:
        limits.append(formats.threshold_max.value / HEADROOM / highest)
    bias = float(np.max(np.abs(np.asarray(k.bias))))
    if bias > 0:
        limits.append(formats.bias_max.value * 2**formats.bias_exponent_max.value / (64 * bias))
    widest, size = 0.0, -1
    for q in incoming:
        reach = _reach(q, bits)
        if reach > 0:
            limits.append(2**formats.weight_exponent_max.value / reach)
            if q.connectivity.n_synapses > size:
                widest, size = reach, q.connectivity.n_synapses
    s = min(limits, default=1.0)
    if widest > 0:
        s = 2.0 ** np.floor(np.log2(s * widest)) / widest
    return float(s)


def fixed_projection(q: Projection, s: float, formats: Formats, bits: int) -> Projection:
    """The projection with weights ``s * W`` in the smallest exponent that holds them."""
    weights = np.asarray(q.connectivity.weights, np.float64)
    needed = int(np.ceil(np.log2(max(s * _reach(q, bits), 2.0**-40)) - 1e-9))
    low, high = int(formats.weight_exponent_min.value), int(formats.weight_exponent_max.value)
    form = FixedFormat(bits, _sign(weights), min(max(needed, low), high))
    return replace(q, connectivity=q.connectivity.with_weights(Fixed(form.nearest(s * weights), form)))


def fixed_neuron(p: Population, s: float, formats: Formats) -> CubaFixed:
    """The population's decays, thresholds and biases as integers."""
    k = p.neuron
    assert isinstance(k, CubaTicks)
    highest = int(formats.threshold_max.value)
    threshold = np.minimum(np.asarray(k.threshold) * s, highest)
    bias = 64 * s * np.asarray(k.bias)
    reach = float(np.max(np.abs(bias)))
    exponent = int(np.ceil(np.log2(max(reach / formats.bias_max.value, 1.0)) - 1e-12))
    exponent = min(exponent, int(formats.bias_exponent_max.value))
    largest = int(formats.bias_max.value)
    return CubaFixed(
        du=np.asarray(k.decay_u) - 1,
        dv=k.decay_v,
        vth=np.clip(np.rint(threshold), 0, highest).astype(np.int64),
        bias_mant=np.clip(np.rint(bias / 2**exponent), -largest, largest).astype(np.int64),
        bias_exp=exponent,
    )


def _reach(q: Projection, bits: int) -> float:
    """The scale at which the projection's largest weight is one, over the largest mantissa."""
    weights = np.asarray(q.connectivity.weights, np.float64)
    if not weights.size:
        return 0.0
    form = FixedFormat(bits, _sign(weights))
    up = float(weights.max()) / form.maximum if form.maximum else 0.0
    down = float(weights.min()) / form.minimum if form.minimum else 0.0
    return max(up, down, 0.0)


def _sign(weights: FloatArray) -> Sign:
    if weights.size and weights.min() >= 0 and weights.max() > 0:
        return Sign.EXCITATORY
    return Sign.INHIBITORY if weights.size and weights.max() <= 0 and weights.min() < 0 else Sign.MIXED


def _quantize_all(
    program: Program, formats: Formats, bits: int, largest: Mapping[str, float]
) -> tuple[Network, dict[str, float]]:
    """Put all populations into integers, in the order in which spikes flow; give back their scales, too."""
    network, units = program.network, {}
    for name in (name for component in network.components() for name in component):
        p = network.population(name)
        if isinstance(p.neuron, CubaTicks):
            limit = largest.get(name, np.inf)
            network, units[name] = quantize_population(network, p, formats, bits, program.n_ticks, limit)
    return network, units


def _common_scales(program: Program, units: Mapping[str, float]) -> dict[str, float]:
    """The scale that all parts of a split readout must share, for their membranes are compared."""
    common: dict[str, float] = {}
    for parts in program.shards.values():
        names = [s.population for s in parts]
        if any(_is_readout(program.network.population(name)) for name in names):
            common |= dict.fromkeys(names, min(units[name] for name in names))
    return {name: s for name, s in common.items() if s < units[name]}


def _is_readout(p: Population) -> bool:
    """Whether any neuron never spikes."""
    return isinstance(p.neuron, CubaTicks) and not np.all(np.isfinite(np.asarray(p.neuron.threshold)))


def _unstorable(network: Network, real: Population, n_ticks: int | None) -> Iterator[Violation]:
    """What of a population no scale could bring into the chip's integers."""
    assert isinstance(real.neuron, CubaTicks)
    lowest = float(np.min(np.asarray(real.neuron.threshold)))
    if lowest < 0:
        advice = "train with thresholds above the resting membrane"
        yield Violation("threshold", real.name, f"{lowest:g}", "0 or more", advice)
    p = network.population(real.name)
    if _is_readout(real) and isinstance(p.neuron, CubaFixed):
        share = _membrane_reach(current_bound(network, p, n_ticks).share * M, p.neuron, n_ticks) / M
        if share >= 1:
            got = f"up to {share:.3g} times the range" if np.isfinite(share) else "unbounded"
            advice = "give the length of a sample (--ticks), or a finite tau_mem"
            yield Violation("membrane of a readout", p.name, got, "24 bits", advice)


def _membrane_reach(current: float, neuron: CubaFixed, n_ticks: int | None) -> float:
    """How far a membrane can go that never spikes, given the farthest its current goes."""
    bias = np.max(np.abs(np.ldexp(np.asarray(neuron.bias_mant, np.float64), np.asarray(neuron.bias_exp))))
    decay = float(np.min(np.asarray(neuron.dv)))
    lasting = min(np.inf if n_ticks is None else float(n_ticks), 4096 / decay if decay else np.inf)
    return float((current + bias) * lasting) if current + bias else 0.0


def _can_shrink(fixed: dict[str, Projection], formats: Formats) -> bool:
    """Whether half the scale would still leave weights with something to say."""
    exponents = [
        q.connectivity.weights.format.exponent
        for q in fixed.values()
        if isinstance(q.connectivity.weights, Fixed) and np.any(q.connectivity.weights.mantissa)
    ]
    return bool(exponents) and max(exponents) > formats.weight_exponent_min.value
