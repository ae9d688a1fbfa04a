"""How far apart some cores are at least, all of which send messages to each other."""

from __future__ import annotations

from collections.abc import Iterator

from spikec.placement.grid import Grid

MOST = 20
"""So many places at most: what is tried grows fast."""


def least_apart(grid: Grid, k: int) -> int:
    r"""The fewest routers between all ordered pairs of k different places; 0 for more than `MOST` places.

    Hops along a row are counted at the borders between columns: with :math:`L` places to the left, each is
    passed :math:`2 L (k - L)` times; so these hops follow from how many places each column has, and likewise
    for rows. A table with these sums and at most t places a tile exists if any i columns have no more than
    :math:`\sum_j \min(b_j, t i)` places, with :math:`b_j` of row j (D. Gale, H. Ryser, 1957). All columns and
    rows are tried that cost less than the best rectangle.
    """
    if k > MOST:
        return 0
    tile = grid.cores_per_tile
    best = min(_rectangle(k, height, tile) for height in range(1, k + 1))
    columns = _profiles(k, grid.chips * grid.columns, grid.rows * tile, best)
    rows = _profiles(k, grid.rows, grid.chips * grid.columns * tile, best)
    for a, along in columns.items():
        for b, down in rows.items():
            if along + down < best and _exists(a, b, tile):
                best = along + down
    return k * (k - 1) + best


def _rectangle(k: int, height: int, tile: int) -> int:
    """Hops between all ordered pairs of k places that fill columns of some tiles one after the other."""
    columns = [min(height * tile, k - before) for before in range(0, k, height * tile)]
    rows = [sum(min(max(here - row * tile, 0), tile) for here in columns) for row in range(height)]
    return _passed(columns) + _passed(rows)


def _passed(columns: list[int]) -> int:
    """Hops along a row between all ordered pairs of places in columns."""
    k, left, hops = sum(columns), 0, 0
    for here in columns:
        left += here
        hops += 2 * left * (k - left)
    return hops


def _profiles(k: int, most_columns: int, most: int, limit: int) -> dict[tuple[int, ...], int]:
    """Places of columns, the fullest first, with the fewest hops of any order, if these are below a limit."""
    found: dict[tuple[int, ...], int] = {}
    for columns, hops in _orders(k, k, most_columns, most, limit):
        fullest_first = tuple(sorted(columns, reverse=True))
        found[fullest_first] = min(hops, found.get(fullest_first, hops))
    return found


def _orders(
    rest: int, k: int, n_columns: int, most: int, limit: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Every way to put the rest of k places into columns that follow, none of them empty, and its hops."""
    if rest == 0:
        yield (), 0
    elif n_columns:
        for here in range(1, min(rest, most) + 1):
            passed = 2 * (k - rest + here) * (rest - here)
            if passed < limit:
                for others, hops in _orders(rest - here, k, n_columns - 1, most, limit - passed):
                    yield (here, *others), hops + passed


def _exists(columns: tuple[int, ...], rows: tuple[int, ...], tile: int) -> bool:
    """Whether tiles of so many places can have these sums."""
    return all(sum(columns[:i]) <= sum(min(b, tile * i) for b in rows) for i in range(1, len(columns) + 1))
