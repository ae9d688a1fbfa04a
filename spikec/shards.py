"""Populations that were split into parts: results under the names and numbers the user knows, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.events import Events, from_rows
from spikec.program import Program
from spikec.records import as_engines_record, check_record, split_key
from spikec.result import Counters, PopulationCounts


def gather(program: Program, spikes: Mapping[str, Events]) -> dict[str, Events]:
    """Put split populations together again: spikes under the names and numbers the user knows."""
    gathered = dict(spikes)
    for name, shards in program.shards.items():
        parts = [gathered.pop(s.population) for s in shards]
        rows = [
            (e.sample_of_event(), e.times, s.neurons[e.neurons]) for e, s in zip(parts, shards, strict=True)
        ]
        samples, times, neurons = (np.concatenate(column) for column in zip(*rows, strict=True))
        n = sum(s.neurons.size for s in shards)
        gathered[name] = from_rows(samples, times, neurons, n_samples=parts[0].n_samples, n_neurons=n)
    return gathered


def in_parts(program: Program, spikes: Mapping[str, Events]) -> dict[str, Events]:
    """Spikes by the populations that are placed: those of a split one are its parts'."""
    found = dict(spikes)
    for name, shards in program.shards.items():
        if name in found:
            whole = found.pop(name)
            found |= {s.population: _of_neurons(whole, s.neurons) for s in shards}
    return found


def _of_neurons(e: Events, neurons: IntArray) -> Events:
    """The spikes of some neurons, renumbered in the order given."""
    number = np.full(e.n_neurons, -1, np.int64)
    number[neurons] = np.arange(neurons.size)
    kept = e.keep(number[e.neurons] >= 0)
    rows = (kept.sample_of_event(), kept.times, number[kept.neurons])
    return from_rows(*rows, n_samples=e.n_samples, n_neurons=neurons.size, multiple=e.multiple)


def gather_membrane(
    program: Program, traces: Mapping[str, AnyArray], record: Sequence[str]
) -> dict[str, AnyArray]:
    """The recorded membranes of split populations under the user's names and numbers.

    Args:
        program: What ran.
        traces: What a backend recorded, by the names of the shards.
        record: What the user asked for.
    """
    gathered: dict[str, AnyArray] = {}
    for key in record:
        name, what = split_key(key)
        given = as_engines_record(program.network, what)
        shards = program.shards.get(name)
        if shards is None:
            whole = traces[name + given]
        else:
            order = np.argsort(np.concatenate([s.neurons for s in shards]))
            whole = np.concatenate([traces[s.population + given] for s in shards], axis=-1)[..., order]
        gathered[key] = whole if given == what else whole.max(axis=1)
    return gathered


def gather_counters(program: Program, counters: Counters | None) -> Counters | None:
    """Counts under the user's names: a split population's are the sums over its shards.

    Projections keep their parts' names: each part is stored and sent on its own.
    """
    if counters is None or not program.shards:
        return counters
    whole = dict(counters.populations)
    for name, shards in program.shards.items():
        parts = [whole.pop(s.population) for s in shards]
        whole[name] = PopulationCounts(sum(p.spikes for p in parts), sum(p.neuron_updates for p in parts))
    return replace(counters, populations=whole)


def record_keys(program: Program, record: Sequence[str]) -> tuple[str, ...]:
    """What a backend must record so that `gather_membrane` can answer.

    Raises:
        NetworkError: What `check_record` refuses.
    """
    keys: list[str] = []
    for key in record:
        name, what = split_key(key)
        given = as_engines_record(program.network, what)
        shards = program.shards.get(name)
        keys.extend([s.population + given for s in shards] if shards else [name + given])
    check_record(program.network, keys)
    return tuple(dict.fromkeys(keys))
