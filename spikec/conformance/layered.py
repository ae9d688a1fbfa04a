"""Networks of first spikes from plain arrays, for which no common file format exists."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from spikec.conformance.cases import Layer, Layers
from spikec.conformance.recordings import inside
from spikec.container import read_array
from spikec.errors import NetworkError
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, Source


def layered_network(folder: Path, given: Layers) -> Network:
    """Put a network together.

    Args:
        folder: Where its file is.
        given: The layers.

    Raises:
        FileFormatError: The file is missing, damaged, or lacks an array.
        NetworkError: Shapes do not meet.
    """
    path = inside(folder, given.file)
    neuron = CubaLif(given.tau_mem, given.tau_syn, given.threshold, one_spike=True)
    names = ["input", *(f"layer{k}" for k in range(len(given.layers)))]
    projections = [
        _projection(path, layer, pre, post)
        for layer, (pre, post) in zip(given.layers, pairwise(names), strict=True)
    ]
    populations = [
        Population("input", Source(one_spike=True), (projections[0].connectivity.n_pre,)),
        *(Population(q.post, neuron, (q.connectivity.n_post,)) for q in projections),
    ]
    return Network(tuple(populations), tuple(projections), ("input",), (names[-1],), Continuous())


def _projection(path: Path, layer: Layer, pre: str, post: str) -> Projection:
    weights = read_array(path, layer.weights)
    if weights.ndim != 2:
        raise NetworkError(f"{path}: {layer.weights} has shape {weights.shape}; (n_pre, n_post) is needed")
    connectivity = Dense(weights.T)
    if layer.delays is None:
        return Projection(f"{pre}_{post}", pre, post, connectivity)
    delays = read_array(path, layer.delays)
    if delays.size != connectivity.n_pre:
        raise NetworkError(
            f"{path}: {layer.delays} has shape {delays.shape}; one delay for each of {connectivity.n_pre} "
            "presynaptic neurons is needed"
        )
    late = Delays(delays.astype(float).ravel(), DelayKind.AXONAL)
    return Projection(f"{pre}_{post}", pre, post, connectivity, late)
