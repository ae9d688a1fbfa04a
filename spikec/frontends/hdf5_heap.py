"""A check that libhdf5 leaves out, and without which a damaged file makes it read for ever.

HDF5 keeps texts in global heaps: a header of 16 bytes (``GCOL``, a 1, three zeros, the heap's size), then
objects, each with a header of 16 bytes (index, references, four zeros, size) and its data, padded to 8 bytes.
Index 0 is the free rest, whose size counts its header. If that size is 0, libhdf5 (seen with 2.0.0) looks at
the same place again and again, and no signal gets through to Python.

Source: HDF5 File Format Specification 3.0, section III.E; libhdf5 ``H5HGcache.c``.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from spikec.errors import FileFormatError

_SIGNATURE = b"GCOL\x01\0\0\0"
_HEADER = 16


def check_heaps(path: Path) -> None:
    """Refuse a file that holds a global heap that libhdf5 would never finish.

    Raises:
        FileFormatError: The objects of a heap do not fill it, or it ends behind the file.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_SIGNATURE)
        while start >= 0:
            if not _is_finite(data, start):
                raise FileFormatError(
                    f"{path} is damaged: its texts at byte {start} do not hang together; export it again"
                )
            start = data.find(_SIGNATURE, start + 1)


def _is_finite(data: mmap.mmap, start: int) -> bool:
    if start + _HEADER > len(data):
        return False
    (heap_size,) = struct.unpack_from("<Q", data, start + 8)
    end = start + int(heap_size)
    place = start + _HEADER
    while place + _HEADER <= end <= len(data):
        index, size = struct.unpack_from("<H6xQ", data, place)
        step = int(size) if index == 0 else _HEADER + (int(size) + 7) // 8 * 8
        if step < _HEADER:
            return False
        place += step
    return place <= end <= len(data)
