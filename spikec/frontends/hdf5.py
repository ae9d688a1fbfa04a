"""Parts of an HDF5 file, read with h5py but not believed: sizes are checked against the bytes that are there.

Links are not followed, nothing is unpickled, and whatever h5py raises on a damaged file becomes one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import FileFormatError, NetworkError

MAX_INFLATION = 1100
"""Deflate cannot expand by more than about 1032, so a file that claims more than this is a lie."""


class Hdf5Reader:
    """One pass over a file, with what may still be read of it."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        self.path = path
        self.file_bytes = file_bytes
        self.budget = MAX_INFLATION * file_bytes

    def members(self, group: Any, where: str) -> dict[str, Any]:
        """The groups and datasets of a group by name."""
        with reading(self.path, where):
            found = {}
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise FileFormatError(
                        f"{self.path}: {name!r} in {where} is a link to another place; export it again"
                    )
                found[str(name)] = group[name]
            return found

    def numbers(self, dataset: Any, what: str) -> FloatArray:
        """Read a dataset of numbers as float64."""
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "biuf":
            raise NetworkError(f"{self.path}: {what} does not hold numbers; export the network again")
        return np.asarray(self.contents(dataset, what), np.float64)

    def text(self, dataset: Any, what: str) -> str:
        """Read one string."""
        string = isinstance(dataset, h5py.Dataset) and h5py.check_string_dtype(dataset.dtype)
        if not string or dataset.shape != ():
            raise FileFormatError(f"{self.path}: {what} is no text; export the network again")
        return self.decoded(self.contents(dataset, what), what)

    def decoded(self, raw: Any, what: str) -> str:
        """Bytes as text."""
        try:
            return raw.decode() if isinstance(raw, bytes) else str(raw)
        except UnicodeDecodeError:
            raise FileFormatError(f"{self.path}: {what} is no UTF-8 text; export the network again") from None

    def contents(self, dataset: Any, what: str) -> Any:
        """Read a whole dataset after checking that the file can hold what it claims."""
        with reading(self.path, what):
            stored = min(dataset.id.get_storage_size(), self.file_bytes)
            elsewhere = dataset.is_virtual or dataset.external
            self.budget -= dataset.nbytes
            if (
                elsewhere
                or dataset.shape is None
                or dataset.nbytes > (1 if dataset.chunks is None else MAX_INFLATION) * stored
                or self.budget < 0
            ):
                raise FileFormatError(
                    f"{self.path}: {what} claims {dataset.nbytes} bytes that the file does not hold; "
                    "export the network again"
                )
            self._check_texts(dataset, what)
            return dataset[()]

    def _check_texts(self, dataset: Any, what: str) -> None:
        """Refuse texts that claim more bytes than the file has: libhdf5 would fill memory with them first.

        What is stored of a text begins with its length in four bytes (libhdf5 ``H5Tvlen.c``). They cannot be
        looked at where they are part of a header or compressed.
        """
        string = h5py.check_string_dtype(dataset.dtype)
        start = dataset.id.get_offset()
        if string is None or string.length is not None or start is None:
            return
        with self.path.open("rb") as file:
            file.seek(start)
            stored = np.frombuffer(
                file.read(16 * dataset.size), np.dtype([("bytes", "<u4"), ("place", "V12")])
            )
        claimed = int(stored["bytes"].sum(dtype=np.int64))
        self.budget -= claimed
        if stored["bytes"].max(initial=0) > self.file_bytes or self.budget < 0:
            raise FileFormatError(
                f"{self.path}: {what} claims {claimed} bytes of text that the file does not hold; export the "
                "network again"
            )


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn what h5py raises on damaged files into one sentence."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path}: {what} cannot be read ({cause}); export the network again") from error
