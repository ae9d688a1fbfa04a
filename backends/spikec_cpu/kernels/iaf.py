r"""One tick of the neurons of `spikec.ir.iaf`, in the order of operations that defines it.

Loops are short, each with few arrays, so that they become vector instructions; a chunk of neurons goes
through all of them while it is in the cache. A refractory membrane is at minus infinity: no input moves it,
it crosses no threshold, and nothing need be asked of it until it is set free.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray
from spikec.ir.counter_random import FACTORS, GAMMA, SHIFTS
from spikec_cpu.kernels import inner, leaf

U = np.uint64
"""Places are unsigned where loops are to become vector instructions: signed ones could count from the end."""

SCAN = 64
"""Neurons among which a spike is looked for one by one."""

STEP = np.uint64(GAMMA)
"""What the state of a stream grows by."""
_FACTOR_0, _FACTOR_1 = (np.uint64(k) for k in FACTORS)
_SHIFT_0, _SHIFT_1, _SHIFT_2 = (np.uint64(k) for k in SHIFTS)


@inner
def mixed(z: np.uint64) -> np.uint64:
    """The output of SplitMix64 in a state, see `spikec.ir.counter_random`."""
    z = (z ^ (z >> _SHIFT_0)) * _FACTOR_0
    z = (z ^ (z >> _SHIFT_1)) * _FACTOR_1
    return z ^ (z >> _SHIFT_2)


@inner
def key_with(key: np.uint64, number: int) -> np.uint64:
    """The key of a stream that is named by one number more; see `spikec.ir.counter_random.key_of`."""
    return mixed((key ^ np.uint64(number)) + STEP)


@leaf
def follow(k: AnyArray, threshold: float, u: AnyArray, first: int, ex: int, in_: int, n: int) -> bool:
    """Bring membranes to the end of a tick, and let currents decay.

    Args:
        k: Beta, rest, and the gains and decays of two currents.
        threshold: Their threshold.
        u: States.
        first: Place of the first membrane.
        ex: Of the first excitatory current.
        in_: Of the first inhibitory current.
        n: How many neurons.

    Returns:
        Whether any membrane is above the threshold now.
    """
    beta, rest, gain_ex, gain_in, alpha_ex, alpha_in = k[0], k[1], k[2], k[3], k[4], k[5]
    v, e, i = U(first), U(ex), U(in_)
    found = False
    for j in range(U(n)):
        exciting, inhibiting = u[e + j], u[i + j]
        moved = beta * u[v + j] + rest + gain_ex * exciting + gain_in * inhibiting
        u[v + j], u[e + j], u[i + j] = moved, alpha_ex * exciting, alpha_in * inhibiting
        found |= moved > threshold
    return found


@leaf
def relax(k: AnyArray, u: AnyArray, first: int, n: int) -> None:
    """The same without currents."""
    beta, rest = k[0], k[1]
    for j in range(U(first), U(first + n)):
        u[j] = beta * u[j] + rest


@leaf
def take_counts(
    weight: float, counts: AnyArray, row: int, place: int, u: AnyArray, first: int, n: int
) -> None:
    """Add a weight times the numbers of arrivals to states, and clear the numbers.

    Args:
        weight: The weight.
        counts: Numbers; they are exact in float32.
        row: Which row of them.
        place: Where in it the first is.
        u: States.
        first: The first of them.
        n: How many.
    """
    t, of, at = U(row), U(place), U(first)
    for j in range(U(n)):
        arrived = np.float32(counts[t, of + j])
        counts[t, of + j] = 0
        u[at + j] += weight * arrived


@leaf
def take_sums(sums: AnyArray, row: int, place: int, u: AnyArray, first: int, n: int) -> None:
    """Add the sums of arrivals, and clear them; arguments as in `take_counts`."""
    t, of, at = U(row), U(place), U(first)
    for j in range(U(n)):
        u[at + j] += sums[t, of + j]
    for j in range(U(n)):
        sums[t, of + j] = 0


@inner
def draw(key: np.uint64, first: int, limits: AnyArray, z: AnyArray, counts: AnyArray, n: int) -> None:
    """Draw the spikes of a drive in one tick.

    Args:
        key: Of this tick's stream.
        first: Number of the first neuron, even.
        limits: See `poisson_limits`.
        z: Room for random bits, uint64, half as many as neurons, rounded up.
        counts: Spikes of each neuron, ``(1, n)`` int32, written.
        n: How many neurons.
    """
    state = key + U(first // 2 + 1) * STEP
    for i in range(U((n + 1) // 2)):
        z[i] = mixed(state + i * STEP)
    bits, t = z.view(np.int32), U(0)
    for j in range(U(n)):
        counts[t, j] = 0
    k = 0
    while k + 4 <= limits.size:
        a, b, c, d = limits[k], limits[k + 1], limits[k + 2], limits[k + 3]
        for j in range(U(n)):
            two = np.int32(bits[j] >= a) + np.int32(bits[j] >= b)
            counts[t, j] = np.int32(counts[t, j] + two + np.int32(bits[j] >= c) + np.int32(bits[j] >= d))
        k += 4
    while k < limits.size:
        a = limits[k]
        for j in range(U(n)):
            counts[t, j] = np.int32(counts[t, j] + np.int32(bits[j] >= a))
        k += 1


@leaf
def any_above(threshold: float, v: AnyArray, first: int, n: int) -> bool:
    """Whether any membrane is above the threshold."""
    found = False
    for j in range(U(first), U(first + n)):
        found |= v[j] > threshold
    return found


@leaf
def list_above(
    threshold: float, v: AnyArray, first: int, n: int, back: int, lists: AnyArray, row: int, used: int
) -> int:
    """List the neurons whose membrane is above the threshold, and make them refractory.

    Args:
        threshold: The threshold.
        v: Membranes.
        first: The first of them.
        n: How many.
        back: What a place in `v` and the number of its neuron differ by.
        lists: Lists of neurons, int32, one a row, written.
        row: Which row.
        used: Where in it the list ends.

    Returns:
        Where it ends now; -1 if a membrane is infinite.
    """
    for some in range(first, first + n, SCAN):
        end = min(some + SCAN, first + n)
        if any_above(threshold, v, some, end - some):
            for j in range(some, end):
                if v[j] > threshold:
                    if v[j] == np.inf:
                        return -1
                    v[j] = -np.inf
                    lists[row, used] = j + back
                    used += 1
    return used
