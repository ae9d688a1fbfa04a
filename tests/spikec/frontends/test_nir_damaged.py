"""NIR files that are broken or lie. Every fault is one sentence that names its place."""

import shutil

import h5py
import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec.errors import FileFormatError, NetworkError, SpikecError
from spikec.frontends import hdf5, nir_convolution, nir_file
from spikec.frontends.nir import read_nir
from tests.nir_files import DT, lif_of, refused, usual_nodes, write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.nir"


def test_a_slash_in_a_name_is_recognised(path):
    nodes = usual_nodes()
    nodes["a/b"] = nodes.pop("fc")
    write(path, nodes, [("in", "a/b"), ("a/b", "lif"), ("lif", "out")])
    refused(path, NetworkError, "'a/b'")


@pytest.mark.parametrize("name", ["two\nlines", "bell\a", "\u202eevil"])
def test_names_that_cannot_be_shown_are_refused(path, name):
    nodes = {**usual_nodes(), name: nir.Linear(np.eye(2))}
    refused(write(path, nodes), NetworkError, "rename")


def test_spaces_and_letters_of_any_language_are_fine_in_names(path):
    nodes = usual_nodes()
    nodes["Schicht 1 μ"] = nodes.pop("fc")
    edges = [("in", "Schicht 1 μ"), ("Schicht 1 μ", "lif"), ("lif", "out")]
    assert read_nir(write(path, nodes, edges), dt=DT).projections[0].name == "Schicht 1 μ"


@pytest.mark.parametrize("gone", ["node/nodes", "node/edges", "node"])
def test_a_file_without_its_parts_is_refused(path, gone):
    write(path)
    with h5py.File(path, "a") as file:
        del file[gone]
    refused(path, FileFormatError, gone.rpartition("/")[2])


def test_parameters_that_are_missing_or_unknown_are_named(path):
    write(path)
    with h5py.File(path, "a") as file:
        tau = file["node/nodes/lif/tau"][()]
        del file["node/nodes/lif/tau"]
    refused(path, NetworkError, "LIF lif", "no tau")
    with h5py.File(path, "a") as file:
        file["node/nodes/lif/tau"] = tau
        file["node/nodes/lif/refractory_time"] = tau
    refused(path, NetworkError, "LIF lif", "refractory_time")


@pytest.mark.parametrize("value", ["text", np.array([b"x", b"y"]), np.array([1j, 2])])
def test_parameters_that_are_no_numbers_are_named(path, value):
    write(path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/lif/tau"]
        file["node/nodes/lif/tau"] = value
    refused(path, NetworkError, "tau", "lif")


@pytest.mark.parametrize("where", ["node/nodes/lif/type", "node/edges", "version"])
def test_texts_that_are_none_are_refused(path, where):
    write(path)
    with h5py.File(path, "a") as file:
        del file[where]
        file[where] = np.ones(3)
    refused(path, FileFormatError)
    with h5py.File(path, "a") as file:
        del file[where]
        file[where] = np.array([[b"\xff\xfe", b"x"]]) if where == "node/edges" else b"\xff\xfe"
    refused(path, FileFormatError)


def test_sizes_that_the_file_does_not_hold_are_not_believed(path):
    write(path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/fc/weight"]
        file["node/nodes/fc"].create_dataset("weight", (1 << 20, 1 << 20), "f8", chunks=(64, 64))
    refused(path, FileFormatError, "weight of node fc", str(8 << 40))


def test_one_array_that_many_nodes_claim_is_not_read_for_ever(path, monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_INFLATION", 10)
    write(path)
    with h5py.File(path, "a") as file:
        file["big"] = np.zeros(1 << 16)
        for k in range(30):
            node = file["node/nodes"].create_group(f"n{k}")
            node["type"] = "Threshold"
            node["threshold"] = file["big"]
    refused(path, FileFormatError, "threshold of node n", "does not hold")


def test_links_to_other_files_are_not_followed(path, tmp_path):
    other = write(tmp_path / "other.nir")
    write(path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/fc"]
        file["node/nodes/fc"] = h5py.ExternalLink(str(other), "node/nodes/fc")
    refused(path, FileFormatError, "'fc'", "link")
    write(path)
    with h5py.File(path, "a") as file:
        weight = file["node/nodes/fc/weight"]
        layout = h5py.VirtualLayout(weight.shape, weight.dtype)
        layout[:] = h5py.VirtualSource(str(other), "node/nodes/fc/weight", weight.shape)
        del file["node/nodes/fc/weight"]
        file["node/nodes/fc"].create_virtual_dataset("weight", layout)
    refused(path, FileFormatError, "weight of node fc")


def test_a_graph_that_holds_itself_is_refused(path):
    write(path)
    with h5py.File(path, "a") as file:
        file["node/nodes/a"] = file["node"]
        file["node/nodes/b"] = file["node"]
    refused(path, FileFormatError, "nested deeper")


def test_widths_that_no_weights_confirm_have_a_limit(path):
    nodes = {"in": nir.Input(np.array([1 << 40])), "lif": lif_of(1), "out": nir.Output(np.array([1]))}
    refused(write(path, nodes, [("in", "lif"), ("lif", "out")]), NetworkError, "Input in", str(1 << 40))
    assert nir_convolution.MAX_WIDTH < 1 << 40 > nir_file.MAX_NODES


def test_a_netx_file_is_recognised(path):
    with h5py.File(path, "w") as file:
        file.create_group("layer/0")
    refused(path, FileFormatError, "netx")


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    inner = nir.NIRGraph(
        {"input": nir.Input(np.array([2])), "x": lif_of(2), "output": nir.Output(np.array([2]))},
        [("input", "x"), ("x", "output")],
    )
    return write(tmp_path_factory.mktemp("nir") / "intact.nir", {**usual_nodes(), "lif": inner}).read_bytes()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1))
def test_a_truncated_file_gives_one_clear_error(tmp_path, intact, cut):
    path = tmp_path / "cut.nir"
    path.write_bytes(intact[: int(cut * (len(intact) - 1))])
    refused(path, FileFormatError)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), change=st.integers(1, 255))
def test_a_changed_byte_gives_a_network_or_one_clear_error(tmp_path, intact, place, change):
    data = bytearray(intact)
    data[int(place * (len(data) - 1))] ^= change
    path = tmp_path / "changed.nir"
    path.write_bytes(data)
    try:
        read_nir(path, dt=DT)
    except SpikecError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(("member", "k"), [("node/nodes/fc/type", 0), ("node/edges", 0), ("node/edges", 3)])
def test_a_text_longer_than_its_file_is_refused_before_memory_is_taken_for_it(path, member, k):
    write(path)
    with h5py.File(path, "r") as file:
        place = file[member].id.get_offset() + 16 * k
    data = bytearray(path.read_bytes())
    data[place : place + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    refused(path, FileFormatError, "bytes of text that the file does not hold")


def test_a_heap_on_which_libhdf5_would_hang_is_refused_before_it_is_read(path, intact):
    data = bytearray(intact)
    place = data.index(b"GCOL") + 16
    while int.from_bytes(data[place : place + 2], "little"):
        place += 16 + (int.from_bytes(data[place + 8 : place + 16], "little") + 7) // 8 * 8
    data[place + 8 : place + 16] = bytes(8)
    path.write_bytes(data)
    refused(path, FileFormatError, "damaged")


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_that_is_not_there_or_empty_gives_one_clear_error(path, content):
    if content is not None:
        path.write_bytes(content)
    refused(path, FileFormatError, "cannot be read")


def test_no_file_is_changed_by_reading_it(path, tmp_path):
    write(path)
    copy = shutil.copy(path, tmp_path / "copy.nir")
    read_nir(path, dt=DT)
    assert path.read_bytes() == copy.read_bytes()


def test_parameters_of_other_sizes_show_no_origin(path):
    nodes = usual_nodes()
    nodes["1_LIFTorch"] = nodes.pop("lif")
    write(path, nodes, [("in", "fc"), ("fc", "1_LIFTorch"), ("1_LIFTorch", "out")])
    with h5py.File(path, "a") as file:
        del file["node/nodes/1_LIFTorch/tau"]
        file["node/nodes/1_LIFTorch/tau"] = np.zeros(0)
    refused(path, NetworkError, "1_LIFTorch")
