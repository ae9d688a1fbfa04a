"""Networks by rule for what needs their synapses one by one, and what that cannot have at all."""

from __future__ import annotations

from spikec.errors import NetworkError
from spikec.ir.connectivity import FixedDegree
from spikec.ir.iaf import IAF
from spikec.ir.network import Network, unrolled


def listed(network: Network, purpose: str) -> Network:
    """The network with the synapses of its rules in lists; the very object if it has none.

    Args:
        network: In any dialect.
        purpose: What is to be done with it, for the message: "compiled".

    Raises:
        NetworkError: It has neurons that can only be simulated, or a rule has too many synapses
            (`spikec.ir.fixed_degree.MOST_LISTED`).
    """
    for p in network.populations:
        if isinstance(p.neuron, IAF):
            raise NetworkError(
                f"population {p.name} is an {type(p.neuron).__name__}, whose refractory period only the "
                f"simulators here know, so the network cannot be {purpose}; run it as it is"
            )
    rules = [q for q in network.projections if isinstance(q.connectivity, FixedDegree)]
    return network.with_projections({q.name: unrolled(q) for q in rules}) if rules else network
