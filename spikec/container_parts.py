"""A file of ours read part by part: its tree, and of its arrays only the rows that are wanted.

For files that memory would not hold. `Parts.check` reads all of it once, piece by piece, as `container.load`
does at once; who only looks at a few numbers leaves that out, and has the zip's own checks.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from math import prod
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from spikec.arrays import AnyArray
from spikec.container import altered, checked_manifest, checksum, made_of, read_manifest
from spikec.errors import FileFormatError
from spikec.zip_files import check_size, opened_zip, read_header

PIECE_BYTES = 4 << 20


class StoredArray:
    """An array in a zip, read from front to back; going back begins again.

    Args:
        archive: The open zip.
        member: Its name there.
        path: Of the zip, for messages.
    """

    def __init__(self, archive: zipfile.ZipFile, member: str, path: Path) -> None:
        info = archive.getinfo(member)
        check_size(info, path)
        self._path, self._member = path, member
        self._stream: IO[bytes] = archive.open(info)
        self.shape, self.dtype = read_header(self._stream, member, path)
        self._start = self._stream.tell()
        self._row = self.dtype.itemsize * prod(self.shape[1:])
        if info.file_size - self._start != self.dtype.itemsize * prod(self.shape):
            raise FileFormatError(
                f"{path} holds {member}, whose header claims shape {self.shape}, but the data differ"
            )

    def rows(self, first: int, last: int) -> AnyArray:
        """Rows from `first` to `last` (exclusive), read-only.

        Raises:
            FileFormatError: The file was damaged or cut since it was opened.
        """
        size = (last - first) * self._row
        try:
            self._stream.seek(self._start + first * self._row)
            data = self._stream.read(size)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise FileFormatError(f"{self._path} cannot be read ({error}); make it again") from error
        if len(data) != size:
            raise FileFormatError(f"{self._path} ends within {self._member}; make it again")
        array = np.frombuffer(data, self.dtype).reshape(last - first, *self.shape[1:])
        array.setflags(write=False)
        return array

    def all(self) -> AnyArray:
        """The whole array, read-only."""
        if not self.shape:
            return self._scalar()
        return self.rows(0, self.shape[0])

    def pieces(self) -> Iterator[memoryview]:
        """All bytes, a few at a time."""
        if not self.shape:
            yield memoryview(self._scalar().tobytes())
            return
        step = max(1, PIECE_BYTES // max(self._row, 1))
        for first in range(0, self.shape[0], step):
            yield memoryview(self.rows(first, min(first + step, self.shape[0])).tobytes())

    def _scalar(self) -> AnyArray:
        self._stream.seek(self._start)
        return np.frombuffer(self._stream.read(self.dtype.itemsize), self.dtype).reshape(())


class Parts:
    """An open file of ours.

    Args:
        path: The file.

    Attributes:
        tree: Its content as in the manifest: an array is ``{"array": name}``.
        sha256: The checksum that it claims.
        arrays: By name.

    Raises:
        FileFormatError: It is none of ours, truncated, or of a newer version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with ExitStack() as stack:
            archive = stack.enter_context(opened_zip(self.path, "spikec file"))
            manifest, members = read_manifest(archive, self.path)
            self.sha256, self.tree = checked_manifest(self.path, manifest)
            self.arrays: dict[str, StoredArray] = {}
            for name, member in members.items():
                self.arrays[name] = StoredArray(archive, member, self.path)
            self._stack = stack.pop_all()

    def check(self) -> None:
        """Read all of it once.

        Raises:
            FileFormatError: Its contents do not match its checksum.
        """
        arrays = ((name, a.dtype, a.shape, a.pieces()) for name, a in self.arrays.items())
        if checksum(self.tree, arrays) != self.sha256:
            raise altered(self.path)

    def array(self, node: Any) -> StoredArray:
        """The array that a node of the tree names.

        Raises:
            FileFormatError: It names none.
        """
        if not isinstance(node, Mapping) or node.get("array") not in self.arrays:
            raise FileFormatError(f"{self.path} has no array where one is needed; make it again")
        return self.arrays[str(node["array"])]

    def made(self, tree: Any) -> Any:
        """The object of a part of the tree, with all its arrays.

        Raises:
            FileFormatError: There is none.
        """
        named = {str(name): self.array({"array": name}).all() for name in _named(tree)}
        return made_of(self.path, tree, named)

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def __enter__(self) -> Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _named(tree: Any) -> Iterator[str]:
    """Names of the arrays in a tree."""
    if isinstance(tree, list):
        for value in tree:
            yield from _named(value)
    elif isinstance(tree, dict):
        if "array" in tree:
            yield tree["array"]
        else:
            for value in tree.values():
                yield from _named(value)
