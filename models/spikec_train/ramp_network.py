r"""Layers of ramp neurons and a readout as a network, with one clock whose spikes reach later layers later.

Layer k, counted from 0, has its clock at :math:`C_k = T + k (T + R)`. The spikes of a layer that another one
reads are all there a rest of R after the end of its own window, :math:`C_k + T`, where it is pushed
(`ramp_layer`). The answer is read at the end of the last window. Every hidden layer reaches the readout, so
its membrane then is linear in how long before the end hidden neurons have spiked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikec.arrays import FloatArray
from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import LiReadout, Ramp, Source
from spikec_train.ramp_layer import RampLayer, features
from spikec_train.readout import LinearReadout

PIXELS, CLOCK, HIDDEN, READOUT = "pixels", "clock", "hidden", "readout"

REST = 0.125
"""R, as a part of the window T."""


def hidden_features(layers: Sequence[RampLayer], early: FloatArray) -> list[FloatArray]:
    """How long before the clock's last tick plus T each hidden neuron spikes, layer by layer.

    Args:
        layers: All but the last of them pushed.
        early: How long before the end of the first window each input spikes, seconds, ``(n_samples, n_in)``.

    Returns:
        For each layer `ramp_layer.features`, ``(n_samples, n)``: from the end of its own window.
    """
    found: list[FloatArray] = []
    for layer in layers:
        found.append(features(layer, early))
        early = found[-1] + REST * layer.window
    return found


def readout_features(layers: Sequence[RampLayer], found: Sequence[FloatArray]) -> FloatArray:
    """How long before the end of the last window each hidden neuron spikes, ``(n_samples, n_hidden)``.

    Args:
        layers: The layers.
        found: Their `hidden_features`.
    """
    hop = (1.0 + REST) * layers[0].window
    since = [f + hop * (len(layers) - 1 - k) for k, f in enumerate(found)]
    since[:-1] = [np.maximum(f, 0.0) for f in since[:-1]]
    return since[0] if len(since) == 1 else np.hstack(since)


def ramp_network(
    layers: Sequence[RampLayer], readout: LinearReadout, shape: tuple[int, ...], x_max: float
) -> Network:
    """The network of hidden layers and their readout, which reads samples of some shape.

    Args:
        layers: The hidden layers.
        readout: What their spike times are read by.
        shape: Of one sample.
        x_max: The largest value of a sample.
    """
    window, hop = layers[0].window, (1.0 + REST) * layers[0].window
    end = 2.0 * window + hop * (len(layers) - 1)
    names = [HIDDEN] if len(layers) == 1 else [f"{HIDDEN}{k}" for k in range(1, len(layers) + 1)]
    bias = readout.bias / end  # acts from 0 to the end, where the fit's constant is reached
    projections: list[Projection] = []
    first = 0
    for k, (name, layer) in enumerate(zip(names, layers, strict=True)):
        n = layer.thresholds.size
        before = names[k - 1] if k else PIXELS
        late = Delays(np.array(hop * k)) if k else Delays()
        weights = readout.weights[first : first + n]
        first += n
        projections += [
            Projection(f"{before}-{name}", before, name, Dense(layer.weights)),
            Projection(f"{CLOCK}-{name}", CLOCK, name, Dense(layer.clock_weights[:, None]), late),
            Projection(f"{name}-{READOUT}", name, READOUT, Dense(weights.T)),
        ]
        if layer.push:
            push, at = np.full((n, 1), layer.push), Delays(np.array(hop * k + window))
            projections.append(Projection(f"{CLOCK}-{name}-push", CLOCK, name, Dense(push), at))
    hidden = zip(names, layers, strict=True)
    return Network(
        populations=(
            Population(PIXELS, Source(one_spike=True), shape),
            Population(CLOCK, Source(one_spike=True), (1,)),
            *(Population(name, Ramp(x.thresholds, one_spike=True), x.thresholds.shape) for name, x in hidden),
            Population(READOUT, LiReadout(bias=bias), readout.bias.shape),
        ),
        projections=tuple(projections),
        inputs=(PIXELS, CLOCK),
        outputs=(READOUT,),
        clock=Continuous(),
        encoding=LatencyEncoding(PIXELS, window, x_max, True, CLOCK, end),
        decoding=Decoding(READOUT, Readout.MEMBRANE),
    )
