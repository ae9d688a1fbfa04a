"""The precision of a run: in float ticks real numbers have 64 bits, or 32 as in most frameworks that train.

Continuous time needs 64 bits, and integers are exact in any.
"""

from __future__ import annotations

from spikec.errors import UsageError, Violation
from spikec.ir.network import Dialect, Network
from spikec.ir.neurons import QifExp, Theta

PRECISIONS = (64, 32)
"""Bits of a real number."""


def check_precision(bits: int) -> int:
    """Refuse what is no precision, and return it otherwise.

    Raises:
        UsageError: It is not one of `PRECISIONS`.
    """
    if bits not in PRECISIONS:
        raise UsageError(f"a precision of {bits} bits is impossible; give 64 or 32")
    return bits


def unsupported_precision(network: Network, bits: int) -> list[Violation]:
    """What of a network cannot run in a precision."""
    if bits == 64:
        return []
    if network.dialect is not Dialect.TICKS:
        advice = "leave the precision out; only networks in float ticks have a choice"
        return [Violation("precision", "the network", f"{bits} bits", "64 bits", advice)]
    return [
        Violation(
            rule="precision",
            where=f"population {p.name}",
            got=f"{bits} bits",
            limit=f"64 bits for a {type(p.neuron).__name__}",
            advice="leave the precision out",
        )
        for p in network.populations
        if isinstance(p.neuron, Theta | QifExp)
    ]
