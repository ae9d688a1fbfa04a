"""The mesh of a target as places for cores, and the hops between them.

Places count chip by chip, tile by tile down the columns, core by core. Several chips lie side by side from
west to east, and a hop from one to the next counts as any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikec.arrays import IntArray
from spikec.errors import UsageError
from spikec.targets.target import Target


@dataclass(frozen=True)
class Grid:
    """Places for cores.

    Attributes:
        columns: Tiles of a chip from west to east.
        rows: Tiles from north to south.
        cores_per_tile: Cores at one router.
        chips: Chips from west to east.
    """

    columns: int
    rows: int
    cores_per_tile: int
    chips: int = 1

    @property
    def n_places(self) -> int:
        """Places for cores on all chips."""
        return self.chips * self.columns * self.rows * self.cores_per_tile

    @cached_property
    def tiles(self) -> tuple[IntArray, IntArray]:
        """Column and row of the tile of every place, ``(n_places,)`` each."""
        tile = np.arange(self.n_places, dtype=np.int64) // self.cores_per_tile
        return tile // self.rows, tile % self.rows

    def hops(self, here: IntArray, there: IntArray) -> tuple[IntArray, IntArray]:
        """Hops east or west, and north or south, from some places to others; shapes as numpy joins them."""
        x, y = self.tiles
        return np.abs(x[here] - x[there]), np.abs(y[here] - y[there])

    @cached_property
    def from_outside(self) -> IntArray:
        """Routers on the way from the entry, that of the first tile, to every place, ``(n_places,)``."""
        x, y = self.tiles
        return np.asarray(x + y + 1)

    @cached_property
    def along_hilbert(self) -> IntArray:
        """All places in the order of a Hilbert curve through the tiles, ``(n_places,)``."""
        return np.argsort(hilbert_index(*self.tiles), kind="stable")


def grid_of(target: Target, n_cores: int = 1) -> Grid:
    """The mesh of a target with as many chips as it takes to hold some cores.

    Raises:
        UsageError: The target does not say how its cores lie.
    """
    mesh = target.mesh
    if mesh is None:
        raise UsageError(
            f"target {target.name} does not say how its cores lie; choose a chip, as loihi1, or give the "
            "file of your chip a mesh (docs/targets.md)"
        )
    one = Grid(int(mesh.columns.value), int(mesh.rows.value), int(mesh.cores_per_tile.value))
    return Grid(one.columns, one.rows, one.cores_per_tile, max(1, -(-n_cores // one.n_places)))


def hilbert_index(x: IntArray, y: IntArray) -> IntArray:
    """How far along a Hilbert curve points lie; x and y are whole and not negative.

    Source: D. Hilbert, Math. Ann. 38, 1891; in bits, from the largest square to the smallest: quadrants are
    counted in the order of a U, and each is turned so that the curve goes on in the next.
    """
    x, y = np.array(x, np.int64), np.array(y, np.int64)
    index = np.zeros_like(x)
    side = 1 << max(int(max(x.max(initial=0), y.max(initial=0))).bit_length() - 1, 0)
    while side:
        right, up = (x & side) > 0, (y & side) > 0
        index += side * side * ((3 * right) ^ up)
        x, y = x & (side - 1), y & (side - 1)
        mirror = right & ~up
        x, y = np.where(mirror, side - 1 - x, x), np.where(mirror, side - 1 - y, y)
        x, y = np.where(up, x, y), np.where(up, y, x)
        side >>= 1
    return index
