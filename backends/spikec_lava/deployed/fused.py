"""Runs a network in the fused flavour: everything in one Lava process, many samples at once."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikec_lava.deployed.files import Spikes, in_order
from spikec_lava.deployed.network import Array, Network
from spikec_lava.deployed.runtime import started

BATCH_BYTES = 64 << 20
"""Samples run side by side as long as their state and input stay below this size."""

LARGEST_BATCH = 256

_WANTED = ("name", "pre", "post", "shape", "exponent", "pres", "posts", "weights", "delays")

COUNTS = ("synaptic_events", "zero_weight_events", "messages", "delay_writes")
"""What is counted for each projection, in the order of `FusedNetwork`."""


def run_fused(
    network: Network,
    inputs: Mapping[str, Spikes],
    n_samples: int,
    n_ticks: int,
    record: Sequence[str],
    **supervision: Any,
) -> tuple[dict[str, Spikes], dict[str, Array], dict[str, Any]]:
    """Run all samples, each from its beginning.

    Args:
        network: In either flavour.
        inputs: Spikes of each input before `n_ticks`.
        n_samples: Samples, at least one.
        n_ticks: Ticks of each sample, at least one.
        record: ``"name.v"`` for a membrane in every tick, ``"name.v.last"`` for its last value.
        supervision: For `spikec_lava.deployed.runtime.started`.

    Returns:
        Spikes of every population, what was recorded, and the counts of all events.
    """
    from lava.magma.core.run_configs import Loihi2SimCfg

    from spikec_lava.deployed.processes.fused import FusedNetwork

    batch = _batch(network, n_ticks)
    with tempfile.TemporaryFile() as file:
        process = FusedNetwork(
            populations=[(p.name, p.n, p.neuron, p.parameters) for p in network.populations],
            projections=[{key: getattr(q, key) for key in _WANTED} for q in network.projections],
            spikes={name: (s.samples, s.ticks, s.neurons) for name, s in inputs.items()},
            n_samples=n_samples,
            n_ticks=n_ticks,
            batch=batch,
            record=[key.removesuffix(".v") for key in record if key.endswith(".v")],
            out=file,
        )
        with started(process, Loihi2SimCfg(select_tag="fixed_pt"), **supervision) as runtime:
            runtime.run(-(-n_samples // batch) * n_ticks)
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            out = {name: arrays[name] for name in arrays.files}
    spikes = dict(inputs)
    for p in network.populations:
        if not p.is_input:
            samples, ticks, neurons = out[f"spikes.{p.name}"]
            spikes[p.name] = in_order(samples, ticks, neurons, n_samples, p.n)
    traces = {key: out[_stored(key)] for key in record}
    counts = {q.name: out[f"counts.{q.name}"].tolist() for q in network.projections}
    return spikes, traces, _counters(network, spikes, counts, n_samples, n_ticks)


def _stored(key: str) -> str:
    if key.endswith(".v.last"):
        return f"last.{key.removesuffix('.v.last')}"
    return f"trace.{key.removesuffix('.v')}"


def _counters(
    network: Network,
    spikes: Mapping[str, Spikes],
    counts: Mapping[str, Sequence[int]],
    n_samples: int,
    n_ticks: int,
) -> dict[str, Any]:
    updates = {p.name: 0 if p.is_input else p.n * n_ticks * n_samples for p in network.populations}
    return {
        "n_samples": n_samples,
        "n_ticks": n_ticks,
        "populations": {
            name: {"spikes": int(spikes[name].ticks.size), "neuron_updates": n} for name, n in updates.items()
        },
        "projections": {name: dict(zip(COUNTS, c, strict=True)) for name, c in counts.items()},
    }


def _batch(network: Network, n_ticks: int) -> int:
    longest = {p.name: 1 for p in network.populations}
    for q in network.projections:
        longest[q.post] = max(longest[q.post], q.longest_delay + 1)
    bytes_each = sum(p.n * (n_ticks + 8 * (longest[p.name] + 4)) for p in network.populations)
    return int(np.clip(BATCH_BYTES // bytes_each, 1, LARGEST_BATCH))
