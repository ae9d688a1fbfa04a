"""Files for SANA-FE, read back as YAML: every neuron, synapse, spike and place, and what events cost."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from spikec.energy_tables.table import load_table
from spikec.errors import UsageError
from spikec.exporters.sanafe import export_sanafe
from spikec.placed import Placement
from spikec.placement.grid import grid_of
from spikec.random.networks import random_inputs, random_program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

N_TICKS = 6


@pytest.fixture
def placed():
    rng = np.random.default_rng(5)
    program = random_program(rng)
    sizes = {p.name: p.n for p in program.network.populations if not p.is_source}
    cores = {name: np.arange(n) % 2 for name, n in sizes.items()}
    return replace(program, target=load_target("loihi1"), placement=Placement(cores, [21, 2]))


@pytest.fixture
def written(placed):
    inputs = random_inputs(np.random.default_rng(1), placed, 2, N_TICKS)
    spikes = ReferenceBackend().prepare(placed).run(inputs, N_TICKS).spikes
    return spikes, export_sanafe(placed, spikes, 1, N_TICKS, load_table("loihi1-sanafe"))


def test_every_neuron_replays_its_spikes_at_its_place(placed, written):
    spikes, files = written
    net = yaml.safe_load(files.network)["network"]
    assert len(net["groups"]) == len(placed.network.populations)
    for group, p in zip(net["groups"], placed.network.populations, strict=True):
        trains = [next(iter(n.values()))[0]["spikes"] for n in group["neurons"]]
        assert np.array_equal(np.array(trains).T, spikes[p.name].raster(N_TICKS)[1])
    mapped = {
        name: units for line in yaml.safe_load(files.network)["mappings"] for name, units in line.items()
    }
    assert len(mapped) == sum(p.n for p in placed.network.populations)
    used = set()
    for k, p in enumerate(placed.network.populations):
        for j in range(p.n):
            units = {key: value for unit in mapped[f"p{k}.{j}"] for key, value in unit.items()}
            place = 0 if p.is_source else [21, 2][j % 2]
            assert str(units["core"]) == f"{place // 4}.{place % 4}"
            used.add((str(units["core"]), units["soma"]))
    assert len(used) == len(mapped)


def test_every_synapse_is_there(placed, written):
    _, files = written
    n = 0
    sizes = {f"p{k}": p.n for k, p in enumerate(placed.network.populations)}
    for edge in yaml.safe_load(files.network)["network"]["edges"]:
        ((ends, attributes),) = edge.items()
        pre, post = ends.split(" -> ")
        if {"type": "dense"} in attributes:
            assert len(attributes[1]["weight"]) == sizes[pre] * sizes[post]
            n += sizes[pre] * sizes[post]
        else:
            n += 1
    assert n == placed.network.n_synapses


def test_the_chip_has_the_prices_and_times_of_table_and_target(written):
    chip = yaml.safe_load(written[1].architecture)["architecture"]
    assert (chip["attributes"]["width"], chip["attributes"]["height"]) == (8, 4)
    assert chip["attributes"]["latency_sync"][2] == pytest.approx(1e-6)
    (tile,) = chip["tile"]
    assert tile["name"] == "tile[0..31]"
    assert tile["attributes"]["energy_north_hop"] == pytest.approx(4.2e-12)
    (core,) = tile["core"]
    assert core["name"] == "core[0..3]"
    dense, _, convolution = (s["attributes"] for s in core["synapse"])
    assert dense["energy_process_spike"] == pytest.approx(35.5e-12)
    assert convolution["energy_process_spike"] == pytest.approx(24e-12)
    neurons, inputs = (s["attributes"] for s in core["soma"])
    assert neurons["energy_access_neuron"] == pytest.approx(72.8e-12)
    assert neurons["energy_spike_out"] == pytest.approx(69.3e-12)
    assert not any(v for k, v in inputs.items() if k != "model")
    assert core["axon_out"][0]["attributes"]["energy_message_out"] == pytest.approx(111e-12)


def test_several_chips_are_one_mesh_as_much_wider(placed, written):
    far = replace(placed, placement=replace(placed.placement, place=np.array([200, 2])))
    files = export_sanafe(far, written[0], 1, N_TICKS, load_table("loihi1-sanafe"))
    chip = yaml.safe_load(files.architecture)["architecture"]
    assert (chip["attributes"]["width"], chip["attributes"]["height"]) == (16, 4)
    assert chip["tile"][0]["name"] == "tile[0..63]"
    at = {next(iter(units.values()))[0]["core"] for units in yaml.safe_load(files.network)["mappings"]}
    assert at == {0.0, 0.2, 50.0}
    x, y = grid_of(far.target, 201).tiles
    assert (x[200], y[200]) == divmod(50, 4)  # SANA-FE numbers its tiles down the columns


def test_only_a_placed_program_is_written(placed):
    with pytest.raises(UsageError, match="compile it with --place"):
        export_sanafe(replace(placed, placement=None), {}, 0, 1, load_table("loihi1-sanafe"))
