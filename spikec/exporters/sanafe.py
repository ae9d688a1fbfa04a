"""Placed programs for SANA-FE, a cycle-level model of neuromorphic chips (github.com/SLAM-Lab/SANA-FE).

Two YAML files: an architecture, made of the target's mesh and timing and of an energy table, and a network
mapped onto it. SANA-FE's neurons are not the chip's integers, so none is computed there: each is an input
that replays its spikes of one sample, and weights are zero, as inputs take no current. What SANA-FE then
models is all that spikes cause: synaptic events, messages, hops, time.

SANA-FE knows one mesh. Chips lie side by side there, and tiles count down the columns as ours do, so several
are one that is so many times as wide: a hop over a border costs what any other does, here and there.

All synapses onto a neuron are of one storage there: that of most of them. An update's whole price stands as
that of access, for a neuron that replays is looked at in every tick, but updated only when it spikes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import yaml

from spikec.arrays import IntArray
from spikec.energy_tables.table import EnergyTable, Price
from spikec.errors import UsageError
from spikec.events import Events
from spikec.ir.connectivity import Dense
from spikec.ir.network import Network, Population, Projection, unrolled
from spikec.placement.grid import Grid, grid_of
from spikec.placement.ledger import STORAGE, storage_of
from spikec.program import Program
from spikec.targets.target import Figure, Target, Timing


@dataclass(frozen=True)
class SanaFe:
    """What SANA-FE reads.

    Attributes:
        architecture: Text of the architecture's file.
        network: Text of the network's file.
    """

    architecture: str
    network: str


def export_sanafe(
    program: Program, spikes: Mapping[str, Events], sample: int, n_ticks: int, table: EnergyTable
) -> SanaFe:
    """Write a placed program and one sample's spikes as SANA-FE reads them.

    Args:
        program: Compiled and placed.
        spikes: Of every population of its network, in ticks.
        sample: Whose spikes neurons replay.
        n_ticks: Ticks of the sample.
        table: Prices; one that is not there counts as nothing.

    Raises:
        UsageError: The program is not placed.
    """
    if program.placement is None:
        raise UsageError("this program is not placed; compile it with --place")
    grid = grid_of(program.target, int(program.placement.place.max(initial=0)) + 1)
    most = sum(p.n for p in program.network.populations)
    network = "".join(_network(program, spikes, sample, n_ticks))
    return SanaFe(_architecture(program.target, grid, table, most), network)


def _architecture(target: Target, grid: Grid, table: EnergyTable, most_neurons: int) -> str:
    """The chips as one mesh; every core has as many neuron units as a network can put there."""
    t, columns = target.timing, grid.chips * grid.columns
    spike = _each("access_neuron", table.events.neuron_updates, _time(t, "neuron_update"))
    spike |= _each("update_neuron", None, None) | _each("spike_out", table.events.spikes, _time(t, "spike"))
    buffer = {"buffer_position": "soma", "buffer_inside_unit": False}
    arriving = _each("message_in", None, _time(t, "message_in"))
    leaving = _each("message_out", table.events.messages, _time(t, "message_out"))
    core = {
        "name": f"core[0..{grid.cores_per_tile - 1}]",
        "attributes": {**buffer, "max_neurons_supported": most_neurons},
        "axon_in": [_unit("axon_in", arriving)],
        "synapse": [_synapse(kind, table, t) for kind in STORAGE],
        "dendrite": [_unit("dendrite", {"model": "accumulator", **_each("update", None, None)})],
        "soma": [
            _unit(f"neurons[0..{most_neurons - 1}]", {"model": "input", **spike}),
            _unit(f"inputs[0..{most_neurons - 1}]", {"model": "input", **dict.fromkeys(spike, 0.0)}),
        ],
        "axon_out": [_unit("axon_out", leaving)],
    }
    barriers = {b.tiles: b.ns * 1e-9 for b in t.barriers} if t else {1: 0.0}
    size = {"topology": "mesh", "width": columns, "height": grid.rows, "link_buffer_size": 16}
    chip = {
        "name": target.name,
        "attributes": {**size, "sync_model": "table", "latency_sync": barriers},
        "tile": [{"name": f"tile[0..{columns * grid.rows - 1}]", "attributes": _hops(table), "core": [core]}],
    }
    return yaml.safe_dump({"architecture": chip}, sort_keys=False)


def _synapse(kind: str, table: EnergyTable, timing: Timing | None) -> dict[str, object]:
    price = table.events.synaptic_events if table.storage is None else getattr(table.storage, kind)
    each = _each("process_spike", price, _time(timing, "synaptic_event"))
    return _unit(kind, {"model": "current_based", **each})


def _hops(table: EnergyTable) -> dict[str, float]:
    """What a tile's router takes for a hop; our tables say nothing of its time."""
    found: dict[str, float] = {}
    for way in ("east", "west"):
        found |= _each(f"{way}_hop", None if table.hops is None else table.hops.east_west, None)
    for way in ("north", "south"):
        found |= _each(f"{way}_hop", None if table.hops is None else table.hops.north_south, None)
    return found


def _time(timing: Timing | None, event: str) -> Figure | None:
    """How long an event takes, nanoseconds; None if nobody said."""
    found: Figure | None = None if timing is None else getattr(timing, event)
    return found


def _each(what: str, price: Price | None, time: Figure | None) -> dict[str, float]:
    """Energy and time of one event, joules and seconds; nothing where nobody said."""
    pj = None if price is None else price.pj
    return {
        f"energy_{what}": (pj or 0.0) * 1e-12,
        f"latency_{what}": 0.0 if time is None else time.value * 1e-9,
    }


def _unit(name: str, attributes: Mapping[str, object]) -> dict[str, object]:
    return {"name": name, "attributes": dict(attributes)}


def _network(program: Program, spikes: Mapping[str, Events], sample: int, n_ticks: int) -> Iterator[str]:
    """The network's file, piece by piece: numbers are written here, as they may be millions."""
    network, placement = program.network, program.placement
    assert placement is not None
    assert program.target.mesh is not None
    yield f"network:\n  name: {program.target.name}\n  groups:\n"
    for k, p in enumerate(network.populations):
        yield f"    - name: p{k}\n      attributes: []\n      neurons:\n"
        trains = spikes[p.name].select(sample, sample + 1).raster(n_ticks)[0].T.astype(np.int64)
        yield from (f"        - {j}: [spikes: {train.tolist()}]\n" for j, train in enumerate(trains))
    yield "  edges:\n"
    number = {p.name: k for k, p in enumerate(network.populations)}
    for q in network.projections:
        yield from _edges(q, f"p{number[q.pre]}", f"p{number[q.post]}")
    yield "mappings:\n"
    per_tile = int(program.target.mesh.cores_per_tile.value)
    used = np.zeros(placement.n_cores, np.int64)
    entered = 0
    for k, p in enumerate(network.populations):
        if p.is_source:
            for j in range(p.n):
                yield f'  - p{k}.{j}: [core: 0.0, soma: "inputs[{entered + j}]"]\n'
            entered += p.n
        else:
            yield from _mapped(
                p, k, placement.cores[p.name], placement.place, per_tile, used, _storage(network, p)
            )


def _edges(q: Projection, pre: str, post: str) -> Iterator[str]:
    if isinstance(q.connectivity, Dense):
        zeros = "0, " * (prod(q.connectivity.weights.shape) - 1) + "0"
        yield f"    - {pre} -> {post}: [type: dense, weight: [{zeros}]]\n"
        return
    source, target = unrolled(q).connectivity.synapses()
    for i, j in zip(source.tolist(), target.tolist(), strict=True):
        yield f"    - {pre}.{i} -> {post}.{j}: [weight: 0]\n"


def _mapped(
    p: Population, number: int, cores: IntArray, place: IntArray, per_tile: int, used: IntArray, storage: str
) -> Iterator[str]:
    """Where neurons are, each with a unit of its own on its core; `used` counts these."""
    for j, core in enumerate(cores.tolist()):
        tile, within = divmod(int(place[core]), per_tile)
        units = f'soma: "neurons[{used[core]}]", synapse: {storage}'
        yield f"  - p{number}.{j}: [core: {tile}.{within}, {units}]\n"
        used[core] += 1


def _storage(network: Network, p: Population) -> str:
    """How most synapses onto a population are stored."""
    found = dict.fromkeys(STORAGE, 0)
    for q in network.incoming(p.name):
        found[storage_of(q.connectivity)] += q.connectivity.n_synapses
    return max(found, key=found.__getitem__)
