r"""What leads to a population through one layer of neurons that spike once, with relays taken as delays.

Inputs that spike once excite *cells*, which spike once, and these push the population that is looked at; so
may inputs. Until it spikes the membrane of cell j in tick k is

.. math:: v_j(k) = \sum_i w_{ji}\; \kappa_j(k - 1 - d_{ji} - x_i) + \text{bias}_j(k)

with the inputs' ticks :math:`x_i` and the kernel of `spikec.ir.kernels`, but for rounding: the ticks of the
inputs decide everything. `spikec.ir.boxes` proves what they can do, `bench/bounds_attack.py` tries it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.ir.bounds import once_spiking
from spikec.ir.fan_in import alike, bias_of, exponent_of, most_at_once, unit_of
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.kernels import current_kernel, membrane_kernel
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import Source
from spikec.ir.own_inhibition import echoes, repeats

Columns = tuple[IntArray, IntArray, FloatArray, IntArray]


@dataclass(frozen=True, eq=False)
class Synapses:
    """Synapses that store something, by presynaptic neuron, ascending; each ``(n_synapses,)``.

    Attributes:
        pre: Presynaptic neuron.
        post: Postsynaptic neuron.
        weight: What a spike adds to the current, in units of ``u``.
        delay: Ticks by which it arrives later than in the tick after the spike.
    """

    pre: IntArray
    post: IntArray
    weight: FloatArray
    delay: IntArray

    @property
    def columns(self) -> Columns:
        """The arrays, for kernels."""
        return self.pre, self.post, self.weight, self.delay

    def into(self, neuron: int) -> Synapses:
        """Those that end at one neuron."""
        return self.where(self.post == neuron)

    def where(self, chosen: BoolArray) -> Synapses:
        """Some of them."""
        return Synapses(self.pre[chosen], self.post[chosen], self.weight[chosen], self.delay[chosen])


@dataclass(frozen=True, eq=False)
class OneLayer:
    """A population, and what leads to it.

    Attributes:
        n_ticks: Length of a sample.
        inputs: How many neurons each input has, by name, in the order in which they are numbered.
        cells: The populations whose neurons are the cells, likewise.
        excites: Synapses from inputs to cells.
        pushes: Synapses from cells to the population.
        direct: Synapses from inputs to the population.
        kernels: What is left of an arrival in each cell's membrane, ``(n_cells, n_ticks)``.
        drift: What its bias has added to each, ``(n_cells, n_ticks)``.
        rounding: By how much rounding may have moved each, ``(n_cells, n_ticks)``.
        thresholds: What each must exceed, ``(n_cells,)``.
        exact: Whether no sum on the way is cut off, as those of negative exponents are.
    """

    n_ticks: int
    inputs: Mapping[str, int]
    cells: tuple[str, ...]
    excites: Synapses
    pushes: Synapses
    direct: Synapses
    kernels: FloatArray
    drift: FloatArray
    rounding: FloatArray
    thresholds: FloatArray
    exact: bool


def one_layer(network: Network, population: Population, n_ticks: int) -> OneLayer | None:
    """What leads to a population; None if that is not one layer of neurons that spike once.

    Args:
        network: In the fixed dialect.
        population: One of its populations; it may inhibit itself if it spikes once, and is its own cell then.
        n_ticks: Length of a sample.
    """
    once = once_spiking(network, n_ticks)
    stands_for = _relays(network)
    pushing = _origins(network, population.name, stands_for)
    inputs = [p for p in network.populations if isinstance(p.neuron, Source)]
    sources = {p.name for p in inputs}
    cells = [p for p in network.populations if p.name in pushing - sources]
    leads = {name for p in cells for name in _origins(network, p.name, stands_for) - {p.name}}
    fits = all(isinstance(p.neuron, CubaFixed) and p.name in once for p in cells)
    if not fits or leads - sources or any(p.is_divided or p.name not in once for p in inputs):
        return None
    ways = [q for p in (population, *cells) for q in network.incoming(p.name)]
    if not all(isinstance(q.connectivity.weights, Fixed) and q.delays.in_ticks for q in ways):
        return None

    def gathered(posts: list[Population], pres: list[Population]) -> Synapses:
        return _gathered(network, posts, pres, stands_for)

    return OneLayer(
        n_ticks,
        {p.name: p.n for p in inputs},
        tuple(p.name for p in cells),
        gathered(cells, inputs),
        gathered([population], cells),
        gathered([population], inputs),
        *_membranes(cells, n_ticks),
        exact=all(exponent_of(q) >= 0 for q in ways),
    )


def pushed_course(
    population: Population, neuron: int, n_ticks: int, membrane: bool
) -> tuple[FloatArray, FloatArray]:
    """What is left of an arrival in a neuron's current, or membrane, and what its bias has added to that.

    Returns:
        Each ``(n_ticks,)``.
    """
    _, r, b = next(kind for kind in alike(population) if neuron in kind[0])
    if not membrane:
        return current_kernel(r, n_ticks).left[:n_ticks], np.zeros(n_ticks)
    bias = (bias_of(population) - bias_of(population, -1))[neuron]
    return membrane_kernel(r, b, n_ticks).left[:n_ticks], bias * np.cumsum(b ** np.arange(float(n_ticks)))


def _relays(network: Network) -> dict[str, tuple[str, IntArray, int]]:
    """Whose spikes relays repeat: population, which of its neurons each stands for, and how late."""
    relays = {q.post for q in network.projections if repeats(network, q)}
    found = {p.name: (p.name, np.arange(p.n), 0) for p in network.populations}
    for p in network.populations:
        if p.name not in relays:
            found |= {name: (p.name, origin, late) for name, origin, late in echoes(network, p)}
    return found


def _origins(network: Network, name: str, stands_for: Mapping[str, tuple[str, IntArray, int]]) -> set[str]:
    """Whose spikes reach a population, directly or through relays."""
    return {stands_for[q.pre][0] for q in network.incoming(name)}


def _gathered(
    network: Network,
    posts: list[Population],
    pres: list[Population],
    stands_for: Mapping[str, tuple[str, IntArray, int]],
) -> Synapses:
    """All synapses from some populations to others, relays taken as delays; both numbered through."""
    first_pre, first_post = _numbered(pres), _numbered(posts)
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))]
    for p in posts:
        for q in network.incoming(p.name):
            name, origin, late = stands_for[q.pre]
            if name in first_pre:
                pre, post, weight, delay = _stored(network, q)
                found.append((origin[pre] + first_pre[name], post + first_post[p.name], weight, delay + late))
    pre, post, weight, delay = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(pre, kind="stable")
    return Synapses(pre[order], post[order], weight[order], delay[order])


def _stored(network: Network, q: Projection) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    pre, post = q.connectivity.synapses()
    weight = q.connectivity.stored() * (unit_of(q) * most_at_once(network, q))
    some = weight != 0
    return pre[some], post[some], weight[some], q.delays.per_synapse(q.connectivity)[some]


def _numbered(populations: Iterable[Population]) -> dict[str, int]:
    """The number of each population's first neuron."""
    found, n = {}, 0
    for p in populations:
        found[p.name], n = n, n + p.n
    return found


def _membranes(
    cells: list[Population], n_ticks: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Kernels, drift, rounding and thresholds of `OneLayer`."""
    n = sum(p.n for p in cells)
    kernels, drift, rounding = np.zeros((3, n, n_ticks))
    thresholds, start = np.zeros(n), 0
    for p in cells:
        assert isinstance(p.neuron, CubaFixed)
        bias = bias_of(p) - bias_of(p, -1)
        for neurons, r, b in alike(p):
            left = membrane_kernel(r, b, n_ticks).left[:n_ticks]
            kept = np.cumsum(b ** np.arange(float(n_ticks)))
            kernels[start + neurons] = left
            drift[start + neurons] = bias[neurons, None] * kept
            rounding[start + neurons] = np.cumsum(left) * (r > 0) + kept * (b < 1)
        limit = np.asarray(p.neuron.vth, np.float64) * 64 - np.asarray(p.neuron.inclusive)
        thresholds[start : start + p.n] = limit
        start += p.n
    return kernels, drift, rounding, thresholds
