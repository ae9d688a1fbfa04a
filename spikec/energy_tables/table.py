"""Prices of a chip's events, as read from a YAML file: every figure carries the place it was taken from.

A new source of prices is a new file in this folder; no code changes. Unknown keys are refused, and every
event must be named, so that none can be forgotten: what has no published price says so with ``pj: null``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from importlib.resources import files
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from spikec.catalogue import Catalogue

_STRICT = ConfigDict(extra="forbid")
_Picojoules = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
_Source = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Price:
    """What one event costs.

    Attributes:
        pj: Picojoules; None if no price was published.
        source: Publication or file the figure is from; for none, where it was looked for.
        relevant: Whether the event costs energy by this table's own account; without a price for it there is
            then no total.
        note: What must be known to read the figure.
    """

    pj: _Picojoules | None
    source: _Source
    relevant: bool = True
    note: str = ""


@dataclass(frozen=True, config=_STRICT)
class EventPrices:
    """A price for each count that a run gives.

    Attributes:
        synaptic_events: Stored synapses with a weight other than zero that a spike touched.
        zero_weight_events: Stored zeros that a spike touched. A chip that stores a zero fetches and adds it
            as it does any weight, so these are events too; they stand on their own line because a mapper
            may leave zeros out.
        neuron_updates: Neurons times ticks.
        spikes: Spikes of neurons that compute; those of inputs come from outside.
        messages: Spikes that must be sent, once a projection: the number of cores follows from placement.
        delay_writes: Synaptic events that wait a tick or more.
    """

    synaptic_events: Price
    zero_weight_events: Price
    neuron_updates: Price
    spikes: Price
    messages: Price
    delay_writes: Price


@dataclass(frozen=True, config=_STRICT)
class HopPrices:
    """A message's way from one tile of the mesh to the next; used where a program has a placement.

    Attributes:
        east_west: Along a row.
        north_south: Along a column.
    """

    east_west: Price
    north_south: Price


@dataclass(frozen=True, config=_STRICT)
class StoragePrices:
    """A synaptic event, by how its synapse is stored; a stored zero costs as much as any weight.

    Attributes:
        dense: Of a full matrix.
        sparse: With an index.
        convolution: Of a kernel that a core's neurons share.
    """

    dense: Price
    sparse: Price
    convolution: Price


@dataclass(frozen=True, config=_STRICT)
class EnergyTable:
    """The prices of one chip from one source.

    Attributes:
        name: As on the command line.
        title: For people.
        chip: What is priced.
        process: Feature size.
        basis: Whether the figures were simulated, measured or fitted, by whom and when.
        events: Prices of counted events.
        hops: Prices of hops, if the chip has a mesh.
        storage: Prices of synaptic events by how synapses are stored, if these differ; used where a program
            has a placement, in place of `EventPrices.synaptic_events` and `EventPrices.zero_weight_events`.
        operations: Prices of dense arithmetic by name (``mac_fp32``, ``mac_int8``), if this is a base.
        notes: What a reader must know, one sentence each.
    """

    name: str
    title: str
    chip: str
    process: str
    basis: str
    events: EventPrices
    hops: HopPrices | None = None
    storage: StoragePrices | None = None
    operations: Mapping[str, Price] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


TERMS = tuple(f.name for f in fields(EventPrices))
"""The names of all terms, in the order of a report."""

NO_PRICE = Price(pj=None, source="none found", note="no published price")
"""Of what nobody priced."""

UNPRICED = EnergyTable(
    name="unpriced",
    title="No published prices",
    chip="",
    process="",
    basis="",
    events=EventPrices(**dict.fromkeys(TERMS, NO_PRICE)),
)
"""For chips of which no price was ever published: counts, and no energy."""

_CATALOGUE = Catalogue(
    "energy table", files(__package__), TypeAdapter(EnergyTable), "those that ship in spikec/energy_tables"
)


def table_names() -> list[str]:
    """Names of the tables that ship."""
    return _CATALOGUE.names()


def load_table(name: str) -> EnergyTable:
    """Read a table by name, or from the path of a YAML file of the user's own.

    Raises:
        UsageError: There is none of this name, or the file breaks the schema.
    """
    return _CATALOGUE.load(name)


def parse_table(text: str, name: str) -> EnergyTable:
    """Make a table from YAML text.

    Raises:
        UsageError: The text is no YAML or breaks the schema; the message names every fault.
    """
    return _CATALOGUE.parse(text, name)
