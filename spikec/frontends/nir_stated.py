"""What a NIR file cannot say, put back into the network: who spikes once, in which order, and the codings.

It comes from a YAML beside the file or in its metadata (`spikec.conventions.preset`), as `spikec export`
writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spikec.conventions.preset import Preset
from spikec.errors import NetworkError
from spikec.ir.network import Network
from spikec.ir.neurons import CubaLif, If, Lif, Source


def completed(network: Network, beyond: Preset | None) -> Network:
    """The network with what was written down for it.

    Raises:
        NetworkError: A name is none of the network's, a population cannot spike once, or the codings do not
            fit.
    """
    if beyond is None:
        return network
    if beyond.order:
        _check_names(network, beyond.order, "order")
        missing = [p.name for p in network.populations if p.name not in beyond.order]
        if missing or len(set(beyond.order)) != len(beyond.order):
            raise NetworkError(
                f"the order written down for the network leaves out {', '.join(missing) or 'nothing'}, or "
                "names a population twice; list every population once"
            )
        network = ordered(network, beyond.order)
    _check_names(network, beyond.one_spike, "one_spike")
    once = {}
    for name in beyond.one_spike:
        p = network.population(name)
        if not isinstance(p.neuron, Source | If | Lif | CubaLif):
            raise NetworkError(f"{name} never spikes, but is listed in one_spike; take it off the list")
        once[name] = replace(p, neuron=replace(p.neuron, one_spike=True))
    network = network.with_populations(once)
    return replace(network, encoding=beyond.encoding, decoding=beyond.decoding)


def ordered(network: Network, names: Sequence[str]) -> Network:
    """The network with its populations in this order, and projections in that of what they reach."""
    place = {name: k for k, name in enumerate(names)}
    return replace(
        network,
        populations=tuple(sorted(network.populations, key=lambda p: place[p.name])),
        projections=tuple(sorted(network.projections, key=lambda q: (place[q.post], place[q.pre]))),
    )


def _check_names(network: Network, names: Sequence[str], entry: str) -> None:
    known = {p.name for p in network.populations}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NetworkError(
            f"{entry} written down for the network names {unknown[0]!r}, but its populations are "
            f"{', '.join(sorted(known))}; correct it"
        )
