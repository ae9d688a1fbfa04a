"""lava-dl netx files: small ones with spikes worked out by hand, and the Oxford network if it is there.

In the small files a weight of 100 moves a forgetful neuron (iDecay and vDecay of 4096) to 6400, which meets a
vThMant of 100 exactly.
"""

from pathlib import Path

import numpy as np
import pytest

from spikec.backend import availability, find_backend, run
from spikec.commands.build import BuildOptions, check_file, compile_file
from spikec.commands.files import open_compiled, open_program, read_inputs
from spikec.commands.listing import listing
from spikec.commands.overview import overview
from spikec.compare import compare
from spikec.errors import UsageError
from spikec.frontends import open_network, open_trained
from spikec.frontends.netx import read_netx
from spikec.frontends.netx_numbers import fixed_weights
from spikec.ir.connectivity import DelayKind
from spikec.ir.conventions import Comparison, Convention
from spikec.ir.network import Dialect
from spikec.program import Program
from spikec.rasters import from_raster
from tests.netx_files import CUBA, assert_refused, dense, write

OXFORD = Path(__file__).resolve().parents[3].parent / "shared" / "nets" / "oxford"
STRICT = Convention(comparison=Comparison.ABOVE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.net"


def by_neuron(events):
    return [events.times[events.neurons == j].tolist() for j in range(events.n_neurons)]


def spikes(path, raster, name="layer0", backend="cpu", **options):
    """Ticks in which each neuron spikes."""
    inputs = {"input": from_raster(np.asarray(raster, bool)[None])}
    return by_neuron(run(find_backend(backend), read_netx(path, **options), inputs, len(raster)).spikes[name])


def one_spike(n_ticks, n=1, neuron=0):
    raster = np.zeros((n_ticks, n), bool)
    raster[0, neuron] = True
    return raster


# What is read


def test_a_file_becomes_a_program_in_integers(path):
    program = read_netx(write(path, dense([[100, -98], [2, 4], [0, 6]])))
    assert program.is_compiled
    assert program.target.name == "loihi2"
    assert [(p.name, p.shape) for p in program.network.populations] == [("input", (2,)), ("layer0", (3,))]
    (q,) = program.network.projections
    np.testing.assert_array_equal(q.connectivity.dense_matrix(), [[100, -98], [2, 4], [0, 6]])
    k = program.network.population("layer0").neuron
    assert (int(k.du), int(k.dv), int(k.vth), int(k.inclusive)) == (4095, 4096, 100, 1)
    assert program.log[0].lossless


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_membrane_that_meets_its_threshold_spikes_unless_a_convention_says_otherwise(path, backend):
    write(path, dense([[98], [100], [102]]))
    assert spikes(path, one_spike(3), backend=backend) == [[], [1], [1]]
    assert spikes(path, one_spike(3), backend=backend, convention=STRICT) == [[], [], [1]]


def test_decays_are_those_of_slayer(path):
    # u: 6400, 3200, 1600; v: 6400, then 9600 = 150 * 64, then, had it not spiked, 11200
    halves = {**CUBA, "iDecay": 2048, "vDecay": 0, "vThMant": 150}
    assert spikes(write(path, dense([[100]], halves)), one_spike(8)) == [[2]]
    assert spikes(path, one_spike(8), convention=STRICT) == [[3]]


def test_every_block_takes_one_tick(path):
    write(path, dense([[100]]), dense([[100]]), dense([[100]]))
    assert [spikes(path, one_spike(6), f"layer{i}") for i in range(3)] == [[[1]], [[2]], [[3]]]


def test_a_bias_stands_in_units_of_the_weights(path):
    write(path, dense([[2], [2]], bias=np.array([98, 100])))
    assert spikes(path, one_spike(2)) == [[1], [0, 1]]
    write(path, dense([[2], [2]], {**CUBA, "vThMant": 5000}, bias=np.array([4998, 5000])))
    assert spikes(path, one_spike(2)) == [[1], [0, 1]]


@pytest.mark.parametrize("kind", ["dense_rec", "recurrent"])
@pytest.mark.parametrize("name", ["weight_rec", "recWeight"])
def test_recurrent_weights_act_a_tick_later(path, kind, name):
    write(path, dense([[100], [0]], kind=kind, **{name: np.array([[0, 100], [100, 0]])}))
    assert spikes(path, one_spike(5)) == [[1, 3], [2, 4]]


def test_old_files_with_five_axes_and_flat_weights_are_read(path):
    five = {**dense([[100], [2]]), "weight": np.full((2, 1, 1, 1, 1), 100.0)}
    write(path, dense([[100]], inFeatures=None), five)
    assert spikes(path, one_spike(4), "layer1") == [[2], [2]]
    write(path, {**dense([[100, 2]]), "weight": np.array([100.0, 2])})
    assert spikes(path, one_spike(3, 2)) == [[1]]


def test_layers_are_counted_and_not_spelt(path):
    write(path, *[dense([[100]])] * 12)
    assert spikes(path, one_spike(14), "layer11") == [[12]]


def test_an_input_layer_gives_the_shape_and_flatten_changes_nothing(path):
    first = {"type": "input", "shape": np.array([2, 1, 3])}
    write(path, first, {"type": "flatten", "shape": np.array([6])}, dense([[0, 0, 0, 0, 100, 0]]))
    assert read_netx(path).network.population("input").shape == (2, 1, 3)
    assert spikes(path, one_spike(3, 6, 4), "layer2") == [[1]]


def test_neurons_may_have_parameters_of_their_own(path):
    own = {**CUBA, "iDecay": np.array([4096, 1]), "vThMant": np.array([101, 100])}
    assert spikes(write(path, dense([[100], [100]], own)), one_spike(2)) == [[], [1]]
    np.testing.assert_array_equal(read_netx(path).network.population("layer0").neuron.du, [4095, 0])


def test_a_layer_without_a_neuron_is_a_readout(path):
    program = read_netx(write(path, dense([[100]], neuron=None)))
    result = run(find_backend("cpu"), program, {"input": from_raster(one_spike(4)[None])}, 4, ["layer0.v"])
    # 6400 * 4095 / 4096, cut off, twice
    np.testing.assert_array_equal(result.traces["layer0.v"][0, :, 0], [0, 6400, 6398, 6396])
    assert any("no neuron" in note for note in program.network.notes)
    assert any("iDecay of 0" in note for note in program.network.notes)
    assert not program.log[0].lossless


def test_the_tick_is_as_given_or_as_the_file_says_or_a_millisecond(path):
    assert read_netx(write(path, dense([[100]]))).network.dt == 1e-3
    assert read_netx(write(path, dense([[100]]), Ts=2)).network.dt == 2e-3
    assert read_netx(path, dt=5e-3).network.dt == 5e-3
    with pytest.raises(UsageError, match="time step"):
        read_netx(path, dt=-1.0)


# Delays


@pytest.mark.parametrize(
    ("delay", "expected", "kind"),
    [
        (3, [[5], [5]], DelayKind.UNIFORM),
        (np.array([3.0]), [[5], [5]], DelayKind.UNIFORM),
        (np.array([0.0, 4.0, 2.0]), [[2], [6]], DelayKind.AXONAL),
        (np.array([0.7, 4.9, 2.0]), [[2], [6]], DelayKind.AXONAL),
    ],
)
def test_delays_of_a_layers_axons_wait_before_the_next_layer(path, delay, expected, kind):
    write(path, dense([[100], [100], [0]], delay=delay), dense([[100, 0, 0], [0, 100, 0]]))
    assert spikes(path, one_spike(9), "layer1") == expected
    assert spikes(path, one_spike(9), "layer0") == [[1], [1], []]
    assert read_netx(path).network.projections[1].delays.kind is kind


def test_delays_of_inputs_and_of_synapses_wait_before_their_own_layer(path):
    both = np.arange(9)[:, None] == [0, 0]
    write(path, dense([[100, 0], [0, 100], [0, 0]], delay=np.array([2, 5])))
    assert spikes(path, both) == [[3], [6], []]
    write(path, dense([[100, 0], [0, 100]], delay=np.array([[1, 0], [0, 4]])))
    assert spikes(path, both) == [[2], [5]]
    assert read_netx(path).network.projections[0].delays.kind is DelayKind.SYNAPTIC


def test_delays_behind_a_layer_and_in_front_of_the_next_add_up(path):
    first = dense([[100], [100]], delay=np.array([1, 2]))
    second = dense([[100, 0], [0, 100]], delay=np.array([[3, 0], [0, 5]]))
    assert spikes(write(path, first, second), one_spike(12), "layer1") == [[6], [9]]


def test_as_many_delays_as_axons_and_inputs_are_those_of_the_axons(path):
    write(path, dense([[100, 0], [0, 100]], delay=np.array([0, 3])), dense([[0, 100]]))
    assert spikes(path, one_spike(9, 2, 1), "layer1") == [[5]]
    assert any("own axons" in note for note in read_netx(path).network.notes)


def test_recurrent_spikes_do_not_wait_for_the_axons(path):
    layer = dense([[100], [0]], kind="dense_rec", weight_rec=np.array([[0, 0], [100, 0]]), delay=7)
    assert spikes(write(path, layer), one_spike(5)) == [[1], [2]]
    assert any("act on nothing" in note for note in read_netx(path).network.notes)


# Weights that a format must be found for


@pytest.mark.parametrize(
    ("weights", "sign", "exponent"),
    [
        ([-256, 254], "mixed", 0),
        ([1, 255], "excitatory", 0),
        ([-255, 0], "inhibitory", 0),
        ([-512, 508], "mixed", 1),
        ([-127, 3], "mixed", -1),
        ([-32768, 32512], "mixed", 7),
    ],
)
def test_weights_that_some_format_holds_are_not_changed(weights, sign, exponent):
    fixed, notes = fixed_weights(np.array(weights, float), 0, "w")
    assert (fixed.format.sign.value, fixed.format.exponent, notes) == (sign, exponent, [])
    np.testing.assert_array_equal(fixed.value, weights)


def test_weights_that_no_format_holds_are_rounded_and_this_is_told(path):
    program = read_netx(write(path, dense([[-200, 131]])))
    got = program.network.projections[0].connectivity.weights.value
    np.testing.assert_array_equal(np.abs(got - [[-200, 131]]), [[0, 1]])
    assert any("1 of 2 weights" in note and "at most 1" in note for note in program.network.notes)
    assert not program.log[0].lossless
    assert program.log[0].figures


def test_a_weight_exponent_scales_the_weights(path):
    loihi = {**CUBA, "type": "LOIHI", "wgtExp": 1, "tauRho": 1.0}
    assert spikes(write(path, dense([[50], [48]], loihi)), one_spike(3)) == [[1], []]
    program = read_netx(write(path, dense([[50]], {**loihi, "wgtExp": -1})))
    assert any("cut off" in note for note in program.network.notes)


# What is refused


@pytest.mark.parametrize("kind", ["concat", "convT", "unpool", "dense_comp", "kwta"])
def test_layers_that_are_not_supported_are_named_all_at_once(path, kind):
    write(path, {"type": kind, "shape": [1]}, dense([[100]]), {"type": "convT", "shape": [1]})
    assert_refused(path, f"layer 0 ({kind})", "layer 2 (convT)", "conv, pool", "dense_rec", "lava-dl")


@pytest.mark.parametrize("kind", ["SDNN", "RF", "RF_IZ", "RF_PHASE"])
def test_other_neurons_are_named(path, kind):
    write(path, dense([[100]], {"type": kind, "vThMant": 3}))
    assert_refused(path, "layer 0 (dense)", kind, "slayer.block.cuba")


@pytest.mark.parametrize(
    ("neuron", "words"),
    [
        ({"refDelay": 3}, ("refDelay of 3", "only 1")),
        ({"gradedSpike": True}, ("graded spikes", "graded_spike=False")),
        ({"weight_exp": 2}, ("weight_exp of 2", "norm")),
        ({"vThMant": 0}, ("vThMant", "from 1 to 131071")),
        ({"vThMant": 1 << 17}, ("vThMant", "131072")),
        ({"vThMant": 2.5}, ("vThMant", "2.5")),
        ({"iDecay": 5000}, ("iDecay", "5000")),
        ({"vDecay": -1}, ("vDecay", "-1")),
        ({"vDecay": np.array([1, 2, 3])}, ("vDecay", "3 values", "1 neuron")),
        ({"iDecay": np.nan}, ("iDecay", "finite")),
    ],
)
def test_neurons_that_cannot_be_represented_are_refused_by_name(path, neuron, words):
    assert_refused(write(path, dense([[100]], {**CUBA, **neuron})), "layer 0", *words)


@pytest.mark.parametrize("name", ["iDecay", "vDecay", "vThMant"])
def test_a_parameter_that_is_not_there_is_named(path, name):
    neuron = {key: value for key, value in CUBA.items() if key != name}
    assert_refused(write(path, dense([[100]], neuron)), "layer 0", f"no {name}")


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"weight": None}, ("no weight",)),
        ({"weight": np.full((1, 2), np.nan)}, ("weight", "finite")),
        ({"weight": np.zeros((0, 2))}, ("weight", "empty")),
        ({"weight": np.full((1, 2), 1e-5)}, ("round to zero", "export_hdf5")),
        ({"weight": np.ones((3, 2))}, ("weight", "(3, 2)", "1 neuron")),
        ({"weight": b"text"}, ("weight", "numbers")),
        ({"inFeatures": 7}, ("inFeatures 7", "(1, 2)")),
        ({"shape": np.array([-1])}, ("shape", "-1")),
        ({"delay": np.array([1, 2, 3])}, ("delay", "(3,)")),
        ({"delay": -1}, ("delay", "-1")),
        ({"delay": 1e9}, ("delay", "1e+09")),
        ({"bias": 9001}, ("bias", "9001")),
        ({"bias": 5001}, ("bias", "odd")),
        ({"type": "dense_rec"}, ("no weight_rec",)),
        ({"type": "dense_rec", "weight_rec": np.ones((1, 2))}, ("weight_rec", "(1, 2)")),
    ],
)
def test_layers_that_contradict_themselves_are_refused_by_name(path, layer, words):
    assert_refused(write(path, {**dense([[100, 98]]), **layer}), "layer", *words)


def test_widths_that_do_not_meet_are_named(path):
    assert_refused(write(path, dense([[100, 98]]), dense([[100, 98]])), "layer 1", "reads 2", "layer0 has 1")
    first = {"type": "input", "shape": np.array([5])}
    assert_refused(write(path, first, dense([[100, 98]])), "layer 1", "reads 2", "(5,)")


def test_an_input_layer_with_neurons_and_one_in_the_middle_are_refused(path):
    first = {"type": "input", "shape": [1]}
    assert_refused(write(path, {**first, "neuron": CUBA}, dense([[100]])), "layer 0", "pixels")
    assert_refused(write(path, dense([[100]]), first), "layer 1", "first")


def test_complex_weights_and_files_without_neurons_are_refused(path):
    layer = {**dense([[100]]), "weight": None, "weight/real": np.ones((1, 1)), "weight/imag": np.ones((1, 1))}
    assert_refused(write(path, layer), "layer 0", "complex")
    assert_refused(write(path, {"type": "input", "shape": [1]}), "no dense, conv or pool layer")


def test_members_that_mean_nothing_here_are_told(path):
    program = read_netx(write(path, dense([[100]], {**CUBA, "theta": 1.0}, secret=3)))
    assert [note for note in program.network.notes if "not read" in note] == [
        "layer 0 (dense): secret was not read, for spikec does not know it"
    ]


# Commands


def test_files_are_opened_as_programs_and_listed(path):
    write(path, dense([[100]]))
    assert isinstance(open_trained(path), Program)
    assert open_network(path).dialect is Dialect.FIXED
    assert open_program(path).source["file"] == "network.net"
    assert open_compiled(path).is_compiled
    assert overview(path)["kind"] == "program"
    assert "netx" in {row["name"] for row in listing("frontends")}


def test_a_chip_without_programmable_neurons_gets_strict_thresholds(path):
    write(path, dense([[100], [102]], {**CUBA, "vDecay": 4095}))
    for target, expected in (("loihi2", [[1], [1]]), ("loihi1", [[], [1]])):
        program = compile_file(path, BuildOptions(target), None, lambda name: None).program
        assert not check_file(path, BuildOptions(target))[0]
        inputs = {"input": from_raster(one_spike(3)[None])}
        assert by_neuron(run(find_backend("cpu"), program, inputs, 3).spikes["layer0"]) == expected
        assert program.target.name == target
        assert program.log[-1].lossless is (target == "loihi2")
        assert any("just reach" in note for note in program.network.notes) is (target == "loihi1")


def test_limits_of_the_chip_are_named_by_check(path):
    write(path, dense([[100]], delay=80), dense([[100]]))
    broken, _ = check_file(path, BuildOptions("loihi2"))
    assert {(v.rule, v.where) for v in broken} >= {("delay", "layer1.weight"), ("membrane decay", "layer0")}


@pytest.mark.skipif(not OXFORD.is_dir(), reason=f"the shared networks are not at {OXFORD}")
class TestOxford:
    """lava-dl's own example, 200-256-200, and what SLAYER, of version 0.2 or before, recorded of it."""

    n_ticks = 2000

    @pytest.fixture
    def given(self, tmp_path):
        """The input as a raster file: its rows are a neuron, 0, and a time in ms, which SLAYER rounds."""
        rows = np.load(OXFORD / "input.npy")
        raster = np.zeros((self.n_ticks, 200), np.uint8)
        raster[np.rint(rows[:, 2]).astype(int), rows[:, 0].astype(int)] = 1
        np.save(tmp_path / "input.npy", raster)
        return tmp_path / "input.npy"

    @pytest.fixture
    def recorded(self):
        rows = np.load(OXFORD / "slayer_ground_truth.npy").astype(int)
        raster = np.zeros((self.n_ticks, 200), bool)
        raster[rows[:, 2], rows[:, 0]] = True
        return raster

    def run(self, program, given, backend="cpu", **options):
        inputs, _ = read_inputs(program.network, None, given)
        return run(find_backend(backend, **options), program, inputs, self.n_ticks)

    def wrong(self, result, recorded):
        return int(np.sum(result.spikes["layer1"].raster(self.n_ticks)[0] != recorded))

    def test_every_bin_is_as_slayer_recorded(self, given, recorded):
        results = [self.run(open_program(OXFORD / "network.net"), given, b) for b in ("cpu", "reference")]
        assert [self.wrong(result, recorded) for result in results] == [0, 0]
        assert results[0].spikes["layer1"].n_events == 10178
        assert compare(*results).identical

    @pytest.mark.skipif(availability("lava") is not None, reason="Lava is not installed")
    def test_lava_agrees(self, given):
        program = open_program(OXFORD / "network.net")
        assert compare(self.run(program, given), self.run(program, given, "lava", flavour="fused")).identical
        stock = find_backend("lava", flavour="stock").unsupported(program)
        assert {v.rule for v in stock} == {"threshold test"}

    def test_with_strict_thresholds_3014_bins_differ(self, given, recorded):
        """As many as a plain program of ten lines counted when this format was explored."""
        strict = read_netx(OXFORD / "network.net", convention=STRICT)
        assert self.wrong(self.run(strict, given), recorded) == 3014
        loihi1 = compile_file(OXFORD / "network.net", BuildOptions("loihi1"), None, lambda name: None).program
        assert self.wrong(self.run(loihi1, given), recorded) == 3014
