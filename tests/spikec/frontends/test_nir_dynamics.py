"""What a NIR file means: our networks against NIR's equations, stepped by Euler's method, node by node."""

from itertools import pairwise

import networkx as nx
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.frontends.nir import read_nir
from spikec.ir.connectivity import DelayKind, Sparse
from spikec.ir.network import Convention
from spikec.ir.neurons import CubaLif, LiReadout
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

DT, N_TICKS = 1e-3, 40
STATEFUL = (nir.IF, nir.LIF, nir.CubaLIF, nir.LI, nir.I, nir.CubaLI, nir.Threshold)


class Oracle:
    """NIR's equations, with the held input of a tick; what leads back in a cycle of neurons takes a tick."""

    def __init__(self, graph, inputs, subtract=False):
        self.graph, self.subtract = graph, subtract
        self.given = {name: [] for name in graph.nodes}
        self.inputs = inputs
        self.state = {name: [0.0, 0.0] for name in graph.nodes}
        flow = nx.DiGraph(graph.edges)
        loops = list(nx.strongly_connected_components(flow))
        self.loop_of = {name: k for k, loop in enumerate(loops) for name in loop}
        condensed = nx.condensation(flow, loops)
        for pre, post in flow.edges:
            flow.edges[pre, post]["hops"] = int(isinstance(graph.nodes[post], STATEFUL))
        starts = {name for name, node in graph.nodes.items() if isinstance(node, nir.Input)}
        hops = nx.multi_source_dijkstra_path_length(flow, starts, weight="hops")
        members = [condensed.nodes[c]["members"] for c in nx.topological_sort(condensed)]
        self.order = [n for some in members for n in sorted(some, key=lambda n: (hops[n], n))]

    def run(self):
        for tick in range(N_TICKS):
            for name in self.order:
                node = self.graph.nodes[name]
                if isinstance(node, nir.Input):
                    self.given[name].append(self.inputs[name][tick].astype(float))
                elif isinstance(node, (*STATEFUL, nir.Output)):
                    arriving = sum(self.value(e, tick, name) for e in self.before(name))
                    self.given[name].append(self.update(name, node, np.asarray(arriving, float)))
        return {name: np.array(rows) for name, rows in self.given.items() if rows}

    def before(self, name):
        return [pre for pre, post in self.graph.edges if post == name]

    def value(self, name, tick, receiver):
        """What a node gives at a tick to a receiver."""
        node = self.graph.nodes[name]
        if isinstance(node, (*STATEFUL, nir.Input)):
            late = self.loop_of[name] == self.loop_of[receiver]
            late &= self.order.index(name) >= self.order.index(receiver)
            tick -= late
            rows = self.given[name]
            return rows[tick] if tick >= 0 else np.zeros(self.width(name))
        if isinstance(node, nir.Delay):
            ticks = tick - np.rint(np.broadcast_to(node.delay, (self.width(name),)) / DT).astype(int)
            pre = [sum(self.value(e, t, receiver) for e in self.before(name)) for t in ticks]
            return np.array([row[i] for i, row in enumerate(pre)])
        x = sum(self.value(e, tick, receiver) for e in self.before(name))
        if isinstance(node, nir.Affine):
            return node.weight @ x + node.bias
        if isinstance(node, nir.Linear):
            return node.weight @ x
        return x * node.scale if isinstance(node, nir.Scale) else x

    def width(self, name):
        return int(np.prod(self.graph.nodes[name].output_type["output"]))

    def update(self, name, node, x):
        i, v = self.state[name]
        if isinstance(node, nir.Output):
            return x
        if isinstance(node, nir.Threshold):
            return (x > node.threshold).astype(float)
        if isinstance(node, (nir.CubaLIF, nir.CubaLI)):
            i = i + DT / node.tau_syn * (node.w_in * x - i)
            v = v + DT / node.tau_mem * (node.v_leak - v + node.r * i)
        elif isinstance(node, (nir.LIF, nir.LI)):
            v = v + DT / node.tau * (node.v_leak - v + node.r * x)
        else:
            v = v + DT * node.r * x
        spiking = np.zeros(np.shape(v), bool)
        if isinstance(node, (nir.IF, nir.LIF, nir.CubaLIF)):
            spiking = v > node.v_threshold
            v = np.where(spiking, v - node.v_threshold if self.subtract else node.v_reset, v)
            self.state[name] = [i, v]
            return spiking.astype(float)
        self.state[name] = [i, v]
        return v


def _neuron(kind, rng, n):
    def some(low, high):
        return rng.uniform(low, high, n)

    fast, slow = some(1.2e-3, 8e-3), some(2e-3, 20e-3)
    r, v_threshold, v_reset, leak = some(0.5, 2), some(0.1, 0.4), some(-0.2, 0.05), np.zeros(n)
    if kind == "IF":
        return nir.IF(r=r * 300, v_threshold=v_threshold, v_reset=v_reset)
    if kind == "LIF":
        return nir.LIF(tau=slow, r=r * 3, v_leak=leak, v_threshold=v_threshold, v_reset=v_reset)
    if kind == "CubaLIF":
        return nir.CubaLIF(
            tau_syn=fast,
            tau_mem=slow,
            r=r * 4,
            v_leak=leak,
            v_threshold=v_threshold,
            v_reset=v_reset,
            w_in=some(0.5, 3),
        )
    if kind == "Threshold":
        return nir.Threshold(threshold=v_threshold)
    if kind == "LI":
        return nir.LI(tau=slow, r=r, v_leak=leak)
    if kind == "CubaLI":
        return nir.CubaLI(tau_syn=fast, tau_mem=slow, r=r, v_leak=leak, w_in=some(0.5, 3))
    return nir.I(r=r)


def _affine(rng, n_out, n_in):
    return nir.Affine(weight=rng.normal(0, 1, (n_out, n_in)), bias=rng.normal(0.1, 0.2, n_out))


def _linear(rng, n_out, n_in):
    return nir.Linear(weight=rng.normal(0, 1, (n_out, n_in)))


def _write(graph, folder):
    path = folder / "net.nir"
    nir.write(path, graph)
    return path


def _spikes_in(rng, n):
    return rng.random((N_TICKS, n)) < 0.3


def _run(network, inputs, record=()):
    executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
    events = {name: from_raster(raster[None]) for name, raster in inputs.items()}
    return executable.run(events, N_TICKS, record)


def _agree(graph, path, inputs, populations, convention=None):
    """Run both, and compare the spikes of some populations; return how many there were."""
    network = read_nir(path, dt=DT, convention=convention)
    subtract = convention is not None and convention.reset.value == "subtract"
    expected = Oracle(graph, inputs, subtract).run()
    got = _run(network, inputs)
    for name in populations:
        np.testing.assert_array_equal(got.spikes[name].raster(N_TICKS)[0], expected[name] > 0, err_msg=name)
    return sum(int(expected[name].sum()) for name in populations)


seeds = st.integers(0, 2**32 - 1)
spiking_kinds = st.sampled_from(["IF", "LIF", "CubaLIF", "Threshold"])


@settings(max_examples=30, deadline=None)
@given(seed=seeds, first=spiking_kinds, second=spiking_kinds, subtract=st.booleans(), recurrent=st.booleans())
def test_every_spiking_neuron_computes_what_its_equation_says(
    tmp_path_factory, seed, first, second, subtract, recurrent
):
    rng = np.random.default_rng(seed)
    nodes = {
        "in": nir.Input(np.array([3])),
        "fc1": _affine(rng, 5, 3),
        "n1": _neuron(first, rng, 5),
        "fc2": _affine(rng, 4, 5),
        "n2": _neuron(second, rng, 4),
        "rec": _affine(rng, 5, 5),
        "out": nir.Output(np.array([4])),
    }
    chain = ["in", "fc1", "n1", "fc2", "n2", "out"]
    edges = list(pairwise(chain))
    if recurrent:
        edges += [("n1", "rec"), ("rec", "n1")]
    else:
        del nodes["rec"]
    rng.shuffle(edges)
    graph = nir.NIRGraph(nodes, [tuple(e) for e in edges])
    path = _write(graph, tmp_path_factory.mktemp("nir"))
    convention = Convention(reset="subtract" if subtract else "value")
    _agree(graph, path, {"in": _spikes_in(rng, 3)}, ["n1", "n2"], convention)


def test_the_random_networks_of_these_tests_do_spike(tmp_path):
    rng = np.random.default_rng(3)
    for kind in ("IF", "LIF", "CubaLIF", "Threshold"):
        nodes = [
            nir.Input(np.array([3])),
            _affine(rng, 5, 3),
            _neuron(kind, rng, 5),
            nir.Output(np.array([5])),
        ]
        graph = nir.NIRGraph.from_list(*nodes)
        n_spikes = _agree(graph, _write(graph, tmp_path), {"input": _spikes_in(rng, 3)}, [kind.lower()])
        assert 15 < n_spikes < 5 * N_TICKS, kind


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_chains_branches_and_sums_of_linear_nodes_become_the_same_network(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    nodes = {
        "a": nir.Input(np.array([3])),
        "b": nir.Input(np.array([2])),
        "fa": _affine(rng, 4, 3),
        "scale": nir.Scale(scale=rng.normal(1, 0.5, 4)),
        "wide": nir.Delay(delay=np.full(4, 2 * DT)),
        "mix": _affine(rng, 5, 4),
        "late": nir.Delay(delay=rng.integers(0, 4, 5) * DT),
        "early": nir.Delay(delay=rng.integers(0, 4, 2) * DT),
        "fb": _linear(rng, 5, 2),
        "flat": nir.Flatten(np.array([5]), start_dim=0),
        "n": _neuron("LIF", rng, 5),
        "m": _neuron("CubaLIF", rng, 5),
        "back": _linear(rng, 4, 5),
        "out": nir.Output(np.array([5])),
    }
    edges = [
        *[("a", "fa"), ("fa", "scale"), ("scale", "wide"), ("wide", "mix"), ("mix", "late"), ("late", "n")],
        *[("b", "early"), ("early", "fb"), ("fb", "late"), ("fb", "n"), ("n", "flat"), ("flat", "m")],
        *[("m", "back"), ("back", "mix"), ("n", "n"), ("n", "m"), ("m", "out")],
    ]
    rng.shuffle(edges)
    graph = nir.NIRGraph(nodes, [tuple(e) for e in edges], type_check=False)
    path = _write(graph, tmp_path_factory.mktemp("nir"))
    inputs = {"a": _spikes_in(rng, 3), "b": _spikes_in(rng, 2)}
    _agree(graph, path, inputs, ["n", "m"])


@pytest.mark.parametrize("kind", ["LI", "CubaLI", "I"])
def test_an_integrator_becomes_a_readout_whose_membrane_follows_its_equation(tmp_path, kind):
    rng = np.random.default_rng(5)
    nodes = [nir.Input(np.array([3])), _affine(rng, 4, 3), _neuron(kind, rng, 4), nir.Output(np.array([4]))]
    graph = nir.NIRGraph.from_list(*nodes)
    inputs = {"input": _spikes_in(rng, 3)}
    name = kind.lower()
    network = read_nir(_write(graph, tmp_path), dt=DT)
    assert network.outputs == (name,)
    assert isinstance(network.population(name).neuron, LiReadout)
    got = _run(network, inputs, [f"{name}.v"]).traces[f"{name}.v"][0]
    np.testing.assert_allclose(got, Oracle(graph, inputs).run()[name], rtol=1e-9, atol=1e-12)


def test_an_output_behind_weights_reads_the_input_of_the_tick(tmp_path):
    rng = np.random.default_rng(6)
    nodes = {
        "in": nir.Input(np.array([3])),
        "fc": _affine(rng, 2, 3),
        "wait": nir.Delay(delay=np.array([1, 2]) * DT),
        "out": nir.Output(np.array([2])),
    }
    graph = nir.NIRGraph(nodes, [("in", "fc"), ("fc", "wait"), ("wait", "out")])
    network = read_nir(_write(graph, tmp_path), dt=DT)
    inputs = {"in": _spikes_in(rng, 3)}
    got = _run(network, inputs, ["out.v"]).traces["out.v"][0]
    np.testing.assert_allclose(got, Oracle(graph, inputs).run()["out"], rtol=1e-9, atol=1e-12)
    assert any("readout" in note for note in network.notes)


def test_a_bias_in_front_of_a_synapse_enters_the_current_and_not_the_membrane(tmp_path):
    rng = np.random.default_rng(7)
    cuba = _neuron("CubaLIF", rng, 2)
    graph = nir.NIRGraph.from_list(
        nir.Input(np.array([3])), _affine(rng, 2, 3), cuba, nir.Output(np.array([2]))
    )
    neuron = read_nir(_write(graph, tmp_path), dt=DT).population("cubalif").neuron
    assert isinstance(neuron, CubaLif)
    assert np.all(neuron.bias == 0)
    bias = graph.nodes["affine"].bias
    settled = cuba.w_in * cuba.r * bias / cuba.tau_mem  # of tau_mem dv/dt = R I, with I = w_in b
    np.testing.assert_allclose(neuron.current_bias * neuron.tau_syn, settled)


def test_with_exact_integration_a_membrane_settles_where_a_constant_input_holds_it(tmp_path):
    for kind, name in (("LI", "li"), ("CubaLI", "cubali")):
        rng = np.random.default_rng(8)
        node = _neuron(kind, rng, 2)
        affine = nir.Affine(weight=np.zeros((2, 1)), bias=np.array([0.3, -0.2]))
        graph = nir.NIRGraph.from_list(nir.Input(np.array([1])), affine, node, nir.Output(np.array([2])))
        network = read_nir(_write(graph, tmp_path), dt=DT, convention=Convention("exact"))
        executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
        silence = {"input": from_raster(np.zeros((1, 1, 1)))}
        got = executable.run(silence, 2000, [f"{name}.v.last"]).traces[f"{name}.v.last"][0]
        np.testing.assert_allclose(got, node.r * getattr(node, "w_in", 1.0) * affine.bias, rtol=1e-6)


def test_with_exact_integration_a_threshold_still_has_no_memory(tmp_path):
    rng = np.random.default_rng(9)
    graph = nir.NIRGraph.from_list(
        nir.Input(np.array([3])), _affine(rng, 5, 3), _neuron("Threshold", rng, 5), nir.Output(np.array([5]))
    )
    path = _write(graph, tmp_path)
    assert _agree(graph, path, {"input": _spikes_in(rng, 3)}, ["threshold"], Convention("exact")) > 20


def _delays_of(path, name):
    (projection,) = [q for q in read_nir(path, dt=DT).projections if q.name == name]
    return projection.delays


def test_delays_take_the_simplest_form_that_holds_them(tmp_path):
    rng = np.random.default_rng(10)

    def built(before, after):
        nodes = {
            "in": nir.Input(np.array([3])),
            "n": _neuron("LIF", rng, 2),
            "out": nir.Output(np.array([2])),
        }
        nodes |= {
            "fc": _linear(rng, 2, 3),
            "d": nir.Delay(np.asarray(before)),
            "e": nir.Delay(np.asarray(after)),
        }
        chain = ["in", "d", "fc", "e", "n", "out"]
        graph = nir.NIRGraph(nodes, list(pairwise(chain)))
        return _delays_of(_write(graph, tmp_path), "d+fc+e")

    even, odd_pre, odd_post = np.full(3, DT), np.array([0, DT, 3 * DT]), np.array([DT, 2 * DT])
    assert built(even, np.full(2, DT)).values == pytest.approx(2 * DT)
    assert built(odd_pre, np.full(2, DT)).kind is DelayKind.AXONAL
    assert built(even, odd_post).kind is DelayKind.DENDRITIC
    both = built(odd_pre, odd_post)
    assert both.kind is DelayKind.SYNAPTIC
    np.testing.assert_allclose(both.values, odd_post[:, None] + odd_pre[None, :])


def test_an_input_that_meets_a_neuron_without_weights_reaches_it_one_to_one(tmp_path):
    rng = np.random.default_rng(11)
    graph = nir.NIRGraph.from_list(nir.Input(np.array([4])), _neuron("IF", rng, 4), nir.Output(np.array([4])))
    path = _write(graph, tmp_path)
    (projection,) = read_nir(path, dt=DT).projections
    assert isinstance(projection.connectivity, Sparse)
    assert projection.connectivity.n_synapses == 4
    assert _agree(graph, path, {"input": _spikes_in(rng, 4)}, ["if"]) > 0


def test_a_nested_graph_means_the_same_as_a_flat_one(tmp_path):
    rng = np.random.default_rng(12)
    lif, rec, fc, last = _neuron("LIF", rng, 5), _affine(rng, 5, 5), _affine(rng, 5, 3), _neuron("IF", rng, 5)
    inner = nir.NIRGraph(
        {"input": nir.Input(np.array([5])), "lif": lif, "rec": rec, "output": nir.Output(np.array([5]))},
        [("input", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")],
    )
    shell = nir.NIRGraph(
        {"input": nir.Input(np.array([5])), "core": inner, "output": nir.Output(np.array([5]))},
        [("input", "core"), ("core", "output")],
        type_check=False,
    )
    outside = {"in": nir.Input(np.array([3])), "fc": fc, "last": last, "out": nir.Output(np.array([5]))}
    nested = nir.NIRGraph(
        {**outside, "hidden": shell},
        [("in", "fc"), ("fc", "hidden"), ("hidden", "last"), ("last", "out")],
        type_check=False,
    )
    flat = nir.NIRGraph(
        {**outside, "hidden.core.lif": lif, "hidden.core.rec": rec},
        [
            *[("in", "fc"), ("fc", "hidden.core.lif"), ("hidden.core.lif", "hidden.core.rec")],
            *[("hidden.core.rec", "hidden.core.lif"), ("hidden.core.lif", "last"), ("last", "out")],
        ],
    )
    path = _write(nested, tmp_path)
    network = read_nir(path, dt=DT)
    assert [p.name for p in network.populations] == ["in", "hidden.core.lif", "last"]
    assert [q.name for q in network.projections][:2] == ["fc", "hidden.core.rec"]
    assert _agree(flat, path, {"in": _spikes_in(rng, 3)}, ["hidden.core.lif", "last"]) > 20


def test_populations_come_in_the_order_in_which_spikes_flow(tmp_path):
    rng = np.random.default_rng(13)
    nodes = [nir.Input(np.array([2]))]
    for _ in range(12):
        nodes += [_affine(rng, 2, 2), _neuron("IF", rng, 2)]
    network = read_nir(_write(nir.NIRGraph.from_list(*nodes, nir.Output(np.array([2]))), tmp_path), dt=DT)
    assert [p.name for p in network.populations] == ["input", "if", *(f"if_{k}" for k in range(1, 12))]
    assert [q.name for q in network.projections] == ["affine", *(f"affine_{k}" for k in range(1, 12))]


def test_an_output_fed_by_two_populations_shows_both(tmp_path):
    rng = np.random.default_rng(14)
    nodes = {"in": nir.Input(np.array([2])), "a": _neuron("IF", rng, 2), "b": _neuron("IF", rng, 2)}
    nodes["out"] = nir.Output(np.array([2]))
    graph = nir.NIRGraph(nodes, [("in", "a"), ("in", "b"), ("b", "out"), ("a", "out")])
    assert set(read_nir(_write(graph, tmp_path), dt=DT).outputs) == {"a", "b"}
