"""lava-dl netx files for tests, with the datasets of SLAYER's ``export_hdf5``, and how one is refused."""

import h5py
import numpy as np
import pytest

from spikec.errors import NetworkError
from spikec.frontends.netx import read_netx
from tests.plain_slayer import summed

CUBA = {"type": "CUBA", "iDecay": 4096, "vDecay": 4096, "vThMant": 100, "refDelay": 1, "gradedSpike": False}
"""A forgetful neuron: a weight of 100 moves it to 6400, which meets its threshold."""


def dense(weight, neuron=CUBA, kind="dense", **more):
    """A layer of neurons that read everything."""
    weight = np.asarray(weight, np.float32)
    sizes = {"shape": np.array([len(weight)]), "inFeatures": weight.shape[1], "outFeatures": len(weight)}
    return {"type": kind, **sizes, "weight": weight, "neuron": neuron, **more}


def image(*shape):
    """An input without neurons."""
    return {"type": "input", "shape": np.array(shape)}


def flatten(n):
    """A layer that SLAYER gives the shape (n, 1, 1)."""
    return {"type": "flatten", "shape": np.array([n, 1, 1])}


def conv(weight, of, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, neuron=CUBA, **more):
    """A convolution of an image of shape `of`."""
    weight = np.asarray(weight, np.float32)
    layer = {
        "type": "conv", "weight": weight, "stride": np.array(stride), "padding": np.array(padding),
        "dilation": np.array(dilation), "groups": groups, "kernelSize": np.array(weight.shape[2:4]),
        "inChannels": weight.shape[1] * groups, "outChannels": len(weight), "neuron": neuron,
    }  # fmt: skip
    return {**layer, "shape": np.array(summed(layer, np.zeros(of)).shape), **more}


def pool(weight, of, stride=None, padding=(0, 0), dilation=(1, 1), neuron=CUBA, **more):
    """A pool over an image of shape `of`, whose stride is its kernel unless it is given."""
    weight = np.asarray(weight, np.float32)[None, None]
    layer = {
        "type": "pool", "weight": weight, "stride": np.array(stride or weight.shape[2:]),
        "padding": np.array(padding), "dilation": np.array(dilation),
        "kernelSize": np.array(weight.shape[2:]), "neuron": neuron,
    }  # fmt: skip
    return {**layer, "shape": np.array(summed(layer, np.zeros(of)).shape), **more}


def write(path, *layers, **simulation):
    """A netx file; a member that is None is left out."""
    with h5py.File(path, "w") as file:
        for i, layer in enumerate(layers):
            group = file.create_group(f"layer/{i}")
            for name, value in layer.items():
                if name == "type":
                    group.create_dataset("type", (1,), "S10", [value.encode()])
                elif name == "neuron" and value is not None:
                    for key, number in value.items():
                        group[f"neuron/{key}"] = number
                elif value is not None:
                    group[name] = value
        for name, value in simulation.items():
            file[f"simulation/{name}"] = value
    return path


def assert_refused(path, *words, error=NetworkError):
    """A file is refused in one line that has these words and its path."""
    with pytest.raises(error) as caught:
        read_netx(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(path), *words):
        assert word in message, message
