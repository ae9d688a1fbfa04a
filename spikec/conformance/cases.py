"""What a network is held against: one YAML file a recording or a family of them, a row a platform.

A file may state under ``shared`` what its rows have in common; a row's own entries go before that. Paths are
relative to the folder of the networks and never lead out of it. `docs/conformance.md` shows whole files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from spikec.catalogue import Catalogue
from spikec.coding import Readout
from spikec.errors import FileFormatError, UsageError

MAX_TICKS = 1 << 24
"""Most ticks of a recording."""

MAX_TEXT = 1 << 20
"""Most bytes of a YAML file."""

_STRICT = ConfigDict(extra="forbid")

Values = Literal["binary", "counts"]
"""Whether a number other than 0 is one spike, or a number is how many spikes there are in a tick."""

Name = Annotated[str, Field(min_length=1, max_length=1000)]
Index = Annotated[int, Field(ge=0, le=1 << 20)]
TickCount = Annotated[int, Field(ge=1, le=MAX_TICKS)]
Count = Annotated[int, Field(ge=0, le=1 << 62)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, config=_STRICT)
class Raster:
    """An array, ``(n_ticks, n)`` or ``(n_samples, n_ticks, n)``; neurons may lie as their population's shape.

    Attributes:
        file: An ``.npy`` file.
        values: What its numbers mean.
    """

    kind: Literal["raster"]
    file: Name
    values: Values = "binary"


@dataclass(frozen=True, config=_STRICT)
class Columns:
    """A table of numbers, a tick a line; one sample.

    Attributes:
        file: A ``.csv`` file.
        columns: For each neuron its column: counted from 0 if the file has no header, else its name.
        values: What the numbers mean.
    """

    kind: Literal["columns"]
    file: Name
    columns: Annotated[list[Index] | list[Name], Field(min_length=1)]
    values: Values = "binary"


@dataclass(frozen=True, config=_STRICT)
class SpikeList:
    """Spikes as rows of an array; one sample. Ticks are rounded, and a spike that stands twice counts once.

    Attributes:
        file: An ``.npy`` file, ``(n_spikes, n_columns)``.
        neuron: The column of the neurons.
        tick: The column of the ticks.
    """

    kind: Literal["list"]
    file: Name
    neuron: Index
    tick: Index


@dataclass(frozen=True, config=_STRICT)
class Frames:
    """Recordings of an event camera, one after the other in arrays of one length, cut into frames.

    Attributes:
        file: An ``.npz`` file.
        axes: Names of the arrays that say where in the population's shape an event lies, slowest axis first.
        time: Name of the array of times.
        frame: Length of a tick, in the unit of `time`.
        starts: Name of the array that says where each recording begins, ``(n_samples + 1,)``.
        values: Whether a tick holds all events of a pixel, or one at most.
        origin: Whether a recording's first tick begins at time 0, or with its first event.
    """

    kind: Literal["frames"]
    file: Name
    axes: Annotated[list[Name], Field(min_length=1, max_length=8)]
    time: Name
    frame: Annotated[int, Field(ge=1)]
    starts: Name
    values: Values = "binary"
    origin: Literal["zero", "first"] = "zero"


@dataclass(frozen=True, config=_STRICT)
class Times:
    """One spike time a neuron, seconds, infinite where there is none.

    Attributes:
        file: An ``.npz`` file.
        array: Name of the array, ``(n_samples, n)``.
        tolerance: How far apart expected and found times may lie, seconds.
    """

    kind: Literal["times"]
    file: Name
    array: Name
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


@dataclass(frozen=True, config=_STRICT)
class EventsFile:
    """Spikes in a file as `spikec run --input` takes them.

    Attributes:
        file: An ``.npz``, ``.npy`` or ``.csv`` file.
    """

    kind: Literal["events"]
    file: Name


@dataclass(frozen=True, config=_STRICT)
class SpikeCount:
    """How many spikes there are in all samples.

    Attributes:
        spikes: Their number.
    """

    kind: Literal["count"]
    spikes: Count


@dataclass(frozen=True, config=_STRICT)
class Answers:
    """How many samples are answered right.

    Attributes:
        file: An ``.npz`` file.
        labels: Name of the array of right classes, ``(n_samples,)``.
        right: How many answers are right.
        readout: Whether the most spikes or the first one give the answer.
    """

    kind: Literal["answers"]
    file: Name
    labels: Name
    right: Count
    readout: Literal[Readout.COUNT, Readout.FIRST] = Readout.COUNT


Recorded = Raster | Columns | SpikeList | Frames | Times
Given = Annotated[Recorded | EventsFile, Field(discriminator="kind")]
Expected = Annotated[Raster | Columns | SpikeList | Times | SpikeCount | Answers, Field(discriminator="kind")]


@dataclass(frozen=True, config=_STRICT)
class Layer:
    """Weights, and delays, from one layer to the next.

    Attributes:
        weights: Name of an array ``(n_pre, n_post)``: what a spike adds to the current.
        delays: Name of an array with a delay in seconds for each presynaptic neuron.
    """

    weights: Name
    delays: Name | None = None


@dataclass(frozen=True, config=_STRICT)
class Layers:
    """A network of leaking currents and membranes in continuous time, each neuron of which spikes once.

    Attributes:
        file: An ``.npz`` file of arrays.
        tau_mem: Time constant of membranes, seconds.
        tau_syn: Of currents, seconds.
        threshold: Of membranes.
        layers: From the input on; populations are called ``input``, ``layer0``, ``layer1``, ...
    """

    file: Name
    tau_mem: Seconds
    tau_syn: Seconds
    threshold: Annotated[float, Field(allow_inf_nan=False)]
    layers: Annotated[list[Layer], Field(min_length=1, max_length=100)]


@dataclass(frozen=True, config=_STRICT)
class Compiled:
    """That the network runs as a program.

    Attributes:
        target: Name of a target.
        bits: Bits of the weights; None for all the target has.
        split_signs: Whether excitatory and inhibitory weights are stored apart.
        input_counts: Most spikes of an input neuron in a tick.
    """

    target: Name = "loihi2"
    bits: Annotated[int, Field(ge=1, le=8)] | None = None
    split_signs: bool = False
    input_counts: Annotated[int, Field(ge=1, le=255)] = 1


@dataclass(frozen=True, config=_STRICT)
class Case:
    """One row: a network, an input, and what a platform made of it.

    Attributes:
        network: The file, or layers of arrays.
        against: The platform.
        input: Spikes of the only input; a file of kind events may hold those of several.
        expected: What the platform gave.
        convention: Habits to read the network with, as ``--convention`` takes them.
        dt: Time step, seconds, for files that hold none.
        ticks: Length of a sample; None for that of the expected raster.
        until: Length of a sample in continuous time, seconds.
        samples: How many samples to take, from the first on; None for all.
        population: Whose spikes are compared; None for the only output.
        shift: By how many ticks the platform's spikes are later than ours.
        compile: Whether, and for what, the network is compiled; None to run it as it is.
        backends: Where to run it, a row each; None for the CPU, or the reference for what that cannot run.
        allowed: How many wrong bins `explained` explains; another number is a failure.
        explained: Why bins are wrong, or why the convention differs from the platform's own, in a sentence.
    """

    network: Name | Layers
    against: Name
    input: Given
    expected: Expected
    convention: Name | None = None
    dt: Seconds | None = None
    ticks: TickCount | None = None
    until: Seconds | None = None
    samples: Annotated[int, Field(ge=1)] | None = None
    population: Name | None = None
    shift: Annotated[int, Field(ge=-1000, le=1000)] = 0
    compile: Compiled | None = None
    backends: Annotated[list[Name], Field(min_length=1)] | None = None
    allowed: Count = 0
    explained: str = ""

    def __post_init__(self) -> None:
        if self.allowed and not self.explained:
            raise UsageError(f"it allows {self.allowed} wrong and does not say why; add 'explained'")
        if self.shift and isinstance(self.expected, Times | SpikeCount | Answers):
            raise UsageError(f"it shifts ticks by {self.shift}, but compares none; leave out 'shift'")

    @property
    def network_file(self) -> str:
        """The network's file."""
        return self.network.file if isinstance(self.network, Layers) else self.network

    def files(self) -> tuple[str, ...]:
        """All files that the row needs."""
        others = (self.input.file, getattr(self.expected, "file", self.input.file))
        return tuple(dict.fromkeys((self.network_file, *others)))


@dataclass(frozen=True, config=_STRICT)
class CaseFile:
    """One YAML file.

    Attributes:
        rows: What is compared.
        title: What it is about.
    """

    rows: Annotated[list[Case], Field(min_length=1)]
    title: str = ""


def _spread(given: Any) -> Any:
    """Rows with what they share."""
    if not isinstance(given, Mapping) or not isinstance(given.get("rows"), list):
        return given
    shared, rows = given.get("shared", {}), given["rows"]
    if not isinstance(shared, Mapping) or not all(isinstance(row, Mapping) for row in rows):
        raise UsageError("'shared' and every one of 'rows' must be a table of settings")
    others = {key: value for key, value in given.items() if key != "shared"}
    return {**others, "rows": [{**shared, **row} for row in rows]}


_KINDS = ("raster", "columns", "list", "frames", "times", "events", "count", "answers")
_CASES = TypeAdapter(Annotated[CaseFile, BeforeValidator(_spread)])


def load_cases(path: Path) -> CaseFile:
    """Read a YAML file of cases.

    Raises:
        FileFormatError: It cannot be read, or is too long.
        UsageError: It breaks the schema; the message names every fault.
    """
    try:
        if path.stat().st_size > MAX_TEXT:
            raise FileFormatError(f"{path} is longer than {MAX_TEXT} bytes; cut it into several files")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}; check the file") from error
    catalogue = Catalogue("conformance file", path.parent, _CASES, "docs/conformance.md", _KINDS)
    return catalogue.parse(text, str(path))
