"""Numbers as people read them."""

from __future__ import annotations


def several(n: int, noun: str) -> str:
    """``1 neuron``, ``2 neurons``; nouns in -y and -s are not used here."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def seconds_text(seconds: float | None) -> str:
    """A time with three digits and a fitting unit: ``1.2 ms``; a dash if unknown."""
    if seconds is None:
        return "–"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if abs(seconds) >= 0.9995 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds else "0 s"
