"""The sizes of a feed-forward network, and where the parameters of each layer are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError


class Part(NamedTuple):
    """Parameters of one kind.

    Attributes:
        values: A view, so that what is written here changes the parameters.
        axes: Over the neurons of which layer each axis runs, 0 being the inputs: ``(post, pre)`` for weights.
        weights: Whether they are weights.
    """

    values: FloatArray
    axes: tuple[int, ...]
    weights: bool


@dataclass(frozen=True)
class Layers:
    """Layers one after another, each neuron of one reaching every neuron of the next.

    Attributes:
        sizes: Neurons of each layer, the inputs first.
    """

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise UsageError(f"the layers have {self.sizes} neurons; give inputs and one layer at least")

    @property
    def n_weights(self) -> int:
        """Number of weights."""
        return sum(n * m for n, m in pairwise(self.sizes))

    @property
    def n_neurons(self) -> int:
        """Number of neurons, without the inputs."""
        return sum(self.sizes[1:])

    @property
    def n_hidden(self) -> int:
        """Number of neurons that are neither inputs nor outputs."""
        return sum(self.sizes[1:-1])

    def by_layer(self, values: FloatArray) -> list[FloatArray]:
        """Views of each layer's share of one value a weight, ``(n_pre * n_post,)``."""
        return np.split(values, np.cumsum([n * m for n, m in pairwise(self.sizes)])[:-1])

    @property
    def n_parameters(self) -> int:
        """Number of all parameters."""
        raise NotImplementedError

    def parts(self, parameters: FloatArray) -> list[Part]:
        """All parameters, kind by kind and layer by layer."""
        raise NotImplementedError
