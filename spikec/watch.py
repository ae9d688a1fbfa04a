"""Membranes of continuous networks in the course of time, which no engine returns: looked at afterwards.

All spikes of a run decide every membrane, so the reference looks at them on a grid of times, whatever engine
made the spikes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec.events import Events
from spikec.ir.network import Continuous, Network
from spikec.records import split_key

MOST = 1 << 27
"""Numbers that may be recorded of all membranes: 1 GiB."""


def to_watch(
    network: Network, record: Sequence[str], every: float | None, until: float = np.inf
) -> tuple[str, ...]:
    """Which of the record keys no engine answers: ``name.v`` of a continuous network.

    Args:
        network: What runs.
        record: What a user wants recorded.
        every: How often, seconds.
        until: Length of a sample, seconds.

    Raises:
        NetworkError: A key names no population.
        UsageError: `every` is missing, without use, or no time.
    """
    continuous = isinstance(network.clock, Continuous)
    keys = tuple(key for key in record if continuous and split_key(key)[1] == ".v")
    for key in keys:
        network.population(split_key(key)[0])
    if every is None and keys:
        raise UsageError(
            f"a continuous network has no ticks to record {keys[0]!r} at; say how often with "
            f"--every SECONDS, or record {keys[0]}.last"
        )
    if every is not None and not continuous:
        raise UsageError("--every is for continuous networks; this one records NAME.v in every tick")
    if every is not None and not keys:
        raise UsageError("--every says how often to record a membrane; say which with --record NAME.v")
    if every is not None and not 0 < every < np.inf:
        raise UsageError(f"membranes cannot be recorded every {every:g} s; give a time above 0")
    if every is not None and every > until:
        raise UsageError(f"--every {every:g} is longer than the samples, {until:g} s; give a shorter time")
    return keys


def watch(
    network: Network, spikes: Mapping[str, Events], keys: Sequence[str], every: float, until: float
) -> dict[str, FloatArray]:
    """Look at membranes at the times 0, `every`, 2 `every`, ... up to the end.

    Args:
        network: In the continuous dialect.
        spikes: For each population the spikes of a run, seconds.
        keys: As `to_watch` gives them.
        every: Seconds.
        until: End of the run, seconds.

    Returns:
        For each key ``(n_samples, n_times, n)``.

    Raises:
        UsageError: There is too much to record.
    """
    from spikec.reference.continuous import watch_continuous

    names = [split_key(key)[0] for key in keys]
    n_samples = next(iter(spikes.values())).n_samples
    n_times = int(until / every * (1 + 1e-12)) + 1
    size = n_samples * n_times * sum(network.population(name).n for name in names)
    if size > MOST:
        raise UsageError(
            f"--record with --every {every:g} would keep {size:.2g} numbers, and {MOST:.2g} are allowed; "
            "take fewer samples (--data NAME:SPLIT:N), fewer populations, or a longer time"
        )
    times = np.minimum(np.arange(n_times) * every, until)
    found = watch_continuous(network, spikes, names, times.tolist())
    return {key: found[name] for key, name in zip(keys, names, strict=True)}
