"""What SLAYER's blocks of CUBA neurons compute, tick by tick in numpy; it shares nothing with spikec.

Written from lava-dl's ``slayer/block/base.py``, ``slayer/synapse/layer.py``, ``slayer/neuron/cuba.py`` and
``slayer/neuron/dynamics/leaky_integrator.py``. A layer is a dict of what `export_hdf5` writes of it.
"""

import numpy as np

from tests.plain_convolution import correlated


def spikes(layers, raster, hops_first=False):
    """The spikes that every layer gives, one tick late as in SLAYER, before its axons delay them.

    Args:
        layers: In order.
        raster: The input, ``(ticks, *shape)``.
        hops_first: Whether the tick that every layer takes lies in front of its neurons, as in Lava and on
            the chip, and not behind them. It makes a difference to biases, which then act for a tick more.

    Returns:
        One ``(ticks, *shape)`` for each layer; of `average` the means.
    """
    given, outputs = np.asarray(raster, float), []
    for layer in layers:
        if layer["type"] == "flatten":
            given = given.reshape(len(given), -1)
            outputs.append(given)
        elif layer["type"] == "average":
            n = int(np.prod(layer["shape"]))
            outputs.append(given.reshape(len(given), n, -1).mean(axis=2))
        elif layer["type"] == "input":
            outputs.append(given)
        else:
            sums, tick = np.array([summed(layer, x) for x in given]), np.ones(1)
            late = _spiking(layer, _late(sums, tick)) if hops_first else _late(_spiking(layer, sums), tick)
            outputs.append(late)
            given = _late(outputs[-1], np.asarray(layer.get("delay", 0)).ravel())
    return outputs


def summed(layer, x):
    """What the neurons of a layer get in one tick."""
    weight = np.asarray(layer["weight"], float)
    if layer["type"] not in ("conv", "pool"):
        return weight @ x
    axes = [
        (p, p, s, d) for s, p, d in zip(layer["stride"], layer["padding"], layer["dilation"], strict=True)
    ]
    if layer["type"] == "conv":
        return correlated(x, weight, axes, layer["groups"])
    # all channels in one image, one below the other, each with rows and columns of zeros at its end
    height, width = weight.shape[2:]
    x = np.pad(x, [(0, 0), (0, x.shape[1] % height), (0, x.shape[2] % width)])
    tall = correlated(x.reshape(1, -1, x.shape[2]), weight, axes)
    return tall.reshape(len(x), -1, tall.shape[2])


def _spiking(layer, sums):
    """The neurons of a layer, whose parameters are one number, or one a channel."""
    k, shape = layer["neuron"], (-1, *(1 for _ in sums.shape[2:]))
    du, dv, vth, bias = (
        np.asarray(value, np.int64).reshape(shape)
        for value in (k["iDecay"], k["vDecay"], k["vThMant"], layer.get("bias", 0))
    )
    u = v = np.zeros(sums.shape[1:], np.int64)
    found = np.zeros(sums.shape, bool)
    for t, x in enumerate(sums.astype(np.int64)):
        u = _left(u, du) + 64 * x
        v = _left(v, dv) + u + 64 * bias
        found[t] = v >= 64 * vth
        v = np.where(found[t], 0, v)
    return found


def _left(state, decay):
    return np.sign(state) * (np.abs(state) * (4096 - decay) // 4096)


def _late(raster, delays):
    """Each channel by its delay, or all by the only one there is."""
    late = np.zeros_like(raster)
    for c, d in enumerate(np.broadcast_to(delays, (raster.shape[1],)).astype(int)):
        late[d:, c] = raster[: max(0, len(raster) - d), c]
    return late
