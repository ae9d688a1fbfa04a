"""What NIR cannot say, as the YAML that `spikec.conventions` reads: habits of a tick, dt, codings, promises.

It stands beside the file and in its metadata. Every habit is written, so that presets may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import yaml

from spikec.ir.conventions import FIELDS, plain
from spikec.ir.network import Network, Ticks

MARK = "# Written by spikec export: what the NIR file of this name cannot say."
"""The first line; a file that begins otherwise is a user's own."""


def stated(network: Network, names: Mapping[str, str], order: Sequence[str]) -> str:
    """The text of the YAML.

    Args:
        network: On a clock of ticks.
        names: Of the node that stands for each population.
        order: Populations in the order in which they compute, if that must be said.
    """
    assert isinstance(network.clock, Ticks)
    convention = network.clock.convention
    habits = {field: plain(getattr(convention, field)) for field in FIELDS}
    content: dict[str, Any] = {
        "dt": float(network.clock.dt),
        "habits": {field: "none" if value is None else value for field, value in habits.items()},
    }
    once = [names[p.name] for p in network.populations if getattr(p.neuron, "one_spike", False)]
    if once:
        content["one_spike"] = once
    if order:
        content["order"] = [names[name] for name in order]
    if network.encoding is not None:
        content["encoding"] = _renamed(asdict(network.encoding), names, ("population", "clock"))
    if network.decoding is not None:
        decoding = {"population": network.decoding.population, "readout": network.decoding.readout.value}
        content["decoding"] = _renamed(decoding, names, ("population",))
    return f"{MARK}\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True)}"


def _renamed(entries: dict[str, Any], names: Mapping[str, str], places: Sequence[str]) -> dict[str, Any]:
    return {key: names[v] if key in places and v is not None else v for key, v in entries.items()}
