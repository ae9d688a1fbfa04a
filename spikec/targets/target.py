"""A chip, as read from its YAML file: every figure carries the place it was taken from.

A new chip is a new file in this folder; no code changes. Unknown keys are refused, so a misspelt limit cannot
pass unnoticed. A limit that is left out does not exist for that chip.
"""

from __future__ import annotations

from dataclasses import field
from importlib.resources import files
from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from spikec.catalogue import Catalogue

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Figure:
    """One number and where it comes from.

    Attributes:
        value: The number.
        source: Publication, file or measurement.
        note: What must be known to use it.
    """

    value: Annotated[float, Field(allow_inf_nan=False)]
    source: Annotated[str, Field(min_length=1)]
    note: str = ""


@dataclass(frozen=True, config=_STRICT)
class Formats:
    """What numbers the chip stores.

    Attributes:
        weight_bits: Bits of a weight mantissa, sign included for mixed signs.
        weight_exponent_min: Smallest exponent of a projection's weights.
        weight_exponent_max: Largest.
        state_bits: Bits of current and membrane, sign included.
        decay_bits: Bits of the decay constants.
        threshold_max: Largest threshold mantissa.
        bias_max: Largest bias mantissa, either sign.
        bias_exponent_max: Largest bias exponent.
        delay_max: Longest synaptic delay in ticks, on top of the hop's own tick.
        programmable_neurons: 1 if neurons can be programmed, as `Theta` and `QifExp` need; None if there is
            Loihi's own neuron only.
        message_bits: Bits of the number that a spike can carry; None if it carries none.
    """

    weight_bits: Figure
    weight_exponent_min: Figure
    weight_exponent_max: Figure
    state_bits: Figure
    decay_bits: Figure
    threshold_max: Figure
    bias_max: Figure
    bias_exponent_max: Figure
    delay_max: Figure
    programmable_neurons: Figure | None = None
    message_bits: Figure | None = None

    def __post_init__(self) -> None:
        for name, most in (("weight_bits", 8), ("state_bits", 24), ("decay_bits", 12)):
            value = getattr(self, name).value
            if not 1 <= value <= most:
                raise ValueError(f"{name} is {value:g}; spikec's integers have 1 to {most}")


@dataclass(frozen=True, config=_STRICT)
class Limits:
    """How much fits. None: no such limit.

    Attributes:
        chips: Chips of the largest system; None: one.
        cores: Cores on a chip.
        neurons_per_core: Neurons on a core.
        axons_in_per_core: Incoming axons of a core.
        axons_out_per_core: Outgoing axons of a core.
        synapse_bytes_per_core: Synapse memory of a core, bytes.
        thresholds_per_core: Distinct thresholds on a core.
        decays_per_core: Distinct pairs of decays (and bias exponents) on a core.
        synapse_formats_per_core: Distinct formats of synapses on a core.
        thresholds_per_population: Distinct thresholds in one population.
        decays_per_population: Distinct pairs of decays in one population.
        biases_per_population: Distinct bias exponents in one population.
    """

    chips: Figure | None = None
    cores: Figure | None = None
    neurons_per_core: Figure | None = None
    axons_in_per_core: Figure | None = None
    axons_out_per_core: Figure | None = None
    synapse_bytes_per_core: Figure | None = None
    thresholds_per_core: Figure | None = None
    decays_per_core: Figure | None = None
    synapse_formats_per_core: Figure | None = None
    thresholds_per_population: Figure | None = None
    decays_per_population: Figure | None = None
    biases_per_population: Figure | None = None

    @property
    def all_cores(self) -> float:
        """Cores of all chips together; infinite if there is no limit."""
        if self.cores is None:
            return np.inf
        return self.cores.value * (1 if self.chips is None else self.chips.value)


@dataclass(frozen=True, config=_STRICT)
class Mesh:
    """How the cores of a chip lie: tiles in columns and rows, each with a router and some cores.

    Attributes:
        columns: Tiles from west to east.
        rows: Tiles from north to south.
        cores_per_tile: Cores at one router.
    """

    columns: Figure
    rows: Figure
    cores_per_tile: Figure

    def __post_init__(self) -> None:
        for name in ("columns", "rows", "cores_per_tile"):
            value = getattr(self, name).value
            if value < 1 or value != int(value):
                raise ValueError(f"{name} of the mesh is {value:g}; give a whole number of 1 or more")


@dataclass(frozen=True, config=_STRICT)
class Barrier:
    """How long all cores take to agree that a tick is over.

    Attributes:
        tiles: With so many tiles at work.
        ns: Nanoseconds.
        source: Publication, file or measurement.
    """

    tiles: Annotated[int, Field(ge=1)]
    ns: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    source: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Timing:
    """How long a core takes for one event, nanoseconds; it does one after the other.

    Attributes:
        synaptic_event: A synapse that a spike touched.
        neuron_update: A neuron in a tick.
        spike: A spike that is made.
        message_out: A message that is sent.
        message_in: A message that arrives.
        barriers: The end of a tick, by the tiles at work, rising; between two of them it rises evenly.
    """

    synaptic_event: Figure
    neuron_update: Figure
    spike: Figure
    message_out: Figure
    message_in: Figure
    barriers: Annotated[tuple[Barrier, ...], Field(min_length=1)]

    def __post_init__(self) -> None:
        tiles = [b.tiles for b in self.barriers]
        if tiles != sorted(set(tiles)):
            raise ValueError(f"the barriers of the timing have {tiles} tiles; let them rise")

    def barrier(self, n_tiles: int) -> float:
        """Nanoseconds that the end of a tick takes; beyond the last figure as there."""
        points = self.barriers
        return float(np.interp(n_tiles, [b.tiles for b in points], [b.ns for b in points]))


@dataclass(frozen=True, config=_STRICT)
class Power:
    """Power that no event accounts for.

    Attributes:
        name: What takes it.
        mw: Milliwatts.
        source: Measurement or publication.
        note: What must be known to read it.
    """

    name: Annotated[str, Field(min_length=1)]
    mw: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    source: Annotated[str, Field(min_length=1)]
    note: str = ""


@dataclass(frozen=True, config=_STRICT)
class Target:
    """A chip.

    Attributes:
        name: As on the command line.
        title: For people.
        formats: Number formats; None for a target that takes any network as it is.
        limits: Sizes.
        mesh: How its cores lie; None if nobody said: then nothing can be placed.
        timing: How long events take; None if nobody said.
        power: What takes power all the time, where it was measured.
        energy_tables: Names of the price tables that apply (`spikec.energy`), the first by default; empty if
            no price was ever published.
        notes: What a user should know.
    """

    name: str
    title: str
    formats: Formats | None = None
    limits: Limits = field(default_factory=Limits)
    mesh: Mesh | None = None
    timing: Timing | None = None
    power: tuple[Power, ...] = ()
    energy_tables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


_CATALOGUE = Catalogue("target", files(__package__), TypeAdapter(Target), "docs/targets.md")


def target_names() -> list[str]:
    """Names of the targets that ship."""
    return _CATALOGUE.names()


def load_target(name: str) -> Target:
    """Read a target by name, or from the path of a YAML file of the user's own.

    Raises:
        UsageError: There is none of this name, or the file breaks the schema.
    """
    return _CATALOGUE.load(name)


def parse_target(text: str, name: str) -> Target:
    """Make a target from YAML text.

    Raises:
        UsageError: The text is no YAML or breaks the schema; the message names every fault.
    """
    return _CATALOGUE.parse(text, name)
