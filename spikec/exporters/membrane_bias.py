r"""Biases of membranes behind a current, which NIR has no place for: a neuron that spikes once sends them.

With :math:`u \leftarrow \alpha u + c`, :math:`v \leftarrow \beta v + u + b` a bias :math:`b` is a current
that is :math:`b` from the first tick on. A current bias :math:`c = b (1 - \alpha)` keeps it there, and one
spike brings it there. If that spike arrives in tick :math:`a > 0`, membranes lack
:math:`d = \sum_{k < a} b\, \alpha^{k+1} \beta^{a-k}` by then; so it brings :math:`b\, \alpha^{a+1} + d`, and
a tick later :math:`-\alpha d` follows. From tick :math:`a` on all is as with the bias; before it, neurons
spike as if without.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.conventions import Gain, Integration
from spikec.ir.discrete import tick_of
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, If, IfExp, LiReadout, Ramp

AFTER = -(2.0**40)
"""The membrane of a sender after its spike: so low that it never spikes again."""

FILTERED = (CubaLif, IfExp, LiReadout, Ramp)


def with_senders(network: Network) -> tuple[Network, list[str]]:
    """Replace what biases of membranes can be replaced.

    Args:
        network: On a clock of ticks.

    Returns:
        The network, and what was done, one sentence each.
    """
    notes = []
    for p in network.populations:
        k = p.neuron
        if not isinstance(k, FILTERED) or not np.any(np.asarray(k.bias) != 0) or not _can_be_sent(k, network):
            continue
        name = _free(network, f"{p.name}.start")
        network = _sent(network, p, name)
        notes.append(
            f"the bias of the membranes of {p.name} is sent by {name}, a neuron that spikes once, in the "
            "first tick"
        )
    return network, notes


def _can_be_sent(k: CubaLif | IfExp | LiReadout | Ramp, network: Network) -> bool:
    """Whether one spike and a current bias do the same: always by Euler's method, else if currents stay."""
    assert isinstance(network.clock, Ticks)
    habits = network.clock.convention
    euler = habits.integration is Integration.EULER and habits.input_gain is Gain.HELD
    tau_syn = np.asarray(getattr(k, "tau_syn", np.inf))
    if isinstance(k, LiReadout) and np.all(tau_syn == network.clock.dt):
        return False  # nothing is left of such a current: NIR has an integrator without one
    return bool(np.all(np.isinf(tau_syn))) or (euler and isinstance(k, CubaLif | LiReadout))


def _sent(network: Network, p: Population, name: str) -> Network:
    """The network with one population's bias sent by a new one."""
    assert isinstance(network.clock, Ticks)
    k, dt, habits = p.neuron, network.clock.dt, network.clock.convention
    assert isinstance(k, CubaLif | IfExp | LiReadout | Ramp)
    tick = tick_of(k, dt, habits)
    alpha, beta, bias = (np.broadcast_to(v, (p.n,)) for v in (tick.alpha, tick.beta, tick.bias))
    arrives = habits.hop(leads_back=False) + habits.spike_delay
    lacking = sum((bias * alpha ** (j + 1) * beta ** (arrives - j) for j in range(arrives)), np.zeros(p.n))
    changed: CubaLif | IfExp | LiReadout | Ramp = replace(k, bias=0.0)
    if isinstance(changed, CubaLif | LiReadout):
        drive = np.asarray(changed.current_bias) + bias * (1 - alpha) / dt / dt
        changed = replace(changed, current_bias=drive)
    jumps = {name: bias * alpha ** (arrives + 1) + lacking, f"{name}.back": -alpha * lacking}
    sender = Population(name, If(threshold=0.5, bias=1 / dt, v_reset=AFTER, one_spike=True), (1,))
    projections = [
        Projection(label, name, p.name, Dense(_column(jump / tick.gain)), Delays(np.asarray(late)))
        for late, (label, jump) in enumerate(jumps.items())
        if np.any(jump != 0)
    ]
    network = network.with_populations({p.name: replace(p, neuron=changed)})
    return replace(
        network,
        populations=(*network.populations, sender),
        projections=(*network.projections, *projections),
    )


def _column(weights: FloatArray) -> FloatArray:
    return weights[:, None]


def _free(network: Network, name: str) -> str:
    """A name that no population has, nor a projection, also with ``.back`` behind it."""
    taken = {p.name for p in network.populations} | {q.name for q in network.projections}
    while {name, f"{name}.back"} & taken:
        name += "'"
    return name
