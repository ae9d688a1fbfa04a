"""What two runs have in common: populations, samples, and which spike of one is which of the other.

The n-th spike of a neuron in a sample belongs to its n-th spike in the other run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spikec.arrays import IntArray
from spikec.errors import UsageError
from spikec.events import Events


def pair_spikes(a: Events, b: Events) -> tuple[IntArray, IntArray]:
    """Which spikes of two runs of one population belong together.

    Args:
        a: Spikes of one run.
        b: Of the other, with as many samples and neurons; the kinds of time do not matter.

    Returns:
        Places in `a` and in `b` of the spikes that have a partner, both ``(n_pairs,)``.
    """
    by_a, by_b = _by_neuron(a), _by_neuron(b)
    rank_a, rank_b = _ranks(a, by_a), _ranks(b, by_b)
    width = int(max(rank_a.max(initial=0), rank_b.max(initial=0))) + 1
    key_a, key_b = _cells(a)[by_a] * width + rank_a, _cells(b)[by_b] * width + rank_b
    _, in_a, in_b = np.intersect1d(key_a, key_b, assume_unique=True, return_indices=True)
    return by_a[in_a], by_b[in_b]


def common_populations(a: Mapping[str, Events], b: Mapping[str, Events], notes: list[str]) -> list[str]:
    """Names of the populations that both runs have at the same size, in the network's order if they agree.

    Args:
        a: Spikes of one run by population.
        b: Of the other.
        notes: What is left out is written here, one sentence each.

    Raises:
        UsageError: There is none.
    """
    names = [name for name in a if name in b]
    if names != [name for name in b if name in a]:
        names.sort()
    alone = sorted(set(a) ^ set(b))
    if alone:
        notes.append(f"only one run has {', '.join(alone)}")
    unequal = [name for name in names if a[name].n_neurons != b[name].n_neurons]
    if unequal:
        notes.append(f"the sizes differ of {', '.join(unequal)}, which are left out")
    names = [name for name in names if name not in unequal]
    if not names:
        raise UsageError(
            f"the runs have no population in common to compare: one has {', '.join(a) or 'none'}, the other "
            f"{', '.join(b) or 'none'}; compare runs of the same network"
        )
    return names


def common_samples(
    a: Mapping[str, Events], b: Mapping[str, Events], names: Sequence[str], notes: list[str]
) -> tuple[int, bool]:
    """How many samples both runs have, and whether these are all.

    Args:
        a: Spikes of one run by population.
        b: Of the other.
        names: The populations to look at.
        notes: Unequal numbers are told here.

    Raises:
        UsageError: One run has no samples.
    """
    n_a, n_b = (min(spikes[name].n_samples for name in names) for spikes in (a, b))
    n = min(n_a, n_b)
    if n_a == n_b:
        return n, True
    if n == 0:
        raise UsageError("one of the runs has no samples; run it on some")
    notes.append(f"one run has {n_a} samples, the other {n_b}; the first {n} are compared")
    return n, False


def _cells(e: Events) -> IntArray:
    """One number for each sample and neuron."""
    return e.sample_of_event() * e.n_neurons + e.neurons


def _by_neuron(e: Events) -> IntArray:
    """The order by sample, neuron and time."""
    return np.argsort(_cells(e), kind="stable").astype(np.int64)


def _ranks(e: Events, order: IntArray) -> IntArray:
    """In that order, how many spikes of the same sample and neuron come before."""
    cells = _cells(e)[order]
    index = np.arange(cells.size)
    new = np.diff(cells, prepend=-1) != 0
    return index - np.maximum.accumulate(np.where(new, index, 0))
