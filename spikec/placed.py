"""Where the neurons of a program are on the chip: what `spikec.placement` finds, and programs keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikec.arrays import IntArray, read_only
from spikec.errors import NetworkError
from spikec.ir.network import Network


@dataclass(frozen=True, eq=False)
class Placement:
    """The core of every neuron, and the place of every core.

    Attributes:
        cores: For every population that is no input the core of each neuron, ``(n,)``; cores are numbered
            from 0 without gaps.
        place: Of every core on the mesh (`spikec.placement.grid`), ``(n_cores,)``; no two are the same.
        method: How it was found.
        seed: What random numbers began with.

    Raises:
        NetworkError: A core has no place, a place is taken twice, or a core is empty.
    """

    cores: Mapping[str, IntArray]
    place: IntArray
    method: str = "given"
    seed: int = 0

    def __post_init__(self) -> None:
        cores = {name: read_only(of, np.int64) for name, of in self.cores.items()}
        object.__setattr__(self, "cores", cores)
        object.__setattr__(self, "place", read_only(self.place, np.int64))
        used = np.unique(np.concatenate([np.zeros(0, np.int64), *cores.values()]))
        if self.place.ndim != 1 or not np.array_equal(used, np.arange(self.n_cores)):
            raise NetworkError(
                f"a placement has {self.place.size} places, but its neurons are on {used.size} cores; number "
                "cores from 0 without gaps, and give each a place"
            )
        if np.unique(self.place).size != self.n_cores or self.place.min(initial=0) < 0:
            raise NetworkError("a placement puts two cores at one place, or one off the mesh")

    @property
    def n_cores(self) -> int:
        """Cores that hold neurons."""
        return self.place.size


def check_placement(placement: Placement, network: Network) -> None:
    """Check that a placement is one of a network's neurons.

    Raises:
        NetworkError: It names other populations, or their sizes differ.
    """
    sizes = {p.name: (p.n,) for p in network.populations if not p.is_source}
    found = {name: of.shape for name, of in placement.cores.items()}
    if found != sizes:
        raise NetworkError(
            "a placement is that of another network: its populations or their sizes differ; place this one"
        )
