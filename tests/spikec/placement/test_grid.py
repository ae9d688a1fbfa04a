"""The mesh: places, hops counted by hand, and a Hilbert curve whose neighbours are neighbours."""

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec.placement.grid import Grid, grid_of, hilbert_index
from spikec.targets.target import load_target


def test_hops_of_two_chips_of_two_by_two_tiles_are_those_counted_by_hand():
    grid = Grid(columns=2, rows=2, cores_per_tile=2, chips=2)
    assert grid.n_places == 16
    # tiles go down the columns: 0 (0, 0), 1 (0, 1), 2 (1, 0), 3 (1, 1), then the next chip at column 2
    assert grid.tiles[0].tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert grid.tiles[1].tolist() == [0, 0, 1, 1] * 4
    east, south = grid.hops(np.array(0), np.array([0, 1, 2, 4, 6, 15]))
    assert (east + south).tolist() == [0, 0, 1, 1, 2, 4]
    assert grid.from_outside[[0, 2, 15]].tolist() == [1, 2, 5]
    assert [s.tolist() for s in grid.hops(np.array([15]), np.array([0, 2]))] == [[3, 3], [1, 0]]


def test_the_mesh_of_loihi_has_128_places_and_as_many_chips_as_are_needed():
    one, two = grid_of(load_target("loihi1")), grid_of(load_target("loihi1"), 129)
    assert (one.n_places, one.chips) == (128, 1)
    assert (two.n_places, two.chips) == (256, 2)


def test_a_target_without_mesh_is_refused():
    with pytest.raises(UsageError, match="does not say how its cores lie"):
        grid_of(load_target("ideal"))


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_a_hilbert_curve_visits_all_points_once_and_goes_from_neighbour_to_neighbour(bits):
    x, y = np.divmod(np.arange(4**bits), 2**bits)
    index = hilbert_index(x, y)
    assert sorted(index.tolist()) == list(range(4**bits))
    order = np.argsort(index)
    steps = np.abs(np.diff(x[order])) + np.abs(np.diff(y[order]))
    assert np.all(steps == 1)
    assert hilbert_index(np.array([0]), np.array([0])).tolist() == [0]
