r"""Spiking networks that say how fast a state changes: sampled ramp neurons, read out by their spike times.

A state is encoded by the latencies of its values and their negatives, a hidden neuron lies between two drawn
states (`ramp_layer`), and one membrane a value is solved for its velocity. The gradient of an energy would be
of no use here: a spike time has a kink where the neuron falls silent, so the gradient of what is read out
jumps. What is learned is the velocity itself; nothing keeps it Hamiltonian, and the energy drifts.

The network compiles to a chip's integers as any other does; `compiled_field` then mends its readout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec.ir.network import Network
from spikec_train.hamiltonian import check_motion, draw_state_pairs
from spikec_train.ramp_layer import RampLayer, earliness, features, midpoint_layer
from spikec_train.ramp_network import ramp_network
from spikec_train.readout import LinearReadout, fit_readout


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SampledField:
    """How a network is made.

    Attributes:
        hidden: Number of hidden neurons.
        window: T, seconds; see `ramp_layer`.
        gain: g.
        penalties: Ridge penalties to choose from, in units of the features' mean eigenvalue.
    """

    hidden: int = 512
    window: float = 0.032
    gain: float = 2.0
    penalties: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)

    def __post_init__(self) -> None:
        if self.hidden < 1 or not (0 < self.window < np.inf and 0 < self.gain < np.inf):
            raise UsageError(
                f"{self.hidden} hidden neurons with window {self.window} s and gain {self.gain} were asked "
                "for; all must be positive and finite"
            )


@dataclass(frozen=True, eq=False)
class FittedField:
    """A network and what it takes to ask it.

    Attributes:
        network: In the continuous dialect.
        layer: The hidden layer.
        readout: The fit.
        reach: Values of a state lie between minus and plus this, ``(d,)``; beyond they count as at it.
        spike_share: Share of hidden neurons that spike, mean over the training states.
    """

    network: Network
    layer: RampLayer
    readout: LinearReadout
    reach: FloatArray
    spike_share: float

    def velocities(self, states: FloatArray) -> FloatArray:
        """dx/dt of states, by exact spike times, ``(n, d)``."""
        lead = features(self.layer, earliness(encoded(states, self.reach), 1.0, self.layer.window))
        found: FloatArray = lead @ self.readout.weights + self.readout.bias
        return found


def encoded(states: FloatArray, reach: FloatArray) -> FloatArray:
    """Where values lie from minus to plus the reach, as 0 to 1, then their negatives, ``(n, 2 d)``."""
    at = np.clip(0.5 + states / (2.0 * reach), 0.0, 1.0)
    return np.hstack([at, 1.0 - at])


def fit_field(
    states: FloatArray,
    velocities: FloatArray,
    reach: FloatArray,
    options: SampledField,
    rng: np.random.Generator,
) -> FittedField:
    """Learn velocities from states.

    Args:
        states: ``(n, d)``.
        velocities: dx/dt of each, ``(n, d)``.
        reach: Between minus and plus this the network tells values apart, ``(d,)``.
        options: How.
        rng: Source of chance.

    Raises:
        UsageError: The samples have no such shape, or too little differs between them.
        NetworkError: A value is no finite number.
    """
    check_motion(states, velocities)
    if reach.shape != states.shape[1:] or not (np.isfinite(reach).all() and np.all(reach > 0)):
        raise UsageError(f"reach is {reach}; give {states.shape[1]} positive numbers, one a value of a state")
    early = earliness(encoded(states, reach), 1.0, options.window)
    a, b, _ = draw_state_pairs(early, None, options.hidden, rng)
    norms = np.sum(early**2, axis=1)
    turned = norms[a] > norms[b]
    low, high = np.where(turned, b, a), np.where(turned, a, b)
    layer = midpoint_layer(early[low], early[high], options.window, options.gain)
    lead = features(layer, early)
    readout = fit_readout(lead, velocities, options.penalties)
    network = ramp_network((layer,), readout, (early.shape[1],), 1.0)
    return FittedField(network, layer, readout, reach, float(np.mean(lead > 0)))
