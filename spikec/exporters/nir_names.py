"""Names of NIR nodes: no two the same, and nothing in them that a file or a reader cannot hold."""

from __future__ import annotations

_FORBIDDEN = "/"
"""A slash would make groups within groups, which no reader of NIR takes for a name."""


class Names:
    """Names that have been given so far."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, wanted: str) -> str:
        """A free name, as near as can be to the one that is wanted."""
        name = plain = escaped(wanted)
        k = 1
        while name in self._given:
            name, k = f"{plain}.{k}", k + 1
        self._given.add(name)
        return name


def escaped(name: str) -> str:
    """A name with percent signs and hexadecimal bytes for what NIR files cannot hold."""
    if not name:
        return "_"
    if name in (".", ".."):
        return name.replace(".", "%2E")
    return "".join(
        c if c.isprintable() and c not in _FORBIDDEN else "".join(f"%{b:02X}" for b in c.encode())
        for c in name
    )
