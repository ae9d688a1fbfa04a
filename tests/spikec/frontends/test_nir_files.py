"""NIR files as they come: old, odd, broken and hostile. Every fault is one sentence that names its place."""

import shutil

import h5py
import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec.errors import FileFormatError, NetworkError, SpikecError, UsageError
from spikec.frontends import hdf5, nir_convolution, nir_file, nir_maps, nir_paths
from spikec.frontends.nir import read_nir
from spikec.ir.network import Convention

DT = 1e-3


def _lif(n, **changes):
    one = np.ones(n)
    values = {"tau": 0.01 * one, "r": one, "v_leak": 0 * one, "v_threshold": one, "v_reset": 0 * one}
    return nir.LIF(**{**values, **changes})


def _nodes(n_in=3, n=2):
    return {
        "in": nir.Input(np.array([n_in])),
        "fc": nir.Affine(weight=np.ones((n, n_in)), bias=np.zeros(n)),
        "lif": _lif(n),
        "out": nir.Output(np.array([n])),
    }


CHAIN = (("in", "fc"), ("fc", "lif"), ("lif", "out"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.nir"


def _write(path, nodes=None, edges=CHAIN, **graph):
    nir.write(
        path, nir.NIRGraph(_nodes() if nodes is None else nodes, list(edges), type_check=False, **graph)
    )
    return path


def _refused(path, error, *words):
    with pytest.raises(error) as caught:
        read_nir(path, dt=DT)
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(path), *words):
        assert word in message
    return message


def _noted(network, *words):
    return any(all(word in note for word in words) for note in network.notes)


# The clock


def test_without_a_time_step_nothing_is_guessed(path):
    _write(path)
    with pytest.raises(UsageError, match=r"--dt SECONDS"):
        read_nir(path)


@pytest.mark.parametrize("dt", [0.0, -1e-3, np.nan, np.inf])
def test_an_impossible_time_step_is_refused(path, dt):
    with pytest.raises(UsageError, match="time step"):
        read_nir(_write(path), dt=dt)


def test_the_time_step_comes_from_the_metadata_if_it_stands_there(path):
    _write(path, metadata={"dt": 2e-3})
    network = read_nir(path)
    assert network.dt == 2e-3
    assert _noted(network, "0.002 s", "metadata")
    given = read_nir(path, dt=1e-3)
    assert given.dt == 1e-3
    assert _noted(given, "0.002 s", "not used")


def test_the_notes_tell_time_step_and_convention(path):
    network = read_nir(_write(path), dt=DT)
    assert _noted(network, "0.001 s", "as given")
    assert _noted(network, "euler", "as assumed")
    network = read_nir(path, dt=DT, convention=Convention(reset="subtract", hop_delay=1))
    assert network.clock.convention.hop_delay == 1
    assert _noted(network, "subtract", "1 ticks", "as given")


# What old and odd exporters write


def test_files_of_nir_1_0_4_lack_v_reset_and_of_0_1_the_version(path):
    _write(path)
    with h5py.File(path, "a") as file:
        del file["version"], file["node/nodes/lif/v_reset"]
    network = read_nir(path, dt=DT)
    assert np.all(network.population("lif").neuron.v_reset == 0)
    assert _noted(network, "lif", "no v_reset")
    assert _noted(network, "version")


def test_a_missing_w_in_is_one(path):
    one = np.ones(2)
    cuba = nir.CubaLIF(tau_syn=one, tau_mem=one, r=one, v_leak=0 * one, v_threshold=one)
    _write(path, {**_nodes(), "lif": cuba})
    whole = read_nir(path, dt=DT)
    with h5py.File(path, "a") as file:
        del file["node/nodes/lif/w_in"]
    a, b = (n.projections[0].connectivity.weights for n in (whole, read_nir(path, dt=DT)))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(5, 3), (1, 5, 3)])
def test_axes_of_batch_and_time_in_an_input_are_left_out(path, shape):
    network = read_nir(_write(path, {**_nodes(), "in": nir.Input(np.array(shape))}), dt=DT)
    assert network.population("in").shape == (3,)
    assert _noted(network, "in", str(shape))


def test_an_image_shaped_input_keeps_its_shape(path):
    nodes = {**_nodes(12), "in": nir.Input(np.array([3, 4])), "flat": nir.Flatten(np.array([3, 4]), 0)}
    network = read_nir(_write(path, nodes, [("in", "flat"), ("flat", "fc"), *CHAIN[1:]]), dt=DT)
    assert network.population("in").shape == (3, 4)
    assert network.notes == read_nir(_write(path), dt=DT).notes


def test_an_input_that_does_not_fit_its_weights_is_refused(path):
    _write(path, {**_nodes(), "in": nir.Input(np.array([5]))})
    _refused(path, NetworkError, "Input in", "(5,)", "3 values")


@pytest.mark.parametrize("shape", [(), (1,)])
def test_parameters_of_one_neuron_serve_a_layer(path, shape):
    _write(path)
    with h5py.File(path, "a") as file:
        lif = file["node/nodes/lif"]
        for name, value in (
            ("tau", 0.01),
            ("r", 1.0),
            ("v_leak", 0.0),
            ("v_threshold", 1.0),
            ("v_reset", 0.0),
        ):
            del lif[name]
            lif[name] = np.full(shape, value)
    network = read_nir(path, dt=DT)
    assert network.population("lif").n == 2
    assert _noted(network, "lif", "all 2")


def test_edges_to_a_graph_that_was_flattened_without_them_are_led_to_its_ports(path):
    nodes = {**_nodes(), "l.input": nir.Input(np.array([2])), "l.output": nir.Output(np.array([2]))}
    nodes["l.lif"] = nodes.pop("lif")
    edges = [("in", "fc"), ("fc", "l"), ("l.input", "l.lif"), ("l.lif", "l.output"), ("l", "out")]
    network = read_nir(_write(path, nodes, edges), dt=DT)
    assert [(q.pre, q.post) for q in network.projections] == [("in", "l.lif")]
    assert network.outputs == ("l.lif",)
    assert _noted(network, "l.input")


def test_a_graph_without_an_output_shows_what_feeds_no_other(path):
    nodes = _nodes()
    del nodes["out"]
    network = read_nir(_write(path, nodes, CHAIN[:2]), dt=DT)
    assert network.outputs == ("lif",)
    assert _noted(network, "no Output")


def test_what_leads_nowhere_or_receives_nothing_is_told(path):
    nodes = {**_nodes(), "stray": _lif(2), "dead": nir.Linear(np.ones((2, 2)))}
    network = read_nir(_write(path, nodes, [*CHAIN, ("lif", "dead")]), dt=DT)
    assert _noted(network, "dead", "nowhere")
    assert _noted(network, "stray", "receives no spikes")


def test_what_is_not_exact_is_told(path):
    nodes = {**_nodes(), "wait": nir.Delay(np.full(2, 1.4 * DT)), "lif": _lif(2, v_leak=np.full(2, 0.1))}
    nodes["fc"] = nir.Affine(weight=np.ones((2, 3)), bias=np.ones(2))
    edges = [("in", "fc"), ("fc", "wait"), ("wait", "lif"), ("lif", "out")]
    network = read_nir(_write(path, nodes, edges), dt=DT)
    assert _noted(network, "no whole ticks")
    assert _noted(network, "wait", "biases")
    assert _noted(network, "lif", "v_leak")


def test_a_reset_value_that_the_convention_does_not_use_is_told(path):
    _write(path, {**_nodes(), "lif": _lif(2, v_reset=np.full(2, -0.5))})
    assert _noted(read_nir(path, dt=DT, convention=Convention(reset="subtract")), "lif", "v_reset")


def test_a_time_constant_shorter_than_the_tick_is_told_and_one_that_diverges_refused(path):
    _write(path, {**_nodes(), "lif": _lif(2, tau=np.array([0.7e-3, 1.0]))})
    assert _noted(read_nir(path, dt=DT), "lif", "overshoots")
    _write(path, {**_nodes(), "lif": _lif(2, tau=np.array([0.4e-3, 1.0]))})
    _refused(path, NetworkError, "LIF lif", "0.0004 s", "time step")
    assert read_nir(path, dt=DT, convention=Convention("exact"))


# Graphs that cannot be meant so


def test_all_unsupported_nodes_are_named_at_once(path):
    nodes = {**_nodes(), **{name: nir.Threshold(np.ones(2)) for name in ("n1", "n2", "m")}}
    _write(path, nodes)
    with h5py.File(path, "a") as file:
        for name, kind in (("n1", "AdLIF"), ("n2", "AdLIF"), ("m", "Izhikevich")):
            file[f"node/nodes/{name}/type"][...] = kind
    _refused(path, NetworkError, "AdLIF (n1, n2)", "Izhikevich (m)")


def test_an_edge_to_nowhere_names_both_ends_and_the_nodes_there_are(path):
    _refused(
        _write(path, edges=[*CHAIN, ("lif", "lost")]), NetworkError, "'lif' -> 'lost'", "fc, in, lif, out"
    )


def test_an_edge_that_stands_twice_is_refused(path):
    _refused(_write(path, edges=[*CHAIN, CHAIN[1]]), NetworkError, "'fc' -> 'lif'", "twice")


@pytest.mark.parametrize("edge", [("lif", "in"), ("out", "lif")])
def test_an_edge_against_the_direction_of_the_graph_is_refused(path, edge):
    _refused(_write(path, edges=[*CHAIN, edge]), NetworkError, f"'{edge[0]}' -> '{edge[1]}'")


def test_a_graph_without_an_input_is_refused(path):
    nodes = _nodes()
    del nodes["in"]
    _refused(_write(path, nodes, CHAIN[1:]), NetworkError, "no Input")


def test_a_graph_without_nodes_is_refused(path):
    _refused(_write(path, {}, []), NetworkError, "no Input")


def test_widths_that_differ_are_named_with_their_nodes(path):
    message = _refused(_write(path, {**_nodes(), "lif": _lif(7)}), NetworkError, "Affine fc", "LIF lif")
    assert "2 values" in message
    assert " 7" in message


def test_parameters_of_different_lengths_are_refused(path):
    _write(path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/lif/tau"]
        file["node/nodes/lif/tau"] = np.ones(5)
    _refused(path, NetworkError, "LIF lif", "5")


def test_linear_nodes_in_a_circle_are_refused(path):
    nodes = {**_nodes(), "a": nir.Linear(np.eye(2)), "b": nir.Linear(np.eye(2))}
    edges = [("in", "fc"), ("fc", "a"), ("a", "b"), ("b", "a"), ("b", "lif"), ("lif", "out")]
    _refused(_write(path, nodes, edges), NetworkError, "Linear a", "Linear b", "circle")


def test_a_linear_node_that_feeds_itself_is_refused(path):
    nodes = {**_nodes(), "fc2": nir.Linear(np.eye(2))}
    edges = [*CHAIN, ("lif", "fc2"), ("fc2", "fc2")]
    _refused(_write(path, nodes, edges), NetworkError, "Linear fc2", "circle")


def test_a_membrane_cannot_go_through_weights(path):
    li = nir.LI(tau=np.ones(2), r=np.ones(2), v_leak=np.zeros(2))
    nodes = {**_nodes(), "li": li, "fc2": nir.Linear(np.eye(2))}
    edges = [("in", "fc"), ("fc", "li"), ("li", "fc2"), ("fc2", "lif"), ("lif", "out")]
    _refused(_write(path, nodes, edges), NetworkError, "LI li", "LIF lif")


def test_uneven_delays_between_two_matrices_are_refused(path):
    nodes = {**_nodes(), "fc2": nir.Linear(np.eye(2)), "wait": nir.Delay(np.array([0.0, DT]))}
    edges = [("in", "fc"), ("fc", "wait"), ("wait", "fc2"), ("fc2", "lif"), ("lif", "out")]
    _refused(_write(path, nodes, edges), NetworkError, "Linear fc2", "delays")


def test_weights_with_more_axes_than_two_are_refused(path):
    _refused(
        _write(path, {**_nodes(), "fc": nir.Linear(np.ones((4, 2, 3)))}),
        NetworkError,
        "Linear fc",
        "(4, 2, 3)",
    )


@pytest.mark.parametrize(
    ("node", "parameter", "value"),
    [
        ("fc", "weight", np.full((2, 3), np.nan)),
        ("fc", "bias", np.array([0, np.inf])),
        ("lif", "tau", np.array([0.01, np.nan])),
        ("lif", "tau", np.array([0.01, 0.0])),
        ("lif", "tau", np.array([0.01, -1.0])),
        ("lif", "r", np.array([np.inf, 1])),
        ("lif", "v_threshold", np.array([np.inf, 1])),
        ("in", "shape", np.array([-3])),
        ("in", "shape", np.array([0])),
        ("in", "shape", np.array([2.5])),
        ("in", "shape", np.array([np.nan])),
        ("lif", "tau", np.zeros(0)),
        ("fc", "weight", np.zeros((0, 3))),
        ("fc", "bias", np.zeros(7)),
    ],
)
def test_impossible_numbers_name_node_and_parameter(path, node, parameter, value):
    _write(path)
    with h5py.File(path, "a") as file:
        del file[f"node/nodes/{node}/{parameter}"]
        file[f"node/nodes/{node}/{parameter}"] = value
    _refused(path, NetworkError, f" {node}")


def test_a_negative_delay_is_refused(path):
    nodes = {**_nodes(), "wait": nir.Delay(np.array([-DT, 0]))}
    edges = [("in", "fc"), ("fc", "wait"), ("wait", "lif"), ("lif", "out")]
    _refused(_write(path, nodes, edges), NetworkError, "Delay wait")


def test_paths_that_double_at_every_node_are_refused(path, monkeypatch):
    monkeypatch.setattr(nir_paths, "MAX_STEPS", 2000)
    nodes, edges = _nodes(), [("in", "a0")]
    for k in range(40):
        nodes |= {
            f"a{k}": nir.Linear(np.eye(3)),
            f"b{k}": nir.Linear(np.eye(3)),
            f"c{k}": nir.Linear(np.eye(3)),
        }
        edges += [(f"a{k}", f"b{k}"), (f"a{k}", f"c{k}")]
        edges += [(f"b{k}", f"a{k + 1}"), (f"c{k}", f"a{k + 1}")]
    edges = [*edges[:-2], ("b39", "fc"), ("c39", "fc"), *CHAIN[1:]]
    _refused(_write(path, nodes, edges), NetworkError, "paths")


def test_a_product_of_matrices_that_no_memory_holds_is_refused(path, monkeypatch):
    monkeypatch.setattr(nir_maps, "MAX_SYNAPSES", 100)
    nodes = {
        "in": nir.Input(np.array([20])),
        "fc": nir.Linear(np.ones((1, 20))),
        "fc2": nir.Linear(np.ones((20, 1))),
        "lif": _lif(20),
        "out": nir.Output(np.array([20])),
    }
    edges = [("in", "fc"), ("fc", "fc2"), ("fc2", "lif"), ("lif", "out")]
    _refused(_write(path, nodes, edges), NetworkError, "Linear fc2", "400")


def test_nested_graphs_need_one_port_where_an_edge_meets_them(path):
    inner = nir.NIRGraph(
        {"lif": _lif(2), "output": nir.Output(np.array([2]))}, [("lif", "output")], type_check=False
    )
    nodes = {**_nodes(), "lif": inner}
    _refused(_write(path, nodes), NetworkError, "'fc' -> 'lif'".replace("'", ""), "0 nodes of type Input")


def test_names_that_meet_when_graphs_are_dissolved_are_refused(path):
    inner = nir.NIRGraph(
        {"input": nir.Input(np.array([2])), "x": _lif(2), "output": nir.Output(np.array([2]))},
        [("input", "x"), ("x", "output")],
    )
    _refused(_write(path, {**_nodes(), "lif": inner, "lif.x": _lif(2)}), NetworkError, "lif.x")


# Files that lie


def test_a_slash_in_a_name_is_recognised(path):
    nodes = _nodes()
    nodes["a/b"] = nodes.pop("fc")
    _write(path, nodes, [("in", "a/b"), ("a/b", "lif"), ("lif", "out")])
    _refused(path, NetworkError, "'a/b'")


@pytest.mark.parametrize("name", ["two\nlines", "bell\a", "\u202eevil"])
def test_names_that_cannot_be_shown_are_refused(path, name):
    nodes = {**_nodes(), name: nir.Linear(np.eye(2))}
    _refused(_write(path, nodes), NetworkError, "rename")


def test_spaces_and_letters_of_any_language_are_fine_in_names(path):
    nodes = _nodes()
    nodes["Schicht 1 μ"] = nodes.pop("fc")
    edges = [("in", "Schicht 1 μ"), ("Schicht 1 μ", "lif"), ("lif", "out")]
    assert read_nir(_write(path, nodes, edges), dt=DT).projections[0].name == "Schicht 1 μ"


@pytest.mark.parametrize("gone", ["node/nodes", "node/edges", "node"])
def test_a_file_without_its_parts_is_refused(path, gone):
    _write(path)
    with h5py.File(path, "a") as file:
        del file[gone]
    _refused(path, FileFormatError, gone.rpartition("/")[2])


def test_parameters_that_are_missing_or_unknown_are_named(path):
    _write(path)
    with h5py.File(path, "a") as file:
        tau = file["node/nodes/lif/tau"][()]
        del file["node/nodes/lif/tau"]
    _refused(path, NetworkError, "LIF lif", "no tau")
    with h5py.File(path, "a") as file:
        file["node/nodes/lif/tau"] = tau
        file["node/nodes/lif/refractory_time"] = tau
    _refused(path, NetworkError, "LIF lif", "refractory_time")


@pytest.mark.parametrize("value", ["text", np.array([b"x", b"y"]), np.array([1j, 2])])
def test_parameters_that_are_no_numbers_are_named(path, value):
    _write(path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/lif/tau"]
        file["node/nodes/lif/tau"] = value
    _refused(path, NetworkError, "tau", "lif")


@pytest.mark.parametrize("where", ["node/nodes/lif/type", "node/edges", "version"])
def test_texts_that_are_none_are_refused(path, where):
    _write(path)
    with h5py.File(path, "a") as file:
        del file[where]
        file[where] = np.ones(3)
    _refused(path, FileFormatError)
    with h5py.File(path, "a") as file:
        del file[where]
        file[where] = np.array([[b"\xff\xfe", b"x"]]) if where == "node/edges" else b"\xff\xfe"
    _refused(path, FileFormatError)


def test_sizes_that_the_file_does_not_hold_are_not_believed(path):
    _write(path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/fc/weight"]
        file["node/nodes/fc"].create_dataset("weight", (1 << 20, 1 << 20), "f8", chunks=(64, 64))
    _refused(path, FileFormatError, "weight of node fc", str(8 << 40))


def test_one_array_that_many_nodes_claim_is_not_read_for_ever(path, monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_INFLATION", 10)
    _write(path)
    with h5py.File(path, "a") as file:
        file["big"] = np.zeros(1 << 16)
        for k in range(30):
            node = file["node/nodes"].create_group(f"n{k}")
            node["type"] = "Threshold"
            node["threshold"] = file["big"]
    _refused(path, FileFormatError, "threshold of node n", "does not hold")


def test_links_to_other_files_are_not_followed(path, tmp_path):
    other = _write(tmp_path / "other.nir")
    _write(path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/fc"]
        file["node/nodes/fc"] = h5py.ExternalLink(str(other), "node/nodes/fc")
    _refused(path, FileFormatError, "'fc'", "link")
    _write(path)
    with h5py.File(path, "a") as file:
        weight = file["node/nodes/fc/weight"]
        layout = h5py.VirtualLayout(weight.shape, weight.dtype)
        layout[:] = h5py.VirtualSource(str(other), "node/nodes/fc/weight", weight.shape)
        del file["node/nodes/fc/weight"]
        file["node/nodes/fc"].create_virtual_dataset("weight", layout)
    _refused(path, FileFormatError, "weight of node fc")


def test_a_graph_that_holds_itself_is_refused(path):
    _write(path)
    with h5py.File(path, "a") as file:
        file["node/nodes/a"] = file["node"]
        file["node/nodes/b"] = file["node"]
    _refused(path, FileFormatError, "nested deeper")


def test_widths_that_no_weights_confirm_have_a_limit(path):
    nodes = {"in": nir.Input(np.array([1 << 40])), "lif": _lif(1), "out": nir.Output(np.array([1]))}
    _refused(_write(path, nodes, [("in", "lif"), ("lif", "out")]), NetworkError, "Input in", str(1 << 40))
    assert nir_convolution.MAX_WIDTH < 1 << 40 > nir_file.MAX_NODES


def test_a_netx_file_is_recognised(path):
    with h5py.File(path, "w") as file:
        file.create_group("layer/0")
    _refused(path, FileFormatError, "netx")


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    inner = nir.NIRGraph(
        {"input": nir.Input(np.array([2])), "x": _lif(2), "output": nir.Output(np.array([2]))},
        [("input", "x"), ("x", "output")],
    )
    return _write(tmp_path_factory.mktemp("nir") / "intact.nir", {**_nodes(), "lif": inner}).read_bytes()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1))
def test_a_truncated_file_gives_one_clear_error(tmp_path, intact, cut):
    path = tmp_path / "cut.nir"
    path.write_bytes(intact[: int(cut * (len(intact) - 1))])
    _refused(path, FileFormatError)


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


def test_a_heap_on_which_libhdf5_would_hang_is_refused_before_it_is_read(path, intact):
    data = bytearray(intact)
    place = data.index(b"GCOL") + 16
    while int.from_bytes(data[place : place + 2], "little"):
        place += 16 + (int.from_bytes(data[place + 8 : place + 16], "little") + 7) // 8 * 8
    data[place + 8 : place + 16] = bytes(8)
    path.write_bytes(data)
    _refused(path, FileFormatError, "damaged")


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_that_is_not_there_or_empty_gives_one_clear_error(path, content):
    if content is not None:
        path.write_bytes(content)
    _refused(path, FileFormatError, "cannot be read")


def test_no_file_is_changed_by_reading_it(path, tmp_path):
    _write(path)
    copy = shutil.copy(path, tmp_path / "copy.nir")
    read_nir(path, dt=DT)
    assert path.read_bytes() == copy.read_bytes()
