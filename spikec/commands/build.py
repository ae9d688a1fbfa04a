"""Check, compile and run files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spikec.api import compile_as, compile_within, search_options
from spikec.arrays import IntArray
from spikec.backend import find_backend
from spikec.calibration import Calibration, calibrate
from spikec.commands.files import open_program, read_inputs, source_of
from spikec.errors import UsageError, Violation
from spikec.events import Events
from spikec.execute import DEFAULT, RunOptions, choose_backend
from spikec.frontends import open_trained
from spikec.inputs import in_own_time
from spikec.ir.network import Network
from spikec.passes.pipelines import CompileOptions, try_compile, try_retarget
from spikec.placement.fullness import fullness
from spikec.placing import placed
from spikec.program import Program
from spikec.provenance import made_by, option_words
from spikec.targets.rules import check_all
from spikec.targets.target import load_target


@dataclass(frozen=True)
class BuildOptions:
    """A user's choices for `check` and `compile`, as on the command line.

    Attributes:
        target: Name of a target, or a YAML file.
        dt: Time step, seconds: of the file, if it holds none, or of the program.
        bits: Bits of the weights; ``"auto"`` to search for them.
        max_ticks: Most ticks of a sample, where the time step is chosen; None for 64, or more where the
            answer is a first spike.
        ticks: Length of a sample in ticks.
        relays: Whether relay neurons may carry long delays.
        split_signs: Whether excitatory and inhibitory weights are stored apart.
        convention: Habits that a file is read with, in words.
        input_counts: Most spikes of an input neuron in a tick.
        calibrate: Sample data for passes to decide from: a data set, or a file of spikes.
        samples: How many of them; None for all.
        repair: Whether these data are used to make good what rounding did.
        label_free: Whether repair does without their labels.
        parts: Into how many parts of a tick spikes and delays divide it; 0 for whole ticks.
        budget: What compiling may cost on these data, in words; ticks are searched for.
        least: What the search wants little of, memory or energy.
        checkpoint: A file of what the search tried, to go on from.
        certify: How many samples of the calibration to certify.
        place: How to place the program on the chip's cores; None to leave it unplaced.
        place_seed: What the search for a placement begins with.
    """

    target: str = "loihi2"
    dt: float | None = None
    bits: int | str | None = None
    max_ticks: int | None = None
    ticks: int | None = None
    relays: bool = True
    split_signs: bool = False
    convention: str | None = None
    input_counts: int = 1
    calibrate: str | None = None
    samples: int | None = None
    repair: bool = False
    label_free: bool = False
    parts: int = 0
    budget: str | None = None
    least: str = "memory"
    checkpoint: Path | None = None
    certify: int = 0
    place: str | None = None
    place_seed: int = 0

    def passes(self) -> CompileOptions:
        """The part that concerns the passes."""
        return CompileOptions(
            self.dt,
            self.max_ticks,
            self.ticks,
            self.bits if isinstance(self.bits, int) else None,
            self.relays,
            self.split_signs,
            self.input_counts,
            self.parts,
        )


@dataclass(frozen=True, eq=False)
class Made:
    """What `compile_file` made, and of what.

    Attributes:
        program: The compiled program.
        given: What was read: a network that is not compiled, or a program in integers.
        calibration: The float network's run on sample data, if it was wanted.
    """

    program: Program
    given: Program
    calibration: Calibration | None = None


def compile_file(
    path: Path, options: BuildOptions, probe: str | None, progress: Callable[[str], None]
) -> Made:
    """Compile a network file.

    Args:
        path: The network.
        options: The user's choices.
        probe: Samples to check and measure every pass with, ``NAME:SPLIT:N``.
        progress: Told the name of each pass.
    """
    if options.place is None and options.place_seed:
        raise UsageError("--place-seed says what --place begins with; give that, too")
    auto = options.bits == "auto"
    wanted = search_options(options.budget, auto, options.least, options.checkpoint)
    read = _read(path, options)
    given = read if isinstance(read, Program) else Program(read, load_target("ideal"))
    given = replace(given, source=source_of(path) | _made_by(path, options, probe))
    inputs = None if probe is None else read_inputs(given.network, probe, None)[0]
    passes = options.passes() if _only_placed(options, given) else _with_data(options, given, progress)
    target = load_target(options.target)
    if wanted is not None:
        program = compile_within(given, target, passes, wanted, progress)
    else:
        program = compile_as(given, target, passes, inputs, progress)
    if options.place is not None:
        spikes = _for_places(program, options, passes.calibration)
        program = placed(program, options.place, options.place_seed, spikes, progress)
    return Made(program, given, passes.calibration)


def _only_placed(options: BuildOptions, given: Program) -> bool:
    """Whether samples say how often the neurons of a program in integers spike, and nothing else."""
    more = options.repair or options.label_free or options.certify or options.budget
    return given.is_compiled and options.place is not None and options.calibrate is not None and not more


def _for_places(
    program: Program, options: BuildOptions, calibration: Calibration | None
) -> Mapping[str, Events] | None:
    """The samples that say how often neurons spike, in the program's ticks."""
    if calibration is not None:
        return in_own_time(program.network, calibration.inputs)
    if options.calibrate is None:
        return None
    return read_samples(program.network, options.calibrate, options.samples)[0]


def _made_by(path: Path, options: BuildOptions, probe: str | None) -> dict[str, str]:
    words = option_words(replace(options, checkpoint=None))
    return made_by("compiled", "compile", path.name, *words, *(() if probe is None else ("--probe", probe)))


def _with_data(options: BuildOptions, given: Program, progress: Callable[[str], None]) -> CompileOptions:
    """The passes' options, with what decides from sample data.

    Raises:
        UsageError: Something needs data, and there are none.
    """
    passes = options.passes()
    if options.calibrate is not None:
        progress("calibrating")
        found = read_calibration(given, options.calibrate, options.samples)
        passes = replace(passes, calibration=found, certified=options.certify)
    elif options.samples is not None:
        raise UsageError("--samples says how many of the samples of --calibrate to use; give that, too")
    elif options.certify:
        raise UsageError("--certify says how many samples of --calibrate to certify; give that, too")
    if options.repair:
        return replace(passes, repair=find_backend(DEFAULT), label_free=options.label_free)
    if options.label_free:
        raise UsageError("--label-free says what --repair aims at; give that, too")
    return passes


def bits_of_word(word: str | None) -> int | str | None:
    """Bits as on the command line: a number, ``auto``, or None if nothing is given.

    Raises:
        UsageError: It is something else.
    """
    if word is None or word == "auto":
        return word
    if not word.isdecimal():
        raise UsageError(f"--bits {word!r} is neither a number nor auto; give 1 to 8, or auto")
    return int(word)


def read_calibration(program: Program, given: str, n_samples: int | None = None) -> Calibration:
    """Run a float network on sample data.

    Args:
        program: The network, not compiled.
        given: A data set, ``NAME:SPLIT``, or a file of spikes.
        n_samples: Only so many samples, counted from the first; None for all.

    Raises:
        UsageError: The network is in integers already, or the number of samples is impossible.
        EventsError: What `spikec.calibration.calibrate` refuses.
    """
    if program.is_compiled:
        raise UsageError("this network is in integers already; calibrate the float network it came from")
    inputs, labels = read_samples(program.network, given, n_samples)
    return calibrate(program.network, choose_backend(program, RunOptions()), inputs, labels)


def read_samples(
    network: Network, given: str, n_samples: int | None = None
) -> tuple[Mapping[str, Events], IntArray | None]:
    """Input spikes in a network's own kind of time, and the right classes if they are known.

    Args:
        network: Whose inputs they are for.
        given: A data set, ``NAME:SPLIT``, or a file of spikes.
        n_samples: Only so many samples, counted from the first; None for all.

    Raises:
        UsageError: The number of samples is impossible.
        EventsError: They do not fit the network.
    """
    path = Path(given)
    is_file = path.is_file() or path.suffix in (".npz", ".npy", ".csv")
    inputs, data = read_inputs(network, None if is_file else given, path if is_file else None)
    labels = None if data is None else data.labels
    there = next(iter(inputs.values())).n_samples
    if n_samples is None:
        return inputs, labels
    if not 1 <= n_samples <= there:
        raise UsageError(f"{n_samples} samples of {given} are wanted; it has 1 to {there}")
    some = {name: e.select(0, n_samples) for name, e in inputs.items()}
    return some, None if labels is None else labels[:n_samples]


def check_file(path: Path, options: BuildOptions) -> tuple[list[Violation], dict[str, Any]]:
    """List what keeps a network, or a compiled program, from running on a target.

    Returns:
        The violations, and all as JSON values.
    """
    given = open_program(path, None) if _is_program(path) else None
    target = load_target(options.target)
    if given is not None:
        same = given.target.name == target.name
        program = replace(given, target=target, placement=given.placement if same else None)
        broken = check_all(program)
    else:
        read = _read(path, options)
        if isinstance(read, Program):
            program, broken = try_retarget(read, target, options.passes())
        else:
            program, broken = try_compile(read, target, options.passes())
    cores, too_full = fullness(program) if program.is_compiled else ([], [])
    broken = [*broken, *too_full]
    found = {
        "target": target.name,
        "fits": not broken,
        "violations": [asdict(v) for v in broken],
        "n_ticks": program.n_ticks,
        "neurons": sum(p.n for p in program.network.populations if not p.is_source),
        "synapses": program.network.n_synapses,
        "cores": [asdict(line) for line in cores],
        "notes": list(program.network.notes),
    }
    return broken, found


def _read(path: Path, options: BuildOptions) -> Network | Program:
    """Read a network; the time step goes to the file if it holds none, else to the passes."""
    if _is_container(path):
        return open_trained(path, convention=options.convention)
    return open_trained(path, dt=options.dt, convention=options.convention)


def _is_container(path: Path) -> bool:
    from spikec.container import is_container

    return is_container(path)


def _is_program(path: Path) -> bool:
    if not _is_container(path):
        return False
    from spikec.container import load

    return isinstance(load(path, (Program, Network)), Program)
