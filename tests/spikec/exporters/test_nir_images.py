"""Convolutions as nir 1.0.8 takes them: the same synapses, square kernels, shapes that nir itself infers."""

import nir
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.exporters.nir import export_nir, write_nir
from spikec.exporters.nir_images import kernel_of, window_of
from spikec.frontends.nir import read_nir
from spikec.ir.connectivity import Convolution, DelayKind, Delays, Dense, Sparse, one_to_one
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Lif, Source
from spikec.ir.windows import Axis
from spikec.program import Program
from spikec.targets.target import load_target
from tests.plain_convolution import correlated

DT = 1e-3
SIDE = st.integers(0, 2)
AXIS = st.builds(
    lambda n, kernel, stride, before, after, dilation: (n, kernel, stride, before, after, dilation),
    st.integers(4, 7),
    st.integers(1, 3),
    st.integers(1, 3),
    SIDE,
    SIDE,
    st.integers(1, 2),
)


def _axis(numbers):
    try:
        return Axis(*numbers)
    except NetworkError:  # the window does not fit
        return Axis(numbers[0], 1)


def _network(*layers, shape, neurons=None):
    """A chain of connectivities from an image-shaped source."""
    populations = [Population("in", Source(), shape)]
    projections = []
    for k, (connectivity, delays) in enumerate(layers):
        out = getattr(connectivity, "output_shape", (connectivity.n_post,))
        neuron = If(threshold=1.5) if neurons is None else neurons[k]
        populations.append(Population(f"n{k}", neuron, out))
        projections.append(Projection(f"q{k}", populations[-2].name, f"n{k}", connectivity, delays))
    last = populations[-1].name
    return Network(tuple(populations), tuple(projections), ("in",), (last,), Ticks(DT))


def _through_a_file(network, path):
    export = export_nir(Program(network, load_target("ideal")))
    write_nir(export, path)
    assert nir.read(path).nodes.keys() == export.graph.nodes.keys()
    return export, read_nir(path)


def _kinds(export):
    return sorted(n.type for n in export.graph.nodes.values() if n.type not in ("Input", "Output", "IF"))


@settings(max_examples=60, deadline=None)
@given(axes=st.tuples(AXIS, AXIS), groups=st.integers(1, 2), seed=st.integers(0, 2**32 - 1))
def test_a_window_gives_what_scipys_correlation_gives(axes, groups, seed):
    rng = np.random.default_rng(seed)
    axes = tuple(_axis(a) for a in axes)
    kernel = rng.integers(-4, 5, (2 * groups, 2, *(a.kernel for a in axes))).astype(float)
    convolution = Convolution(kernel, axes, groups)
    window = window_of(convolution)
    if window is None:
        return
    whole = kernel_of(kernel, groups, window)
    image = rng.integers(-4, 5, convolution.input_shape).astype(float)
    sides = [(p, p, a.stride, a.dilation) for p, a in zip(window.padding, axes, strict=True)]
    expected = (convolution.dense_matrix() @ image.ravel()).reshape(convolution.output_shape)
    np.testing.assert_array_equal(correlated(image, whole, sides), expected)
    assert whole.shape[2] == whole.shape[3]


@settings(max_examples=15, deadline=None)
@given(axes=st.tuples(AXIS, AXIS), groups=st.integers(1, 2), seed=st.integers(0, 2**32 - 1))
def test_any_convolution_comes_back_with_its_weights(tmp_path_factory, axes, groups, seed):
    rng = np.random.default_rng(seed)
    axes = tuple(_axis(a) for a in axes)
    first = Convolution(rng.normal(size=(2 * groups, 1, *(a.kernel for a in axes))), axes, groups)
    again = tuple(Axis(n, min(2, n)) for n in first.output_shape[1:])
    second = Convolution(rng.normal(size=(2, 2 * groups, *(a.kernel for a in again))), again)
    dense = Dense(rng.normal(size=(3, second.n_post)))
    pre, post = rng.uniform(0, 5 * DT, first.n_pre), rng.uniform(0, 5 * DT, second.n_post)
    layers = [
        (first, Delays(pre, DelayKind.AXONAL)),
        (second, Delays(post, DelayKind.DENDRITIC)),
        (dense, Delays()),
    ]
    network = _network(*layers, shape=first.input_shape)
    _, back = _through_a_file(network, tmp_path_factory.mktemp("nir") / "net.nir")
    for q, r in zip(network.projections, back.projections, strict=True):
        np.testing.assert_array_equal(q.connectivity.dense_matrix(), r.connectivity.dense_matrix())
        delays = [np.zeros((q.connectivity.n_post, q.connectivity.n_pre)) for _ in range(2)]
        for matrix, projection in zip(delays, (q, r), strict=True):
            i, j = projection.connectivity.synapses()
            matrix[j, i] = projection.delays.per_synapse(projection.connectivity)
        joined = q.connectivity.dense_matrix() != 0
        np.testing.assert_array_equal(delays[0][joined], delays[1][joined])


def test_an_image_stays_one_from_convolution_to_convolution(tmp_path):
    rng = np.random.default_rng(1)
    axes = (Axis(6, 3, 1, 1, 1), Axis(5, 3, 1, 1, 1))
    convolution = Convolution(rng.normal(size=(2, 2, 3, 3)), axes)
    scale = one_to_one(60, rng.normal(size=60))
    dense = Dense(rng.normal(size=(4, 60)))
    network = _network((convolution, Delays()), (scale, Delays()), (dense, Delays()), shape=(2, 6, 5))
    scaled = network.population("n1")
    network = network.with_populations({"n1": Population("n1", scaled.neuron, (2, 6, 5))})
    export, back = _through_a_file(network, tmp_path / "net.nir")
    assert _kinds(export) == ["Conv2d", "Flatten", "Linear", "Linear"]
    assert [p.shape for p in back.populations][:2] == [(2, 6, 5), (2, 6, 5)]


def test_a_scale_keeps_an_image_that_a_convolution_follows(tmp_path):
    rng = np.random.default_rng(2)
    convolution = Convolution(rng.normal(size=(1, 2, 2, 2)), (Axis(4, 2), Axis(4, 2)))
    scale = one_to_one(32, rng.normal(size=32))
    network = _network((scale, Delays()), (convolution, Delays()), shape=(2, 4, 4))
    export, back = _through_a_file(network, tmp_path / "net.nir")
    assert _kinds(export) == ["Conv2d", "Scale"]
    assert [p.shape for p in back.populations] == [(2, 4, 4), (2, 4, 4), (1, 3, 3)]


def test_neurons_of_one_channel_with_different_biases_are_a_row_with_a_matrix(tmp_path):
    rng = np.random.default_rng(3)
    convolution = Convolution(rng.normal(size=(2, 1, 2, 2)), (Axis(3, 2), Axis(3, 2)))
    channels, neurons = np.repeat([1.0, 2.0], 4), np.arange(8.0)
    for bias, kind in ((channels, "Conv2d"), (neurons, "Affine")):
        network = _network((convolution, Delays()), shape=(1, 3, 3), neurons=[If(5.0, bias=bias)])
        export, back = _through_a_file(network, tmp_path / "net.nir")
        assert kind in _kinds(export)
        np.testing.assert_array_equal(back.population("n0").neuron.bias, bias)
        np.testing.assert_array_equal(
            back.projections[0].connectivity.dense_matrix(), convolution.dense_matrix()
        )


def test_neurons_of_one_channel_with_different_time_constants_come_back_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(4)
    convolution = Convolution(rng.normal(size=(2, 1, 2, 2)), (Axis(3, 2), Axis(3, 2)))
    tau = rng.uniform(0.01, 0.05, 8)
    network = _network((convolution, Delays()), shape=(1, 3, 3), neurons=[Lif(tau, 1.0)])
    _, back = _through_a_file(network, tmp_path / "net.nir")
    np.testing.assert_array_equal(back.population("n0").neuron.tau, tau)
    np.testing.assert_array_equal(back.projections[0].connectivity.dense_matrix(), convolution.dense_matrix())


def test_a_convolution_of_one_axis_stays_one(tmp_path):
    convolution = Convolution(np.array([[[1.0, -1.0, 2.0]]]), (Axis(6, 3, 2, 1, 1),))
    network = _network((convolution, Delays()), shape=(1, 6))
    export, back = _through_a_file(network, tmp_path / "net.nir")
    assert _kinds(export) == ["Conv1d"]
    np.testing.assert_array_equal(back.projections[0].connectivity.dense_matrix(), convolution.dense_matrix())


def test_a_list_of_synapses_becomes_a_matrix_and_its_zeros_are_told(tmp_path):
    index = np.array([0, 1, 3])
    sparse = Sparse(3, np.array([0, 1, 1, 2, 3]), np.array([2, 0, 1]), index + 0.5)
    network = _network((sparse, Delays()), shape=(4,))
    export, back = _through_a_file(network, tmp_path / "net.nir")
    assert _kinds(export) == ["Linear"]
    np.testing.assert_array_equal(back.projections[0].connectivity.dense_matrix(), sparse.dense_matrix())
    assert any("9 zeros" in note for note in export.notes)
