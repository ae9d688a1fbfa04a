"""Convolution and pooling from NIR files, against scipy's correlation; and where shapes are taken from."""

from itertools import pairwise

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.frontends import nir_maps, nir_paths
from spikec.frontends.nir import read_nir
from spikec.ir import convolution
from spikec.ir.connectivity import Convolution, DelayKind, Dense, Sparse
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from tests.plain_convolution import correlated, pooled

DT = 1.0
UNSTATED = (-7, -7)


def _if(shape=(1,)):
    one = np.ones(shape)
    return nir.IF(r=one, v_threshold=2 * one, v_reset=0 * one)


def _conv(kernel, stride=1, padding=0, dilation=1, groups=1, bias=None, shape=None):
    kind = nir.Conv1d if kernel.ndim == 3 else nir.Conv2d
    bias = np.zeros(len(kernel)) if bias is None else bias
    conv = kind(shape, kernel, stride, padding, dilation, groups, bias)
    conv.input_shape = UNSTATED if shape is None else shape  # nir cannot write None
    return conv


def _pool(kind, window=(2, 2), stride=(2, 2), padding=(0, 0)):
    return kind(np.array(window), np.array(stride), np.array(padding))


def _chain(path, shape, *nodes, edges=(), **more):
    """A file of nodes in a row, named by their place, between an Input and an Output."""
    named = {
        "in": nir.Input(np.array(shape)),
        **{str(k): node for k, node in enumerate(nodes)},
        "out": nir.Output(np.array([1])),
        **more,
    }
    row = [name for name in named if name not in more]
    nir.write(path, nir.NIRGraph(named, [*pairwise(row), *edges], type_check=False))
    with h5py.File(path, "a") as file:
        for node in file["node/nodes"].values():
            if "input_shape" in node and np.array_equal(node["input_shape"], UNSTATED):
                del node["input_shape"]
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("nir") / "net.nir"


def _given(network, image):
    """What the only neurons get for an image of spikes, by the stored synapses."""
    (q,) = network.projections
    pre, post = q.connectivity.synapses()
    got = np.zeros(q.connectivity.n_post)
    np.add.at(got, post, q.connectivity.stored() * image.ravel()[pre])
    return got.reshape(network.population(q.post).shape)


def _image(rng, shape):
    return rng.integers(-4, 5, shape).astype(float)


def _assert_refused(path, *words, dt=DT):
    with pytest.raises(NetworkError) as caught:
        read_nir(path, dt=dt)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


two = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=60, deadline=None)
@given(
    window=two,
    stride=two,
    padding=st.one_of(st.sampled_from(["same", "valid"]), st.tuples(st.integers(0, 3), st.integers(0, 3))),
    dilation=two,
    extra=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    groups=st.integers(1, 3),
    stated=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_convolution_reads_as_scipy_computes_it(
    path, window, stride, padding, dilation, extra, groups, stated, seed
):
    rng = np.random.default_rng(seed)
    stride = (1, 1) if padding == "same" else stride
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    pixels = tuple(r + e for r, e in zip(reach, extra, strict=True))
    kernel = _image(rng, (2 * groups, 2, *window))
    if padding == "same":
        sides = [((r - 1) // 2, r // 2) for r in reach]
    else:
        sides = [(0, 0)] * 2 if padding == "valid" else [(p, p) for p in padding]
    conv = _conv(kernel, stride, padding, dilation, groups, shape=pixels if stated else None)
    network = read_nir(_chain(path, (2 * groups, *pixels), conv, _if()), dt=DT)
    image = _image(rng, (2 * groups, *pixels))
    axes = [(*side, s, d) for side, s, d in zip(sides, stride, dilation, strict=True)]
    expected = correlated(image, kernel, axes, groups)
    got = _given(network, image)
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)


@settings(max_examples=30, deadline=None)
@given(
    window=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 2),
    groups=st.integers(1, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_convolution_of_one_axis_reads_as_scipy_computes_it(
    path, window, stride, padding, dilation, groups, seed
):
    rng = np.random.default_rng(seed)
    kernel, image = _image(rng, (2 * groups, 3, window)), _image(rng, (3 * groups, 11))
    network = read_nir(
        _chain(path, image.shape, _conv(kernel, stride, padding, dilation, groups, shape=11), _if()), dt=DT
    )
    expected = correlated(image, kernel, [(padding, padding, stride, dilation)], groups)
    np.testing.assert_array_equal(_given(network, image), expected)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from([nir.SumPool2d, nir.AvgPool2d]),
    window=two,
    stride=two,
    padded=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_pooling_scale_and_convolution_in_a_row_become_one_list(path, kind, window, stride, padded, seed):
    rng = np.random.default_rng(seed)
    padding = tuple(k // 2 for k in window) if padded else (0, 0)
    image, kernel = _image(rng, (3, 9, 8)), _image(rng, (2, 3, 2, 1))
    middle = pooled(image, window, stride, padding)
    scale = _image(rng, middle.shape)
    scaled = middle * scale
    nodes = (_pool(kind, window, stride, padding), nir.Scale(scale), _conv(kernel, 1, (1, 0)))
    network = read_nir(_chain(path, image.shape, *nodes, _if()), dt=DT)
    assert [q.name for q in network.projections] == ["0+1+2"]
    assert isinstance(network.projections[0].connectivity, Sparse)
    expected = correlated(scaled, kernel, [(1, 1, 1, 1), (0, 0, 1, 1)])
    expected = expected / (np.prod(window) if kind is nir.AvgPool2d else 1)
    np.testing.assert_allclose(_given(network, image), expected, rtol=1e-12, atol=1e-12)


def test_pooling_flatten_and_affine_in_a_row_become_one_matrix(path):
    rng = np.random.default_rng(1)
    image, weight = _image(rng, (2, 4, 6)), _image(rng, (5, 12))
    nodes = (_pool(nir.SumPool2d), nir.Flatten(np.array([2, 2, 3]), 0), nir.Linear(weight), _if())
    network = read_nir(_chain(path, image.shape, *nodes), dt=DT)
    assert isinstance(network.projections[0].connectivity, Dense)
    expected = weight @ pooled(image, (2, 2), (2, 2), (0, 0)).ravel()
    np.testing.assert_array_equal(_given(network, image), expected)
    assert not any("row" in note for note in network.notes)


def test_a_matrix_in_front_of_a_convolution_is_composed_with_it(path):
    rng = np.random.default_rng(2)
    given, weight, kernel = _image(rng, 5), _image(rng, (16, 5)), _image(rng, (2, 1, 3, 3))
    nodes = (nir.Linear(weight), _conv(kernel, shape=(4, 4)), _if())
    network = read_nir(_chain(path, (5,), *nodes), dt=DT)
    expected = correlated((weight @ given).reshape(1, 4, 4), kernel, [(0, 0, 1, 1)] * 2)
    np.testing.assert_array_equal(_given(network, given), expected)


def test_a_bias_is_one_number_a_channel_and_goes_through_what_follows(path):
    rng = np.random.default_rng(3)
    bias, kernel, second = np.array([0.5, -2.0]), _image(rng, (2, 1, 3, 3)), _image(rng, (1, 2, 3, 3))
    network = read_nir(_chain(path, (1, 5, 5), _conv(kernel, bias=bias), _if()), dt=DT)
    np.testing.assert_array_equal(network.population("1").neuron.bias, np.repeat(bias, 9))
    nodes = (_conv(kernel, bias=bias), _conv(second, padding=1, bias=np.ones(1)), _if())
    network = read_nir(_chain(path, (1, 5, 5), *nodes), dt=DT)
    expected = correlated(np.repeat(bias, 9).reshape(2, 3, 3), second, [(1, 1, 1, 1)] * 2) + 1
    np.testing.assert_array_equal(network.population("2").neuron.bias, expected.ravel())


def test_a_recurrent_convolutional_network_spikes_as_stepped_by_hand(path):
    rng = np.random.default_rng(4)
    kernel, rec, last = (
        rng.normal(0, 1, (2, 1, 3, 2)),
        rng.normal(0, 1, (2, 2, 3, 3)),
        rng.normal(0, 1, (3, 16)),
    )
    nodes = (_conv(kernel, (2, 1), bias=np.array([0.3, 0.1])), _if((2, 2, 4)))
    nodes = (*nodes, nir.Flatten(np.array([2, 2, 4]), 0), nir.Linear(last), _if(3))
    extra = {"rec": _conv(rec, padding="same"), "skip": nir.Linear(rng.normal(0, 1, (3, 25)))}
    edges = [("1", "rec"), ("rec", "1"), ("in", "skip"), ("skip", "4")]
    network = read_nir(_chain(path, (1, 5, 5), *nodes, edges=edges, **extra), dt=DT)
    raster = rng.random((60, 25)) < 0.4
    result = (
        ReferenceBackend()
        .prepare(Program(network, load_target("ideal")))
        .run({"in": from_raster(raster[None])}, 60)
    )
    v, w, z = np.zeros((2, 2, 4)), np.zeros(3), np.zeros((2, 2, 4))
    n_spikes = 0
    for tick, seen in enumerate(raster.astype(float)):
        x = correlated(seen.reshape(1, 5, 5), kernel, [(0, 0, 2, 1), (0, 0, 1, 1)])
        v = v + x + np.array([0.3, 0.1])[:, None, None] + correlated(z, rec, [(1, 1, 1, 1)] * 2)
        z = (v > 2).astype(float)
        v = np.where(v > 2, 0, v)
        w = w + last @ z.ravel() + extra["skip"].weight @ seen
        spikes, w = w > 2, np.where(w > 2, 0, w)
        np.testing.assert_array_equal(result.spikes["1"].raster(60)[0, tick], z.ravel())
        np.testing.assert_array_equal(result.spikes["4"].raster(60)[0, tick], spikes)
        n_spikes += int(z.sum() + spikes.sum())
    assert n_spikes > 50


def test_delays_around_a_convolution_become_those_of_its_synapses(path):
    rng = np.random.default_rng(5)
    early, late = rng.integers(0, 4, 12).astype(float), rng.integers(0, 4, 16).astype(float)
    nodes = (nir.Delay(early), _conv(_image(rng, (2, 1, 2, 1)), shape=(3, 4)), nir.Delay(late), _if())
    network = read_nir(_chain(path, (1, 3, 4), *nodes), dt=DT)
    (q,) = network.projections
    pre, post = q.connectivity.synapses()
    assert q.delays.kind is DelayKind.SYNAPTIC
    np.testing.assert_array_equal(q.delays.values, early[pre] + late[post])


# Where shapes come from


@pytest.mark.parametrize("leading", [(), (1,), (300,), (1, 300)])
def test_axes_of_batch_and_time_in_front_of_an_image_are_left_out(path, leading):
    nodes = (_conv(np.ones((4, 2, 3, 3))), _if())
    network = read_nir(_chain(path, (*leading, 2, 6, 5), *nodes), dt=DT)
    assert network.population("in").shape == (2, 6, 5)
    assert network.population("1").shape == (4, 4, 3)
    assert any("batch or time" in note for note in network.notes) == (300 in leading)


def test_the_shape_of_the_input_goes_before_what_a_convolution_states(path):
    """nir infers a square kernel, so a file that was made with it states (4, 4) where (4, 2) is true."""
    nodes = (_conv(np.ones((2, 1, 3, 5))), _if(), _conv(np.ones((1, 2, 2, 2)), shape=(4, 4)), _if())
    network = read_nir(_chain(path, (1, 6, 6), *nodes), dt=DT)
    assert [p.shape for p in network.populations] == [(1, 6, 6), (2, 4, 2), (1, 3, 1)]
    assert any("Conv2d 2 states the input (2, 4, 4), but takes (2, 4, 2)" in note for note in network.notes)


def test_shapes_come_from_neurons_and_stated_inputs_where_the_input_is_a_row(path):
    nodes = (nir.Linear(np.ones((16, 3))), _if((1, 4, 4)), _pool(nir.AvgPool2d), _if())
    assert read_nir(_chain(path, (3,), *nodes), dt=DT).population("3").shape == (1, 2, 2)
    nodes = (_conv(np.ones((1, 2, 3, 3)), shape=(3, 4)), _if())
    assert read_nir(_chain(path, (24,), *nodes), dt=DT).population("1").shape == (1, 1, 2)


def test_an_image_without_an_axis_of_channels_has_one_channel(path):
    network = read_nir(_chain(path, (6, 5), _conv(np.ones((2, 1, 3, 3))), _if()), dt=DT)
    assert [p.shape for p in network.populations] == [(6, 5), (2, 4, 3)]


def test_a_flatten_that_leaves_axes_is_told_where_weights_take_them_as_one_row(path):
    nodes = (_if((2, 2, 2)), nir.Flatten(np.array([2, 2, 2]), 1), nir.Linear(np.ones((3, 8))), _if())
    network = read_nir(_chain(path, (2, 2, 2), *nodes), dt=DT)
    assert any("Linear 2 takes values of shape (2, 4)" in note for note in network.notes)


@pytest.mark.parametrize(
    ("nodes", "shape", "words"),
    [
        ([_conv(np.ones((1, 2, 3, 3)))], (1, 6, 6), ["Conv2d 0", "2 channels", "(1, 6, 6)"]),
        ([_conv(np.ones((3, 1, 3, 3)), groups=2)], (2, 6, 6), ["Conv2d 0", "2 groups"]),
        ([_conv(np.ones((1, 1, 3, 3)), groups=0)], (1, 6, 6), ["Conv2d 0", "channels"]),
        ([_conv(np.ones((1, 1, 7, 3)))], (1, 6, 6), ["Conv2d 0", "window of 7 pixels"]),
        ([_conv(np.ones((1, 1, 3, 3)), stride=(0, 1))], (1, 6, 6), ["Conv2d 0", "stride of 0"]),
        ([_conv(np.ones((1, 1, 3, 3)), padding=(-1, 1))], (1, 6, 6), ["Conv2d 0", "padding of -1"]),
        ([_conv(np.ones((1, 1, 3, 3)), dilation=0)], (1, 6, 6), ["Conv2d 0", "dilation of 0"]),
        ([_conv(np.ones((1, 1, 3, 3)), stride=2, padding="same")], (1, 6, 6), ["Conv2d 0", "'same'"]),
        ([_conv(np.full((1, 1, 3, 3), np.nan))], (1, 6, 6), ["Conv2d 0", "weight", "NaN"]),
        ([_conv(np.ones((2, 1, 3, 3)), bias=np.ones(3))], (1, 6, 6), ["Conv2d 0", "3 biases", "2 channels"]),
        ([_conv(np.ones((1, 1, 3)))], (2, 1, 6, 6), ["Conv1d 0", "channels"]),
        (
            [_conv(np.ones((1, 1, 3, 3))), _if(7)],
            (1, 6, 6),
            ["Conv2d 0", "16 of shape (1, 4, 4)", "IF 1", "7"],
        ),
        ([_conv(np.ones((1, 1, 3, 3))), _if((1, 8, 2))], (1, 6, 6), ["IF 1", "(1, 8, 2)", "(1, 4, 4)"]),
        ([_pool(nir.SumPool2d, padding=(2, 0))], (1, 6, 6), ["SumPool2d 0", "half of its window"]),
        ([_pool(nir.SumPool2d, (1 << 40, 1))], (1, 6, 6), ["SumPool2d 0", str(1 << 40)]),
        ([_pool(nir.SumPool2d)], (36,), ["SumPool2d 0", "(36,)", "(channels, height, width)"]),
        ([nir.Linear(np.ones((8, 3))), _pool(nir.AvgPool2d)], (3,), ["AvgPool2d 1", "8 values", "not known"]),
        ([_conv(np.ones((1, 1, 1, 1)), padding=1 << 15)], (1, 9, 9), ["Conv2d 0", "more than"]),
        ([_conv(np.ones((1, 1, 1, 1)))], (1, 1 << 20, 1 << 20), ["Input in", str(1 << 40)]),
        ([_conv(np.ones((1, 1, 1, 1)), shape=(1 << 20, 1 << 20))], (5,), ["Conv2d 0"]),
    ],
    ids=lambda value: value[0] + value[-1] if isinstance(value[0], str) else "",
)
def test_what_cannot_be_is_refused_by_name(path, nodes, shape, words):
    _assert_refused(_chain(path, shape, *nodes, *([] if isinstance(nodes[-1], nir.IF) else [_if()])), *words)


@pytest.mark.parametrize(
    ("node", "parameter", "value"),
    [
        ("0", "stride", np.array([1.5, 1])),
        ("0", "stride", np.array([1, 1, 1])),
        ("0", "padding", "most"),
        ("0", "groups", np.nan),
        ("0", "weight", np.ones((1, 1, 3))),
        ("0", "weight", np.ones((0, 1, 3, 3))),
        ("0", "input_shape", np.array([4, 4, 4])),
        ("0", "input_shape", np.array([-4, 4])),
        ("1", "start_dim", np.nan),
        ("1", "end_dim", np.array([1, 2])),
    ],
)
def test_impossible_numbers_of_a_convolution_name_it(path, node, parameter, value):
    flat = nir.Flatten(np.array([1, 4, 4]), 0)
    _chain(path, (1, 6, 6), _conv(np.ones((1, 1, 3, 3)), shape=(6, 6)), flat, _if())
    with h5py.File(path, "a") as file:
        del file[f"node/nodes/{node}/{parameter}"]
        file[f"node/nodes/{node}/{parameter}"] = value
    _assert_refused(path, "Conv2d 0" if node == "0" else "Flatten 1")


def test_what_a_flatten_states_of_its_input_means_nothing_if_it_is_impossible(path):
    flat = nir.Flatten(np.array([1, 4, 4]), 0)
    _chain(path, (1, 6, 6), _conv(np.ones((1, 1, 3, 3))), flat, _if())
    with h5py.File(path, "a") as file:
        file["node/nodes/1/input_type"][...] = [0, -3, 1 << 60]
    assert read_nir(path, dt=DT).population("2").n == 16


# What is too large


def test_a_convolution_costs_its_kernel_however_many_synapses_it_stands_for(path):
    nodes = (_conv(np.ones((64, 1, 15, 15)), padding=7), _if())
    network = read_nir(_chain(path, (1, 512, 512), *nodes), dt=DT)
    assert network.n_synapses == 64 * (512 * 15 - 7 * 8) ** 2
    assert network.projections[0].connectivity.weights.shape == (64, 1, 15, 15)
    np.testing.assert_array_equal(
        network.projections[0].connectivity.by_post(np.ones((64, 1, 15, 15))).max(), 225
    )


def test_pooling_becomes_part_of_the_kernel_behind_it(path):
    nodes = (_pool(nir.SumPool2d), _conv(np.ones((2, 1, 3, 3)), padding=1), _if())
    (q,) = read_nir(_chain(path, (1, 11, 11), *nodes), dt=DT).projections
    assert isinstance(q.connectivity, Convolution)
    assert q.connectivity.weights.shape == (2, 1, 6, 6)


def test_a_list_of_synapses_that_is_too_long_is_refused_before_it_is_made(path, monkeypatch):
    monkeypatch.setattr(convolution, "MOST_LISTED", 100)
    nodes = (_conv(np.ones((1, 1, 3, 3))), nir.Scale(np.arange(1.0, 65).reshape(1, 8, 8)), _if())
    _assert_refused(_chain(path, (1, 10, 10), *nodes), "576 pairs", "100")


def test_a_product_of_lists_that_is_too_long_is_refused_before_it_is_made(path, monkeypatch):
    monkeypatch.setattr(nir_maps, "MOST_LISTED", 1000)
    nodes = (nir.SumPool2d(np.array([3, 3]), np.array([2, 2]), np.array([0, 0])),
             _conv(np.ones((1, 1, 3, 3)), padding=1), _if())  # fmt: skip
    _assert_refused(_chain(path, (1, 12, 12), *nodes), "Conv2d 1", "weights")


def test_a_network_of_too_many_weights_is_refused(path, monkeypatch):
    monkeypatch.setattr(nir_paths, "MAX_SYNAPSES", 50)
    nodes = (_conv(np.ones((2, 1, 3, 3))), _if(), _conv(np.ones((2, 2, 3, 3))), _if())
    _assert_refused(_chain(path, (1, 7, 7), *nodes), "more than 50 weights", "Conv2d")
