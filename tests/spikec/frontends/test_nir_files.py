"""NIR files as they come: old, odd, and graphs that cannot be meant so. Every fault is one sentence."""

import h5py
import nir
import numpy as np
import pytest

from spikec.errors import NetworkError, UsageError
from spikec.frontends import nir_maps, nir_paths
from spikec.frontends.nir import read_nir
from spikec.ir.network import Convention
from tests.nir_files import CHAIN, DT, lif_of, noted, refused, usual_nodes, write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.nir"


# The clock


def test_without_a_time_step_nothing_is_guessed(path):
    write(path)
    with pytest.raises(UsageError, match=r"--dt SECONDS"):
        read_nir(path)


@pytest.mark.parametrize("dt", [0.0, -1e-3, np.nan, np.inf])
def test_an_impossible_time_step_is_refused(path, dt):
    with pytest.raises(UsageError, match="time step"):
        read_nir(write(path), dt=dt)


def test_the_time_step_comes_from_the_metadata_if_it_stands_there(path):
    write(path, metadata={"dt": 2e-3})
    network = read_nir(path)
    assert network.dt == 2e-3
    assert noted(network, "0.002 s", "metadata")
    given = read_nir(path, dt=1e-3)
    assert given.dt == 1e-3
    assert noted(given, "0.002 s", "not used")


def test_the_notes_tell_time_step_and_convention(path):
    network = read_nir(write(path), dt=DT)
    assert noted(network, "0.001 s", "as given")
    assert noted(network, "euler", "as assumed")
    network = read_nir(path, dt=DT, convention=Convention(reset="subtract", hop_delay=1))
    assert network.clock.convention.hop_delay == 1
    assert noted(network, "subtract", "1 ticks", "as given")


# What old and odd exporters write


def test_files_of_nir_1_0_4_lack_v_reset_and_of_0_1_the_version(path):
    write(path)
    with h5py.File(path, "a") as file:
        del file["version"], file["node/nodes/lif/v_reset"]
    network = read_nir(path, dt=DT)
    assert np.all(network.population("lif").neuron.v_reset == 0)
    assert noted(network, "lif", "no v_reset")
    assert noted(network, "version")


def test_a_missing_w_in_is_one(path):
    one = np.ones(2)
    cuba = nir.CubaLIF(tau_syn=one, tau_mem=one, r=one, v_leak=0 * one, v_threshold=one)
    write(path, {**usual_nodes(), "lif": cuba})
    whole = read_nir(path, dt=DT)
    with h5py.File(path, "a") as file:
        del file["node/nodes/lif/w_in"]
    a, b = (n.projections[0].connectivity.weights for n in (whole, read_nir(path, dt=DT)))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(5, 3), (1, 5, 3)])
def test_axes_of_batch_and_time_in_an_input_are_left_out(path, shape):
    network = read_nir(write(path, {**usual_nodes(), "in": nir.Input(np.array(shape))}), dt=DT)
    assert network.population("in").shape == (3,)
    assert noted(network, "in", str(shape))


def test_an_image_shaped_input_keeps_its_shape(path):
    nodes = {**usual_nodes(12), "in": nir.Input(np.array([3, 4])), "flat": nir.Flatten(np.array([3, 4]), 0)}
    network = read_nir(write(path, nodes, [("in", "flat"), ("flat", "fc"), *CHAIN[1:]]), dt=DT)
    assert network.population("in").shape == (3, 4)
    assert network.notes == read_nir(write(path), dt=DT).notes


def test_an_input_that_does_not_fit_its_weights_is_refused(path):
    write(path, {**usual_nodes(), "in": nir.Input(np.array([5]))})
    refused(path, NetworkError, "Input in", "(5,)", "3 values")


@pytest.mark.parametrize("shape", [(), (1,)])
def test_parameters_of_one_neuron_serve_a_layer(path, shape):
    write(path)
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
    assert noted(network, "lif", "all 2")


def test_edges_to_a_graph_that_was_flattened_without_them_are_led_to_its_ports(path):
    nodes = {**usual_nodes(), "l.input": nir.Input(np.array([2])), "l.output": nir.Output(np.array([2]))}
    nodes["l.lif"] = nodes.pop("lif")
    edges = [("in", "fc"), ("fc", "l"), ("l.input", "l.lif"), ("l.lif", "l.output"), ("l", "out")]
    network = read_nir(write(path, nodes, edges), dt=DT)
    assert [(q.pre, q.post) for q in network.projections] == [("in", "l.lif")]
    assert network.outputs == ("l.lif",)
    assert noted(network, "l.input")


def test_a_graph_without_an_output_shows_what_feeds_no_other(path):
    nodes = usual_nodes()
    del nodes["out"]
    network = read_nir(write(path, nodes, CHAIN[:2]), dt=DT)
    assert network.outputs == ("lif",)
    assert noted(network, "no Output")


def test_what_leads_nowhere_or_receives_nothing_is_told(path):
    nodes = {**usual_nodes(), "stray": lif_of(2), "dead": nir.Linear(np.ones((2, 2)))}
    network = read_nir(write(path, nodes, [*CHAIN, ("lif", "dead")]), dt=DT)
    assert noted(network, "dead", "nowhere")
    assert noted(network, "stray", "receives no spikes")


def test_what_is_not_exact_is_told(path):
    nodes = {
        **usual_nodes(),
        "wait": nir.Delay(np.full(2, 1.4 * DT)),
        "lif": lif_of(2, v_leak=np.full(2, 0.1)),
    }
    nodes["fc"] = nir.Affine(weight=np.ones((2, 3)), bias=np.ones(2))
    edges = [("in", "fc"), ("fc", "wait"), ("wait", "lif"), ("lif", "out")]
    network = read_nir(write(path, nodes, edges), dt=DT)
    assert noted(network, "no whole ticks")
    assert noted(network, "wait", "biases")
    assert noted(network, "lif", "v_leak")


def test_a_reset_value_that_the_convention_does_not_use_is_told(path):
    write(path, {**usual_nodes(), "lif": lif_of(2, v_reset=np.full(2, -0.5))})
    assert noted(read_nir(path, dt=DT, convention=Convention(reset="subtract")), "lif", "v_reset")


def test_a_time_constant_shorter_than_the_tick_is_told_and_one_that_diverges_refused(path):
    write(path, {**usual_nodes(), "lif": lif_of(2, tau=np.array([0.7e-3, 1.0]))})
    assert noted(read_nir(path, dt=DT), "lif", "overshoots")
    write(path, {**usual_nodes(), "lif": lif_of(2, tau=np.array([0.4e-3, 1.0]))})
    refused(path, NetworkError, "LIF lif", "0.0004 s", "time step")
    assert read_nir(path, dt=DT, convention=Convention("exact"))


# Graphs that cannot be meant so


def test_all_unsupported_nodes_are_named_at_once(path):
    nodes = {**usual_nodes(), **{name: nir.Threshold(np.ones(2)) for name in ("n1", "n2", "m")}}
    write(path, nodes)
    with h5py.File(path, "a") as file:
        for name, kind in (("n1", "AdLIF"), ("n2", "AdLIF"), ("m", "Izhikevich")):
            file[f"node/nodes/{name}/type"][...] = kind
    refused(path, NetworkError, "AdLIF (n1, n2)", "Izhikevich (m)")


def test_an_edge_to_nowhere_names_both_ends_and_the_nodes_there_are(path):
    refused(write(path, edges=[*CHAIN, ("lif", "lost")]), NetworkError, "'lif' -> 'lost'", "fc, in, lif, out")


def test_an_edge_that_stands_twice_is_refused(path):
    refused(write(path, edges=[*CHAIN, CHAIN[1]]), NetworkError, "'fc' -> 'lif'", "twice")


@pytest.mark.parametrize("edge", [("lif", "in"), ("out", "lif")])
def test_an_edge_against_the_direction_of_the_graph_is_refused(path, edge):
    refused(write(path, edges=[*CHAIN, edge]), NetworkError, f"'{edge[0]}' -> '{edge[1]}'")


def test_a_graph_without_an_input_is_refused(path):
    nodes = usual_nodes()
    del nodes["in"]
    refused(write(path, nodes, CHAIN[1:]), NetworkError, "no Input")


def test_a_graph_without_nodes_is_refused(path):
    refused(write(path, {}, []), NetworkError, "no Input")


def test_widths_that_differ_are_named_with_their_nodes(path):
    message = refused(write(path, {**usual_nodes(), "lif": lif_of(7)}), NetworkError, "Affine fc", "LIF lif")
    assert "2 values" in message
    assert " 7" in message


def test_parameters_of_different_lengths_are_refused(path):
    write(path)
    with h5py.File(path, "a") as file:
        del file["node/nodes/lif/tau"]
        file["node/nodes/lif/tau"] = np.ones(5)
    refused(path, NetworkError, "LIF lif", "5")


def test_linear_nodes_in_a_circle_are_refused(path):
    nodes = {**usual_nodes(), "a": nir.Linear(np.eye(2)), "b": nir.Linear(np.eye(2))}
    edges = [("in", "fc"), ("fc", "a"), ("a", "b"), ("b", "a"), ("b", "lif"), ("lif", "out")]
    refused(write(path, nodes, edges), NetworkError, "Linear a", "Linear b", "circle")


def test_a_linear_node_that_feeds_itself_is_refused(path):
    nodes = {**usual_nodes(), "fc2": nir.Linear(np.eye(2))}
    edges = [*CHAIN, ("lif", "fc2"), ("fc2", "fc2")]
    refused(write(path, nodes, edges), NetworkError, "Linear fc2", "circle")


def test_a_membrane_cannot_go_through_weights(path):
    li = nir.LI(tau=np.ones(2), r=np.ones(2), v_leak=np.zeros(2))
    nodes = {**usual_nodes(), "li": li, "fc2": nir.Linear(np.eye(2))}
    edges = [("in", "fc"), ("fc", "li"), ("li", "fc2"), ("fc2", "lif"), ("lif", "out")]
    refused(write(path, nodes, edges), NetworkError, "LI li", "LIF lif")


def test_uneven_delays_between_two_matrices_are_refused(path):
    nodes = {**usual_nodes(), "fc2": nir.Linear(np.eye(2)), "wait": nir.Delay(np.array([0.0, DT]))}
    edges = [("in", "fc"), ("fc", "wait"), ("wait", "fc2"), ("fc2", "lif"), ("lif", "out")]
    refused(write(path, nodes, edges), NetworkError, "Linear fc2", "delays")


def test_weights_with_more_axes_than_two_are_refused(path):
    refused(
        write(path, {**usual_nodes(), "fc": nir.Linear(np.ones((4, 2, 3)))}),
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
    write(path)
    with h5py.File(path, "a") as file:
        del file[f"node/nodes/{node}/{parameter}"]
        file[f"node/nodes/{node}/{parameter}"] = value
    refused(path, NetworkError, f" {node}")


def test_a_negative_delay_is_refused(path):
    nodes = {**usual_nodes(), "wait": nir.Delay(np.array([-DT, 0]))}
    edges = [("in", "fc"), ("fc", "wait"), ("wait", "lif"), ("lif", "out")]
    refused(write(path, nodes, edges), NetworkError, "Delay wait")


def test_paths_that_double_at_every_node_are_refused(path, monkeypatch):
    monkeypatch.setattr(nir_paths, "MAX_STEPS", 2000)
    nodes, edges = usual_nodes(), [("in", "a0")]
    for k in range(40):
        nodes |= {
            f"a{k}": nir.Linear(np.eye(3)),
            f"b{k}": nir.Linear(np.eye(3)),
            f"c{k}": nir.Linear(np.eye(3)),
        }
        edges += [(f"a{k}", f"b{k}"), (f"a{k}", f"c{k}")]
        edges += [(f"b{k}", f"a{k + 1}"), (f"c{k}", f"a{k + 1}")]
    edges = [*edges[:-2], ("b39", "fc"), ("c39", "fc"), *CHAIN[1:]]
    refused(write(path, nodes, edges), NetworkError, "paths")


def test_a_product_of_matrices_that_no_memory_holds_is_refused(path, monkeypatch):
    monkeypatch.setattr(nir_maps, "MAX_SYNAPSES", 100)
    nodes = {
        "in": nir.Input(np.array([20])),
        "fc": nir.Linear(np.ones((1, 20))),
        "fc2": nir.Linear(np.ones((20, 1))),
        "lif": lif_of(20),
        "out": nir.Output(np.array([20])),
    }
    edges = [("in", "fc"), ("fc", "fc2"), ("fc2", "lif"), ("lif", "out")]
    refused(write(path, nodes, edges), NetworkError, "Linear fc2", "400")


def test_nested_graphs_need_one_port_where_an_edge_meets_them(path):
    inner = nir.NIRGraph(
        {"lif": lif_of(2), "output": nir.Output(np.array([2]))}, [("lif", "output")], type_check=False
    )
    nodes = {**usual_nodes(), "lif": inner}
    refused(write(path, nodes), NetworkError, "'fc' -> 'lif'".replace("'", ""), "0 nodes of type Input")


def test_names_that_meet_when_graphs_are_dissolved_are_refused(path):
    inner = nir.NIRGraph(
        {"input": nir.Input(np.array([2])), "x": lif_of(2), "output": nir.Output(np.array([2]))},
        [("input", "x"), ("x", "output")],
    )
    refused(write(path, {**usual_nodes(), "lif": inner, "lif.x": lif_of(2)}), NetworkError, "lif.x")
