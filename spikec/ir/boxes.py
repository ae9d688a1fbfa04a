r"""The farthest that currents can go behind one layer of neurons that spike once, input by input.

`spikec.ir.bounds` lets every neuron of the layer spike when it suits the worst case. But few inputs decide
when all of them do (`spikec.ir.one_layer`). A *box* says between which two ticks each input spikes, the last
of which may mean never. In a box every membrane lies between two courses, so every neuron has a first tick in
which it may spike and one by which it has, and every arrival is worth between two amounts in every tick. The
worst of all boxes that together hold all inputs bounds a current; halving the worst box again and again makes
the bound as tight as time allows. That pays for a handful of inputs, for a box has to be halved in each.

Without biases nothing happens before the first input, and all that follows would also follow if every input
came so much earlier that the first spikes in tick 0. So only boxes are needed in which one input does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from spikec.arrays import FloatArray, IntArray
from spikec.ir.bounds import CurrentBound, M, current_bounds
from spikec.ir.network import Network, Population
from spikec.ir.one_layer import Columns, OneLayer, one_layer, pushed_course

AT_ONCE = 32
"""Boxes halved in a round."""


def boxed_current_bound(
    network: Network, population: Population, n_ticks: int, n_boxes: int = 10_000
) -> CurrentBound | None:
    """Bound the current of every neuron of a population; None if its network has another form.

    Args:
        network: In the fixed dialect.
        population: One of its populations, behind one layer that spikes once.
        n_ticks: Length of a sample.
        n_boxes: How many boxes to look into.
    """
    layer = one_layer(network, population, n_ticks)
    bounds = current_bounds(network, n_ticks)
    if layer is None or not layer.exact or any(b.share >= 1 for b in bounds.values()):
        return None
    found = _Boxes(layer, population)
    while found.n_seen < n_boxes and found.halve():
        pass
    lowest, highest = found.reach.max(axis=0)
    plain = bounds[population.name]
    return CurrentBound(np.maximum(plain.lowest, -lowest), np.minimum(plain.highest, highest))


class _Boxes:
    """Boxes that together hold all inputs, and how far currents go in each.

    Attributes:
        first: The earliest tick of each input, ``(n_boxes, n_inputs)``.
        last: The latest, `n_ticks` for never.
        reach: How far each current goes down and up, ``(n_boxes, 2, n)``.
        n_seen: How many boxes were looked into.
    """

    def __init__(self, layer: OneLayer, population: Population) -> None:
        n_inputs = sum(layer.inputs.values())
        n_first = n_inputs if not np.any(layer.drift) else 1
        self.first = np.zeros((n_first, n_inputs), np.int64)
        self.last = np.full((n_first, n_inputs), layer.n_ticks)
        if n_first > 1:
            np.fill_diagonal(self.last, 0)
        courses = (pushed_course(population, i, layer.n_ticks, False) for i in range(population.n))
        self._left = np.stack([left for left, _ in courses])
        self._arguments: tuple[Any, ...] = (
            *(s.columns for s in (layer.excites, layer.pushes, layer.direct)),
            layer.kernels,
            layer.kernels.argmax(axis=1),
            layer.drift - layer.rounding,
            layer.drift + layer.rounding,
            layer.thresholds,
            self._left,
        )
        self.reach = self._reach(self.first, self.last)
        self.n_seen = n_first

    def halve(self) -> bool:
        """Halve the worst boxes, each where its inputs' ticks are least known; False if none can be."""
        worst = np.maximum(self.reach.max(axis=0), 1)
        width = self.last - self.first
        order = np.argsort(-(self.reach / worst).max(axis=(1, 2)) * (width.max(axis=1) > 0), kind="stable")
        chosen = order[:AT_ONCE]
        chosen = chosen[width[chosen].max(axis=1) > 0]
        if not chosen.size:
            return False
        rows, side = np.arange(chosen.size), width[chosen].argmax(axis=1)
        first, last = self.first[chosen], self.last[chosen]
        middle = (first[rows, side] + last[rows, side]) // 2
        earlier, later = last.copy(), first.copy()
        earlier[rows, side], later[rows, side] = middle, middle + 1
        halves = np.concatenate([first, later]), np.concatenate([earlier, last])
        reach = np.minimum(self._reach(*halves), np.tile(self.reach[chosen], (2, 1, 1)))
        kept = np.delete(np.arange(len(self.first)), chosen)
        self.first = np.concatenate([self.first[kept], halves[0]])
        self.last = np.concatenate([self.last[kept], halves[1]])
        self.reach = np.concatenate([self.reach[kept], reach])
        self.n_seen += 2 * chosen.size
        return True

    def _reach(self, first: IntArray, last: IntArray) -> FloatArray:
        # Rounding toward zero moves a current by less than one a tick, which fades as the current does.
        return np.asarray(_reach_of(first, last, *self._arguments) + self._left.sum(axis=1))


@njit(cache=True)
def _reach_of(
    first: IntArray,
    last: IntArray,
    excites: Columns,
    pushes: Columns,
    direct: Columns,
    kernels: FloatArray,
    peaks: IntArray,
    below: FloatArray,
    above: FloatArray,
    thresholds: FloatArray,
    left: FloatArray,
) -> FloatArray:
    """How far each current goes down and up in each box, ``(n_boxes, 2, n)``."""
    found = np.zeros((len(first), 2, len(left)))
    begins, ends = np.zeros((2, len(kernels)), np.int64)
    low, high = np.zeros_like(kernels), np.zeros_like(kernels)
    down, up = np.zeros_like(left), np.zeros_like(left)
    for box in range(len(first)):
        low[:], high[:] = below, above
        _courses(first[box], last[box], excites, kernels, peaks, low, high)
        _crossings(low, high, thresholds, begins, ends)
        down[:], up[:] = 0.0, 0.0
        _push(begins, ends, pushes, left, down, up)
        _push(first[box], last[box], direct, left, down, up)
        for j in range(len(left)):
            found[box, 0, j], found[box, 1, j] = max(-down[j].min(), 0.0), max(up[j].max(), 0.0)
    return found


@njit(cache=True)
def _courses(
    first: IntArray,
    last: IntArray,
    excites: Columns,
    kernels: FloatArray,
    peaks: IntArray,
    low: FloatArray,
    high: FloatArray,
) -> None:
    """Add to each membrane the least and the most that arrivals leave in each tick; kernels have one peak."""
    n_ticks = kernels.shape[1]
    pre, post, weight, delay = excites
    for s in range(pre.size):
        i, j, w = pre[s], post[s], weight[s]
        begin, end = first[i] + 1 + delay[s], last[i] + 1 + delay[s]
        if last[i] == n_ticks:
            end = 2 * n_ticks  # never
        for t in range(begin, n_ticks):
            longest, shortest = t - begin, t - end
            most = kernels[j, min(max(peaks[j], shortest), longest)]
            least = min(kernels[j, shortest], kernels[j, longest]) if shortest >= 0 else 0.0
            low[j, t] += w * (least if w > 0 else most)
            high[j, t] += w * (most if w > 0 else least)


@njit(cache=True)
def _crossings(
    low: FloatArray, high: FloatArray, thresholds: FloatArray, begins: IntArray, ends: IntArray
) -> None:
    """The first tick in which each neuron may spike, and that by which it has; the number of ticks for never.

    A membrane that may have stopped at the lower end of 24 bits is higher from then on than was computed.
    """
    n_cells, n_ticks = low.shape
    for j in range(n_cells):
        begins[j] = ends[j] = n_ticks
        for t in range(n_ticks):
            if begins[j] == n_ticks and (high[j, t] > thresholds[j] or low[j, t] <= 1 - M):
                begins[j] = t
            if low[j, t] > thresholds[j]:
                ends[j] = t
                break


@njit(cache=True)
def _push(
    begins: IntArray,
    ends: IntArray,
    synapses: Columns,
    left: FloatArray,
    down: FloatArray,
    up: FloatArray,
) -> None:
    """Add to each current the least and the most of spikes that come between two ticks; kernels fall."""
    n_ticks = left.shape[1]
    pre, post, weight, delay = synapses
    for s in range(pre.size):
        i, j, w = pre[s], post[s], weight[s]
        if begins[i] == n_ticks:
            continue
        for t in range(begins[i] + 1 + delay[s], n_ticks):
            newest = t - 1 - delay[s]
            certain = ends[i] < n_ticks and ends[i] <= newest
            most = left[j, max(newest - ends[i], 0)]
            least = left[j, newest - begins[i]] if certain else 0.0
            down[j, t] += w * (least if w > 0 else most)
            up[j, t] += w * (most if w > 0 else least)
