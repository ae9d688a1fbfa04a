"""`place`, and `compile --place`, of programs that come as integers: lava-dl's files, and written by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

import spikec as library
from spikec.compare import compare
from spikec.container import digest, load, save
from spikec.errors import NetworkError, TargetError, UsageError
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.targets.target import load_target
from tests.netx_files import CUBA, dense, write
from tests.small_chip import small_chip

N_IN, N, N_TICKS = 6, 14, 12


@pytest.fixture
def small(tmp_path):
    """Loihi 2 with cores of 5 neurons."""
    return small_chip(tmp_path, "loihi2", 5)


@pytest.fixture
def raster(tmp_path):
    """Three samples of spikes."""
    path = tmp_path / "in.npy"
    np.save(path, np.random.default_rng(0).integers(0, 2, (3, N_TICKS, N_IN)).astype(np.uint8))
    return path


def weights(seed=1):
    return np.random.default_rng(seed).integers(-20, 60, (N, N_IN)) * 2


def by_hand(dv=300):
    """One layer of neurons in integers."""
    neuron = CubaFixed(vth=100, du=4095, dv=dv)
    projection = Projection("q", "in", "out", Dense(Fixed(weights())), Delays(0))
    populations = (Population("in", Source(), (N_IN,)), Population("out", neuron, (N,)))
    return Network(populations, (projection,), ("in",), ("out",), Ticks(1e-3, LOIHI))


def given(tmp_path, kind):
    path = tmp_path / ("net.net" if kind == "netx" else "net.npz")
    if kind == "netx":
        write(path, dense(weights(), {**CUBA, "vDecay": 4000}))
    else:
        save(by_hand(), path)
    return path


@pytest.mark.parametrize("kind", ["netx", "by hand"])
def test_integers_are_placed_and_spike_and_count_as_before(spikec, tmp_path, small, raster, kind):
    plain, placed, again = (tmp_path / f"{name}.npz" for name in ("plain", "placed", "again"))
    net, chip = given(tmp_path, kind), ("-t", small)
    assert spikec("compile", net, *chip, "-o", plain)[::2] == (0, "")
    words = ("--place", "greedy", "--calibrate", raster, "--samples", 2)
    assert spikec("compile", net, *chip, "-o", placed, *words)[0] == 0
    words = ("--method", "greedy", "--calibrate", raster, "--samples", 2, "--json")
    code, out, _ = spikec("place", plain, "-o", again, *words)
    assert code == 0
    assert "at the rates of the samples" in json.loads(out)["passes"][-1]["summary"]
    programs = [load(path) for path in (plain, placed, again)]
    assert len({digest(p.network) for p in programs}) == 1
    assert programs[1].placement.n_cores == 3
    for name, cores in programs[1].placement.cores.items():
        assert np.array_equal(cores, programs[2].placement.cores[name])
    results = []
    for path in (plain, placed, again):
        assert spikec("run", path, "--input", raster, "-o", tmp_path / f"r{path.name}")[0] == 0
        results.append(load(tmp_path / f"r{path.name}"))
    assert results[0].spikes["out" if kind == "by hand" else "layer0"].n_events > 0
    assert compare(results[0], results[1]).identical
    assert compare(results[0], results[2]).identical
    assert results[2].cores.synaptic_events.sum() == results[0].counters.total("synaptic_events")
    assert spikec("check", again, "-t", small)[0] == 0
    source = results[2].meta["source"]
    assert source["placed by"] == f"spikec place plain.npz --method greedy --calibrate {raster} --samples 2"


def test_python_compiles_and_places_lava_dls_files(tmp_path):
    program = library.load(given(tmp_path, "netx"))
    placed = library.compile(program, "loihi1", place="sequential")
    assert (placed.target.name, placed.placement.n_cores) == ("loihi1", 1)


def test_python_places_them_too(tmp_path):
    program = Program(by_hand(), load_target("loihi2"))
    raster = np.ones((1, N_TICKS, N_IN), np.int64)
    placed = library.place(program, "sequential", inputs=raster)
    assert placed.network is program.network
    assert placed.placement.method == "sequential"
    assert compare(program.run(raster), placed.run(raster)).identical
    (late,) = (replace(q, delays=Delays(1e-3)) for q in by_hand().projections)
    with pytest.raises(NetworkError, match="delays in seconds"):
        library.place(replace(program, network=replace(by_hand(), projections=(late,))))
    with pytest.raises(UsageError, match="in no chip's integers yet"):
        library.place(Program(by_hand(), load_target("ideal")))
    with pytest.raises(TargetError) as found:
        library.place(replace(program, network=by_hand(dv=4096)))
    assert {v.rule for v in found.value.violations}


def test_what_breaks_limits_or_is_no_program_is_refused_in_a_sentence_and_nothing_is_written(
    spikec, tmp_path, small
):
    out = tmp_path / "out.npz"
    save(Program(by_hand(dv=4096), load_target("loihi2")), tmp_path / "heavy.npz")
    code, _, err = spikec("place", tmp_path / "heavy.npz", "-o", out)
    assert (code, "does not fit" in err) == (1, True)
    save(by_hand(), tmp_path / "net.npz")
    save(Program(by_hand(), replace(load_target("loihi2"), mesh=None)), tmp_path / "flat.npz")
    for words, told in (
        ((tmp_path / "net.npz",), "in no chip's integers yet; `spikec compile FILE --target loihi1"),
        ((tmp_path / "flat.npz",), "does not say how its cores lie"),
        ((tmp_path / "flat.npz", "--samples", 3), "give that, too"),
        ((tmp_path / "flat.npz", "--method", "best"), "choose random, sequential"),
        ((tmp_path / "none.npz",), "check the name"),
    ):
        code, _, err = spikec("place", *words, "-o", out)
        assert (code, err.count("\n")) == (2, 1), err
        assert told in err
    save(Program(by_hand(), load_target("loihi2")), out)
    before = out.read_bytes()
    code, _, err = spikec("place", out, "-o", out)
    assert (code, "would destroy it" in err) == (2, True)
    assert out.read_bytes() == before
    code, _, err = spikec("compile", out, "-t", small, "-o", tmp_path / "x.npz", "--place", "greedy")
    assert (code, "`spikec place`" in err) == (2, True)
