r"""Quantise weights: real weights, thresholds and biases to a chip's mantissas and exponents.

Each population gets one number :math:`s`, the integer weight units that stand for one unit of its membrane.
Within the octave below the largest for which

* the threshold stays below an eighth of its range, so that inhibition has room, or, for a readout, the
  membrane cannot saturate,
* thresholds, biases and exponents exist, and
* no current can leave 24 bits, whatever spikes (`spikec.ir.bounds`),

it is the one at which mantissas do least harm (`spikec.passes.weight_fit`, which also says how they are
rounded): an octave lower the same mantissas come back with an exponent less. `Theta` and `QifExp` have
neither threshold nor bias and a unit of their own (`spikec.passes.pairs`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import ClassVar

import numpy as np

from spikec.calibration import Calibration
from spikec.certificate import certify
from spikec.errors import UsageError, Violation
from spikec.inputs import in_own_time
from spikec.ir.bounds import M, current_bound, membrane_bound, once_spiking
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, mantissas
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks, QifExp, Theta
from spikec.passes.crossings import Crossings, crossings
from spikec.passes.excitation import ASSUMED_TICKS, assumed, measured
from spikec.passes.integers import fixed_neuron, largest_scale
from spikec.passes.judgement import nearest
from spikec.passes.pairs import pair_errors, quantize_pairs, unstorable_pair
from spikec.passes.rounding import parameter_errors, weight_errors
from spikec.passes.row_fit import with_fitted_rows
from spikec.passes.taps import Together
from spikec.passes.weight_fit import Rounding, WeightFit
from spikec.program import LogEntry, Program
from spikec.targets.target import Formats

STEP = 0.99
"""A scale that leaves 24 bits is brought to where it would fit but for rounding, at least by this factor."""


@dataclass(frozen=True)
class QuantizeWeights:
    """Turn `CubaTicks`, `Theta` and `QifExp` into their integer forms and real weights into `Fixed`.

    Attributes:
        bits: Bits of the weight mantissas, 1 to 8; None for all the target has.
        rounding: How weights become mantissas; None for feedback, or another way if with that clearly more of
            the calibration's samples are answered as by the float network (`spikec.passes.judgement`).
        calibration: Samples that show how inputs excite; None for what is to be expected without data.
        bits_of: Bits of projections that have others, by name.
        certified: Of how many of these samples to find out whether rounding can change their class.
    """

    bits: int | None = None
    rounding: Rounding | None = None
    calibration: Calibration | None = None
    bits_of: Mapping[str, int] = field(default_factory=dict)
    certified: int = 0

    name: ClassVar[str] = "quantize-weights"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        return self.with_certificate(program, self.chosen(self.ways(program))[1])

    def ways(self, program: Program) -> dict[Rounding, Callable[[], Program]]:
        """What makes the program in integers, by the ways of rounding to choose from; the usual one first.

        Raises:
            UsageError: The target has no integers, or no weights of so many bits.
        """
        formats, found = program.target.formats, self.calibration
        if formats is None:
            raise UsageError(
                f"target {program.target.name} has no integers to compile to; choose another target"
            )
        fit = self._fit(program, formats)
        compared = self.rounding is None and found is not None and found.backend is not None
        roundings = tuple(reversed(Rounding)) if compared else (fit.rounding,)
        return {r: cache(partial(self._rounded, program, replace(fit, rounding=r))) for r in roundings}

    def chosen(self, ways: Mapping[Rounding, Callable[[], Program]]) -> tuple[Rounding, Program]:
        """The way of rounding that is kept, and its program."""
        found = self.calibration
        if len(ways) == 1 or found is None:
            ((only, made),) = ways.items()
            return only, made()
        kept, done, near = nearest(ways, found)
        shares = ", ".join(f"{r.value} {100 * n:.4g}" for r, n in near.items())
        figures = {f"rounding.{r.value}.same_answers": n for r, n in near.items()}
        said = f"rounding {kept.value} kept; same answers, in percent, with {shares}"
        return kept, _noted(done, said, {"rounding": kept.value, **figures})

    def _rounded(self, program: Program, fit: WeightFit) -> Program:
        """The program in integers by one way of rounding."""
        found = self._crossings(program) if fit.rounding is Rounding.FEEDBACK else {}
        network, units, fitted = _quantize_all(program, fit, found, {})
        common = _common_scales(program, units)
        if common:
            network, units, fitted = _quantize_all(program, fit, found, common)
        scales, broken = dict(program.scales), list[Violation]()
        figures: dict[str, object] = {f"{name}.rows_fitted": n for name, n in fitted.items()}
        for name, s in units.items():
            p = program.network.population(name)
            if isinstance(p.neuron, Theta | QifExp):
                figures.update(pair_errors(p, network.population(name), s, network.dt))
                broken.extend(unstorable_pair(p, network.population(name), network.dt))
                continue
            scales[name] = np.broadcast_to(np.asarray(scales.get(name, 1.0)) * s * 64, (p.n,))
            figures.update(parameter_errors(p, network.population(name), s))
            broken.extend(_unstorable(network, p, program.n_ticks))
        broken.extend(_broken_promises(network, program))
        for q, real in zip(network.projections, program.network.projections, strict=True):
            figures.update(weight_errors(q, real, units[q.post]))
            broken.extend(_wiped_out(q, real))
        worst = max((float(str(v)) for k, v in figures.items() if k.endswith("rms_error")), default=0.0)
        summary = (
            f"weights of {_bits_of_all(program.network, fit)} bits, rms error up to "
            f"{float(f'{100 * worst:.2g}'):g} % of a projection's rms weight"
        )
        violations = (*program.violations, *broken)
        done = replace(program, network=network, scales=scales, violations=violations)
        return done.logged(LogEntry(self.name, False, summary, figures))

    def with_certificate(self, real: Program, program: Program) -> Program:
        """The program in integers, which says of what share of samples these cannot have changed the class.

        Only if that is asked for; certified are samples that the float network answers so, too.

        Args:
            real: The program before its weights became integers.
            program: In integers, repaired or not: what is certified is the program as it is.

        Raises:
            UsageError: There are no samples, or no certificate is for this program.
        """
        if not self.certified:
            return program
        found = self.calibration
        if found is None or found.predictions is None:
            raise UsageError("certificates need samples and a network that answers; give --calibrate")
        inputs = {name: e.select(0, min(self.certified, found.n_samples)) for name, e in found.inputs.items()}
        certain = certify(real, program, in_own_time(program.network, inputs)).classes
        share = float(np.mean((certain >= 0) & (certain == found.predictions[: certain.size])))
        return _noted(program, f"{100 * share:.4g} % of samples certified", {"certified_share": share})

    def _crossings(self, program: Program) -> dict[str, Crossings]:
        """Of each population whose rows are to be fitted, how its neurons come to spike."""
        if self.calibration is None:
            return {}
        each = ((p.name, crossings(program, p, self.calibration)) for p in program.network.populations)
        return {name: c for name, c in each if c is not None}

    def _fit(self, program: Program, formats: Formats) -> WeightFit:
        """How inputs excite, and what follows from it for the weights.

        Raises:
            UsageError: The target has no weights of so many bits.
        """
        bits = self.bits if self.bits is not None else int(formats.weight_bits.value)
        for b in (bits, *self.bits_of.values()):
            if not 1 <= b <= formats.weight_bits.value:
                raise UsageError(f"weights of {b} bits are impossible; {program.target.name} has 1 to "
                                 f"{int(formats.weight_bits.value)}")  # fmt: skip
        excitations = {}
        for q in program.network.projections:
            seen = measured(program, q, self.calibration) if self.calibration is not None else None
            excitations[q.name] = seen if seen is not None else assumed(program, q)
        n_ticks = program.n_ticks or ASSUMED_TICKS
        rounding = self.rounding or Rounding.FEEDBACK
        return WeightFit(formats, bits, rounding, excitations, n_ticks, self.bits_of, _together(program))


def _bits_of_all(network: Network, fit: WeightFit) -> str:
    """``8``, or ``1 to 8`` where projections differ."""
    bits = [fit.bits_for(q) for q in network.projections] or [fit.bits]
    return f"{min(bits)}" if min(bits) == max(bits) else f"{min(bits)} to {max(bits)}"


def _together(program: Program) -> Together:
    """Populations of which several neurons tell others one time."""
    network = program.network
    pairs = [(name, first) for first, copies in program.copies.items() for name in (first, copies)]
    return {name: (first, network.population(first).n) for name, first in pairs if _tells(network, name)}


def _tells(network: Network, name: str) -> bool:
    """Whether a population's spikes reach more than what holds it silent."""
    own = next(component for component in network.components() if name in component)
    return any(q.post not in own for q in network.outgoing(name))


def _noted(program: Program, said: str, figures: Mapping[str, object]) -> Program:
    """The program with more in its last log entry."""
    entry = program.log[-1]
    more = replace(entry, summary=f"{entry.summary}; {said}", figures={**entry.figures, **figures})
    return replace(program, log=(*program.log[:-1], more))


def _wiped_out(q: Projection, real: Projection) -> Iterator[Violation]:
    """A projection of which rounding leaves nothing is no longer the network that was given."""
    if np.any(mantissas(real.connectivity.weights)) and not np.any(mantissas(q.connectivity.weights)):
        advice = "use more bits, or read the network with the time step it was trained with"
        yield Violation("weights", q.name, "all rounded to zero", "some other than zero", advice)


def quantize_population(
    network: Network,
    p: Population,
    fit: WeightFit,
    n_ticks: int | None,
    promised: Collection[str] = (),
    common: float | None = None,
) -> tuple[Network, float]:
    """Put one population and its incoming weights into integers.

    Args:
        network: Populations that spikes reach first should be in integers already: then more is known.
        p: One of its populations.
        fit: How weights become mantissas.
        n_ticks: Length of a sample, if known.
        promised: Populations that spike once; those that are not in integers yet are taken at their word.
        common: The scale to use; None to choose it.

    Returns:
        The network with both exchanged, and the population's scale s.
    """
    incoming = network.incoming(p.name)
    largest = largest_scale(p, incoming, fit.formats, fit.bits)
    while True:
        s = fit.scale(p, incoming, largest) if common is None else common
        fixed = fit.fixed(incoming, s)
        neuron = fixed_neuron(p, s, fit.formats)
        changed = network.with_projections(fixed).with_populations({p.name: replace(p, neuron=neuron)})
        too_far = _excess(changed, changed.population(p.name), _is_readout(p), n_ticks, promised)
        if too_far < 1 or common is not None or not _can_shrink(fixed, fit.formats):
            return changed, s
        largest = s * min(1 / too_far, STEP)


def _excess(
    network: Network, p: Population, readout: bool, n_ticks: int | None, promised: Collection[str]
) -> float:
    """The farthest that its current can go, and a readout's membrane, as a share of what there is."""
    share = current_bound(network, p, n_ticks, promised).share
    reach = _membrane_share(network, p, n_ticks, promised) if readout else 0.0
    return max(share, reach if np.isfinite(reach) else 0.0)  # no scale helps if it grows for ever


def _membrane_share(
    network: Network, p: Population, n_ticks: int | None, promised: Collection[str] = ()
) -> float:
    """The farthest that a readout's membrane can go, as a share of the way to its threshold, the largest."""
    assert isinstance(p.neuron, CubaFixed)
    bound = membrane_bound(network, p, n_ticks, promised)
    silent = np.broadcast_to(np.asarray(p.neuron.vth) * 64.0, (p.n,))
    return float(max(np.max(bound.highest / silent), np.max(-bound.lowest) / (M - 1)))


def _quantize_all(
    program: Program, fit: WeightFit, found: Mapping[str, Crossings], common: Mapping[str, float]
) -> tuple[Network, dict[str, float], dict[str, int]]:
    """Put all populations into integers, in the order in which spikes flow.

    Returns:
        The network, the populations' scales, and how many rows of each were fitted.
    """
    network, units, fitted = program.network, dict[str, float](), dict[str, int]()
    for name in (name for component in program.network.components() for name in component):
        p = network.population(name)
        if isinstance(p.neuron, Theta | QifExp):
            network, units[name] = quantize_pairs(network, p, fit)
        elif isinstance(p.neuron, CubaTicks):
            network, s = quantize_population(network, p, fit, program.n_ticks, program.once, common.get(name))
            units[name] = s
            if name in found:
                network, fitted[name] = with_fitted_rows(program, network, p, s, found[name], fit.formats)
    return network, units, fitted


def _common_scales(program: Program, units: Mapping[str, float]) -> dict[str, float]:
    """The scale that all parts of a split readout must share, for their membranes are compared."""
    common: dict[str, float] = {}
    for parts in program.shards.values():
        names = [s.population for s in parts]
        if any(_is_readout(program.network.population(name)) for name in names):
            common |= dict.fromkeys(names, min(units[name] for name in names))
    return common if any(s < units[name] for name, s in common.items()) else {}


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
        share = _membrane_share(network, p, n_ticks)
        if share >= 1:
            got = f"up to {share:.3g} times the range" if np.isfinite(share) else "unbounded"
            advice = "give the length of a sample (--ticks), or a finite tau_mem"
            yield Violation("membrane of a readout", p.name, got, "24 bits", advice)


def _broken_promises(network: Network, program: Program) -> Iterator[Violation]:
    """Who can no longer be proven to spike once, now that weights are rounded."""
    if program.n_ticks is None:
        return
    proven = once_spiking(network, program.n_ticks)
    for name in program.once:
        if name not in proven:
            yield Violation(
                "one spike a sample",
                name,
                "an inhibition that rounding made too weak",
                f"one that outweighs all inputs for {program.n_ticks} ticks",
                "use more --bits",
            )


def _can_shrink(fixed: dict[str, Projection], formats: Formats) -> bool:
    """Whether half the scale would still leave weights with something to say."""
    exponents = [
        q.connectivity.weights.format.exponent
        for q in fixed.values()
        if isinstance(q.connectivity.weights, Fixed) and np.any(q.connectivity.weights.mantissa)
    ]
    return bool(exponents) and max(exponents) > formats.weight_exponent_min.value
