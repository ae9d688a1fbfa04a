r"""Networks of which some parts are quantised, and the others as precise as they can be.

A *part* is the weights of one projection, all delays, all thresholds and biases, all decays, or time itself:
that spikes fall on ticks. As long as time is not among them, a continuous network stays continuous and takes
the program's numbers back: weights and biases divided by what a tick makes of them, decays as the time
constants that leave as much, delays with what rounding changed. On ticks it is Euler's form of the same
coefficients, :math:`u \leftarrow \alpha u + w s`, :math:`v \leftarrow \beta v + u + b`; a delay that is not
quantised and lies between two ticks becomes two synapses that share the weight by its nearness to both.

A network in float ticks is on its ticks anyway, so time is no part of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from spikec.arrays import FloatArray
from spikec.blame.stored import Stored
from spikec.blame.synapses import rebuilt
from spikec.ir.conventions import Convention
from spikec.ir.discrete import tick_of
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, IfExp, Lif, LiReadout, Neuron, Ramp
from spikec.program import Program
from spikec.targets.target import load_target

DELAYS, NEURONS, DECAYS, TIME = "delays", "thresholds and biases", "decays", "time"

WEIGHTS = "weights of "
"""What the names of the parts that are a projection's weights begin with."""

CHIP = Convention(hop_delay=1)
"""Euler's method with a chip's tick a hop."""


def weights_of(projection: str) -> str:
    """The part that is one projection's weights."""
    return f"{WEIGHTS}{projection}"


def parts_of(stored: Stored) -> tuple[str, ...]:
    """The parts of a network that its program quantised."""
    given = stored.network
    found = [weights_of(q.name) for q in given.projections if q.connectivity.n_synapses]
    wanted_and_kept = stored.delays.values()
    if any(np.any(np.abs(wanted - kept) > 1e-9) for wanted, kept in wanted_and_kept):
        found.append(DELAYS)
    if stored.neurons:
        found += [NEURONS, DECAYS]
    if isinstance(given.clock, Continuous):
        found.append(TIME)
    return tuple(found)


def variant(stored: Stored, quantised: Collection[str]) -> Program:
    """The network with some parts quantised, ready to run.

    Args:
        stored: The network and its program.
        quantised: Some of `parts_of`.
    """
    if isinstance(stored.network.clock, Continuous) and TIME not in quantised:
        return Program(_continuous(stored, quantised), load_target("ideal"))
    network = _in_ticks(stored, quantised)
    return Program(
        network, load_target("ideal"), n_ticks=stored.program.n_ticks, late=dict(stored.program.late)
    )


def _continuous(stored: Stored, quantised: Collection[str]) -> Network:
    network = stored.network
    populations = {name: _moved(stored, network.population(name), quantised) for name in stored.neurons}
    changed = network.with_populations(populations)
    projections = {}
    for q in network.projections:
        tick = stored.exact.get(q.post)
        weights = _tick_weights(stored, q, quantised)
        if tick is not None:
            gain = tick_of(changed.population(q.post).neuron, stored.dt, LOIHI).gain
            weights = weights / _per_synapse(gain, q)
        delays = _stored_seconds(stored, q) if DELAYS in quantised else None
        if not _touched(q, quantised):
            weights = np.asarray(q.connectivity.stored(), np.float64)
        projections[q.name] = rebuilt(q, weights, delays)
    return changed.with_projections(projections)


def _touched(q: Projection, quantised: Collection[str]) -> bool:
    """Whether a projection's real weights must be others: its own, or to fit rounded decays."""
    return weights_of(q.name) in quantised or DECAYS in quantised


def _tick_weights(stored: Stored, q: Projection, quantised: Collection[str]) -> FloatArray:
    """The weights of a projection in tick units, for decays that are quantised or not, ``(n_synapses,)``."""
    tick = stored.exact.get(q.post)
    matched = _per_synapse(stored.matched[q.post], q) if q.post in stored.matched else np.ones(1)
    if weights_of(q.name) in quantised:
        weights = stored.weights[q.name]
        return weights if DECAYS in quantised else weights / matched
    real = np.asarray(q.connectivity.stored(), np.float64)
    weights = real if tick is None else real * _per_synapse(tick.gain, q)
    return weights * matched if DECAYS in quantised else weights


def _per_synapse(values: FloatArray, q: Projection) -> FloatArray:
    """A value of each postsynaptic neuron, () or (n_post,), for each synapse."""
    return values if values.ndim == 0 else values[q.connectivity.synapses()[1]]


def _moved(stored: Stored, p: Population, quantised: Collection[str]) -> Population:
    """A continuous population with rounded decays, or thresholds and biases."""
    kept, exact = stored.neurons[p.name], stored.exact[p.name]
    k: Neuron = _with_decays(p.neuron, kept.alpha, kept.beta, stored.dt) if DECAYS in quantised else p.neuron
    assert isinstance(k, Ramp | If | Lif | CubaLif | IfExp | LiReadout)
    if DECAYS not in quantised and NEURONS not in quantised:
        return p
    wanted = kept.bias if NEURONS in quantised else np.broadcast_to(exact.bias, (p.n,))
    now = tick_of(k, stored.dt, LOIHI).bias
    held = tick_of(replace(k, bias=np.asarray(k.bias) + 1.0), stored.dt, LOIHI).bias - now
    k = replace(k, bias=np.asarray(k.bias) + (wanted - now) / held)
    if NEURONS in quantised and not isinstance(k, LiReadout):
        k = replace(k, threshold=kept.threshold)
    return replace(p, neuron=k)


def _with_decays(k: Neuron, alpha: FloatArray, beta: FloatArray, dt: float) -> Neuron:
    """The neuron with time constants of which a tick leaves what the chip's decays do."""
    tau_syn, tau_mem = _time_constant(alpha, dt), _time_constant(beta, dt)
    if isinstance(k, Lif):
        return replace(k, tau=tau_mem)
    if isinstance(k, If):
        return Lif(tau_mem, k.threshold, bias=k.bias, v_reset=k.v_reset, one_spike=k.one_spike)
    if isinstance(k, LiReadout):
        return replace(k, tau_mem=tau_mem, tau_syn=tau_syn)
    assert isinstance(k, Ramp | CubaLif | IfExp)
    drive = getattr(k, "current_bias", 0.0)
    return CubaLif(
        tau_mem,
        tau_syn,
        k.threshold,
        bias=k.bias,
        v_reset=k.v_reset,
        one_spike=k.one_spike,
        current_bias=drive,
    )


def _time_constant(left: FloatArray, dt: float) -> FloatArray:
    """Of which so much is left after a tick; infinite for all, a hundredth of a tick for nothing."""
    inside = (left > 0) & (left < 1)
    tau = -dt / np.log(np.where(inside, left, 0.5))
    return np.where(inside, tau, np.where(left >= 1, np.inf, dt / 100))


def _stored_seconds(stored: Stored, q: Projection) -> FloatArray:
    """The delays of a continuous projection with what rounding changed, seconds."""
    wanted, kept = stored.delays[q.name]
    given = np.asarray(q.delays.per_synapse(q.connectivity), np.float64)
    return np.maximum(given + (kept - wanted) * stored.dt, 0.0)


def _in_ticks(stored: Stored, quantised: Collection[str]) -> Network:
    """The network on the chip's clock."""
    dt, network = stored.dt, stored.ticks
    populations = {
        p.name: _on_ticks(stored, p, quantised)
        for p in network.populations
        if isinstance(p.neuron, CubaTicks)
    }
    projections: list[Projection] = []
    for q in stored.network.projections:
        weights = _tick_weights(stored, q, quantised)
        slopes = weights / dt if q.post in populations else weights
        wanted, kept = stored.delays[q.name]
        projections += _delayed(q, slopes, kept if DELAYS in quantised else wanted)
    changed = network.with_populations(populations)
    return replace(changed, projections=tuple(projections), clock=Ticks(dt, CHIP))


def _delayed(q: Projection, weights: FloatArray, ticks: FloatArray) -> Iterator[Projection]:
    """A projection whose synapses wait so many ticks; those in between come in parts before and after."""
    before = np.floor(ticks + 1e-9).astype(np.int64)
    part = np.where(ticks - before < 1e-9, 0.0, ticks - before)
    yield rebuilt(q, weights * (1 - part), before)
    if part.any():
        yield replace(rebuilt(q, weights * part, before + 1), name=f"{q.name} later")


def _on_ticks(stored: Stored, p: Population, quantised: Collection[str]) -> Population:
    """A population of `CubaTicks` in Euler's form, which has room for decays that are not rounded."""
    k, dt = p.neuron, stored.dt
    assert isinstance(k, CubaTicks)
    kept, exact = stored.neurons.get(p.name), stored.exact[p.name]
    threshold, bias = np.asarray(k.threshold), np.asarray(k.bias)
    alpha, beta = exact.alpha, exact.beta
    if kept is not None and NEURONS in quantised:
        threshold, bias = kept.threshold, kept.bias
    if kept is not None and DECAYS in quantised:
        alpha, beta = kept.alpha, kept.beta
    tau_syn, tau_mem = _euler(alpha, dt), _euler(beta, dt)
    drive = np.asarray(k.current_bias) / dt / dt
    if not k.spikes:
        return replace(p, neuron=LiReadout(tau_mem, tau_syn, bias=bias / dt, current_bias=drive))
    once = k.one_spike
    cuba = CubaLif(tau_mem, tau_syn, threshold, bias=bias / dt, one_spike=once, current_bias=drive)
    return replace(p, neuron=cuba)


def _euler(left: FloatArray, dt: float) -> FloatArray:
    """The time constant of which Euler's method leaves so much; infinite for all."""
    share = 1 - np.asarray(left, np.float64)
    return np.where(share == 0, np.inf, dt / np.where(share == 0, 1.0, share))
