"""Put a program that is in integers already on the cores of its chip: `place`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from spikec.commands.build import read_samples
from spikec.commands.files import check_output, open_compiled
from spikec.container import save
from spikec.errors import UsageError
from spikec.placing import check_program, placed
from spikec.program import Program
from spikec.provenance import made_by, option_words


@dataclass(frozen=True)
class PlaceOptions:
    """A user's choices for `place`, as on the command line.

    Attributes:
        method: How to place.
        seed: What the search begins with.
        calibrate: Sample data that say how often neurons spike: a data set, or a file of spikes.
        samples: How many of them; None for all.
    """

    method: str = "search"
    seed: int = 0
    calibrate: str | None = None
    samples: int | None = None


def place_file(path: Path, output: Path, options: PlaceOptions, progress: Callable[[str], None]) -> Program:
    """Place a program, and write it to a file of its own.

    Args:
        path: A compiled program, or one of lava-dl.
        output: Where the placed one goes.
        options: The user's choices.
        progress: Told what happens.

    Raises:
        FileFormatError: The file holds no program in integers.
        TargetError: It breaks limits of its chip; all at once.
        UsageError: An option makes no sense, or the chip has no mesh.
    """
    check_output(output, path)
    if options.samples is not None and options.calibrate is None:
        raise UsageError("--samples says how many of the samples of --calibrate to use; give that, too")
    program = open_compiled(path)
    check_program(program)
    spikes = None
    if options.calibrate is not None:
        spikes, _ = read_samples(program.network, options.calibrate, options.samples)
    found = placed(program, options.method, options.seed, spikes, progress)
    made = made_by("placed", "place", path.name, *option_words(options))
    found = replace(found, source={**program.source, **made})
    save(found, output)
    return found
