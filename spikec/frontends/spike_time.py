"""The project's own network files, exact-spike-time ones among them, as `spikec.container` writes them."""

from __future__ import annotations

from pathlib import Path

from spikec import container
from spikec.errors import FileFormatError
from spikec.ir.network import Network
from spikec.ir.verify import verify
from spikec.program import Program


def read_spike_time(path: str | Path) -> Network:
    """Read a network that spikec trained or saved.

    Raises:
        FileFormatError: The file is damaged, or holds something else than a network.
        NetworkError: The network breaks the rules of its dialect.
    """
    thing = container.load(path)
    if isinstance(thing, Program):
        raise FileFormatError(
            f"{path} is a compiled program, but a network is needed here; give the file that it was compiled "
            "from, or take the program as it is (`spikec run`, `spikec place`)"
        )
    if not isinstance(thing, Network):
        container.load(path, Network)
    network: Network = thing
    return verify(network)
