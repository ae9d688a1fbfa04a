"""Frontends: from a file of any origin to a `Network`; they know nothing of passes, targets or backends."""

from spikec.frontends.open import open_network

__all__ = ["open_network"]
