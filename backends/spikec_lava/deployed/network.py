"""The network as it lies on disk: ``network.json`` says what there is, ``network.npz`` holds the numbers.

A population names the type of its neurons and their parameters: ``CubaFixed`` is Lava's bit-accurate ``LIF``
and has its parameters, and `spikec_lava.deployed.neurons` says what each type computes. Synapses are those of
Lava's bit-accurate ``Dense``, ``DelayDense``, ``Sparse`` and ``DelaySparse``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikec_lava.deployed.errors import UserError

Array = npt.NDArray[Any]

VERSION = 3
"""Version of the two files; 2 names the type of the neurons, 3 how often inputs spike in a tick."""


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one type.

    Attributes:
        name: Unique.
        n: Number of neurons.
        neuron: Their type, a name of `spikec_lava.deployed.neurons.NEURONS`; None for inputs.
        parameters: The type's parameters by name, each an int or one integer a neuron; empty for inputs.
        most_at_once: Most spikes of a neuron in a tick; only inputs may have more than one.
    """

    name: str
    n: int
    neuron: str | None
    parameters: Mapping[str, int | Array]
    most_at_once: int

    @property
    def is_input(self) -> bool:
        """Whether it is fed from outside."""
        return self.neuron is None


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
    def inputs(self) -> dict[str, Population]:
        """The populations fed from outside, by name."""
        return {p.name: p for p in self.populations if p.is_input}

    def population(self, name: str) -> Population:
        """The population of a name that exists."""
        return next(p for p in self.populations if p.name == name)


def load(folder: Path) -> Network:
    """Read a network from the two files in a folder.

    Raises:
        UserError: They are of another version than this program.
    """
    described = json.loads((folder / "network.json").read_text())
    if described.get("version") != VERSION:
        raise UserError(
            f"{folder / 'network.json'} has version {described.get('version')}, but this program reads "
            f"version {VERSION}; deploy the network anew"
        )
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
    parameters = {name: stored[v] if isinstance(v, str) else v for name, v in given.items()}
    return Population(
        described["name"], described["n"], described["neuron"], parameters, described["most_at_once"]
    )


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
