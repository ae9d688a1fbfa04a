r"""Delays that end between two ticks, without rounding: a synapse becomes two, one tick apart.

An arrival of one leaves :math:`\kappa(m) = (r^{m+1} - b^{m+1}) / (r - b)` in a membrane that keeps `b` of
itself below a current that keeps `r` (`spikec.ir.kernels`). Late by a part :math:`\delta` of a tick, it
leaves :math:`\kappa(m - \delta)` at the end of tick m. Two arrivals of sizes :math:`w_0` in tick 0 and
:math:`w_1` in tick 1 leave the same in the current from tick 1 on, and in the membrane from tick 0 on, if

.. math:: w_0 = \frac{r^{1-\delta} - b^{1-\delta}}{r - b}, \qquad w_1 = r^{1-\delta} - r\, w_0,

for both have two exponentials, which agree if they do at two moments. A current that vanishes within a tick
has no course that could be cut so; its delays are rounded.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.ir.connectivity import Convolution, DelayKind, Delays, simplest, sparse
from spikec.ir.network import Network, Projection, scaled_rows, unrolled
from spikec.ir.neurons import CubaTicks
from spikec.passes.base import rename_free

SMALLEST = 1e-6
"""Of a tick: shorter parts are what float arithmetic leaves of whole ticks."""

SAME = 1e-6
"""Relative difference of `r` and `b` below which they count as equal: the error is its square."""


def between_ticks(network: Network, q: Projection) -> tuple[Projection, Projection] | None:
    """A projection of delays in seconds as two of whole ticks that leave the same in every membrane.

    Args:
        network: In ticks.
        q: One of its projections.

    Returns:
        Both, of which the first keeps the name; None if all delays are whole ticks, or must be rounded.
    """
    if not _has_parts(network, q):
        return None
    if q.delays.kind not in (DelayKind.UNIFORM, DelayKind.DENDRITIC):
        q = unrolled(q)
    whole = np.floor(q.delays.values / network.dt + SMALLEST).astype(np.int64)
    late = np.maximum(q.delays.values / network.dt - whole, 0.0)
    late = np.where(late < SMALLEST, 0.0, late)
    now = _scaled(q, late, network, 0)
    then = _scaled(q, late, network, 1)
    second = replace(then, name=rename_free(network, f"{q.name}.next"))
    first = replace(now, delays=simplest(Delays(whole, q.delays.kind), q.connectivity))
    second = replace(second, delays=simplest(Delays(whole + 1, q.delays.kind), q.connectivity))
    some = np.asarray(second.connectivity.stored()) != 0
    kept = some.all() or isinstance(q.connectivity, Convolution)
    return first, second if kept else _only(second, some)


def two_weights(r: FloatArray, b: FloatArray, late: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What arrives in a tick, and in the next, for an arrival of one that is late by part of a tick.

    Args:
        r: What a tick leaves of the current, above 0.
        b: What it leaves of the membrane, above 0.
        late: Parts of a tick, 0 to 1.
    """
    r, b, late = np.broadcast_arrays(r, b, late)
    apart = np.abs(r - b) > SAME * r
    gap = np.where(apart, r - b, 1.0)
    middle = (r + b) / 2
    now = np.where(apart, (r ** (1 - late) - b ** (1 - late)) / gap, (1 - late) * middle**-late)
    return now, np.where(late == 0, 0.0, r ** (1 - late) - r * now)


def _has_parts(network: Network, q: Projection) -> bool:
    """Whether delays end between ticks, on neurons whose currents last."""
    neuron = network.population(q.post).neuron
    if q.delays.in_ticks or not isinstance(neuron, CubaTicks) or np.any(np.asarray(neuron.decay_u) >= 4096):
        return False
    ticks = q.delays.values / network.dt
    return bool(np.any(ticks - np.floor(ticks + SMALLEST) > SMALLEST))


def _scaled(q: Projection, late: FloatArray, network: Network, which: int) -> Projection:
    """The projection with one of its two weights."""
    neuron = network.population(q.post).neuron
    assert isinstance(neuron, CubaTicks)
    r, b = 1 - np.asarray(neuron.decay_u) / 4096, 1 - np.asarray(neuron.decay_v) / 4096
    if q.delays.kind in (DelayKind.UNIFORM, DelayKind.DENDRITIC):
        return scaled_rows(q, np.asarray(two_weights(r, b, late)[which]))
    _, post = q.connectivity.synapses()
    of_r, of_b = (np.broadcast_to(x, (q.connectivity.n_post,))[post] for x in (r, b))
    of_synapse = Delays(late, q.delays.kind).per_synapse(q.connectivity)
    share = two_weights(of_r, of_b, of_synapse)[which]
    shaped = (np.asarray(q.connectivity.stored(), np.float64) * share).reshape(q.connectivity.weights.shape)
    return replace(q, connectivity=q.connectivity.with_weights(shaped))


def _only(q: Projection, chosen: BoolArray) -> Projection:
    """Some synapses of a projection, as a list."""
    pre, post = (side[chosen] for side in q.connectivity.synapses())
    weights = np.asarray(q.connectivity.stored(), np.float64)[chosen]
    listed = sparse(q.connectivity.n_pre, q.connectivity.n_post, pre, post, weights)
    delays = q.delays.per_synapse(q.connectivity)[chosen][np.lexsort((post, pre))]
    return replace(q, connectivity=listed, delays=simplest(Delays(delays, DelayKind.SYNAPTIC), listed))
