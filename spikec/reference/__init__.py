"""The reference interpreter: slow, obvious numpy; the definition of what every dialect means.

`fixed` runs a chip's integers, `ticks` real numbers once a tick, `continuous` exact spike times. Nothing here
is optimised beyond handling all samples of a batch at once; nothing here is used by the engines it judges.
"""

from spikec.reference.backend import ReferenceBackend

__all__ = ["ReferenceBackend"]
