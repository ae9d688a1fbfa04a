"""Images in lava-dl netx files, held against SLAYER's blocks in plain numpy (`tests.plain_slayer`)."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec.backend import availability, find_backend, run
from spikec.commands.build import BuildOptions, check_file
from spikec.compare import compare
from spikec.frontends.netx import read_netx
from spikec.ir.connectivity import Convolution, DelayKind
from spikec.rasters import from_raster
from tests import plain_slayer
from tests.netx_files import CUBA, assert_refused, conv, dense, flatten, image, pool, write

LEAKY = {**CUBA, "iDecay": 1024, "vDecay": 300, "vThMant": 90}
CHECKED = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.net"


def assert_same_spikes(path, layers, raster, backend="cpu", **options):
    """Hold every layer of neurons against plain numpy; give how many spikes there were."""
    program = read_netx(write(path, *layers))
    flat = raster.reshape(1, len(raster), -1)
    result = run(find_backend(backend), program, {"input": from_raster(flat)}, len(raster))
    expected = plain_slayer.spikes(layers, raster, **options)
    n = 0
    for i, layer in enumerate(layers):
        if layer.get("neuron"):
            got = result.spikes[f"layer{i}"].raster(len(raster))[0]
            np.testing.assert_array_equal(got, expected[i].reshape(len(raster), -1), f"layer {i}")
            n += int(got.sum())
    return n


def some(rng, *shape):
    """Weights that a chip has."""
    return 2 * rng.integers(-30, 41, shape)


def frames(rng, n_ticks, *shape):
    return rng.random((n_ticks, *shape)) < 0.3


# What is read


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_whole_network_of_images_spikes_as_slayers(path, backend):
    rng = np.random.default_rng(1)
    layers = [
        image(2, 9, 7),
        conv(some(rng, 4, 2, 3, 2), (2, 9, 7), padding=(1, 0), neuron=LEAKY, delay=np.array([0, 3, 1, 2])),
        pool([[50, 50], [50, 50]], (4, 9, 6), neuron=LEAKY, delay=2),
        conv(some(rng, 6, 2, 2, 3), (4, 5, 3), (2, 1), (0, 1), (2, 1), 2, LEAKY),
        flatten(36),
        dense(some(rng, 5, 36), LEAKY),
    ]
    assert assert_same_spikes(path, layers, frames(rng, 30, 2, 9, 7), backend) > 200


def test_kernels_are_not_turned_round_and_rows_come_before_columns(path):
    kernel = np.zeros((1, 1, 2, 3))
    kernel[0, 0, 1, 0] = 100
    write(path, image(1, 3, 4), conv(kernel, (1, 3, 4)))
    program = read_netx(path)
    assert [p.shape for p in program.network.populations] == [(1, 3, 4), (1, 2, 2)]
    raster = np.zeros((1, 3, 12), bool)
    raster[0, 0, 2 * 4 + 1] = True  # the pixel of row 2 and column 1
    result = run(find_backend("cpu"), program, {"input": from_raster(raster)}, 3)
    assert result.spikes["layer1"].neurons.tolist() == [1 * 2 + 1]  # row 1, column 1


def test_lavas_own_convolution_of_what_lava_dl_makes_of_a_file_gives_the_same_sums(path):
    """lava-dl turns kernels round in both axes and reverses all axes; Lava then convolves."""
    lava = pytest.importorskip("lava.proc.conv.utils")
    rng = np.random.default_rng(5)
    layer = conv(some(rng, 6, 2, 3, 2), (4, 9, 8), (2, 1), (1, 2), (1, 3), 2)
    (q,) = read_netx(write(path, image(4, 9, 8), layer)).network.projections
    x = frames(rng, 1, 4, 9, 8)[0].astype(np.int64)
    got = q.connectivity.by_post(q.connectivity.weights.mantissa, x.ravel())
    numbers = (tuple(int(k) for k in layer[name][::-1]) for name in ("stride", "padding", "dilation"))
    turned = layer["weight"][:, :, ::-1, ::-1].transpose(0, 3, 2, 1).astype(int)
    expected = lava.conv_scipy(x.transpose(2, 1, 0), turned, turned.shape[1:3], *numbers, 2)
    np.testing.assert_array_equal(got, expected.transpose(2, 1, 0).ravel())


@pytest.mark.skipif(availability("lava") is not None, reason="Lava is not installed")
def test_lava_runs_images_of_a_file_as_they_are(path):
    lava = find_backend("lava", flavour="fused")
    rng = np.random.default_rng(7)
    layers = [
        image(1, 6, 5),
        conv(some(rng, 2, 1, 3, 2), (1, 6, 5), neuron=LEAKY, delay=np.array([0, 2])),
        pool([[60, 60]], (2, 4, 4), neuron=LEAKY),
        flatten(16),
        dense(some(rng, 4, 16), LEAKY),
    ]
    program = read_netx(write(path, *layers))
    inputs = {"input": from_raster(frames(rng, 20, 1, 6, 5).reshape(1, 20, -1))}
    assert compare(run(find_backend("cpu"), program, inputs, 20), run(lava, program, inputs, 20)).identical


def test_a_convolution_shares_its_kernel_in_the_program(path):
    rng = np.random.default_rng(2)
    kernel = some(rng, 4, 2, 3, 3)
    write(path, image(2, 20, 20), conv(kernel, (2, 20, 20)))
    (q,) = read_netx(path).network.projections
    assert isinstance(q.connectivity, Convolution)
    np.testing.assert_array_equal(q.connectivity.weights.mantissa, kernel)


numbers = st.integers


@CHECKED
@given(data=st.data())
def test_any_convolution_spikes_as_slayers(tmp_path, data):
    draw = data.draw
    groups, per_group, c_out = draw(numbers(1, 2)), draw(numbers(1, 2)), draw(numbers(1, 2))
    kernel, stride = (tuple(draw(numbers(1, 3)) for _ in "yx") for _ in "ks")
    padding, dilation = tuple(draw(numbers(0, 2)) for _ in "yx"), tuple(draw(numbers(1, 2)) for _ in "yx")
    pixels = tuple(draw(numbers(d * (k - 1) + 1, 7)) for k, d in zip(kernel, dilation, strict=True))
    rng = np.random.default_rng(draw(numbers(0, 99)))
    of = (groups * per_group, *pixels)
    n = groups * c_out
    neuron = {**LEAKY, "iDecay": rng.integers(1, 4097, n), "vThMant": rng.integers(40, 120, n)}
    weight = some(rng, n, per_group, *kernel)
    layer = conv(weight, of, stride, padding, dilation, groups, neuron, delay=rng.integers(0, 4, n))
    size = int(np.prod(layer["shape"]))
    layers = [image(*of), layer, flatten(size), dense(some(rng, 3, size), LEAKY)]
    raster = frames(rng, 15, *of)
    assert_same_spikes(tmp_path / "net", layers, raster)
    layer["bias"] = rng.integers(-9, 10, n)
    assert_same_spikes(tmp_path / "net", layers, raster, hops_first=True)


@CHECKED
@given(data=st.data())
def test_any_pool_spikes_as_slayers_or_is_refused_where_slayer_mixes_channels(tmp_path, data):
    draw = data.draw
    channels, pixels = draw(numbers(1, 3)), tuple(draw(numbers(2, 8)) for _ in "yx")
    kernel, stride = (tuple(draw(numbers(1, 3)) for _ in "yx") for _ in "ks")
    stride = draw(st.sampled_from([kernel, stride]))
    padding = draw(st.sampled_from([(0, 0), (0, 1), (1, 1)]))
    rng = np.random.default_rng(draw(numbers(0, 99)))
    of = (channels, *pixels)
    try:
        layer = pool(some(rng, *kernel), of, stride, padding, neuron=LEAKY)
    except ValueError:
        return  # SLAYER itself cannot make channels of the image, or the window is too large
    layers = [image(*of), layer]
    rows = pixels[0] + pixels[0] % kernel[0]
    if channels > 1 and (padding[0] or kernel[0] > stride[0] or rows % stride[0]):
        assert_refused(write(tmp_path / "net", *layers), "layer 1 (pool)", "mix channels")
    else:
        assert_same_spikes(tmp_path / "net", layers, frames(rng, 12, *of))


def test_a_pool_puts_zeros_beside_what_its_kernel_does_not_divide(path):
    """An image of 6 by 7 becomes 3 by 4, as lava-dl's issue 293 reports."""
    layer = pool(np.full((2, 2), 100), (8, 6, 7))
    assert layer["shape"].tolist() == [8, 3, 4]
    rng = np.random.default_rng(3)
    assert assert_same_spikes(path, [image(8, 6, 7), layer], frames(rng, 5, 8, 6, 7)) > 50


def test_flattened_values_keep_the_order_of_channels_rows_and_columns(path):
    one = conv(np.full((2, 1, 1, 1), 100), (1, 2, 3))
    weight = np.zeros((12, 12))
    np.fill_diagonal(weight, 100)
    for layers in ([one, flatten(12), dense(weight)], [one, dense(weight)]):
        program = read_netx(write(path, image(1, 2, 3), *layers))
        raster = np.zeros((1, 4, 6), bool)
        raster[0, 0, 5] = True
        last = program.network.outputs[0]
        result = run(find_backend("cpu"), program, {"input": from_raster(raster)}, 4)
        assert result.spikes[last].neurons.tolist() == [5, 11]


def test_a_first_convolution_of_stride_one_tells_its_input(path):
    write(path, conv(np.full((2, 3, 3, 2), 2), (3, 8, 9), padding=(1, 0), dilation=(2, 3)))
    assert read_netx(path).network.population("input").shape == (3, 8, 9)


@pytest.mark.parametrize(("size", "rules"), [(63, set()), (64, {"membrane decay"})])
def test_an_average_is_a_readout_of_the_mean_which_the_chip_has_for_small_groups(path, size, rules):
    layers = [
        dense(100 * np.eye(2 * size), {**CUBA, "vDecay": 4095}),
        {"type": "average", "shape": np.array([2, 1, 1])},
    ]
    program = read_netx(write(path, *layers))
    raster = np.random.default_rng(6).random((9, 2 * size)) < np.linspace(0, 1, 9)[:, None]
    raster[5] = True
    result = run(find_backend("cpu"), program, {"input": from_raster(raster[None])}, 9, ["layer1.v"])
    means = plain_slayer.spikes(layers, raster)[1]
    np.testing.assert_array_equal(result.traces["layer1.v"][0, 1:], np.rint(64 * size * means)[:-1])
    assert means.max() == 1
    assert result.spikes["layer1"].n_events == 0
    assert any(f"{64 * size} times the mean" in note for note in program.network.notes)
    broken, _ = check_file(path, BuildOptions("loihi2"))
    assert {v.rule for v in broken} == rules


def test_delays_of_channels_wait_in_front_of_what_reads_them(path):
    layers = [
        image(1, 2, 2),
        conv(np.full((2, 1, 1, 1), 100), (1, 2, 2), delay=np.array([3.9, 0])),
        pool([[100]], (2, 2, 2)),
        {"type": "average", "shape": np.array([1])},
    ]
    network = read_netx(write(path, *layers)).network
    assert network.projections[1].delays.kind is DelayKind.AXONAL
    assert network.projections[1].delays.values.tolist() == [3, 3, 3, 3, 0, 0, 0, 0]
    assert any("cut off" in note for note in network.notes)
    layers[1]["delay"] = np.array([5.0])
    assert int(read_netx(write(path, *layers)).network.projections[1].delays.values) == 5
    layers[1]["delay"] = np.arange(8).reshape(2, 2, 2)
    values = read_netx(write(path, *layers)).network.projections[1].delays.values
    assert values.tolist() == list(range(8))


def test_old_kernels_with_a_further_axis_and_single_numbers_are_read(path):
    layer = conv(np.full((1, 1, 2, 2), 50), (1, 4, 4), (2, 2), (1, 1))
    one = {"stride": 2, "padding": 1, "dilation": 1, "weight": layer["weight"][..., None]}
    kernels = [
        read_netx(write(path, image(1, 4, 4), k)).network.projections[0].connectivity
        for k in (layer, {**layer, **one})
    ]
    assert kernels[0].axes == kernels[1].axes
    np.testing.assert_array_equal(kernels[0].weights.mantissa, kernels[1].weights.mantissa)


def test_a_convolution_without_a_neuron_is_a_readout(path):
    write(path, image(1, 2, 2), conv(np.full((1, 1, 1, 1), 100), (1, 2, 2), neuron=None))
    program = read_netx(path)
    assert any("no neuron" in note for note in program.network.notes)
    raster = np.zeros((1, 3, 4), bool)
    raster[0, 0, 2] = True
    result = run(find_backend("cpu"), program, {"input": from_raster(raster)}, 3, ["layer1.v"])
    assert result.traces["layer1.v"][0, 1].tolist() == [0, 0, 6400, 0]


def test_a_bias_acts_a_tick_longer_than_in_slayer_and_this_is_told(path):
    layer = conv([[[[100]]]], (1, 1, 1), neuron={**CUBA, "vDecay": 0, "vThMant": 99}, bias=np.array([33]))
    assert (
        assert_same_spikes(path, [image(1, 1, 1), layer], np.zeros((9, 1, 1, 1), bool), hops_first=True) == 3
    )
    assert any("layer 1 (conv)" in note and "bias" in note for note in read_netx(path).network.notes)
    write(path, image(1, 1, 1), {**layer, "bias": np.array([0])})
    assert not any("bias" in note for note in read_netx(path).network.notes)


def test_the_tick_of_slayers_input_block_is_told(path):
    write(path, image(1), dense([[100]]))
    assert any("delay_shift" in note for note in read_netx(path).network.notes)


# What is refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stride": None}, ("no stride",)),
        ({"padding": None}, ("no padding",)),
        ({"dilation": None}, ("no dilation",)),
        ({"groups": None}, ("no groups",)),
        ({"weight": None}, ("no weight",)),
        ({"shape": None}, ("no shape",)),
        ({"stride": np.array([0, 1])}, ("stride", "0")),
        ({"stride": np.array([1, 2**40])}, ("stride", "1.09951e+12")),
        ({"stride": np.array([1 << 20, 1])}, ("stride", "1048576")),
        ({"stride": np.array([1, 1, 1])}, ("3 values of stride",)),
        ({"stride": 1.5}, ("stride", "1.5")),
        ({"padding": -1}, ("padding", "-1")),
        ({"padding": 1 << 20}, ("padding", "1048576")),
        ({"dilation": 9}, ("window of 19 pixels",)),
        ({"groups": 2}, ("reads 4 channels", "(2, 6, 5)")),
        ({"groups": 0}, ("groups", "0")),
        ({"groups": 2**40}, ("groups",)),
        ({"shape": np.array([5, 6, 4])}, ("(5, 6, 4)", "(4, 4, 3)")),
        ({"shape": np.array([48])}, ("(48,)", "(4, 4, 3)")),
        ({"shape": np.array([0, 4, 3])}, ("shape", "0")),
        ({"inChannels": 3}, ("inChannels 3",)),
        ({"outChannels": 5}, ("outChannels 5",)),
        ({"kernelSize": np.array([3, 2])}, ("kernelSize 3 2",)),
        ({"weight": np.ones((4, 2))}, ("weight", "(4, 2)")),
        ({"delay": np.arange(5)}, ("delay", "5 values", "4 channels")),
        ({"bias": np.arange(48)}, ("bias", "48 values", "4 channels", "(4, 4, 3)")),
        ({"neuron": {**CUBA, "vDecay": np.array([1, 2])}}, ("vDecay", "2 values")),
        ({"neuron": {**CUBA, "type": "SDNN"}}, ("SDNN", "slayer.block.cuba")),
    ],
)
def test_convolutions_that_contradict_themselves_are_refused_by_name(path, change, words):
    layer = {**conv(np.full((4, 2, 3, 3), 2), (2, 6, 5)), **change}
    assert_refused(write(path, image(2, 6, 5), layer), "layer 1 (conv)", *words)


def test_kernels_that_are_no_integers_of_a_chip_are_refused_or_rounded_as_matrices_are(path):
    tiny, endless = (conv(np.full((1, 1, 2, 2), value), (1, 3, 3)) for value in (1e-5, np.inf))
    assert_refused(write(path, image(1, 3, 3), tiny), "layer1.weight", "round to zero")
    assert_refused(write(path, image(1, 3, 3), endless), "weight of layer 1", "finite")
    write(path, image(1, 3, 3), conv([[[[-200, 131]]]], (1, 3, 3)))
    program = read_netx(path)
    assert any("1 of 2 weights" in note for note in program.network.notes)
    assert not program.log[0].lossless


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stride": np.array([1, 2])}, ("mix channels", "stride 1", "use a stride")),
        ({"padding": np.array([1, 0])}, ("mix channels", "padding 1")),
        ({"dilation": np.array([2, 1])}, ("mix channels", "dilation 2")),
        ({"stride": np.array([4, 2])}, ("mix channels", "stride 4")),
        ({"weight": np.ones((2, 1, 2, 2))}, ("weight", "(2, 1, 2, 2)")),
        ({"kernelSize": 3}, ("kernelSize 3",)),
        ({"shape": np.array([2, 3, 3])}, ("(2, 3, 3)", "(2, 3, 2)")),
    ],
)
def test_pools_that_slayer_computes_otherwise_are_refused_by_name(path, change, words):
    layer = {**pool(np.full((2, 2), 50), (2, 6, 4)), **change}
    assert_refused(write(path, image(2, 6, 4), layer), "layer 1 (pool)", *words)


def test_a_pool_of_odd_height_whose_windows_straddle_channels_is_refused(path):
    """Five rows and a kernel of three: SLAYER makes them seven, which three does not divide."""
    layer = {**pool(np.full((3, 1), 50), (1, 5, 1)), "shape": np.array([2, 2, 1])}
    assert_refused(write(path, image(2, 5, 1), layer), "layer 1 (pool)", "mix channels", "height of 5")


def test_images_that_do_not_meet_are_refused(path):
    one = conv(np.full((1, 1, 1, 1), 2), (1, 2, 2))
    assert_refused(write(path, image(4), one), "layer 1 (conv)", "(4,)", "(channels, height, width)")
    assert_refused(write(path, image(1, 2, 2), flatten(4), one), "layer 2 (conv)", "(4,)")
    assert_refused(write(path, flatten(4), one), "layer 1 (conv)", "(4,)")
    assert_refused(write(path, image(1, 2, 2), flatten(5)), "layer 1 (flatten)", "5 values", "(1, 2, 2)")
    assert_refused(
        write(path, image(1, 2, 2), one, dense([[2, 2]])), "layer 2 (dense)", "reads 2", "4 neurons"
    )
    each = {**dense(np.full((3, 1), 2)), "shape": np.array([3, 2, 2])}
    assert_refused(write(path, image(1, 2, 2), each), "layer 1 (dense)", "pixels", "Flatten")


def test_a_first_layer_that_does_not_tell_its_input_is_refused(path):
    for layer in (conv(np.full((1, 1, 2, 2), 2), (1, 4, 4), (2, 2)), pool([[2]], (1, 4, 4))):
        assert_refused(write(path, layer), "layer 0", "how large its input is", "cuba.Input()")
    assert_refused(
        write(path, {**conv(np.full((1, 1, 1, 1), 2), (1, 4, 4)), "padding": 9}), "layer 0", "empty"
    )


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([{"shape": [4]}], ("4 means of 6 neurons", "equal")),
        ([{"shape": [2], "neuron": CUBA}], ("has neurons",)),
        ([{"shape": [2]}, {"shape": [1]}], ("layer 2 (average)", "means of layer 1", "no spikes")),
    ],
)
def test_averages_that_cannot_be_represented_are_refused(path, layers, words):
    assert_refused(write(path, dense(np.eye(6) * 2), *({"type": "average", **k} for k in layers)), *words)
    assert_refused(write(path, {"type": "average", "shape": [1]}), "layer 0 (average)", "nothing before it")


def test_complex_kernels_are_refused(path):
    layer = {**conv(np.full((1, 1, 1, 1), 2), (1, 2, 2)), "weight": None}
    parts = {"weight/real": np.ones((1, 1, 1, 1)), "weight/imag": np.ones((1, 1, 1, 1))}
    assert_refused(write(path, image(1, 2, 2), {**layer, **parts}), "layer 1", "complex")


def test_members_that_such_a_layer_does_not_have_are_told(path):
    write(path, image(1, 2, 2), conv(np.full((1, 1, 1, 1), 2), (1, 2, 2), weight_rec=np.ones((4, 4))))
    assert any("weight_rec was not read" in note for note in read_netx(path).network.notes)
