"""Runs a network in the stock flavour: ``LIF``, ``Dense`` and so on, exactly as Lava ships them.

One process a population, one a projection, a source an input, a sink a population. Samples run one after
another; between two of them every state variable is set back to zero: ``u`` and ``v`` of the neurons, and
``a_buff``, which holds what is on its way through the synapses. Lava has no other state.
"""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from spikec_lava.deployed.errors import UserError
from spikec_lava.deployed.files import Spikes, in_order
from spikec_lava.deployed.network import Array, Network, Population, Projection
from spikec_lava.deployed.runtime import started

LARGEST_DECAY = 4095
"""A chip holds a decay in 12 bits; the simulator also takes 4096, which forgets everything."""


@dataclass(frozen=True, eq=False)
class _Graph:
    """The processes of a network, by name, and the memory its sinks write to."""

    neurons: Mapping[str, Any]
    synapses: Mapping[str, Any]
    kept: Mapping[str, Any]


def run_stock(
    network: Network,
    inputs: Mapping[str, Spikes],
    n_samples: int,
    n_ticks: int,
    record: Sequence[str],
    *,
    hardware: bool = False,
    **supervision: Any,
) -> tuple[dict[str, Spikes], dict[str, Array]]:
    """Run all samples, each from rest.

    Args:
        network: In the stock flavour.
        inputs: Spikes of each input before `n_ticks`.
        n_samples: Samples, at least one.
        n_ticks: Ticks of each sample, at least one.
        record: ``"name.v.last"`` for the membrane at the end of every sample.
        hardware: Run on Loihi 2 instead of simulating it.
        supervision: For `spikec_lava.deployed.runtime.started`.

    Returns:
        Spikes of every population, and what was recorded.
    """
    from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
    from scipy.sparse import SparseEfficiencyWarning

    warnings.simplefilter("ignore", SparseEfficiencyWarning)  # Lava's DelaySparse, in every tick
    graph = _build(network, inputs, n_samples, n_ticks, hardware)
    read = {key: graph.neurons[key.removesuffix(".v.last")].v for key in record}
    state = [var for lif in graph.neurons.values() for var in (lif.u, lif.v)]
    state += [connection.a_buff for connection in graph.synapses.values()]
    traces: dict[str, list[Array]] = {key: [] for key in read}
    config = (Loihi2HwCfg if hardware else Loihi2SimCfg)(select_tag="fixed_pt")
    first = next(iter(graph.neurons.values()))
    with started(first, config, **supervision) as runtime:
        for sample in range(n_samples):
            if sample:
                for var in state:
                    var.set(np.zeros(var.shape, np.int32))
            runtime.run(n_ticks)
            for key, var in read.items():
                traces[key].append(np.rint(var.get()).astype(np.int64).ravel())
    spikes = dict(inputs)
    for name, kept in graph.kept.items():
        raster = np.frombuffer(kept, np.uint8).reshape(n_samples, n_ticks, -1)
        samples, ticks, neurons = np.nonzero(raster)
        spikes[name] = in_order(samples, ticks, neurons, n_samples, raster.shape[2])
    return spikes, {key: np.stack(parts) for key, parts in traces.items()}


def check_hardware(network: Network) -> None:
    """Check that a network can run on a chip from here.

    Raises:
        UserError: It cannot; the message says why.
    """
    if network.flavour != "stock":
        raise UserError("only the stock flavour runs on Loihi 2, but this package is fused; deploy it anew")
    for p in network.populations:
        if np.max(p.parameters.get("dv", 0)) > LARGEST_DECAY:
            raise UserError(
                f"population {p.name} has a dv of more than {LARGEST_DECAY}, which a chip cannot hold; "
                "compile for the target loihi2"
            )
        mixed = [k for k, v in p.parameters.items() if k != "bias_mant" and not isinstance(v, int)]
        if mixed:
            raise UserError(
                f"population {p.name} has its own {' and '.join(mixed)} for each neuron, but on Loihi 2 a "
                "LIF process has one for all; compile for the target loihi2, which splits such populations"
            )
    try:
        import lava.magma.core.model.nc.model
        import lava.proc.embedded_io.spike  # noqa: F401
    except ImportError:
        raise UserError(
            "Loihi 2 cannot be reached from here: it needs Intel's extension lava-loihi, which members of "
            "its research community (INRC) get; run without --hardware to simulate"
        ) from None


def _build(
    network: Network, inputs: Mapping[str, Spikes], n_samples: int, n_ticks: int, hardware: bool
) -> _Graph:
    from spikec_lava.deployed.processes.ends import Sink

    neurons = {p.name: _lif(p) for p in network.populations if not p.is_input}
    synapses = {q.name: _connection(q, network.population(q.pre)) for q in network.projections}
    out_ports = {name: lif.s_out for name, lif in neurons.items()}
    for name in sorted({q.pre for q in network.projections} & set(inputs)):
        source = _source(inputs[name], n_samples, n_ticks)
        out_ports[name] = _onto_chip(source.s_out) if hardware else source.s_out
    for q in network.projections:
        out_ports[q.pre].connect(synapses[q.name].s_in)
        synapses[q.name].a_out.connect(neurons[q.post].a_in)
    kept, sinks = {}, {}
    for name, lif in neurons.items():
        n = network.population(name).n
        kept[name] = multiprocessing.RawArray("B", n_samples * n_ticks * n)
        sinks[name] = Sink(kept=kept[name], n=n)
        (_off_chip(lif.s_out) if hardware else lif.s_out).connect(sinks[name].a_in)
    parts = [min(part) for part in _parts(network)]
    for one, other in pairwise(parts):
        sinks[one].tie_out.connect(sinks[other].tie_in)
    return _Graph(neurons, synapses, kept)


def _lif(p: Population) -> Any:
    from lava.proc.lif.process import LIF

    own = {name: value for name, value in p.parameters.items() if name != "inclusive"}
    return LIF(shape=(p.n,), **own)


def _connection(q: Projection, pre: Population) -> Any:
    from lava.proc.dense.process import DelayDense, Dense
    from lava.proc.sparse.process import DelaySparse, Sparse
    from lava.utils.weightutils import SignMode
    from scipy.sparse import csr_matrix

    form = {
        "sign_mode": SignMode[q.sign.upper()],
        "num_weight_bits": q.bits,
        "weight_exp": q.exponent,
        "num_message_bits": pre.most_at_once.bit_length() if pre.most_at_once > 1 else 0,
    }
    if q.dense and q.longest_delay == 0:
        return Dense(weights=q.matrix(q.weights), **form)
    if q.dense:
        return DelayDense(weights=q.matrix(q.weights), delays=q.matrix(q.delays), **form)
    weights = csr_matrix((q.weights.astype(np.int64), (q.posts, q.pres)), q.shape)
    if q.longest_delay == 0:
        return Sparse(weights=weights, **form)
    return DelaySparse(weights=weights, delays=csr_matrix((q.delays, (q.posts, q.pres)), q.shape), **form)


def _source(spikes: Spikes, n_samples: int, n_ticks: int) -> Any:
    from spikec_lava.deployed.processes.ends import Source

    step = spikes.samples * n_ticks + spikes.ticks
    starts = np.searchsorted(step, np.arange(n_samples * n_ticks + 1))
    return Source(starts=starts, neurons=spikes.neurons, n=spikes.n_neurons)


def _onto_chip(port: Any) -> Any:
    """What carries spikes from the host to a chip's cores."""
    from lava.proc.embedded_io.spike import PyToNxAdapter

    adapter = PyToNxAdapter(shape=port.shape)
    port.connect(adapter.inp)
    return adapter.out


def _off_chip(port: Any) -> Any:
    """What carries spikes from a chip's cores to the host."""
    from lava.proc.embedded_io.spike import NxToPyAdapter

    adapter = NxToPyAdapter(shape=port.shape)
    port.connect(adapter.inp)
    return adapter.out


def _parts(network: Network) -> list[set[str]]:
    """The neurons' populations, grouped by what hangs together."""
    parts: list[set[str]] = [{p.name} for p in network.populations]
    for q in network.projections:
        one = next(part for part in parts if q.pre in part)
        other = next(part for part in parts if q.post in part)
        if one is not other:
            parts.remove(other)
            one |= other
    neurons = [part - set(network.inputs) for part in parts]
    return [part for part in neurons if part]
