"""How often neurons spike, as placements count messages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec.ir.network import Network

Rates = Mapping[str, npt.ArrayLike]
"""Spikes of each neuron a tick, by population, ``()`` or ``(n,)``; 1 where a population is left out."""


def rates_of(network: Network, name: str, rates: Rates | None) -> FloatArray:
    """Spikes of each neuron of a population a tick, ``(n,)``.

    Raises:
        UsageError: They do not fit the population, or are no numbers from 0 on.
    """
    n = network.population(name).n
    given = np.asarray((rates or {}).get(name, 1.0), np.float64)
    if given.shape not in ((), (n,)) or not np.all(np.isfinite(given)) or np.any(given < 0):
        raise UsageError(
            f"rates of {name} have shape {given.shape}; give () or ({n},), finite and not negative"
        )
    return np.broadcast_to(given, (n,))
