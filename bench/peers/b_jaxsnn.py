"""Benchmark B in jaxsnn: its event-based solver of neurons with tau_mem = 2 tau_syn, compiled by JAX.

A reset to -1000 lets each neuron spike once. It computes in float32; answers count as right if every output
spikes within a thousandth of a second of the right time, or not within the 4 s that it is given.
"""

from __future__ import annotations

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness import Case, Work, main, per_second
from jaxsnn.event.modules import LIF, LIFParameters, Linear, Source
from jaxsnn.event.topology import Topology
from jaxsnn.event.types import Spike
from workloads import FIRST_SPIKE_SIZES, first_spikes

BATCH = 10
T_MAX = 4.0


def network(weights: tuple[np.ndarray, ...]) -> Any:
    """What takes input spikes to all spikes."""
    n_in, n_hidden, n_out = FIRST_SPIKE_SIZES
    neuron = LIFParameters(v_reset=-1000.0, v_th=1.0, tau_syn=1.0, tau_mem=2.0)
    topology = Topology(t_max=T_MAX)
    modules = {
        "in": Source(n_in),
        "hidden": LIF(n_hidden, n_in + n_hidden, neuron),
        "out": LIF(n_out, n_hidden + n_out, neuron),
    }
    synapses = {name: Linear(mean=0.0, std=1.0, min_delay=0.0) for name in ("to hidden", "to out")}
    topology.add({**modules, **synapses})
    topology.connect([("in", "to hidden"), ("to hidden", "hidden"), ("hidden", "to out"), ("to out", "out")])
    initialise, apply = topology.done()
    leaves, tree = jax.tree_util.tree_flatten(initialise(jax.random.PRNGKey(0)))
    by_shape = {w.shape: jnp.asarray(2 * w) for w in weights}  # its current acts by dt/tau_mem
    parameters = jax.tree_util.tree_unflatten(tree, [by_shape.get(leaf.shape, leaf) for leaf in leaves])
    return jax.jit(lambda spikes: apply(spikes, parameters)["out"])


def batch_of(times: np.ndarray) -> dict[str, Spike]:
    """Input spikes in the order of their times."""
    order = np.argsort(times, axis=1)
    n = times.shape
    return {
        "in": Spike(
            time=jnp.asarray(np.take_along_axis(times, order, 1)),
            idx=jnp.asarray(order),
            current=jnp.zeros(n),
            layer_idx=jnp.zeros(n, int),
            internal=jnp.ones(n, bool),
        )
    }


def prepare(quick: bool) -> Work:
    weights, times = first_spikes(20)
    solve = network(weights)
    right = right_times(weights, times)

    def run() -> np.ndarray:
        found = np.full((len(times), FIRST_SPIKE_SIZES[-1]), np.inf)
        for first in range(0, len(times), BATCH):
            spikes = jax.block_until_ready(solve(batch_of(times[first : first + BATCH])))
            own = np.asarray(spikes.internal) & (np.asarray(spikes.idx) >= 0)
            samples, _ = np.nonzero(own)
            place = (first + samples, np.asarray(spikes.idx)[own])
            np.minimum.at(found, place, np.asarray(spikes.time, float)[own])
        return found

    def check(found: np.ndarray) -> dict[str, float]:
        late = right > T_MAX
        error = float(np.abs(found[~late] - right[~late]).max())
        return {"answer_ok": error < 1e-3 and bool((found[late] > T_MAX).all()), "largest_error_s": error}

    facts = {"samples": len(times), "batch": BATCH, "checked_samples": len(times)}
    return Work(run, check, {"samples/s": per_second(len(times))}, facts=facts)


def right_times(weights: tuple[np.ndarray, ...], times: np.ndarray) -> np.ndarray:
    """First spikes of the outputs, ``(n_samples, n_out)``, a sample and a neuron at a time."""
    for w in weights:
        times = np.array([[_first_spike(sample, column) for column in w.T] for sample in times])
    return times


def _first_spike(times: np.ndarray, weights: np.ndarray) -> float:
    """When V(t) = 2 (A exp(-t/2) - B exp(-t)) first reaches 1."""
    order = np.argsort(times)
    t, w = times[order], weights[order]
    t, w = t[np.isfinite(t)], w[np.isfinite(t)]
    a, b = np.cumsum(w * np.exp(t / 2)), np.cumsum(w * np.exp(t))
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(a * a - 2 * b)
        crossing = -2 * np.log(np.where(b > 0, a + root, a - root) / (2 * b))
        valid = (crossing >= t) & (crossing < np.append(t[1:], np.inf)) & (a > 0)
    return float(crossing[valid].min()) if valid.any() else np.inf


CASES = [Case("B", "784-400-10", prepare, simulator="jaxsnn", packages=("numpy", "jax", "jaxsnn"))]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
