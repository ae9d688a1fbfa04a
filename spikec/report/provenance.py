"""Where a result comes from, and the commands that make it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikec.provenance import commands


def provenance(
    meta: Mapping[str, Any], others: Sequence[str] = (), command: str | None = None
) -> dict[str, str]:
    """What a result's meta tells of its origin, by name; what differs between two equal runs is left out.

    Args:
        meta: Of the result.
        others: Commands that led to a run beside it.
        command: The line that asked for the report.
    """
    source, placed, facts = (dict(meta.get(key) or {}) for key in ("source", "placement", "facts"))
    steps = (*commands(meta), *others, *([] if command is None else [command]))
    found: dict[str, Any] = {
        "to make it again": " && ".join(dict.fromkeys(steps)),
        "made from": source.pop("file", None),
        "its SHA-256": source.pop("sha256", None),
        **source,
        "program": meta.get("program") or facts.get("digest"),
        "target": facts.get("target"),
        "dialect": facts.get("dialect"),
        "placement": f"{placed['method']}, seed {placed['seed']}" if placed else None,
        "command": meta.get("command"),
        "backend": meta.get("backend"),
        "precision": None if meta.get("precision") is None else f"{meta['precision']} bits",
        **{f"version of {name}": v for name, v in (meta.get("versions") or {}).items()},
    }
    return {name: str(value) for name, value in found.items() if value not in (None, "")}
