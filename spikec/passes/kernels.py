"""The inner loops of fits in numba: coordinates on a grid one after the other, and when membranes cross.

Imported only when something is fitted. Arrays that a function is to fill are changed in place.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from spikec.arrays import FloatArray, IntArray

SHIFTS = 4
"""Common shifts tried a step, over two steps, where only differences between columns count."""

EQUAL = 1e-9
"""A move gains something if it does by more than this part of a squared step."""


@njit(cache=True)
def nearest(
    values: FloatArray, step: float, low: float, high: float, together: bool, out: FloatArray
) -> None:
    """The grid points nearest to values of one coordinate.

    Args:
        values: Of the columns of a group, ``(n_columns,)``.
        step: Between grid points.
        low: The lowest.
        high: The highest.
        together: Whether only differences between the columns count.
        out: Takes the result, ``(n_columns,)``.
    """
    if not together:
        for c in range(values.size):
            out[c] = min(max(np.rint(values[c] / step) * step, low), high)
        return
    middle = (values.max() + values.min()) / 2
    least = np.inf
    tried = np.empty(values.size)
    for shift in range(2 * SHIFTS):
        offset = (shift + 0.5) / SHIFTS - 1.0
        for c in range(values.size):
            steps = np.rint((values[c] - middle + (low + high) / 2) / step + offset)
            tried[c] = min(max(steps * step, low), high)
        cost = squares(tried, values, together)
        if cost < least:
            least = cost
            out[:] = tried


@njit(cache=True)
def squares(a: FloatArray, b: FloatArray, together: bool) -> float:
    """The squares of what counts of the difference of two points of one coordinate, summed."""
    total, common = 0.0, 0.0
    for c in range(a.size):
        total += (a[c] - b[c]) ** 2
        common += a[c] - b[c]
    return total - common**2 / a.size if together else total


@njit(cache=True)
def add(vectors: FloatArray, way: FloatArray, sizes: FloatArray, last: int, together: bool) -> None:
    """Add to the first coordinates of each column one direction, as far as sizes of what counts say."""
    common = sizes.sum() / sizes.size if together else 0.0
    for c in range(sizes.size):
        size = sizes[c] - common
        if size != 0.0:
            for k in range(last):
                vectors[c, k] += way[k] * size


@njit(cache=True)
def round_in_turn(
    lower: FloatArray, best: FloatArray, grid: FloatArray, per: int, together: bool, chosen: FloatArray
) -> None:
    """See `spikec.passes.grid_fit.rounded_in_turn`.

    Args:
        lower: Cholesky factors of A, ``(n_problems, n, n)``, or one for all.
        best: Groups of columns, ``(n_groups, n_columns, n)``.
        grid: Step, lowest and highest of coordinates, ``(n_problems, n, 3)``, or one for all.
        per: Groups of a problem.
        together: Whether only differences between the columns of a group count.
        chosen: Takes the grid points, as `best`.
    """
    n_groups, n_columns, n = best.shape
    pushed, centre, there = np.empty((n_columns, n)), np.empty(n_columns), np.empty(n_columns)
    for g in range(n_groups):
        factor = lower[min(g // per, lower.shape[0] - 1)]
        points = grid[min(g // per, grid.shape[0] - 1)]
        pushed[:] = 0.0
        for i in range(n - 1, -1, -1):
            for c in range(n_columns):
                centre[c] = best[g, c, i] + pushed[c, i] / factor[i, i]
            nearest(centre, points[i, 0], points[i, 1], points[i, 2], together, there)
            for c in range(n_columns):
                chosen[g, c, i] = there[c]
                there[c] = best[g, c, i] - there[c]
            add(pushed, factor[i], there, i, together)


@njit(cache=True)
def settle(
    quadratic: FloatArray,
    best: FloatArray,
    grid: FloatArray,
    per: int,
    together: bool,
    sweeps: int,
    chosen: FloatArray,
) -> None:
    """See `spikec.passes.grid_fit.settled`.

    Args:
        quadratic: A, ``(n_problems, n, n)``, or one for all.
        best: As for `round_in_turn`, and the others.
        grid: Likewise.
        per: Likewise.
        together: Likewise.
        sweeps: Most rounds.
        chosen: Grid points, which are moved.
    """
    n_groups, n_columns, n = best.shape
    slope, aim = np.empty((n_columns, n)), np.empty(n_columns)
    now, there = np.empty(n_columns), np.empty(n_columns)
    for g in range(n_groups):
        a = quadratic[min(g // per, quadratic.shape[0] - 1)]
        points = grid[min(g // per, grid.shape[0] - 1)]
        slope[:] = 0.0
        for i in range(n):
            add(slope, a[i], best[g, :, i] - chosen[g, :, i], n, together)
        for _ in range(sweeps):
            moved = False
            for i in range(n):
                for c in range(n_columns):
                    now[c] = chosen[g, c, i]
                    aim[c] = now[c] + slope[c, i] / a[i, i]
                nearest(aim, points[i, 0], points[i, 1], points[i, 2], together, there)
                gain = squares(now, aim, together) - squares(there, aim, together)
                if gain > EQUAL * points[i, 0] ** 2:
                    moved = True
                    for c in range(n_columns):
                        chosen[g, c, i] = there[c]
                        now[c] -= there[c]
                    add(slope, a[i], now, n, together)
            if not moved:
                break


@njit(cache=True)
def squared_misses(
    rows: FloatArray,
    biases: FloatArray,
    thresholds: FloatArray,
    arrivals: IntArray,
    waits: IntArray,
    wanted: FloatArray,
    left: tuple[float, float],
    n_ticks: int,
    out: FloatArray,
) -> None:
    """Squares of how many ticks membranes cross too early or too late, if every input spikes once at most.

    Args:
        rows: Weights of each neuron, several to be tried, ``(n, n_inputs, n_tried)``.
        biases: In the weights' unit, ``(n, n_tried)``.
        thresholds: Likewise, ``(n,)``.
        arrivals: Tick in which the spike of an input acts, ``(n_samples, n_inputs)``; too late for never.
        waits: What each neuron's own delays add to them, ``(n, n_inputs)``.
        wanted: When they should cross, `n_ticks` for never, ``(n_samples, n)``.
        left: What a tick leaves of current and membrane.
        n_ticks: Length of a sample.
        out: Takes the sums over samples, ``(n, n_tried)``.
    """
    n, n_inputs, n_tried = rows.shape
    arriving = np.empty((n_ticks, n_tried))
    current, membrane, crossed = np.empty(n_tried), np.empty(n_tried), np.empty(n_tried)
    out[:] = 0.0
    for j in range(n):
        for s in range(arrivals.shape[0]):
            arriving[:] = 0.0
            for i in range(n_inputs):
                at = arrivals[s, i] + waits[j, i]
                if at < n_ticks:
                    for c in range(n_tried):
                        arriving[at, c] += rows[j, i, c]
            current[:] = 0.0
            membrane[:] = 0.0
            crossed[:] = n_ticks
            for t in range(n_ticks):
                for c in range(n_tried):
                    current[c] = left[0] * current[c] + arriving[t, c]
                    membrane[c] = left[1] * membrane[c] + current[c] + biases[j, c]
                    now = float(t) if membrane[c] > thresholds[j] else float(n_ticks)
                    crossed[c] = min(crossed[c], now)
            for c in range(n_tried):
                out[j, c] += (crossed[c] - wanted[s, j]) ** 2


@njit(cache=True)
def look_up(arrivals: IntArray, waits: IntArray, at: IntArray, kernel: FloatArray, out: FloatArray) -> None:
    """What each input has left in a membrane at one tick of each sample.

    Args:
        arrivals: As for `squared_misses`.
        waits: What the neuron's own delays add to them, ``(n_inputs,)``.
        at: The tick, ``(n_samples,)``.
        kernel: Zero, then what a weight of one leaves after 0, 1, ... ticks.
        out: Takes the result, ``(n_samples, n_inputs)``.
    """
    for s in range(arrivals.shape[0]):
        for i in range(arrivals.shape[1]):
            out[s, i] = kernel[max(at[s] - arrivals[s, i] - waits[i], -1) + 1]
