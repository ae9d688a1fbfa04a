"""The network as it lies on disk: ``network.json`` says what there is, ``network.npz`` holds the numbers.

Neurons and synapses mean what ``network.json`` calls them: Lava's bit-accurate ``LIF`` behind ``Dense``,
``DelayDense``, ``Sparse`` and ``DelaySparse``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

VERSION = 1
"""Version of the two files."""

PARAMETERS = ("du", "dv", "vth", "bias_mant", "bias_exp")
"""The neuron's parameters, as Lava's ``LIF`` calls them."""


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one type.

    Attributes:
        name: Unique.
        n: Number of neurons.
        parameters: The parameters of ``LIF`` by name, each an int or one integer a neuron; None for inputs.
    """

    name: str
    n: int
    parameters: Mapping[str, int | Array] | None


@dataclass(frozen=True, eq=False)
class Projection:
    """The synapses from one population to another, listed in any order, no pair twice.

    Attributes:
        name: Unique.
        pre: Name of the presynaptic population.
        post: Name of the postsynaptic population.
        shape: Postsynaptic and presynaptic neurons.
        dense: Whether every pair has a synapse.
        bits: Lava's ``num_weight_bits``.
        sign: Lava's ``sign_mode``: mixed, excitatory or inhibitory.
        exponent: Lava's ``weight_exp``.
        pres: Presynaptic neuron of each synapse, ``(n,)``.
        posts: Postsynaptic neuron of each synapse, ``(n,)``.
        weights: Mantissa of each synapse, ``(n,)``.
        delays: Ticks on top of the one that every synapse takes, ``(n,)``.
    """

    name: str
    pre: str
    post: str
    shape: tuple[int, int]
    dense: bool
    bits: int
    sign: str
    exponent: int
    pres: Array
    posts: Array
    weights: Array
    delays: Array

    @property
    def longest_delay(self) -> int:
        """The longest delay, 0 if there is no synapse."""
        return int(self.delays.max(initial=0))

    def matrix(self, values: Array) -> Array:
        """One value a synapse as a matrix ``(n_post, n_pre)``, zero where there is no synapse."""
        dense = np.zeros(self.shape, np.int64)
        dense[self.posts, self.pres] = values
        return dense


@dataclass(frozen=True, eq=False)
class Network:
    """A network and how it is to be run.

    Attributes:
        flavour: ``"fused"`` (one Lava process for everything) or ``"stock"`` (Lava's own processes).
        dt: Length of a tick, seconds.
        n_ticks: Usual length of a sample, if it is known.
        populations: Inputs among them.
        projections: Cycles and several between one pair are legal.
    """

    flavour: str
    dt: float
    n_ticks: int | None
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]

    @property
    def inputs(self) -> dict[str, int]:
        """Names and sizes of the populations fed from outside."""
        return {p.name: p.n for p in self.populations if p.parameters is None}

    def population(self, name: str) -> Population:
        """The population of a name that exists."""
        return next(p for p in self.populations if p.name == name)


def load(folder: Path) -> Network:
    """Read a network from the two files in a folder."""
    described = json.loads((folder / "network.json").read_text())
    with np.load(folder / "network.npz", allow_pickle=False) as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    populations = tuple(_population(p, stored) for p in described["populations"])
    sizes = {p.name: p.n for p in populations}
    return Network(
        flavour=described["flavour"],
        dt=described["dt"],
        n_ticks=described["n_ticks"],
        populations=populations,
        projections=tuple(_projection(q, sizes, stored) for q in described["projections"]),
    )


def _population(described: Mapping[str, Any], stored: Mapping[str, Array]) -> Population:
    given = described["parameters"]
    if given is None:
        return Population(described["name"], described["n"], None)
    parameters = {name: stored[v] if isinstance(v, str) else v for name, v in given.items()}
    return Population(described["name"], described["n"], parameters)


def _projection(
    described: Mapping[str, Any], sizes: Mapping[str, int], stored: Mapping[str, Array]
) -> Projection:
    q = dict(described)
    n_pre, n_post = sizes[q["pre"]], sizes[q["post"]]
    weights = stored[q.pop("weights")]
    starts, posts, delays = q.pop("starts"), q.pop("posts"), q.pop("delays")
    if q["dense"]:
        post, pre = np.divmod(np.arange(n_post * n_pre), n_pre)
    else:
        post, pre = stored[posts], np.repeat(np.arange(n_pre), np.diff(stored[starts]))
    return Projection(
        **q,
        shape=(n_post, n_pre),
        pres=pre,
        posts=post,
        weights=weights.ravel(),
        delays=np.zeros(weights.size, np.int64) if delays is None else stored[delays].ravel(),
    )
