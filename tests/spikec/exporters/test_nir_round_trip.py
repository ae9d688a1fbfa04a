"""Read, export, read, run: the same spikes, and the same numbers to the last bit."""

from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import find_backend, run
from spikec.exporters.nir import export_nir, write_nir
from spikec.frontends import open_network
from spikec.frontends.nir import read_nir
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.conventions import CHOICES, Convention
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, Lif, Source, parameters
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from tests.float_networks import DT, random_inputs, random_network
from tests.nir_files import read_as_others_do

NETS = Path(__file__).resolve().parents[3].parent / "shared" / "nets"
N_TICKS = 30
IDEAL = load_target("ideal")


def _run(network, inputs, n_ticks=N_TICKS):
    return run(ReferenceBackend(), Program(network, IDEAL), inputs, n_ticks).spikes


def _again(network, path):
    """A network through a file, which nir itself reads and finds right."""
    export = export_nir(Program(network, IDEAL))
    write_nir(export, path)
    read_as_others_do(export, path)
    return export, read_nir(path)


def _assert_same_spikes(network, back, inputs, n_ticks=N_TICKS):
    one, other = _run(network, inputs, n_ticks), _run(back, inputs, n_ticks)
    total = 0
    for name, events in one.items():
        np.testing.assert_array_equal(events.times, other[name].times, err_msg=name)
        np.testing.assert_array_equal(events.neurons, other[name].neurons, err_msg=name)
        total += events.n_events
    return total


def _assert_same_numbers(network, back):
    """All parameters and weights; biases to their last bit but one, for some quotients no float gives."""
    for p in network.populations:
        found = back.population(p.name)
        for name, values in parameters(p.neuron).items():
            expected = np.broadcast_to(values, (p.n,))
            got = np.broadcast_to(getattr(found.neuron, name), (p.n,))
            if name in ("bias", "current_bias"):
                np.testing.assert_allclose(got, expected, rtol=2.0**-51, err_msg=f"{name} of {p.name}")
            else:
                np.testing.assert_array_equal(got, expected, err_msg=f"{name} of {p.name}")
        assert getattr(found.neuron, "one_spike", False) == getattr(p.neuron, "one_spike", False)
    for pre in network.populations:
        for post in network.populations:
            pair = [_matrices(n, pre.name, post.name) for n in (network, back)]
            assert pair[0].keys() == pair[1].keys()
            for delay, matrix in pair[0].items():
                np.testing.assert_allclose(pair[1][delay], matrix, rtol=1e-14, atol=0)


def _matrices(network, pre, post):
    """The weights between two populations for every delay in ticks, hops included."""
    found = {}
    for q in network.projections:
        if (q.pre, q.post) != (pre, post):
            continue
        i, j = q.connectivity.synapses()
        values = np.asarray(q.delays.per_synapse(q.connectivity))
        ticks = values if q.delays.in_ticks else np.rint(values / network.dt).astype(int)
        ticks = ticks + network.clock.convention.hop(network.leads_back(q))
        weights = q.connectivity.stored()
        for delay in np.unique(ticks[weights != 0]):
            chosen = ticks == delay
            matrix = found.setdefault(int(delay), np.zeros((q.connectivity.n_post, q.connectivity.n_pre)))
            matrix[j[chosen], i[chosen]] += weights[chosen]
    return found


@st.composite
def conventions(draw):
    words = {name: draw(st.sampled_from(list(kind))) for name, kind in CHOICES.items()}
    hop, spike = draw(st.integers(0, 1)), draw(st.integers(0, 1))
    clamp = draw(st.sampled_from([None, -1.0]))
    return Convention(**words, hop_delay=hop, spike_delay=spike, clamp=clamp)


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=12, deadline=None)
@given(
    seed=seeds,
    convention=conventions(),
    dt=st.sampled_from([DT, 0.9 * DT, 1e-3]),
    recurrent=st.booleans(),
    once=st.booleans(),
)
def test_a_random_network_comes_back(tmp_path_factory, seed, convention, dt, recurrent, once):
    rng = np.random.default_rng(seed)
    kinds = ("if", "lif", "cuba")
    network = random_network(
        rng, Ticks(dt, convention), kinds=kinds, recurrent=recurrent, one_spike=once, max_delay=5, v_leak=True
    )
    biased = []
    for p in network.populations:
        if isinstance(p.neuron, If | Lif) and rng.random() < 0.5:
            p = replace(p, neuron=replace(p.neuron, bias=rng.uniform(-10, 20, p.n)))
        if isinstance(p.neuron, CubaLif) and rng.random() < 0.5:
            p = replace(p, neuron=replace(p.neuron, current_bias=rng.uniform(-500, 999, p.n)))
        biased.append(p)
    network = replace(network, populations=tuple(biased))
    _, back = _again(network, tmp_path_factory.mktemp("nir") / "net.nir")
    plain = replace(convention, recurrent_bias="always")
    assert back.clock == Ticks(dt, plain)
    assert back.outputs == network.outputs
    _assert_same_numbers(network, back)
    inputs = {name: e.to_ticks(DT) for name, e in random_inputs(rng, network, 2, N_TICKS).items()}
    _assert_same_spikes(network, back, inputs)


def _nodes(rng):
    """A graph with every type of node that a frontend reads, made with nir's own classes."""

    def some(low, high, shape):
        return rng.uniform(low, high, shape)

    image, row = (2, 6, 6), (5,)
    fire = {"v_threshold": some(0.1, 0.4, row), "v_reset": some(-0.2, 0.05, row)}
    leak = np.zeros(row)
    return {
        "in": nir.Input(np.array([2, 8, 8])),
        "other/in": nir.Input(np.array([3])),
        "conv": nir.Conv2d((8, 8), some(-0.5, 1, (2, 2, 3, 3)), 1, 0, 1, 1, some(0, 0.2, 2)),
        "if": nir.IF(some(200, 400, (2, 1, 1)) * np.ones(image), 0.3 * np.ones(image), np.zeros(image)),
        "pool": (nir.SumPool2d if rng.random() < 0.5 else nir.AvgPool2d)(
            np.array([2, 2]), np.array([2, 2]), np.array([0, 0])
        ),
        "flat": nir.Flatten(np.array([2, 3, 3]), start_dim=0),
        "fc1": nir.Affine(some(-0.5, 1, (5, 18)), some(-0.1, 0.3, 5)),
        "lif": nir.LIF(some(2e-3, 2e-2, row), some(2, 6, row), leak, **fire),
        "early": nir.Delay(rng.integers(0, 3, 3) * DT),
        "fc2": nir.Linear(some(-0.5, 1, (5, 3))),
        "late": nir.Delay(rng.integers(0, 3, 5) * DT),
        "scale": nir.Scale(some(0.5, 1.5, row)),
        "cuba": nir.CubaLIF(
            tau_syn=some(2e-3, 8e-3, row),
            tau_mem=some(2e-3, 2e-2, row),
            r=some(2, 8, row),
            v_leak=leak,
            w_in=some(0.5, 3, row),
            **fire,
        ),
        "rec": nir.Affine(some(-0.5, 0.5, (5, 5)), some(-0.1, 0.1, 5)),
        "thr": nir.Threshold(some(0.1, 0.5, row)),
        "li": nir.LI(some(2e-3, 2e-2, row), some(0.5, 2, row), leak),
        "cubali": nir.CubaLI(some(2e-3, 8e-3, row), some(2e-3, 2e-2, row), some(1, 2, row), leak),
        "i": nir.I(some(0.5, 2, row)),
        **{f"out.{k}": nir.Output(np.array(row)) for k in range(4)},
    }


def _assert_same_nodes(one, other):
    """Biases may differ in their last bit."""
    assert {name: n.type for name, n in one.nodes.items()} == {
        name: n.type for name, n in other.nodes.items()
    }
    for name, node in one.nodes.items():
        for parameter, values in node.values.items():
            np.testing.assert_allclose(values, other.nodes[name].values[parameter], rtol=2.0**-50, atol=0)


EDGES = [
    *pairwise(["in", "conv", "if", "pool", "flat", "fc1", "lif", "cuba", "thr", "out.0"]),
    *pairwise(["other/in", "early", "fc2", "late", "lif"]),
    *[("fc2", "cuba"), ("lif", "scale"), ("scale", "cuba"), ("cuba", "rec"), ("rec", "lif"), ("rec", "cuba")],
    *[("thr", "thr"), ("lif", "li"), ("li", "out.1"), ("rec", "cubali"), ("cubali", "out.2")],
    *[("scale", "i"), ("i", "out.3")],
]


@settings(max_examples=5, deadline=None)
@given(
    seed=seeds, integration=st.sampled_from(["euler", "exact"]), reset=st.sampled_from(["value", "subtract"])
)
def test_a_file_of_every_node_type_comes_back(tmp_path_factory, seed, integration, reset):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("nir")
    nodes = {name.replace("/", "."): node for name, node in _nodes(rng).items()}
    edges = [tuple(name.replace("/", ".") for name in edge) for edge in EDGES]
    rng.shuffle(edges)
    nir.write(
        folder / "given.nir", nir.NIRGraph(nodes, [tuple(map(str, e)) for e in edges], type_check=False)
    )
    convention = Convention(integration=integration, reset=reset)
    network = read_nir(folder / "given.nir", dt=DT, convention=convention)
    first, back = _again(network, folder / "net.nir")
    assert back.clock == network.clock
    rasters = {name: rng.random((2, N_TICKS, network.population(name).n)) < 0.3 for name in network.inputs}
    spikes = _assert_same_spikes(network, back, {n: from_raster(r) for n, r in rasters.items()})
    assert spikes > 100
    second = export_nir(Program(back, IDEAL))
    assert set(second.graph.edges) == set(first.graph.edges)
    _assert_same_nodes(second.graph, first.graph)


def test_what_only_the_yaml_says_comes_back_without_it_from_the_metadata(tmp_path):
    rng = np.random.default_rng(2)
    habits = Convention(reset="subtract", comparison="reach", clamp=-0.5, multi_spike=True)
    network = random_network(rng, Ticks(DT, habits), kinds=("lif",), one_spike=True)
    path = tmp_path / "net.nir"
    _again(network, path)
    path.with_suffix(".yaml").unlink()
    back = read_nir(path)
    assert back.clock == network.clock
    assert all(p.neuron.one_spike for p in back.populations if p.name != "out")
    assert any("metadata" in note for note in back.notes)
    assert read_nir(path, convention="norse").clock.convention != habits


def _cycle(order):
    """Two populations that feed each other; who is first says which hop takes a tick."""
    rng = np.random.default_rng(3)
    populations = {
        "in": Population("in", Source(), (3,)),
        "zeta": Population("zeta", Lif(0.01, 0.5), (3,)),
        "alpha": Population("alpha", Lif(0.02, 0.5), (3,)),
    }
    pairs = [("in", "zeta"), ("in", "alpha"), ("zeta", "alpha"), ("alpha", "zeta"), ("zeta", "zeta")]
    projections = [Projection(f"{a}-{b}", a, b, Dense(rng.normal(0.3, 1, (3, 3)))) for a, b in pairs]
    chosen = tuple(populations[name] for name in order)
    return Network(chosen, tuple(projections), ("in",), ("alpha",), Ticks(DT))


@pytest.mark.parametrize("order", [("in", "zeta", "alpha"), ("in", "alpha", "zeta")])
def test_the_order_within_a_cycle_is_kept(tmp_path, order):
    network = _cycle(order)
    export, back = _again(network, tmp_path / "net.nir")
    assert ("order" in export.stated) == (order[1] == "zeta")
    assert [p.name for p in back.populations] == list(order)
    raster = np.random.default_rng(4).random((2, N_TICKS, 3)) < 0.4
    _assert_same_spikes(network, back, {"in": from_raster(raster)})
    one, other = (
        _run(_cycle(o), {"in": from_raster(raster)})["alpha"] for o in (order, ("in", *order[:0:-1]))
    )
    assert not np.array_equal(one.times, other.times)


def test_delays_of_single_synapses_become_a_way_each(tmp_path):
    rng = np.random.default_rng(5)
    delays = rng.integers(0, 4, (4, 3))
    weights = rng.normal(1, 1, (4, 3))
    network = Network(
        (Population("in", Source(), (3,)), Population("n", Lif(0.01, 0.5), (4,))),
        (Projection("q", "in", "n", Dense(weights), Delays(delays, DelayKind.SYNAPTIC)),),
        ("in",),
        ("n",),
        Ticks(DT),
    )
    export, back = _again(network, tmp_path / "net.nir")
    assert len(back.projections) == np.unique(delays).size
    assert any("different delays" in note for note in export.notes)
    _assert_same_numbers(network, back)


def test_delays_that_are_sums_of_those_of_both_sides_take_one_way(tmp_path):
    rng = np.random.default_rng(6)
    delays = rng.integers(0, 9, 4)[:, None] + rng.integers(0, 9, 3)
    network = Network(
        (Population("in", Source(), (3,)), Population("n", Lif(0.01, 0.5), (4,))),
        (Projection("q", "in", "n", Dense(np.ones((4, 3))), Delays(delays, DelayKind.SYNAPTIC)),),
        ("in",),
        ("n",),
        Ticks(1e-3),
    )
    _, back = _again(network, tmp_path / "net.nir")
    (q,) = back.projections
    assert q.name == "q.before+q+q.behind"
    _assert_same_numbers(network, back)


def test_a_bias_that_nothing_carries_comes_from_zeros(tmp_path):
    network = Network(
        (Population("in", Source(), (2,)), Population("clock", If(0.5, bias=1 / DT), (1,))),
        (),
        ("in",),
        ("clock",),
        Ticks(DT),
    )
    export, back = _again(network, tmp_path / "net.nir")
    assert any("zeros from in" in note for note in export.notes)
    spikes = _run(back, {"in": from_raster(np.zeros((1, N_TICKS, 2), bool))})
    assert spikes["clock"].n_events == N_TICKS


def test_a_file_that_nir_cannot_type_says_so(tmp_path):
    """A clock of two neurons that feed each other, and an input that reaches neither."""
    network = _cycle(("in", "zeta", "alpha"))
    unreached = tuple(q for q in network.projections if q.pre != "in")
    export, _ = _again(replace(network, projections=unreached), tmp_path / "net.nir")
    assert any("type_check=False" in note for note in export.notes)
    with pytest.raises(ValueError, match="No input nodes"):
        nir.read(tmp_path / "net.nir")
    assert set(nir.read(tmp_path / "net.nir", type_check=False).nodes) == set(export.graph.nodes)


def test_a_network_on_its_way_to_a_chip_comes_back_with_the_chips_decays(tmp_path):
    rng = np.random.default_rng(7)
    network = Network(
        (
            Population("in", Source(), (4,)),
            Population("cuba", CubaTicks([400, 800, 4096], 100, 0.7, current_bias=0.01), (3,)),
            Population("lif", CubaTicks(4096, 300, 0.7, bias=0.02), (3,)),
            Population("out", CubaTicks(200, 0, np.inf), (2,)),
        ),
        (
            Projection("a", "in", "cuba", Dense(rng.normal(0.1, 0.1, (3, 4)))),
            Projection("b", "cuba", "lif", Dense(rng.normal(0.3, 0.3, (3, 3)))),
            Projection("c", "lif", "out", Dense(rng.normal(0.3, 0.3, (2, 3)))),
        ),
        ("in",),
        ("out",),
        Ticks(DT, Convention("exact", hop_delay=1)),
    )
    _, back = _again(network, tmp_path / "net.nir")
    raster = rng.random((2, N_TICKS, 4)) < 0.4
    assert _assert_same_spikes(network, back, {"in": from_raster(raster)}) > 50


def test_names_that_nir_cannot_hold_are_escaped_everywhere(tmp_path):
    network = _cycle(("in", "zeta", "alpha"))
    renamed = {"in": "in/0", "zeta": "net.zeta/1", "alpha": "alpha"}
    network = replace(
        network,
        populations=tuple(replace(p, name=renamed[p.name]) for p in network.populations),
        projections=tuple(replace(q, pre=renamed[q.pre], post=renamed[q.post]) for q in network.projections),
        inputs=("in/0",),
    )
    _, back = _again(network, tmp_path / "net.nir")
    assert [p.name for p in back.populations] == ["in%2F0", "net.zeta%2F1", "alpha"]


shared = pytest.mark.skipif(not NETS.is_dir(), reason=f"the shared networks are not at {NETS}")


@shared
@pytest.mark.parametrize("simulator", ["snntorch", "norse"])
def test_the_braille_network_comes_back_with_its_spikes(tmp_path, simulator):
    path = NETS / "braille" / "braille_noDelay_bias_zero.nir"
    network = open_network(path, dt=1e-4, convention=simulator)
    _, back = _again(network, tmp_path / "net.nir")
    _assert_same_numbers(network, back)
    raster = np.load(NETS / "braille" / "ds_test_sample0_input_256x12.npy")[None]
    assert _assert_same_spikes(network, back, {"input": from_raster(raster)}, 256) > 1000


@shared
@pytest.mark.parametrize("path", sorted(NETS.glob("exports/*.nir")), ids=lambda p: p.stem)
def test_what_frameworks_write_comes_back(tmp_path, path):
    network = open_network(path, dt=1e-6 if path.stem.startswith("norse") else 1e-4)
    _, back = _again(network, tmp_path / "net.nir")
    _assert_same_numbers(network, back)


@shared
def test_the_convolutional_network_of_the_nir_paper_comes_back_with_its_spikes(tmp_path):
    network = open_network(NETS / "nmnist" / "cnn_sinabs.nir", dt=1.0, convention="sinabs")
    _, back = _again(network, tmp_path / "net.nir")
    for q, r in zip(network.projections, back.projections, strict=True):
        assert type(q.connectivity) is type(r.connectivity)
        np.testing.assert_array_equal(q.connectivity.stored(), r.connectivity.stored())
    stored = np.load(NETS / "nmnist" / "test100.npz")
    chosen = slice(int(stored["offsets"][0]), int(stored["offsets"][1]))
    t, p, y, x = (stored[name][chosen].astype(int) for name in "tpyx")
    frames = np.zeros((1, 100, 2, 34, 34), np.bool_)
    early = t < 100_000
    frames[0, t[early] // 1000, p[early], y[early], x[early]] = True
    given = {"input": from_raster(frames.reshape(1, 100, -1))}
    one, other = (run(find_backend("cpu"), Program(n, IDEAL), given, 100).spikes for n in (network, back))
    for name in ("1", "3", "6", "10", "12"):
        np.testing.assert_array_equal(one[name].times, other[name].times)
        np.testing.assert_array_equal(one[name].neurons, other[name].neurons)
    assert one["6"].n_events > 100


def test_every_field_of_a_convention_is_written(tmp_path):
    network = _cycle(("in", "alpha", "zeta"))
    text = export_nir(Program(network, IDEAL)).stated
    assert all(f"  {f.name}: " in text for f in fields(Convention))
