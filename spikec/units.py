"""Numbers as people read them."""

from __future__ import annotations


def several(n: int, noun: str) -> str:
    """``1 neuron``, ``2 neurons``; nouns in -y and -s are not used here."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
