r"""A chip's integers as real numbers: the float network whose ticks are those of a program.

With a population's scale :math:`s`, the integer membrane units that stand for one of the user's, a mantissa
:math:`m` of exponent :math:`e` is the weight :math:`64\, m\, 2^e / s`, the bias :math:`b / s` a tick, and the
threshold :math:`(64\, vth + 1/2) / s`: the half lies between the last integer that does not spike and the
first that does, so that rounding decides nothing; for an `inclusive` neuron it is taken off. Decays become
the time constants of Euler's method, :math:`\tau = 4096\, dt / d`. A program without scales keeps the chip's
units, :math:`s = 64`.

What real numbers leave out: a chip cuts off what decays leave, toward zero, wraps currents at 24 bits and
stops membranes there. So spikes of neurons that decay may come otherwise than on the chip; those of neurons
that only add up come the same. A neuron of the largest threshold that feeds nobody is taken for a readout
and never spikes, where the chip's would if its membrane stopped at the upper end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from spikec.arrays import AnyArray, FloatArray
from spikec.exporters.inverse import solved
from spikec.exporters.nir_file import Value
from spikec.ir.connectivity import DelayKind, Sparse
from spikec.ir.conventions import Convention
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Network, Population, Projection, Ticks, scaled_rows
from spikec.ir.neurons import CubaLif, CubaTicks, If, Lif, LiReadout, Neuron, parameters
from spikec.program import Program

CHIP = Convention(hop_delay=1)
"""Euler's method with the chip's tick a hop."""

NEVER = 131071
"""The largest threshold there is, which readouts have."""

Metadata = dict[str, dict[str, Value]]


def dequantised(program: Program) -> tuple[Network, Metadata]:
    """The float network of a program in integers, and its integers.

    Neurons in integers that are no current-based ones stay what they are.

    Args:
        program: In the fixed dialect.

    Returns:
        The network, and for every population and projection the integers by name.
    """
    network = program.network
    scales = {p.name: np.asarray(program.scales.get(p.name, 64.0), np.float64) for p in network.populations}
    metadata: Metadata = {}
    for p in network.populations:
        if isinstance(p.neuron, CubaFixed):
            metadata[f"population {p.name}"] = {**parameters(p.neuron), "scale": scales[p.name]}
    for q in network.projections:
        metadata[f"projection {q.name}"] = dict(_integers(q))
    changed = {
        p.name: replace(p, neuron=_neuron(p, network, scales[p.name]))
        for p in network.populations
        if isinstance(p.neuron, CubaFixed)
    }
    projections = {
        q.name: _projection(q, 64 / scales[q.post], network.dt, changed[q.post].neuron)
        for q in network.projections
        if q.post in changed
    }
    plain = network.with_populations(changed).with_projections(projections)
    return replace(plain, clock=Ticks(network.dt, CHIP)), metadata


def without_chips_decays(network: Network) -> Network:
    """A network in float ticks with every `CubaTicks` as the neuron of which it has the decays.

    The clock's integration must be Euler's.
    """
    changed = {
        p.name: replace(p, neuron=_of_decays(p.neuron, network.dt))
        for p in network.populations
        if isinstance(p.neuron, CubaTicks)
    }
    projections = {
        q.name: _projection(q, np.ones(()), network.dt, changed[q.post].neuron)
        for q in network.projections
        if q.post in changed
    }
    return network.with_populations(changed).with_projections(projections)


def _neuron(p: Population, network: Network, scale: FloatArray) -> Neuron:
    """The float neuron of a chip's, whose membrane counts in the user's units."""
    k = p.neuron
    assert isinstance(k, CubaFixed)
    vth = np.asarray(k.vth, np.float64)
    reads = np.all(vth == NEVER) and not network.outgoing(p.name)
    mantissa, exponent = np.broadcast_arrays(np.asarray(k.bias_mant), np.asarray(k.bias_exp))
    bias = np.where(exponent >= 0, mantissa << np.maximum(exponent, 0), mantissa >> np.maximum(-exponent, 0))
    ticks = CubaTicks(
        decay_u=np.asarray(k.du) + 1,
        decay_v=k.dv,
        threshold=np.inf if reads else (64 * vth + 0.5 - np.asarray(k.inclusive)) / scale,
        bias=bias / scale,
    )
    return _of_decays(ticks, network.dt)


def _of_decays(k: Neuron, dt: float) -> Neuron:
    """The neuron of a chip's decays: without a current where nothing of it is left after a tick."""
    assert isinstance(k, CubaTicks)
    tau_syn, tau_mem = (_time_constant(np.asarray(d), dt) for d in (k.decay_u, k.decay_v))
    threshold, bias = np.asarray(k.threshold), np.asarray(k.bias) / dt
    drive = np.asarray(k.current_bias) / dt / dt
    if not k.spikes:
        if np.all(tau_syn == dt):
            return LiReadout(tau_mem, tau_syn, bias=bias + drive * dt)
        return LiReadout(tau_mem, tau_syn, bias=bias, current_bias=drive)
    if not np.all(tau_syn == dt):
        return CubaLif(tau_mem, tau_syn, threshold, bias=bias, one_spike=k.one_spike, current_bias=drive)
    if np.all(np.isinf(tau_mem)):
        return If(threshold, bias + drive * dt, one_spike=k.one_spike)
    return Lif(tau_mem, threshold, bias=bias + drive * dt, one_spike=k.one_spike)


def _time_constant(decay: AnyArray, dt: float) -> FloatArray:
    """The time constant of which Euler's method leaves what a decay leaves, as exactly as may be; seconds."""
    share = decay / 4096
    lasting = np.where(share == 0, 1.0, share)
    tau, _ = solved(lambda t: np.asarray(dt / t), lasting, np.asarray(dt / lasting))
    return np.where(share == 0, np.inf, tau)


def _projection(q: Projection, unit: FloatArray, dt: float, neuron: Neuron) -> Projection:
    """The projection with real weights for a float neuron.

    Args:
        q: The projection, with weights that act on the membrane (or the current) of one tick.
        unit: What they are multiplied with, ``()`` or ``(n_post,)``.
        dt: Length of a tick, seconds.
        neuron: What they reach; the weights of one with a current are slopes, a second's worth.
    """
    slope = 1.0 if isinstance(neuron, If | Lif) else dt
    weights = q.connectivity.weights
    real = weights.value if isinstance(weights, Fixed) else weights
    return scaled_rows(replace(q, connectivity=q.connectivity.with_weights(real)), unit / slope)


def _integers(q: Projection) -> Iterator[tuple[str, Value]]:
    """What a chip stores of a projection; of a list of synapses as matrices, zero where there is none."""
    weights = q.connectivity.weights
    assert isinstance(weights, Fixed)
    listed = isinstance(q.connectivity, Sparse)
    yield "mantissa", q.connectivity.dense_matrix() if listed else weights.mantissa
    yield "exponent", weights.format.exponent
    yield "bits", weights.format.bits
    yield "sign", weights.format.sign.value
    delays = q.delays.values
    if listed and q.delays.kind is DelayKind.SYNAPTIC:
        pre, post = q.connectivity.synapses()
        delays = np.zeros((q.connectivity.n_post, q.connectivity.n_pre), np.int64)
        delays[post, pre] = q.delays.values
    yield "delays", delays
    yield "delay_kind", q.delays.kind.value


def metadata_of(integers: Mapping[str, dict[str, Value]], kind: str, name: str) -> dict[str, Value]:
    """The integers of one population or projection, none if it has none."""
    return integers.get(f"{kind} {name}", {})
