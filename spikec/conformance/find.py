"""Which YAML files say what the networks of a folder are held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from spikec.conformance.cases import Case, load_cases
from spikec.errors import UsageError

ENDING = ".conformance.yaml"
"""How a YAML file beside a network is called; one that is called `net.yaml` says what `net.nir` cannot."""

SHIPPED = Path("tests", "conformance")
"""Where a checkout of the project has its own."""

NETWORKS = (".nir", ".net")
"""Endings of files that hold nothing but networks."""

MAX_FILES = 10_000
"""Most files of a folder that are looked at."""


@dataclass(frozen=True)
class Found:
    """YAML files.

    Attributes:
        files: In the order of their names.
        origin: Where they are, in words.
    """

    files: tuple[Path, ...]
    origin: str


def find_cases(folder: Path, given: Path | None = None) -> Found:
    """Find the YAML files: those that are given, or those in the folder, or those of the project.

    Args:
        folder: The networks.
        given: A YAML file, or a folder of them.

    Raises:
        UsageError: There are none.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name the folder of the networks")
    if given is not None:
        files = (given,) if given.is_file() else tuple(sorted(given.glob("*.yaml")))
        if not files:
            raise UsageError(f"there is no .yaml file in {given}; docs/conformance.md shows how one looks")
        return Found(files, str(given))
    own = tuple(path for path in _files(folder) if path.name.endswith(ENDING))
    if own:
        return Found(own, f"beside the networks, *{ENDING}")
    for root in (Path(), Path(__file__).resolve().parents[2]):
        shipped = tuple(sorted((root / SHIPPED).glob("*.yaml")))
        if shipped and (root / "pyproject.toml").is_file():
            return Found(shipped, str(root / SHIPPED))
    raise UsageError(
        f"there is no *{ENDING} in {folder} and no folder {SHIPPED} here; give --cases DIR, or write one as "
        "docs/conformance.md shows"
    )


def chosen_cases(found: Found, only: str | None) -> Iterator[tuple[str, Case]]:
    """All rows of the files, each with its file's name.

    Args:
        found: The files.
        only: Part of the name of a file, network or platform, or a pattern with ``*``; None for all.
    """
    pattern = f"*{(only or '').lower()}*"
    for path in found.files:
        for case in load_cases(path).rows:
            names = (path.name, case.network_file, case.against)
            if any(fnmatch(name.lower(), pattern) for name in names):
                yield path.name, case


def without_case(folder: Path, cases: list[tuple[str, Case]]) -> list[str]:
    """Network files of the folder that no row names."""
    named = {(folder / case.network_file).resolve() for _, case in cases}
    networks = (path for path in _files(folder) if path.suffix in NETWORKS)
    return [path.relative_to(folder).as_posix() for path in networks if path.resolve() not in named]


def _files(folder: Path) -> list[Path]:
    """All files below a folder, by name."""
    found = []
    for path in folder.rglob("*"):
        found.append(path)
        if len(found) > MAX_FILES:
            raise UsageError(f"{folder} holds more than {MAX_FILES} files; name the folder of the networks")
    return sorted(path for path in found if path.is_file())
