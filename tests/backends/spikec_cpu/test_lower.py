"""What lowering makes of a network: which projections are matrices, and what delays cost."""

from itertools import pairwise

import numpy as np
import pytest

from spikec.ir.connectivity import Connectivity, Convolution, DelayKind, Delays, Dense, sparse
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec_cpu.lower import lower
from spikec_cpu.lower_parts import KERNEL, LISTS, MATRIX, as_bytes, scale_and_zero

DENSE = Dense(Fixed([[2, 4, 6], [8, 0, 10]]))
SPARSE = sparse(3, 2, [0, 0, 2], [0, 1, 0], Fixed([2, 0, 4]))
SLIDING = Convolution(Fixed([[[2, 0]]]), (Axis(3, 2),))


def test_a_dense_projection_is_a_tile_of_rows_by_presynaptic_neuron():
    tables = _lowered(DENSE).tables
    assert tables.blocks[0]["form"] == MATRIX
    tile = tables.words.reshape(3, 32)
    assert (2 * ((tile[:, :2] & 255).astype(int) - 128)).tolist() == [[2, 8], [4, 0], [6, 10]]
    assert (tile[:, 2:] & 255 == 128).all()
    assert (tile >> 8 == 128).all()
    assert (tables.blocks[0]["gain"], tables.blocks[0]["zero"]) == (2, 128)


@pytest.mark.parametrize("sign", Sign)
def test_a_byte_tells_every_mantissa_of_a_format(sign):
    form = FixedFormat(8, sign)
    mantissas = np.arange(form.minimum, form.maximum + 1, form.step)
    scale, zero = scale_and_zero(form)
    assert (scale * (as_bytes(mantissas, form).astype(int) - zero)).tolist() == mantissas.tolist()


def test_what_a_spike_touches_is_known_by_neuron():
    (touched,) = _lowered(DENSE).touched
    assert touched.events.tolist() == [2, 1, 2]
    assert touched.zeros.tolist() == [0, 1, 0]


def test_synapses_with_delays_of_their_own_are_lists_without_those_of_weight_zero():
    tables = _lowered(SPARSE, Delays([0, 1, 0], DelayKind.SYNAPTIC)).tables
    assert tables.blocks[0]["form"] == LISTS
    assert tables.weights.tolist() == [2, 4]
    assert tables.reach.tolist() == [0, 0]
    assert tables.rows["begin"].tolist() == [0, 1, 1]
    assert tables.rows["end"].tolist() == [1, 1, 2]


@pytest.mark.parametrize(("n_synapses", "form"), [(2, LISTS), (4, MATRIX)])
def test_density_says_whether_synapses_are_lists_or_a_matrix(n_synapses, form):
    pre = np.arange(n_synapses)
    few = sparse(8, 10, pre, pre, Fixed(np.full(n_synapses, 2)))
    zeros = np.zeros((10, 8), np.int64)
    zeros[pre, pre] = 2
    for connectivity in (few, Dense(Fixed(zeros))):
        assert _lowered(connectivity).tables.blocks[0]["form"] == form


def test_a_convolution_is_its_kernel_and_who_reads_each_pixel():
    tables = _lowered(SLIDING).tables
    assert tables.blocks[0]["form"] == KERNEL
    assert tables.entries.tolist() == [129, *[128] * 7, 128, *[128] * 7]
    assert tables.weights.size == tables.reach.size == 0
    windows = tables.windows
    starts = windows.starts[windows.shapes[0]["inner"] :]
    readers = [windows.taps[a:b].tolist() for a, b in pairwise(starts)]
    assert readers == [[[0, 0]], [[1, 0], [0, 1]], [[1, 1]]]


def test_a_convolution_with_a_delay_a_synapse_is_listed():
    tables = _lowered(SLIDING, Delays([[[0, 3]]], DelayKind.SYNAPTIC)).tables
    assert tables.blocks[0]["form"] == LISTS
    assert tables.weights.tolist() == [2, 2]
    assert tables.reach.tolist() == [0, 1]


def test_neurons_that_a_kernel_leads_to_lie_pixel_by_pixel():
    two = Convolution(Fixed([[[2, 4]], [[6, 8]]]), (Axis(3, 2),))
    lowered = _lowered(two)
    populations = lowered.tables.populations
    assert lowered.tables.order[populations["first"][1] :][:4].tolist() == [0, 2, 1, 3]
    assert lowered.reordered == (False, True)
    assert _lowered(SLIDING).reordered == (False, False)


def test_a_layer_is_one_population_reached_by_matrices_in_one_delay():
    assert _lowered(DENSE, Delays(3)).layers[0] is not None
    assert _lowered(DENSE, Delays([5, 3, 4], DelayKind.AXONAL)).layers == (None,)
    assert _lowered(SLIDING).layers == (None,)


@pytest.mark.parametrize("connectivity", [DENSE, SPARSE])
def test_a_uniform_delay_needs_no_ring_however_long(connectivity):
    tables = _lowered(connectivity, Delays(62)).tables
    assert tables.populations["slots"].tolist() == [1, 1]
    assert (tables.blocks[0]["delay"], tables.blocks[0]["spread"]) == (62, 0)


def test_a_ring_is_as_long_as_delays_differ():
    tables = _lowered(SPARSE, Delays([10, 12, 17], DelayKind.SYNAPTIC)).tables
    assert tables.populations["slots"].tolist() == [1, 8]
    assert tables.weights.tolist() == [2, 4]
    assert tables.reach.tolist() == [0, 7 * 64]


def test_axonal_delays_leave_a_matrix_a_matrix():
    tables = _lowered(DENSE, Delays([5, 3, 4], DelayKind.AXONAL)).tables
    assert tables.blocks[0]["form"] == MATRIX
    assert tables.rows["extra"].tolist() == [2, 0, 1]


def test_dense_synapses_with_delays_of_their_own_become_lists_by_presynaptic_neuron():
    tables = _lowered(DENSE, Delays([0, 1], DelayKind.DENDRITIC)).tables
    assert tables.blocks[0]["form"] == LISTS
    assert tables.weights.tolist() == [2, 8, 4, 6, 10]
    assert tables.reach.tolist() == [0, 65, 0, 0, 65]


def test_an_empty_projection_is_an_empty_list():
    empty = sparse(3, 2, [], [], Fixed(np.zeros(0, np.int64)))
    tables = _lowered(empty, Delays(np.zeros(0, np.int64), DelayKind.SYNAPTIC)).tables
    assert tables.blocks[0]["form"] == LISTS
    assert tables.rows["end"].tolist() == [0, 0, 0]
    assert tables.blocks[0]["delay"] == 0


def test_tables_cannot_be_written():
    tables = _lowered(DENSE).tables
    assert not any(table.flags.writeable for table in (*tables[:-1], *tables.windows))


def _lowered(connectivity: Connectivity, delays: Delays = Delays(0)):  # noqa: B008 - immutable
    n_pre, n_post = connectivity.n_pre, connectivity.n_post
    network = Network(
        (Population("in", Source(), (n_pre,)), Population("out", CubaFixed(0, 0, 1), (n_post,))),
        (Projection("in_out", "in", "out", connectivity, delays),),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )
    return lower(network)
