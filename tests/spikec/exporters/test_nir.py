"""NIR files as others see them: nir reads and checks them, and their equations give our spikes."""

from dataclasses import replace
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

from spikec.backend import run
from spikec.coding import BinaryEncoding, Decoding, LatencyEncoding
from spikec.container import load
from spikec.errors import FileFormatError, TargetError, UsageError
from spikec.events import from_rows
from spikec.exporters.nir import export_nir, write_nir
from spikec.exporters.nir_file import file_of
from spikec.exporters.stated import MARK
from spikec.frontends.nir import read_nir
from spikec.ir.connectivity import DelayKind, Delays, Dense, one_to_one
from spikec.ir.conventions import Convention
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, If, Lif, LiReadout, QifExp, Ramp, Source, Theta
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

DT, N_TICKS = 1e-3, 60
NETS = Path(__file__).resolve().parents[3] / "models" / "nets"
IDEAL = load_target("ideal")


def _chain(*neurons, clock=Ticks(DT), n=4, **more):  # noqa: B008 (a value)
    rng = np.random.default_rng(1)
    populations = [Population("in", Source(), (n,))]
    projections = []
    for k, neuron in enumerate(neurons):
        pre = populations[-1].name
        populations.append(Population(f"n{k}", neuron, (n,)))
        projections.append(Projection(f"fc{k}", pre, f"n{k}", Dense(rng.normal(0.3, 0.5, (n, n)))))
    last = populations[-1].name
    return Network(tuple(populations), tuple(projections), ("in",), (last,), clock, **more)


def _export(network, path, dt=None):
    export = export_nir(Program(network, IDEAL), dt=dt)
    write_nir(export, path)
    return export


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.nir"


def test_nirs_equations_by_eulers_method_give_our_spikes(path):
    """In plain numpy, from the file as nir reads it; delays in ticks, recurrent spikes a tick later."""
    rng = np.random.default_rng(2)
    n = 5
    network = Network(
        (
            Population("in", Source(), (3,)),
            Population("lif", Lif(rng.uniform(5e-3, 2e-2, n), 0.8, bias=4.0, v_reset=-0.1), (n,)),
        ),
        (
            Projection("w", "in", "lif", Dense(rng.normal(0.2, 0.4, (n, 3))), Delays(2 * DT)),
            Projection("rec", "lif", "lif", Dense(rng.normal(0, 0.3, (n, n)))),
        ),
        ("in",),
        ("lif",),
        Ticks(DT),
    )
    _export(network, path)
    raster = rng.random((N_TICKS, 3)) < 0.3
    expected = run(ReferenceBackend(), Program(network, IDEAL), {"in": from_raster(raster[None])}, N_TICKS)

    graph = nir.read(path)
    k, w, rec = graph.nodes["lif"], graph.nodes["w"], graph.nodes["rec"]
    late = round(float(graph.nodes["w.before"].delay[0]) / DT)
    assert set(graph.edges) == {("in", "w.before"), ("w.before", "w"), ("w", "lif"), ("lif", "rec"),
                                ("rec", "lif"), ("lif", "output")}  # fmt: skip
    v, spikes, found = np.zeros(n), np.zeros(n), []
    for tick in range(N_TICKS):
        x = w.weight @ (raster[tick - late] if tick >= late else np.zeros(3)) + w.bias + rec.weight @ spikes
        v = v + DT / k.tau * (k.v_leak - v + k.r * x)
        spikes = (v > k.v_threshold).astype(float)
        v = np.where(spikes > 0, k.v_reset, v)
        found.append(spikes)
    np.testing.assert_array_equal(np.array(found) > 0, expected.spikes["lif"].raster(N_TICKS)[0])
    assert np.sum(found) > 30


def test_nir_reads_what_it_needs_and_finds_the_types_right(path):
    network = _chain(If(1.0), Lif(0.01, 1.0), CubaLif(0.02, 0.01, 1.0), LiReadout(0.02, 0.01))
    _export(network, path)
    graph = nir.read(path, type_check=True)
    kinds = [type(graph.nodes[name]).__name__ for name in ("in", "n0", "n1", "n2", "n3", "output")]
    assert kinds == ["Input", "IF", "LIF", "CubaLIF", "CubaLI", "Output"]
    assert graph.metadata["dt"] == DT
    assert graph.metadata["spikec"].startswith(MARK)
    assert nir.serialization.read_version(path) == "1.0.8"
    assert all(np.ndim(v) for v in vars(graph.nodes["n2"]).values() if isinstance(v, np.ndarray))


def test_nir_can_write_again_what_it_read(path, tmp_path):
    _export(_chain(If(1.0), Lif(0.01, 1.0)), path)
    nir.write(tmp_path / "again.nir", nir.read(path))
    again = read_nir(tmp_path / "again.nir")
    assert [p.name for p in again.populations] == ["in", "n0", "n1"]


def test_equal_networks_give_equal_files(path):
    first = file_of(export_nir(Program(_chain(If(1.0)), IDEAL)).graph)
    assert first == file_of(export_nir(Program(_chain(If(1.0)), IDEAL)).graph)


@pytest.mark.parametrize(
    "encoding",
    [
        LatencyEncoding("in", 0.02, 255.0, True, None, 0.05),
        BinaryEncoding("in", 0.5, 0.001, 0.05),
    ],
)
def test_codings_and_promises_come_back_from_the_yaml(path, encoding):
    network = _chain(Lif(0.01, 1.0, one_spike=True), encoding=encoding, decoding=Decoding("n0", "first"))
    network = network.with_populations({"in": Population("in", Source(one_spike=True), (4,))})
    _export(network, path)
    assert path.with_suffix(".yaml").read_text().startswith(MARK)
    back = read_nir(path)
    assert (back.encoding, back.decoding) == (network.encoding, network.decoding)
    assert [p.neuron.one_spike for p in back.populations] == [True, True]


def test_a_continuous_network_spikes_at_its_times_as_far_as_ticks_allow(path):
    """Of a leaky neuron and of one with a current, for inputs that lie on ticks."""
    rng = np.random.default_rng(3)
    dt = 1e-4
    for neuron, weight in ((Lif(0.02, 0.9), 0.4), (CubaLif(0.02, 0.005, 0.9), 120.0), (Ramp(0.9), 40.0)):
        network = _chain(neuron, clock=Continuous())
        q = network.projections[0]
        network = replace(
            network, projections=(replace(q, connectivity=Dense(rng.normal(weight, weight, (4, 4)))),)
        )
        _export(network, path, dt)
        nir.read(path)
        back = read_nir(path)
        ticks = np.sort(rng.choice(300, 30, replace=False))
        rows = (np.zeros(30, int), ticks * dt, rng.integers(0, 4, 30))
        given = from_rows(*rows, n_samples=1, n_neurons=4)
        exact = (
            run(ReferenceBackend(), Program(network, IDEAL), {"in": given}, 0.04).spikes["n0"].first_times()
        )
        read = run(ReferenceBackend(), Program(back, IDEAL), {"in": given.to_ticks(dt)}, 401).spikes["n0"]
        first = read.to_seconds(dt).first_times()
        assert np.isfinite(exact).any()
        np.testing.assert_array_equal(np.isfinite(first), np.isfinite(exact))
        late = (first - exact)[np.isfinite(exact)]
        assert np.all((late > -1e-9) & (late < dt + 1e-9))


def test_the_shipped_network_with_delays_of_synapses_answers_as_in_continuous_time(path):
    network = load(NETS / "yinyang-ttfs-delays.npz")
    export = _export(network, path, 1e-4)
    nir.read(path)
    back = read_nir(path)
    assert back.decoding == network.decoding
    assert sum(q.connectivity.n_pre == 4 for q in back.projections) == 120
    assert any("120 different delays" in note for note in export.notes)


def test_time_steps_are_asked_for_and_refused_where_they_make_no_sense(path):
    continuous, ticks = _chain(Lif(0.01, 1.0), clock=Continuous()), _chain(Lif(0.01, 1.0))
    with pytest.raises(UsageError, match="--dt SECONDS"):
        export_nir(Program(continuous, IDEAL))
    with pytest.raises(UsageError, match="leave out --dt"):
        export_nir(Program(ticks, IDEAL), dt=1e-3)
    with pytest.raises(UsageError, match="impossible"):
        export_nir(Program(continuous, IDEAL), dt=-1.0)


def test_everything_that_nir_cannot_hold_is_named_at_once(path):
    rng = np.random.default_rng(4)
    exact = Ticks(DT, Convention("exact"))
    neurons = (Theta(0.01), QifExp(0.01), CubaLif(0.02, 0.01, 1.0, bias=2.0), Lif(0.01, 1.0))
    network = _chain(*neurons, clock=exact)
    with pytest.raises(TargetError) as caught:
        _export(network, path)
    assert [(v.where, v.got) for v in caught.value.violations] == [
        ("n0", "Theta"),
        ("n1", "QifExp"),
        ("n2", "set"),
    ]
    assert not path.exists()
    many = Delays(rng.uniform(0, 1, (40, 40)), DelayKind.SYNAPTIC)
    wide = _chain(Lif(0.01, 1.0), n=40, clock=Continuous())
    wide = replace(wide, projections=(replace(wide.projections[0], delays=many),))
    with pytest.raises(TargetError, match="1600 different ones, allowed is 256"):
        _export(wide, path, DT)
    silent = replace(_chain(Lif(0.01, 1.0)), outputs=())
    with pytest.raises(TargetError, match="output is none"):
        _export(silent, path)


def test_matrices_that_are_too_large_are_refused_before_they_are_made(path):
    n = 9000
    permuted = one_to_one(n, 1.0)
    permuted = replace(permuted, posts=np.arange(n)[::-1].copy())
    network = Network(
        (Population("in", Source(), (n,)), Population("n", If(1.0), (n,))),
        (Projection("q", "in", "n", permuted),),
        ("in",),
        ("n",),
        Ticks(DT),
    )
    with pytest.raises(TargetError, match="q: weights is 81000000 as matrices"):
        _export(network, path)


def test_wide_one_to_one_weights_become_a_scale_and_plain_ones_an_edge(path):
    n = 2000
    for weights, kinds in ((1.0, []), (0.5, ["Scale"])):
        network = Network(
            (Population("in", Source(), (n,)), Population("n", If(1.0), (n,))),
            (Projection("q", "in", "n", one_to_one(n, weights), Delays(3 * DT)),),
            ("in",),
            ("n",),
            Ticks(DT),
        )
        export = _export(network, path)
        nir.read(path)
        found = [
            k.type for k in export.graph.nodes.values() if k.type not in ("Input", "IF", "Output", "Delay")
        ]
        assert found == kinds
        (q,) = read_nir(path).projections
        assert q.connectivity.n_synapses == n
        np.testing.assert_array_equal(q.connectivity.weights, weights)
        np.testing.assert_allclose(q.delays.values, 3 * DT)


def test_a_projection_from_a_readout_is_left_out(path):
    network = _chain(LiReadout(0.01, 0.01), If(1.0))
    export = _export(network, path)
    nir.read(path)
    assert any("fc1 starts at a readout" in note for note in export.notes)
    assert [q.name for q in read_nir(path).projections] == ["fc0"]


def test_a_yaml_of_the_users_own_is_never_replaced(path):
    beside = path.with_suffix(".yaml")
    beside.write_text("like: norse\n")
    with pytest.raises(UsageError, match="did not write it"):
        _export(_chain(If(1.0)), path)
    assert not path.exists()
    beside.unlink()
    _export(_chain(If(1.0)), path)
    _export(_chain(If(2.0)), path)
    assert read_nir(path).population("n0").neuron.threshold[0] == 2.0
    with pytest.raises(UsageError, match=r"net\.nir"):
        _export(_chain(If(1.0)), path.with_suffix(".yaml"))


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(FileFormatError, match="cannot write"):
        _export(_chain(If(1.0)), tmp_path / "nowhere" / "net.nir")
    assert not list(tmp_path.iterdir())


def test_the_habits_that_nir_cannot_say_are_all_in_the_yaml(path):
    habits = Convention("exact", "subtract", 1, "next", "reach", 0, 1, "step", "euler", "step", True, -0.5)
    _export(_chain(Lif(0.01, 1.0), clock=Ticks(DT, habits)), path)
    assert read_nir(path).clock == Ticks(DT, habits)
    with h5py.File(path) as file:
        assert file["node/metadata/spikec"][()].decode() == path.with_suffix(".yaml").read_text()
