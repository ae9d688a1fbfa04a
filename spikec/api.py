"""What `spikec compile` and `spikec run` do, for Python: arrays in, arrays out.

::

    import spikec

    net = spikec.load("net.nir", dt=1e-4)
    program = spikec.compile(net, target="loihi2", bits=8)
    result = program.run(raster)
    counts = result.spikes["output"].counts()

Options have the names they have on the command line, which calls the same functions. `Program.run` calls
`run`. Import these names from `spikec` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from spikec import calibration
from spikec.backend import find_backend
from spikec.calibration import Calibration
from spikec.errors import TargetError, UsageError
from spikec.events import Events
from spikec.execute import DEFAULT, RunOptions, choose_backend, execute_as
from spikec.input_arrays import Spikes, inputs_from, labels_from
from spikec.inputs import in_own_time
from spikec.ir.network import Continuous, Convention, Network
from spikec.opening import open_program
from spikec.passes.pipelines import CompileOptions, compile_network, try_retarget
from spikec.placing import placed
from spikec.program import Program
from spikec.result import RunResult
from spikec.search.budget import budget_of
from spikec.search.candidates import Least
from spikec.search.measure import SearchOptions, search_program
from spikec.streaming.stream import stream as stream
from spikec.targets.target import Target, load_target


def load(path: str | Path, *, dt: float | None = None, convention: Convention | str | None = None) -> Program:
    """Open a trained network or a compiled program.

    Args:
        path: A file of spikec, NIR or lava-dl.
        dt: Time step, seconds; for files that hold none (NIR, lava-dl).
        convention: Habits of the simulator the network was trained in, or words for them, as
            ``"snntorch"`` or ``"sinabs,clamp=none"``; for files that hold none.

    Returns:
        The program; of a trained network one that is not compiled yet, which runs as it is. The network is
        its ``network``.

    Raises:
        FileFormatError: The file is none of these, or damaged.
        NetworkError: The network contradicts itself or uses something unsupported.
        UsageError: `dt` is missing, or `dt` or a convention is given for a file that holds its own.
    """
    return open_program(path, dt, convention)


def from_torch(module: Any, sample: Any, *, dt: float | None = None) -> Program:
    """Read a torch module of snnTorch, Norse, SpikingJelly or sinabs (`docs/python.md` says which layers).

    Args:
        module: A `torch.nn.Module`; it is run once, in evaluation mode, and left as it was.
        sample: One input tensor as the module takes it, with its axis of samples.
        dt: Time step, seconds; None for what the module holds (Norse), else a millisecond.

    Returns:
        A program that is not compiled yet; its network is in float ticks.

    Raises:
        NetworkError: It holds what cannot be read, or does between its layers what cannot be seen.
        UsageError: `dt` is impossible, or is not that of the module.
    """
    from spikec.frontends.torch import read_torch

    network = read_torch(module, sample, dt=dt)
    return Program(network, load_target("ideal"), source={"module": type(module).__name__})


def compile(
    network: Network | Program,
    target: str | Target = "loihi2",
    *,
    dt: float | None = None,
    bits: int | str | None = None,
    max_ticks: int | None = None,
    ticks: int | None = None,
    relays: bool = True,
    split_signs: bool = False,
    input_counts: int = 1,
    parts: int = 0,
    calibrate: Mapping[str, Spikes] | Spikes | None = None,
    labels: npt.ArrayLike | None = None,
    repair: bool = False,
    label_free: bool = False,
    certify: int = 0,
    budget: str | None = None,
    least: str = "memory",
    checkpoint: str | Path | None = None,
    probe: Mapping[str, Spikes] | Spikes | None = None,
    place: str | None = None,
    place_seed: int = 0,
    progress: Callable[[str], None] = lambda name: None,
) -> Program:
    """Compile a network for a chip's integers.

    Args:
        network: A network in a float dialect, or what `load` gave.
        target: Name of a target, a YAML file, or the target itself.
        dt: Length of a tick, seconds; None to choose it, or to keep the network's.
        bits: Bits of the weights; None for all the target has, ``"auto"`` for as few of each projection as
            the budget allows.
        max_ticks: Most ticks of a sample, where `dt` is chosen; None for 64, or more where the answer is a
            first spike.
        ticks: Length of a sample in ticks, if the network has no encoding that says so.
        relays: Whether relay neurons may carry long delays.
        split_signs: Whether excitatory and inhibitory weights are stored apart, which makes them finer.
        input_counts: Most spikes of an input neuron in a tick, as frames of event counts have.
        parts: Into how many parts of a tick delays and spikes divide it; 0 rounds delays to ticks, 1 keeps
            delays between ticks, and more tell spike times finer, by as many neurons for each.
        calibrate: Input spikes or samples, as for `run`, with which the float network runs first, for
            passes to decide from.
        labels: The right class of each sample of `calibrate`, ``(n_samples,)``, if known.
        repair: Whether these samples are used to make good what rounding did (`docs/quantisation.md`).
        label_free: Whether repair does without their labels.
        certify: How many of the calibration's samples to certify: that rounding cannot change their class.
        budget: What may be lost on the samples of `calibrate`, as ``"accuracy=0.2"`` (points) or
            ``"spike-time=1ms"``; ticks that keep it are searched for, the coarsest first.
        least: What the search wants little of, ``"memory"`` or ``"energy"``.
        checkpoint: A file of what the search tried: written as it goes, and read first if it exists.
        probe: Input spikes or samples, as for `run`, with which every pass is checked and its loss measured.
        place: How to place the program on the chip's cores, one of `spikec.placement.place.METHODS`; None
            to leave it unplaced. With `calibrate` neurons count as often as they spike on those samples.
        place_seed: What the search for a placement begins with.
        progress: Told the name of each pass before it runs.

    Raises:
        TargetError: Limits of the target are broken; its `violations` names them all.
        UsageError: It is compiled already, the target has no integers, or an option makes no sense.
    """
    program = Program(network, load_target("ideal")) if isinstance(network, Network) else network
    if program.scales:  # which passes leave, and files in integers have not
        raise UsageError(
            f"this program is compiled already, for {program.target.name}; compile the network it came from"
        )
    if isinstance(bits, str) and bits != "auto":
        raise UsageError(f'bits {bits!r} are neither a number nor "auto"; give 1 to 8, or "auto"')
    few = bits if isinstance(bits, int) else None
    options = CompileOptions(dt, max_ticks, ticks, few, relays, split_signs, input_counts, parts)
    if calibrate is not None:
        options = replace(options, calibration=_calibration(program, calibrate, labels), certified=certify)
    elif certify:
        raise UsageError("certify says how many samples of calibrate to certify; give that, too")
    if repair:
        options = replace(options, repair=find_backend(DEFAULT), label_free=label_free)
    elif label_free:
        raise UsageError("label_free says what repair aims at; give repair=True, too")
    inputs = None if probe is None else inputs_from(program.network, probe)[0]
    chip = target if isinstance(target, Target) else load_target(target)
    wanted = search_options(budget, bits == "auto", least, checkpoint)
    if wanted is not None:
        made = compile_within(program, chip, options, wanted, progress)
    else:
        made = compile_as(program, chip, options, inputs, progress)
    if place is None:
        return made
    samples = options.calibration
    given = None if samples is None else in_own_time(made.network, samples.inputs)
    return placed(made, place, place_seed, given, progress)


def search_options(
    budget: str | None, lower_bits: bool, least: str, checkpoint: str | Path | None
) -> SearchOptions | None:
    """What to search for, from a user's words; None for no search.

    Raises:
        UsageError: They make no sense.
    """
    goals = [x.value for x in Least]
    if least not in goals:
        raise UsageError(f"--least {least!r} cannot be searched for; give {' or '.join(goals)}")
    if budget is None:
        for given, option in ((lower_bits, "--bits auto"), (checkpoint, "--checkpoint"),
                              (least != goals[0], "--least")):  # fmt: skip
            if given:
                raise UsageError(
                    f"{option} needs to know what may be lost; give --budget accuracy=POINTS, too"
                )
        return None
    path = None if checkpoint is None else Path(checkpoint)
    return SearchOptions(budget_of(budget), lower_bits, Least(least), path)


def compile_within(
    program: Program,
    target: Target,
    options: CompileOptions,
    wanted: SearchOptions,
    progress: Callable[[str], None] = lambda name: None,
) -> Program:
    """Compile a program that is not compiled yet at as little cost as a budget allows.

    Args:
        program: Its network and where that came from.
        target: The chip.
        options: All other choices, with a calibration.
        wanted: What to search for.
        progress: Told what is tried.

    Raises:
        UsageError: The samples are missing, or nothing keeps the budget.
    """
    return search_program(program, target, options, wanted, find_backend(DEFAULT), progress).program


def compile_as(
    program: Program,
    target: Target,
    options: CompileOptions,
    probe: Mapping[str, Events] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> Program:
    """Compile a program that is not compiled yet, or fit one that was read in integers to a target.

    Args:
        program: Its network and where that came from.
        target: The chip.
        options: The user's choices.
        probe: Input spikes in the network's own kind of time.
        progress: Told the name of each pass before it runs.

    Raises:
        TargetError: Limits of the target are broken.
        UsageError: The target has no integers, or an option makes no sense.
    """
    network = program.network
    if probe is not None and not isinstance(network.clock, Continuous):
        probe = {name: e.to_seconds(network.dt) for name, e in probe.items()}
    if not program.is_compiled:
        return compile_network(network, target, options, probe, program.source, progress)
    fitted, broken = try_retarget(program, target, options, probe, progress)
    if broken:
        raise TargetError(target.name, broken)
    return fitted


def run(
    program: Program,
    inputs: Mapping[str, Spikes] | Spikes | Path,
    labels: npt.ArrayLike | None = None,
    *,
    backend: str | None = None,
    ticks: int | None = None,
    until: float | None = None,
    record: Sequence[str] = (),
    every: float | None = None,
    **options: object,
) -> RunResult:
    """Run samples or spikes; see `Program.run`, which says all of it."""
    chosen = RunOptions(backend, options, ticks, until, tuple(record), every)
    runs_on = choose_backend(program, chosen)
    events, n_ticks = inputs_from(program.network, inputs)
    if ticks is None:
        chosen = replace(chosen, ticks=n_ticks)
    classes = None if labels is None else labels_from(program.network, labels, events)
    return execute_as(program, runs_on, events, chosen, classes)


def _calibration(
    program: Program, given: Mapping[str, Spikes] | Spikes, labels: npt.ArrayLike | None
) -> Calibration:
    """The float network's run on samples."""
    if program.is_compiled:
        raise UsageError(
            "this network is in integers already; calibrate the float network it came from, or give the "
            "samples to spikec.place"
        )
    events, _ = inputs_from(program.network, given)
    classes = None if labels is None else labels_from(program.network, labels, events)
    return calibration.calibrate(program.network, choose_backend(program, RunOptions()), events, classes)
