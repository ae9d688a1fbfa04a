"""Write a network or program as a file of another format: `spikec export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikec.commands.files import check_output, open_program
from spikec.container import is_container
from spikec.errors import UsageError
from spikec.exporters.nir import Export, check_beside, export_nir, write_nir
from spikec.ir.network import Continuous

EXPORTERS = {"nir": "NIR files (HDF5) for other frameworks, with a YAML of what NIR cannot say"}
"""Formats that can be written."""


def export_file(
    file: Path, output: Path, to: str, dt: float | None = None, convention: str | None = None
) -> dict[str, Any]:
    """Export a file.

    Args:
        file: A network of any kind, or a compiled program.
        output: Where the new file goes.
        to: One of `EXPORTERS`.
        dt: The time step of a file that holds none, or, for a continuous network, the one that the new file
            is meant to be read with, seconds.
        convention: The convention of a file that holds none.

    Returns:
        What was written, as plain JSON values.

    Raises:
        TargetError: The format cannot hold the network; all reasons are named.
        UsageError: There is no such format, or an option makes no sense.
    """
    if to not in EXPORTERS:
        raise UsageError(f"cannot export to {to!r}; choose {', '.join(EXPORTERS)}")
    check_output(output, file)
    check_output(check_beside(output), file)
    own = is_container(file)
    program = open_program(file, None if own else dt, convention)
    if own and dt is not None and not isinstance(program.network.clock, Continuous):
        raise UsageError(f"{file} holds its own time step, {program.network.dt:g} s; leave out --dt")
    export = export_nir(program, dt=dt if own else None)
    beside = write_nir(export, output)
    return _overview(export, output, beside, to)


def _overview(export: Export, output: Path, beside: Path, to: str) -> dict[str, Any]:
    types = [node.type for node in export.graph.nodes.values()]
    return {
        "output": str(output),
        "beside": str(beside),
        "to": to,
        "dt": export.dt,
        "nodes": {kind: types.count(kind) for kind in sorted(set(types))},
        "n_edges": len(export.graph.edges),
        "notes": list(export.notes),
    }
