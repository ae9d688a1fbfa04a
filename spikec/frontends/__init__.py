"""Frontends: from a file of any origin to a `Network`, or to a `Program` if it is in integers already.

They know nothing of passes and backends.
"""

from spikec.frontends.open import open_network, open_trained

__all__ = ["open_network", "open_trained"]
