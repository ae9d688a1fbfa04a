"""Write a network or program as a file of another format: `spikec export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikec.commands.files import check_output, open_compiled, open_program, open_result
from spikec.container import digest, is_container, write_atomically
from spikec.energy_tables.table import UNPRICED, load_table
from spikec.errors import UsageError
from spikec.exporters.nir import Export, check_beside, export_nir, write_nir
from spikec.exporters.sanafe import export_sanafe
from spikec.ir.network import Continuous
from spikec.shards import in_parts

EXPORTERS = {
    "nir": "NIR files (HDF5) for other frameworks, with a YAML of what NIR cannot say",
    "sanafe": "a placed program and one sample's spikes for SANA-FE: YAML of the network, and of the chip",
}
"""Formats that can be written."""


@dataclass(frozen=True)
class Replayed:
    """What an export for SANA-FE replays, as on the command line.

    Attributes:
        result: A run of the program.
        sample: Which of its samples.
        table: Prices of events; None for the last of the target's tables, which has the most.
    """

    result: Path | None = None
    sample: int = 0
    table: str | None = None


def export_file(
    file: Path,
    output: Path,
    to: str,
    dt: float | None = None,
    convention: str | None = None,
    replayed: Replayed = Replayed(),
) -> dict[str, Any]:
    """Export a file.

    Args:
        file: A network of any kind, or a compiled program.
        output: Where the new file goes.
        to: One of `EXPORTERS`.
        dt: The time step of a file that holds none, or, for a continuous network, the one that the new file
            is meant to be read with, seconds.
        convention: The convention of a file that holds none.
        replayed: For SANA-FE, what neurons do.

    Returns:
        What was written, as plain JSON values.

    Raises:
        TargetError: The format cannot hold the network; all reasons are named.
        UsageError: There is no such format, or an option makes no sense.
    """
    if to not in EXPORTERS:
        raise UsageError(f"cannot export to {to!r}; choose {', '.join(EXPORTERS)}")
    check_output(output, file, replayed.result)
    if to == "sanafe":
        return _for_sanafe(file, output, replayed)
    if replayed != Replayed():
        raise UsageError("--result, --sample and --table say what SANA-FE replays; give --to sanafe, too")
    check_output(check_beside(output), file)
    own = is_container(file)
    program = open_program(file, None if own else dt, convention)
    if own and dt is not None and not isinstance(program.network.clock, Continuous):
        raise UsageError(f"{file} holds its own time step, {program.network.dt:g} s; leave out --dt")
    export = export_nir(program, dt=dt if own else None)
    beside = write_nir(export, output)
    return _overview(export, output, beside, to)


def _for_sanafe(file: Path, output: Path, replayed: Replayed) -> dict[str, Any]:
    """Write a placed program and the spikes of one sample."""
    beside = output.with_suffix(".arch.yaml")
    check_output(beside, file, replayed.result)
    if replayed.result is None:
        raise UsageError("SANA-FE replays spikes; give the run that has them with --result FILE")
    program, result = open_compiled(file), open_result(replayed.result)
    if result.meta.get("program") != digest(program) or result.counters is None:
        raise UsageError(f"{replayed.result} is no run of {file}; run that program")
    n_samples, n_ticks = result.counters.n_samples, result.counters.n_ticks
    if not 0 <= replayed.sample < n_samples:
        raise UsageError(f"there is no sample {replayed.sample}; {replayed.result} has 0 to {n_samples - 1}")
    names = [replayed.table] if replayed.table else list(program.target.energy_tables)
    table = load_table(names[-1]) if names else UNPRICED
    files = export_sanafe(program, in_parts(program, result.spikes), replayed.sample, n_ticks, table)
    write_atomically(beside, files.architecture.encode())
    write_atomically(output, files.network.encode())
    return {
        "output": str(output),
        "beside": str(beside),
        "to": "sanafe",
        "sample": replayed.sample,
        "n_ticks": n_ticks,
        "table": table.name,
    }


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
