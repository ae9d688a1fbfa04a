r"""Signs of the framework that wrote a NIR file, for the convention to read it with.

A file does not name its framework, but exporters leave marks: Rockpool and SpikingJelly in the names of
nodes, snnTorch, Rockpool and SpikingJelly in gains that undo their time step. Norse, sinabs, Spyx and Nengo
leave none that others do not, so nothing is guessed for them.

=============  ====================================================================================
Rockpool       nodes ``0_LinearTorch``, ``1_LIFTorch``; :math:`r = (\tau / dt)\, e^{-dt/\tau}`
SpikingJelly   nodes ``_0``, ``_1`` from an input ``input_1``; :math:`r = 1/dt` of IF
snnTorch       :math:`r = \tau / dt` and :math:`w_{in} = \tau_{syn} / dt` with dt = 1e-4 s everywhere
=============  ====================================================================================

Sources: rockpool ``nn/modules/torch/nir.py``, spikingjelly ``activation_based/nir_exchange/to_nir.py``,
snntorch ``export_nir.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from spikec.arrays import FloatArray
from spikec.conventions import Guess
from spikec.frontends.nir_file import Graph, Node

SNNTORCH_DT = 1e-4
"""The time step that snnTorch always writes for, seconds."""

CLOSE = 1e-4
"""Relative error of time steps that are meant to be equal; files hold float32."""

_ROCKPOOL = re.compile(r"(.*\.)?\d+_(LIFTorch|LinearTorch|ExpSynTorch)")
_SPIKINGJELLY = re.compile(r"_\d+")


def guess_origin(graph: Graph) -> Guess | None:
    """Look for marks of a framework; None if there are none that tell."""
    nodes = list(_all_nodes(graph))
    neurons = [n for n in nodes if "r" in n.values]
    inner = [n for n in nodes if n.type not in ("Input", "Output")]
    if any(_ROCKPOOL.fullmatch(n.name) for n in inner):
        name = next(n.name for n in inner if _ROCKPOOL.fullmatch(n.name))
        reason = f"nodes have names of Rockpool's, as {name}"
        return Guess("rockpool", reason, _common(map(_rockpool_dt, neurons)))
    if inner and all(_SPIKINGJELLY.fullmatch(n.name) for n in inner):
        steps = [_over(np.ones(1), n.values["r"]) for n in neurons if n.type == "IF"]
        return Guess("spikingjelly", "all nodes have names of SpikingJelly's, as _0", _common(iter(steps)))
    steps = [step for n in neurons for step in _undone_steps(n)]
    if steps and all(n.type in ("LIF", "CubaLIF") for n in neurons):
        dt = _common(iter(steps))
        if dt is not None and abs(dt / SNNTORCH_DT - 1) < CLOSE:
            reason = "every r is tau / 0.0001 s, with which snnTorch undoes its time step"
            return Guess("snntorch", reason, SNNTORCH_DT)
    return None


def origin_notes(graph: Graph) -> Iterator[str]:
    """What the framework that seems to have written a file is known to leave out of it."""
    name = next((n.name for n in _all_nodes(graph) if _ROCKPOOL.fullmatch(n.name)), None)
    if name is not None:
        yield (
            f"the file seems to be Rockpool's, for a node is named {name}; its exporter leaves out recurrent "
            "weights (has_rec=True) and biases of neurons without a word: if there were any, they are lost"
        )


def _all_nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes.values():
        if node.graph is None:
            yield node
        else:
            yield from _all_nodes(node.graph)


def _undone_steps(node: Node) -> Iterator[FloatArray]:
    """Time steps that a neuron's gains would undo, seconds; not a number where there is no gain."""
    pairs = {"LIF": [("tau", "r")], "CubaLIF": [("tau_mem", "r"), ("tau_syn", "w_in")]}
    for tau, gain in pairs.get(node.type, []):
        values = node.values.get(gain)
        yield _over(node.values[tau], np.zeros(1) if values is None else values)


def _rockpool_dt(node: Node) -> FloatArray:
    """Solve ``r k = exp(-k)`` for ``k = dt / tau`` by Newton's method."""
    r = np.asarray(node.values["r"], np.float64)
    tau = node.values.get("tau_mem", node.values.get("tau", np.full(1, np.nan)))
    k = _over(np.ones(1), r)
    with np.errstate(all="ignore"):
        for _ in range(50):
            k = k - (r * k - np.exp(-k)) / (r + np.exp(-k))
    return _over(k, _over(np.ones(1), tau))


def _over(a: FloatArray, b: FloatArray) -> FloatArray:
    """Divide; not a number where that is none, or the shapes disagree."""
    if a.shape != b.shape and 1 not in (a.size, b.size):
        return np.full(1, np.nan)
    with np.errstate(all="ignore"):
        return np.asarray(a.ravel() / b.ravel())


def _common(steps: Iterator[FloatArray]) -> float | None:
    """The time step that all agree on, rounded as float32 files allow, if they do."""
    found = [np.ravel(s) for s in steps]
    if not found or any(s.size == 0 for s in found):
        return None
    every = np.concatenate(found)
    middle = float(np.median(every))
    if not (np.isfinite(middle) and middle > 0 and np.all(np.abs(every / middle - 1) < CLOSE)):
        return None
    return float(f"{middle:.5g}")
