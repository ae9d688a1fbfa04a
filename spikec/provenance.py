"""How a file came to be, in words that travel from the trained network through its program to every result.

A trained network's file holds what `trained_by` gives, as its origin (`spikec.container`). A program's
`source` takes that over, and what `made_by` adds for every command that changed it. Nothing of it is part of
a digest: equal programs are equal however they were made.
"""

from __future__ import annotations

import hashlib
import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

VERSIONS = ("spikec", "numpy", "numba", "scipy", "scikit-learn", "lava-nc")
"""What computes, and scikit-learn for the digits."""

MAKERS = ("trained", "compiled", "placed")
"""What commands do to a network, in order."""

READS = 2
"""Which word of such a command is the file that it reads, ``spikec compile FILE``."""


def versions() -> dict[str, str]:
    """Versions of what computes."""
    found = {"python": platform.python_version(), "machine": f"{platform.machine()} {sys.platform}"}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def trained_by(recipe: str, seed: int, *options: str) -> dict[str, str]:
    """Where a trained network comes from.

    Args:
        recipe: Name of a recipe, or a YAML file, whose hash is added.
        seed: The seed that was used.
        options: What else the command was given, but for where things lie or go.
    """
    path, found = Path(recipe), {"recipe": recipe}
    if path.is_file():
        found["recipe's SHA-256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    made = made_by("trained", "train", recipe, "--seed", str(seed), *options)
    return {**found, "training seed": str(seed), **made}


def made_by(what: str, *words: str) -> dict[str, str]:
    """Which command did one of `MAKERS`, and with which versions.

    Args:
        what: One of `MAKERS`.
        words: The command without its output, so that equal files come of equal work: its name, what it
            reads, its options.
    """
    used = ", ".join(f"{name} {v}" for name, v in versions().items())
    return {f"{what} by": shlex.join(["spikec", *words]), f"{what} with": used}


def option_words(options: Any) -> list[str]:
    """The fields of a dataclass that are not as by default, as the command line has them."""
    words = []
    for f in fields(options):
        value, name = getattr(options, f.name), f.name.replace("_", "-")
        if value == f.default:
            continue
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            words += [f"--{name}", str(value)]
    return words


def commands(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """All commands that led to a result, the first one first, as far as its meta knows them.

    Each writes what the next one reads, and the last of them the file that was run, if a command ran it.
    """
    source, ran = meta.get("source") or {}, meta.get("command")
    lines = [str(line) for what in MAKERS if (line := source.get(f"{what} by"))]
    read = [_read_by(line) for line in lines[1:]] + ([str(meta.get("file", ""))] if ran else [])
    written = [f"{line} -o {shlex.quote(name)}" for line, name in zip(lines, read, strict=False)]
    return (*written, *lines[len(written) :], *([str(ran)] if ran else []))


def _read_by(line: str) -> str:
    """The file that a command reads; what a file says of its origin may be no command."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    return words[READS] if len(words) > READS else "FILE"
