"""Reads spikec's events files and writes its result files, without spikec.

Such a file is a zip of ``0.npy``, ``1.npy``, ... and of ``spikec.json``, which says what the arrays are:
``{"is": "Events", "times": {"array": "0"}, ...}``; several inputs are ``{"map": {name: ..., ...}}``. Nothing
in it is ever executed, and a checksum over its contents stands in it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikec_lava.deployed.errors import UserError
from spikec_lava.deployed.network import Array, Population

VERSION = 1
"""Version of spikec's file format that is read and written."""

MANIFEST = "spikec.json"


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of one population, ordered by sample, then tick, then neuron.

    Attributes:
        samples: Sample of each spike, ``(n,)``.
        ticks: Tick of each spike, from 0, ``(n,)``.
        neurons: Neuron of each spike, ``(n,)``.
        n_samples: Number of samples.
        n_neurons: Size of the population.
    """

    samples: Array
    ticks: Array
    neurons: Array
    n_samples: int
    n_neurons: int

    @property
    def repeats(self) -> bool:
        """Whether a neuron spikes several times in some tick."""
        rows = np.stack([self.samples, self.ticks, self.neurons])
        return bool(np.any(np.all(np.diff(rows, axis=1) == 0, axis=0)))

    def before(self, n_ticks: int) -> Spikes:
        """The spikes of the first ticks."""
        kept = self.ticks < n_ticks
        return Spikes(
            self.samples[kept], self.ticks[kept], self.neurons[kept], self.n_samples, self.n_neurons
        )


def in_order(samples: Array, ticks: Array, neurons: Array, n_samples: int, n_neurons: int) -> Spikes:
    """Spikes listed in any order."""
    order = np.lexsort((neurons, ticks, samples))
    return Spikes(samples[order], ticks[order], neurons[order], n_samples, n_neurons)


def read_events(path: Path, inputs: Mapping[str, Population], dt: float) -> dict[str, Spikes]:
    """Read the spikes of all inputs.

    Args:
        path: A file of events of the one input, or of events of every input by its name.
        inputs: The network's inputs, by name.
        dt: Length of a tick, seconds; times in seconds are rounded to ticks.

    Raises:
        UserError: The file does not exist, is no events file, was altered, or does not fit the inputs.
    """
    tree, arrays = _read(path)
    kind = tree.get("is") if isinstance(tree, dict) else None
    if kind == "Events" and len(inputs) == 1:
        tree = {"map": {name: tree for name in inputs}}
    given = tree.get("map", {}) if isinstance(tree, dict) else {}
    if set(given) != set(inputs) or any(e.get("is") != "Events" for e in given.values()):
        found = "events of one input" if kind == "Events" else f"{kind or sorted(given)}"
        raise UserError(f"{path} holds {found}, but the network's inputs are {sorted(inputs)}")
    events = {name: _events(path, given[name], arrays, p, dt) for name, p in inputs.items()}
    if len({e.n_samples for e in events.values()}) > 1:
        raise UserError(f"{path} has different numbers of samples for different inputs")
    return events


def write_result(
    path: Path,
    spikes: Mapping[str, Spikes],
    traces: Mapping[str, Array],
    counters: Mapping[str, Any] | None,
    meta: Mapping[str, Any],
) -> None:
    """Write what a run gave; the file appears under its name only when it is complete.

    Args:
        path: Where to; what is there is replaced.
        spikes: By population.
        traces: Recorded membranes by key, for instance ``"output.v.last"``.
        counters: ``n_samples``, ``n_ticks``, counts by population and by projection; None if nobody counted.
        meta: JSON facts about the run.
    """
    arrays: dict[str, Array] = {}
    tree = {
        "is": "RunResult",
        "spikes": {"map": {name: _spikes_tree(s, arrays) for name, s in spikes.items()}},
        "traces": {"map": {key: _stored(trace, arrays) for key, trace in traces.items()}},
        "counters": _counters_tree(counters) if counters else None,
        "meta": {"map": dict(meta)},
    }
    manifest = {"format": "spikec", "version": VERSION, "sha256": _checksum(tree, arrays), "content": tree}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with (
        os.fdopen(handle, "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            archive.writestr(f"{name}.npy", buffer.getvalue())
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


def _read(path: Path) -> tuple[Any, dict[str, Array]]:
    if not path.is_file():
        raise UserError(f"there is no file {path}; check the name")
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(MANIFEST))
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name != MANIFEST}
        version, checksum, tree = manifest["version"], manifest["sha256"], manifest["content"]
        altered = checksum != _checksum(tree, arrays)
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no spikec events file, or it is damaged ({error})") from error
    if version > VERSION:
        raise UserError(f"{path} has format version {version}; this program reads up to {VERSION}")
    if altered:
        raise UserError(f"{path} was altered: its contents do not match its checksum; make it again")
    return tree, arrays


def _events(
    path: Path, tree: Mapping[str, Any], arrays: Mapping[str, Array], p: Population, dt: float
) -> Spikes:
    name, n = p.name, p.n
    try:
        times, neurons, starts = (arrays[tree[k]["array"]] for k in ("times", "neurons", "sample_starts"))
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} holds incomplete events for input {name}") from error
    if tree["n_neurons"] != n:
        raise UserError(f"input {name} has {n} neurons, but {path} has events of {tree['n_neurons']}")
    if times.size and (times.min() < 0 or neurons.min() < 0 or neurons.max() >= n):
        raise UserError(f"{path} has negative times or unknown neurons for input {name}")
    samples = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    ticks = times if times.dtype.kind == "i" else np.rint(times / dt).astype(np.int64)
    width = int(ticks.max(initial=0)) + 1
    place = (samples * width + ticks) * n + neurons  # one number a spike, in the order wanted
    counted = np.unique(place, return_counts=True)
    often = counted[1] if times.dtype.kind == "i" else np.ones_like(counted[1])
    if often.max(initial=0) > p.most_at_once:
        raise UserError(
            f"a neuron of input {name} spikes {often.max()} times in one tick, and {p.most_at_once} may be; "
            "give fewer, or deploy a network that was compiled for so many"
        )
    place = np.repeat(counted[0], often)
    rest, neuron = np.divmod(place, n)
    sample, tick = np.divmod(rest, width)
    return Spikes(sample, tick, neuron, starts.size - 1, n)


def _spikes_tree(s: Spikes, arrays: dict[str, Array]) -> dict[str, Any]:
    starts = np.concatenate([[0], np.cumsum(np.bincount(s.samples, minlength=s.n_samples))])
    return {
        "is": "Events",
        "times": _stored(s.ticks.astype(np.int64), arrays),
        "neurons": _stored(s.neurons.astype(np.int32), arrays),
        "sample_starts": _stored(starts.astype(np.int64), arrays),
        "n_neurons": s.n_neurons,
        "multiple": s.repeats,
    }


def _counters_tree(counters: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"populations": "PopulationCounts", "projections": "ProjectionCounts"}
    counts = {
        what: {"map": {name: {"is": kind, **c} for name, c in counters[what].items()}}
        for what, kind in kinds.items()
    }
    return {"is": "Counters", "n_samples": counters["n_samples"], "n_ticks": counters["n_ticks"], **counts}


def _stored(array: Array, arrays: dict[str, Array]) -> dict[str, str]:
    name = str(len(arrays))
    arrays[name] = np.ascontiguousarray(array)
    return {"array": name}


def _checksum(tree: Any, arrays: Mapping[str, Array]) -> str:
    total = hashlib.sha256(json.dumps(tree, sort_keys=True).encode())
    for name in sorted(arrays, key=int):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {arrays[name].shape} ".encode())
        total.update(array.tobytes())
    return total.hexdigest()
