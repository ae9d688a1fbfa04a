"""The pipelines, readable top to bottom, and `compile_network`, which runs one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from spikec.backend import Backend
from spikec.calibration import Calibration
from spikec.errors import TargetError, UsageError, Violation
from spikec.events import Events
from spikec.ir.listing import listed
from spikec.ir.network import Continuous, Dialect, Network
from spikec.passes.base import Pass, run_pipeline
from spikec.passes.current_bias import CurrentBias
from spikec.passes.discretize_time import DiscretizeTime
from spikec.passes.divide_ticks import DivideTicks
from spikec.passes.fold import Fold
from spikec.passes.graded_input import GradedInput
from spikec.passes.note_calibration import NoteCalibration
from spikec.passes.one_spike import OneSpike
from spikec.passes.prune import Prune
from spikec.passes.quantize_and_repair import QuantizeAndRepair
from spikec.passes.quantize_delays import QuantizeDelays
from spikec.passes.quantize_weights import QuantizeWeights
from spikec.passes.share_thresholds import ShareThresholds
from spikec.passes.split_decays import SplitDecays
from spikec.passes.split_signs import SplitSigns
from spikec.passes.strict_thresholds import StrictThresholds
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.targets.rules import check_all
from spikec.targets.target import Target


@dataclass(frozen=True)
class CompileOptions:
    """What a user may choose; each goes to the pass of the same word.

    Attributes:
        dt: Length of a tick, seconds; None lets `DiscretizeTime` choose.
        max_ticks: Most ticks of a sample, where `DiscretizeTime` chooses; None for 64, or more where the
            answer is a first spike.
        n_ticks: Length of a sample in ticks, if the network has no encoding that says so.
        bits: Bits of the weights; None for all the target has.
        relays: Whether long delays may use relay neurons.
        split_signs: Whether excitatory and inhibitory weights are stored apart, which makes them finer.
        input_counts: Most spikes of an input neuron in a tick.
        parts: Into how many parts of a tick spikes and delays divide it; 0 rounds delays to ticks.
        calibration: Sample data and the float network's run on them, for passes that decide from data.
        repair: What runs the program in integers on these data, so that what rounding did is made good; None
            for no repair.
        label_free: Whether repair takes the float network's outputs for its targets, though there are labels.
        rounding: How weights become mantissas; None for what `QuantizeWeights` chooses.
        bits_of: Bits of projections that have others than `bits`, by name.
        certified: How many samples of the calibration to certify: rounding cannot change their class.
    """

    dt: float | None = None
    max_ticks: int | None = None
    n_ticks: int | None = None
    bits: int | None = None
    relays: bool = True
    split_signs: bool = False
    input_counts: int = 1
    parts: int = 0
    calibration: Calibration | None = None
    repair: Backend | None = None
    label_free: bool = False
    rounding: Rounding | None = None
    bits_of: Mapping[str, int] = field(default_factory=dict)
    certified: int = 0


def loihi(options: CompileOptions) -> tuple[Pass, ...]:
    """From any float network to Loihi's integers."""
    return (
        *((NoteCalibration(options.calibration),) if options.calibration else ()),
        Fold(),
        Prune(),
        *((GradedInput(options.input_counts),) if options.input_counts != 1 else ()),
        DiscretizeTime(options.dt, options.max_ticks),
        *((DivideTicks(options.parts),) if options.parts else ()),
        OneSpike(options.relays),
        CurrentBias(),
        QuantizeDelays(options.relays, options.parts > 0),
        ShareThresholds(),
        SplitDecays(),
        *((SplitSigns(),) if options.split_signs else ()),
        quantized(options),
        Prune(),
    )


def quantized(options: CompileOptions) -> Pass:
    """What puts weights into integers, with repair if there is something to run it."""
    weights = QuantizeWeights(
        options.bits, options.rounding, options.calibration, options.bits_of, options.certified
    )
    if options.calibration is None or options.repair is None:
        return weights
    return QuantizeAndRepair(weights, options.repair, options.label_free)


def integers(options: CompileOptions) -> tuple[Pass, ...]:
    """From a program that is in Loihi's integers already to one that a target can run."""
    return (StrictThresholds(),)


def compile_network(
    network: Network,
    target: Target,
    options: CompileOptions | None = None,
    probe: Mapping[str, Events] | None = None,
    source: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> Program:
    """Compile a float network for a chip.

    Args:
        network: In a float dialect.
        target: The chip.
        options: The user's choices.
        probe: Input spikes, seconds, with which every pass is checked and its loss measured; None for none.
        source: Where the network came from, for the record.
        progress: Told the name of each pass before it runs.

    Raises:
        TargetError: Limits of the target are broken; all of them are named.
        UsageError: The network is compiled already, the target has no integers, or an option makes no sense.
    """
    program, violations = try_compile(network, target, options, probe, source, progress)
    if violations:
        raise TargetError(target.name, violations)
    return program


def try_compile(
    network: Network,
    target: Target,
    options: CompileOptions | None = None,
    probe: Mapping[str, Events] | None = None,
    source: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> tuple[Program, list[Violation]]:
    """As `compile_network`, but give back what is broken instead of raising it."""
    if network.dialect is Dialect.FIXED:
        raise UsageError("this network is in integers already; compile the float network it came from")
    if all(p.is_source for p in network.populations):
        raise UsageError("this network has no neurons that compute, so there is nothing to compile")
    network = listed(network, "compiled")
    options = options or CompileOptions()
    _check(target, options)
    if options.parts and not isinstance(network.clock, Continuous):
        raise UsageError(
            f"this network spikes on ticks of {network.dt:g} s, which have no parts; compile it without "
            "--parts"
        )
    program = Program(network, target, n_ticks=options.n_ticks, source=source or {})
    program = run_pipeline(program, loihi(options), probe, progress)
    violations = check_all(program)
    return replace(program, violations=()), violations


def try_retarget(
    program: Program,
    target: Target,
    options: CompileOptions | None = None,
    probe: Mapping[str, Events] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> tuple[Program, list[Violation]]:
    """Fit a program in integers, as a frontend may read one, to a target.

    Args:
        program: In the fixed dialect.
        target: The chip.
        options: Only `n_ticks` concerns it.
        probe: As for `compile_network`.
        progress: Told the name of each pass before it runs.

    Returns:
        The program, and what of the target's limits it breaks.

    Raises:
        UsageError: The target has no integers, or an option makes no sense.
    """
    options = options or CompileOptions()
    _check(target, options)
    meant = replace(program, target=target, n_ticks=options.n_ticks or program.n_ticks)
    done = run_pipeline(meant, integers(options), probe, progress)
    return replace(done, violations=()), check_all(done)


def _check(target: Target, options: CompileOptions) -> None:
    if target.formats is None:
        raise UsageError(f"target {target.name} takes networks as they are; compile for loihi1 or loihi2")
    if options.n_ticks is not None and options.n_ticks < 1:
        raise UsageError(f"a sample of {options.n_ticks} ticks is impossible; give 1 or more")
    if options.repair is not None and options.calibration is None:
        raise UsageError("repair decides from sample data; give some with --calibrate, too")
