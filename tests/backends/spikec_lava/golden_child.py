"""Runs small graphs of Lava's own processes and prints what they did; a script, for Lava forks and can hang.

Reads a JSON list of graphs from standard input, writes a JSON list of results to standard output. A graph is

    {"processes": {name: [kind, arguments]}, "links": [["a.s_out", "b.a_in"], ...], "read": ["b.v", ...],
     "ticks": [T, ...], "tag": "fixed_pt"}

with a kind of `KINDS`, and its result {"sinks": {name: rows}, "read": {var: rows}} or {"error": text}. Every
entry of `ticks` is one call of Lava's run.
"""

import importlib
import json
import multiprocessing
import os
import sys
from typing import Any

import numpy as np

from spikec_lava import compat

KINDS = {
    "Source": "lava.proc.io.source:RingBuffer",
    "Sink": "lava.proc.io.sink:RingBuffer",
    "LIF": "lava.proc.lif.process:LIF",
    "LIFReset": "lava.proc.lif.process:LIFReset",
    "LIFRefractory": "lava.proc.lif.process:LIFRefractory",
    "TernaryLIF": "lava.proc.lif.process:TernaryLIF",
    "Dense": "lava.proc.dense.process:Dense",
    "DelayDense": "lava.proc.dense.process:DelayDense",
    "Sparse": "lava.proc.sparse.process:Sparse",
    "DelaySparse": "lava.proc.sparse.process:DelaySparse",
    "Conv": "lava.proc.conv.process:Conv",
}


def make(kind: str, given: dict[str, Any]) -> Any:
    """A process from JSON: lists become arrays, weights of sparse kinds matrices, sign modes Lava's own."""
    from lava.utils.weightutils import SignMode
    from scipy.sparse import csr_matrix

    module, _, name = KINDS[kind].partition(":")
    arguments: dict[str, Any] = {}
    for key, value in given.items():
        if key in ("shape", "input_shape", "padding"):
            arguments[key] = tuple(value)
        elif key == "sign_mode":
            arguments[key] = SignMode[value]
        elif "Sparse" in kind and key in ("weights", "delays"):
            arguments[key] = csr_matrix(np.array(value))
        else:
            arguments[key] = np.array(value) if isinstance(value, list) else value
    return getattr(importlib.import_module(module), name)(**arguments)


def run(graph: dict[str, Any]) -> dict[str, Any]:
    """Build a graph, run it, read everything and stop it."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import Read

    processes = {name: make(kind, given) for name, (kind, given) in graph["processes"].items()}
    for out, into in graph["links"]:
        (pre, a), (post, b) = out.split("."), into.split(".")
        getattr(processes[pre], a).connect(getattr(processes[post], b))
    probes = {}
    for var in graph.get("read", []):
        name, attribute = var.split(".")
        probes[var] = Read(buffer=sum(graph["ticks"]))
        probes[var].connect_var(getattr(processes[name], attribute))
    last = processes[graph["links"][-1][1].split(".")[0]]
    for n in graph["ticks"]:
        last.run(
            condition=RunSteps(num_steps=n), run_cfg=Loihi2SimCfg(select_tag=graph.get("tag", "fixed_pt"))
        )
    sinks = {name for name, (kind, _) in graph["processes"].items() if kind == "Sink"}
    result = {
        "sinks": {name: processes[name].data.get().tolist() for name in sinks},
        "read": {var: probe.data.get().tolist() for var, probe in probes.items()},
    }
    last.stop()
    return result


def main() -> None:
    """Run all graphs; one that fails does not stop the others."""
    compat.install()
    results = []
    for graph in json.load(sys.stdin):
        try:
            results.append(run(graph))
        except Exception as error:
            for child in multiprocessing.active_children():
                child.kill()
            results.append({"error": f"{type(error).__name__}: {error}"})
    print(f"\n{json.dumps(results)}", flush=True)
    os._exit(0)  # what a failed graph left behind would wait for ever


if __name__ == "__main__":
    main()
