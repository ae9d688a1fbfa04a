"""The order of nodes and edges in a file means nothing, and parameters may be those of whole channels."""

from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.container import digest
from spikec.errors import NetworkError
from spikec.frontends.nir import read_nir

DT = 1e-3


def _nodes(rng):
    def neuron(n):
        low, high = rng.uniform(0.002, 0.02, n), rng.uniform(0.2, 0.9, n)
        return nir.LIF(tau=low, r=high * 9, v_leak=0 * low, v_threshold=high, v_reset=0 * low)

    return {
        "in": nir.Input(np.array([3])),
        "also": nir.Input(np.array([2])),
        "a": nir.Affine(rng.normal(size=(4, 3)), rng.normal(size=4)),
        "b": nir.Affine(rng.normal(size=(4, 2)), rng.normal(size=4)),
        "c": nir.Affine(rng.normal(size=(4, 3)), rng.normal(size=4)),
        "x": neuron(4),
        "y": neuron(4),
        "z": neuron(4),
        "rec": nir.Affine(rng.normal(size=(4, 4)), rng.normal(size=4)),
        "wait": nir.Delay(rng.integers(0, 4, 4) * DT),
        "out": nir.Output(np.array([4])),
        "end": nir.Output(np.array([4])),
    }


EDGES = [
    *[("in", "a"), ("in", "c"), ("also", "b"), ("a", "x"), ("b", "x"), ("c", "x"), ("b", "y"), ("a", "wait")],
    *[
        ("wait", "z"),
        ("x", "rec"),
        ("rec", "y"),
        ("y", "x"),
        ("x", "z"),
        ("z", "z"),
        ("z", "out"),
        ("y", "end"),
    ],
]


def _write(path, nodes, edges):
    """A file whose nodes lie in the order given, which readers of HDF5 then see."""
    nir.write(path, nir.NIRGraph(dict(nodes), edges, type_check=False))
    with h5py.File(path, "a") as file:
        file.move("node/nodes", "node/sorted")
        group = file["node"].create_group("nodes", track_order=True)
        for name in nodes:
            file.move(f"node/sorted/{name}", f"node/nodes/{name}")
        del file["node/sorted"]
        assert list(group) == list(nodes)
    return path


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_nodes_and_edges_means_nothing(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("nir")
    nodes, edges = _nodes(rng), list(EDGES)
    first = read_nir(_write(folder / "a.nir", nodes, edges), dt=DT)
    names = [str(n) for n in rng.permutation(list(nodes))]
    rng.shuffle(edges)
    second = read_nir(
        _write(folder / "b.nir", {n: nodes[n] for n in names}, [tuple(map(str, e)) for e in edges]), dt=DT
    )
    assert digest(first) == digest(second)


def _images(path, **changes):
    image = (2, 4, 4)
    nodes = {
        "in": nir.Input(np.array([1, 6, 6])),
        "conv": nir.Conv2d((6, 6), np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2)),
        "scale": nir.Scale(np.ones(image)),
        "if": nir.IF(np.ones(image), np.ones(image)),
        "out": nir.Output(np.array(image)),
    }
    nir.write(path, nir.NIRGraph(nodes, [*pairwise(nodes)], type_check=False))
    with h5py.File(path, "a") as file:
        for name, v in changes.items():
            node = "scale" if name == "scale" else "if"
            del file[f"node/nodes/{node}/{name}"]
            file[f"node/nodes/{node}/{name}"] = v
    return path


CHANNELS = np.array([2.0, 3.0]).reshape(2, 1, 1)


def test_parameters_of_whole_channels_hold_for_all_their_pixels(tmp_path):
    path = _images(tmp_path / "net.nir", v_threshold=CHANNELS)
    network = read_nir(path, dt=1.0)
    assert network.population("if").shape == (2, 4, 4)
    np.testing.assert_array_equal(network.population("if").neuron.threshold, np.repeat([2.0, 3.0], 16))


def test_neurons_that_know_their_channels_only_take_the_shape_of_the_image(tmp_path):
    path = _images(tmp_path / "net.nir", v_threshold=CHANNELS, r=CHANNELS, v_reset=0 * CHANNELS)
    network = read_nir(path, dt=1.0)
    assert network.population("if").shape == (2, 4, 4)
    np.testing.assert_array_equal(network.population("if").neuron.threshold, np.repeat([2.0, 3.0], 16))
    assert any("one for a channel" in note for note in network.notes)


def test_a_scale_of_whole_channels_holds_for_all_their_pixels(tmp_path):
    plain, scaled = (
        read_nir(_images(tmp_path / f"{k}.nir", scale=s), dt=1.0).projections[0].connectivity.dense_matrix()
        for k, s in enumerate((np.ones((2, 4, 4)), CHANNELS))
    )
    np.testing.assert_array_equal(scaled, plain * np.repeat([2.0, 3.0], 16)[:, None])


def test_parameters_of_other_channels_are_refused(tmp_path):
    with pytest.raises(
        NetworkError, match=r"IF if has .*16.*\(3, 1, 1\)|IF if .* shape \(3, 1, 1\)|IF if has 3 "
    ):
        read_nir(_images(tmp_path / "net.nir", v_threshold=np.ones((3, 1, 1))), dt=1.0)


def test_where_nothing_else_tells_channels_are_all_there_is(tmp_path):
    one = np.ones((3, 1, 1))
    nodes = {
        "in": nir.Input(np.array([3, 1, 1])),
        "if": nir.IF(one, one, 0 * one),
        "out": nir.Output(np.array([3, 1, 1])),
    }
    nir.write(tmp_path / "net.nir", nir.NIRGraph(nodes, [*pairwise(nodes)]))
    assert read_nir(tmp_path / "net.nir", dt=1.0).population("if").n == 3
