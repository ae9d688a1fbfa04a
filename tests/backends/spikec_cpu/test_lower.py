"""What lowering makes of a network: which projections are matrices, and what delays cost."""

from itertools import pairwise

import numpy as np
import pytest

from spikec.ir.connectivity import Connectivity, Convolution, DelayKind, Delays, Dense, sparse
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec_cpu.lower import lower
from spikec_cpu.lower_parts import KERNEL, LISTS, MATRIX

DENSE = Dense(Fixed([[2, 4, 6], [8, 0, 10]]))
SPARSE = sparse(3, 2, [0, 0, 2], [0, 1, 0], Fixed([2, 0, 4]))
SLIDING = Convolution(Fixed([[[2, 0]]]), (Axis(3, 2),))


def test_a_dense_projection_is_a_matrix_of_rows_by_presynaptic_neuron_and_a_row_of_zeros():
    tables = _lowered(DENSE).tables
    assert tables.blocks[0]["form"] == MATRIX
    assert tables.matrices.tolist() == [2, 8, 4, 0, 6, 10, 0, 0]
    assert tables.matrices.dtype == np.int16
    assert tables.rows["events"].tolist() == [2, 1, 2]
    assert tables.rows["zeros"].tolist() == [0, 1, 0]


def test_a_sparse_projection_is_lists():
    tables = _lowered(SPARSE).tables
    assert tables.blocks[0]["form"] == LISTS
    assert tables.weights.tolist() == [2, 0, 4]
    assert tables.reach.tolist() == [0, 1, 0]
    assert tables.rows["begin"].tolist() == [0, 2, 2]
    assert tables.rows["end"].tolist() == [2, 2, 3]


def test_a_convolution_is_its_kernel_and_who_reads_each_pixel():
    tables = _lowered(SLIDING).tables
    assert tables.blocks[0]["form"] == KERNEL
    assert tables.matrices.tolist() == [2, 0]
    assert tables.weights.size == tables.reach.size == 0
    assert tables.rows["events"].tolist() == [1, 1, 0]
    assert tables.rows["zeros"].tolist() == [0, 1, 1]
    windows = tables.windows
    starts = windows.starts[windows.shapes[0]["inner"] :]
    readers = [windows.taps[a:b].tolist() for a, b in pairwise(starts)]
    assert readers == [[[0, 0]], [[1, 0], [0, 1]], [[1, 1]]]


def test_a_convolution_with_a_delay_a_synapse_is_listed():
    tables = _lowered(SLIDING, Delays([[[0, 3]]], DelayKind.SYNAPTIC)).tables
    assert tables.blocks[0]["form"] == LISTS
    assert tables.reach.tolist() == [0, 3 * 2 + 0, 1, 3 * 2 + 1]


@pytest.mark.parametrize("connectivity", [DENSE, SPARSE])
def test_a_uniform_delay_needs_no_ring_however_long(connectivity):
    tables = _lowered(connectivity, Delays(62)).tables
    assert tables.populations["slots"].tolist() == [1, 1]
    assert (tables.blocks[0]["delay"], tables.blocks[0]["spread"]) == (62, 0)


def test_a_ring_is_as_long_as_delays_differ():
    tables = _lowered(SPARSE, Delays([10, 12, 17], DelayKind.SYNAPTIC)).tables
    assert tables.populations["slots"].tolist() == [1, 8]
    assert tables.reach.tolist() == [0, 2 * 2 + 1, 7 * 2]


def test_axonal_delays_leave_a_matrix_a_matrix():
    tables = _lowered(DENSE, Delays([5, 3, 4], DelayKind.AXONAL)).tables
    assert tables.blocks[0]["form"] == MATRIX
    assert tables.rows["extra"].tolist() == [2, 0, 1]


def test_dense_synapses_with_delays_of_their_own_become_lists_by_presynaptic_neuron():
    tables = _lowered(DENSE, Delays([0, 1], DelayKind.DENDRITIC)).tables
    assert tables.blocks[0]["form"] == LISTS
    assert tables.weights.tolist() == [2, 8, 4, 0, 6, 10]
    assert tables.reach.tolist() == [0, 3, 0, 3, 0, 3]


def test_an_empty_projection_is_an_empty_list():
    empty = sparse(3, 2, [], [], Fixed(np.zeros(0, np.int64)))
    tables = _lowered(empty, Delays(np.zeros(0, np.int64), DelayKind.SYNAPTIC)).tables
    assert tables.rows["end"].tolist() == [0, 0, 0]
    assert tables.blocks[0]["delay"] == 0


def test_tables_cannot_be_written():
    tables = _lowered(DENSE).tables
    assert not any(table.flags.writeable for table in (*tables[:-1], *tables.windows))


def _lowered(connectivity: Connectivity, delays: Delays = Delays(0)):  # noqa: B008 - immutable
    network = Network(
        (Population("in", Source(), (3,)), Population("out", CubaFixed(0, 0, 1), (2,))),
        (Projection("in_out", "in", "out", connectivity, delays),),
        ("in",),
        ("out",),
        Ticks(1e-3, LOIHI),
    )
    return lower(network)
