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

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec.ir.bounds import M, current_bound
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaFixed, CubaTicks
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
        network, scales = program.network, dict(program.scales)
        units: dict[str, float] = {}
        for component in network.components():
            for name in component:
                p = network.population(name)
                if isinstance(p.neuron, CubaTicks):
                    network, units[name] = quantize_population(network, p, formats, bits, program.n_ticks)
                    scale = np.asarray(scales.get(name, 1.0)) * units[name] * 64
                    scales[name] = np.broadcast_to(scale, (p.n,))
        figures: dict[str, object] = {f"{name}.scale": s for name, s in units.items()}
        for q, real in zip(network.projections, program.network.projections, strict=True):
            figures.update(_errors(q, real, units[q.post]))
        worst = max((float(str(v)) for k, v in figures.items() if k.endswith("rms_error")), default=0.0)
        summary = f"weights of {bits} bits, rms error up to {100 * worst:.2g} % of a projection's rms weight"
        entry = LogEntry(self.name, False, summary, figures)
        return program.logged(entry, network=network, scales=scales)


def quantize_population(
    network: Network, p: Population, formats: Formats, bits: int, n_ticks: int | None
) -> tuple[Network, float]:
    """Put one population and its incoming weights into integers.

    Returns:
        The network with both exchanged, and the population's scale s.
    """
    incoming = network.incoming(p.name)
    s = starting_scale(p, incoming, formats, bits)
    while True:
        fixed = {q.name: fixed_projection(q, s, formats, bits) for q in incoming}
        neuron = fixed_neuron(p, s, formats)
        changed = network.with_projections(fixed).with_populations({p.name: replace(p, neuron=neuron)})
        bound = current_bound(changed, changed.population(p.name), n_ticks)
        fits = bound.share < 1
        if not np.isfinite(np.asarray(p.neuron.threshold)).all():  # type: ignore[union-attr]
            fits = fits and _membrane_reach(bound.share * M, neuron, n_ticks) < M
        if fits or not _can_shrink(fixed, formats):
            return changed, s
        s /= 2


def starting_scale(p: Population, incoming: tuple[Projection, ...], formats: Formats, bits: int) -> float:
    """The largest scale at which formats suffice and the widest projection fills its mantissas."""
    k = p.neuron
    assert isinstance(k, CubaTicks)
    limits = [float(1 << 30)]
    threshold = np.asarray(k.threshold)
    if np.isfinite(threshold).any():
        highest = float(np.max(threshold[np.isfinite(threshold)]))
        limits.append(formats.threshold_max.value / HEADROOM / highest if highest > 0 else np.inf)
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
    s = min(limits)
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


def _membrane_reach(current: float, neuron: CubaFixed, n_ticks: int | None) -> float:
    """How far a membrane can go that never spikes, given the farthest its current goes."""
    bias = np.max(np.abs(np.ldexp(np.asarray(neuron.bias_mant, np.float64), np.asarray(neuron.bias_exp))))
    decay = float(np.min(np.asarray(neuron.dv)))
    lasting = min(np.inf if n_ticks is None else float(n_ticks), 4096 / decay if decay else np.inf)
    return float((current + bias) * lasting)


def _can_shrink(fixed: dict[str, Projection], formats: Formats) -> bool:
    """Whether half the scale would still leave weights with something to say."""
    exponents = [
        q.connectivity.weights.format.exponent
        for q in fixed.values()
        if isinstance(q.connectivity.weights, Fixed) and np.any(q.connectivity.weights.mantissa)
    ]
    return bool(exponents) and max(exponents) > formats.weight_exponent_min.value


def _errors(q: Projection, real: Projection, scale: float) -> dict[str, object]:
    """What rounding did to a projection's weights, relative to their own size."""
    assert isinstance(q.connectivity.weights, Fixed)
    wanted = np.asarray(real.connectivity.weights, np.float64)
    got = q.connectivity.weights.value / scale
    rms = float(np.sqrt(np.mean(wanted**2))) if wanted.size else 0.0
    error = float(np.sqrt(np.mean((got - wanted) ** 2))) / rms if rms else 0.0
    return {
        f"{q.name}.rms_error": error,
        f"{q.name}.exponent": q.connectivity.weights.format.exponent,
        f"{q.name}.sign": q.connectivity.weights.format.sign.value,
    }
