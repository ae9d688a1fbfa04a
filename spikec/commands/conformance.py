"""Hold the networks of a folder against what platforms recorded of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spikec.backend import find_backend
from spikec.conformance.find import chosen_cases, find_cases, without_case
from spikec.conformance.run import Row, Status, run_case
from spikec.errors import UsageError
from spikec.units import several


@dataclass(frozen=True)
class Conformance:
    """What came out.

    Attributes:
        networks: The folder of the networks.
        cases: Where the YAML files are.
        rows: The lines of the table.
        without_case: Networks of the folder that no row names.
    """

    networks: str
    cases: str
    rows: tuple[Row, ...]
    without_case: tuple[str, ...]

    def count(self, status: Status) -> int:
        """How many rows came out so."""
        return sum(row.status is status for row in self.rows)

    @property
    def exit_code(self) -> int:
        """0 if all is right or explained, 1 if a row is wrong, 2 if one could not be understood."""
        if self.count(Status.FAILED):
            return 2
        return 1 if self.count(Status.WRONG) else 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        counts = {status.value: self.count(status) for status in Status}
        rows = [{**asdict(row), "status": row.status.value} for row in self.rows]
        return {**asdict(self), **counts, "rows": rows, "without_case": list(self.without_case)}


def conformance(
    folder: Path,
    cases: Path | None,
    only: str | None,
    backend: str | None,
    progress: Callable[[str], None],
) -> Conformance:
    """Run all rows.

    Args:
        folder: The networks.
        cases: A YAML file or a folder of them; None to look for them (`find_cases`).
        only: Part of a name, or a pattern; None for all rows.
        backend: Where to run all rows; None for where each of them says.
        progress: Told which row runs.

    Raises:
        UsageError: There is nothing to compare.
        BackendUnavailable: The backend cannot work here.
    """
    if backend is not None:
        find_backend(backend)
    found = find_cases(folder, cases)
    everything = list(chosen_cases(found, None))
    wanted = list(chosen_cases(found, only))
    if not wanted:
        raise UsageError(f"no row of {found.origin} has {only!r} in its names; leave out --only to see all")
    rows: list[Row] = []
    for k, (name, case) in enumerate(wanted, 1):
        progress(f"row {k} of {len(wanted)}: {case.network_file} against {case.against}")
        rows.extend(run_case(folder, case, name, backend))
    if all(row.status is Status.SKIPPED for row in rows):
        skipped = several(len(rows), "row")
        raise UsageError(
            f"nothing could be compared: {skipped} of {found.origin} skipped, the first for {rows[0].why}"
        )
    return Conformance(str(folder), found.origin, tuple(rows), tuple(without_case(folder, everything)))
