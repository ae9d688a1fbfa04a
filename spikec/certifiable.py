"""Programs whose samples `spikec.certificate` can certify: feed-forward, of neurons that spike once.

Synapses by which neurons keep their own second spikes away, and relays that bring these, are no recurrence:
until its first spike, and nothing later is certified, a neuron gets nothing from them.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import IntArray
from spikec.coding import Readout
from spikec.errors import UsageError
from spikec.ir.bounds import once_spiking
from spikec.ir.network import Population
from spikec.ir.neurons import CubaTicks, Source
from spikec.program import Program


def checked(real: Program, program: Program) -> tuple[int, list[Population]]:
    """Refuse what no certificate is for.

    Args:
        real: The program before `quantize-weights`.
        program: The same, after it.

    Returns:
        The length of a sample in ticks, and who computes, in the order in which spikes flow.

    Raises:
        UsageError: No certificate is for this program; says why.
    """
    network, decoding = real.network, real.network.decoding
    if not program.is_compiled or program.n_ticks is None:
        raise UsageError("certificates need a program in integers that knows how long a sample is")
    if decoding is None or decoding.readout not in (Readout.FIRST, Readout.MEMBRANE):
        raise UsageError("certificates are for answers by a first spike or by a membrane at the end")
    once = once_spiking(program.network, program.n_ticks)
    order = []
    for component in network.components():
        echoes = _echoes(real, component)
        for p in (network.population(name) for name in component if name not in echoes):
            if isinstance(p.neuron, Source):
                if not p.neuron.one_spike:
                    raise UsageError(
                        f"input {p.name} may spike several times; certificates are for one spike"
                    )
                continue
            if not isinstance(p.neuron, CubaTicks) or np.any(np.asarray(p.neuron.current_bias)):
                raise UsageError(
                    f"certificates are for CubaTicks without a constant current, not for {p.name}"
                )
            if p.neuron.spikes and p.name not in once and network.outgoing(p.name):
                raise UsageError(f"population {p.name} is not proven to spike once a sample")
            if not p.neuron.spikes and any(np.unique(np.asarray(d)).size > 1 for d in decays(p.neuron)):
                raise UsageError(f"readout {p.name} has several decays; certificates are for one")
            order.append(p)
    if decoding.population not in {p.name for p in order}:
        raise UsageError(f"population {decoding.population}, which answers, was split or repeats others")
    return program.n_ticks, order


def decays(neuron: CubaTicks) -> tuple[IntArray, IntArray]:
    """What a tick takes of current and membrane, in 4096ths."""
    return np.asarray(neuron.decay_u), np.asarray(neuron.decay_v)


def _echoes(real: Program, component: tuple[str, ...]) -> set[str]:
    """Populations that only bring a neuron's own spike back to it; nothing else may be recurrent.

    Raises:
        UsageError: Something else is.
    """
    network = real.network
    inside = [q for q in network.projections if q.pre in component and q.post in component]
    reached = {q.post for q in network.projections if q.post in component and q.pre not in component}
    echoes = set(component) - reached if inside and len(component) > 1 else set()
    for q in inside:
        pre, post = q.connectivity.synapses()
        if np.any(pre != post):
            raise UsageError(f"projection {q.name} is recurrent; certificates are for feed-forward networks")
    leaves = [q.name for q in network.projections if q.pre in echoes and q.post not in component]
    if len(component) - len(echoes) > 1 or leaves or any(_biased(network.population(e)) for e in echoes):
        raise UsageError(
            f"{', '.join(component)} feed each other; certificates are for feed-forward networks"
        )
    return echoes


def _biased(p: Population) -> bool:
    return not isinstance(p.neuron, CubaTicks) or bool(np.any(np.asarray(p.neuron.bias)))
