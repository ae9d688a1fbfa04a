"""NIR files to read, and how a fault in one must be told."""

import nir
import numpy as np
import pytest

from spikec.frontends.nir import read_nir

DT = 1e-3


def lif_of(n, **changes):
    """A population of n neurons."""
    one = np.ones(n)
    values = {"tau": 0.01 * one, "r": one, "v_leak": 0 * one, "v_threshold": one, "v_reset": 0 * one}
    return nir.LIF(**{**values, **changes})


def usual_nodes(n_in=3, n=2):
    """The nodes of `CHAIN`."""
    return {
        "in": nir.Input(np.array([n_in])),
        "fc": nir.Affine(weight=np.ones((n, n_in)), bias=np.zeros(n)),
        "lif": lif_of(n),
        "out": nir.Output(np.array([n])),
    }


CHAIN = (("in", "fc"), ("fc", "lif"), ("lif", "out"))


def write(path, nodes=None, edges=CHAIN, **graph):
    """Write a graph: an input, weights and two neurons, if none is given."""
    nir.write(
        path, nir.NIRGraph(usual_nodes() if nodes is None else nodes, list(edges), type_check=False, **graph)
    )
    return path


def read_as_others_do(export, path):
    """The graph of a written file as nir reads it, types checked unless a note says that they fail."""
    return nir.read(path, type_check=not any("type_check=False" in note for note in export.notes))


def refused(path, error, *words):
    """A file is refused in one line that has these words and its path. Returns the line."""
    with pytest.raises(error) as caught:
        read_nir(path, dt=DT)
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(path), *words):
        assert word in message
    return message


def noted(network, *words):
    """Whether one note of a network has all these words."""
    return any(all(word in note for word in words) for note in network.notes)
