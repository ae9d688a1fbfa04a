"""Zips of plain ``.npy`` arrays, as numpy's ``.npz``, and files that are there whole or not at all.

What a zip says of itself is not believed: sizes must agree with the bytes that follow.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from spikec.arrays import AnyArray
from spikec.errors import FileFormatError

NUMBERS = "biuf"
"""Kinds of numpy types that are stored: truth values, integers, real numbers."""

_MAX_INFLATION = 1100
"""Deflate cannot expand by more than about 1032; a member that claims more is a lie."""


def write_atomically(path: str | Path, data: bytes | Iterable[bytes], *, sync: bool = False) -> None:
    """Write a file under a temporary name beside it, then rename: it is there whole or not at all.

    Args:
        path: Where.
        data: All of it, or piece after piece.
        sync: Whether to wait until the disk has it.

    Raises:
        FileFormatError: The folder does not exist or cannot be written.
    """
    path = Path(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        temporary = ""
    except OSError as error:
        raise FileFormatError(
            f"cannot write {path}: {error.strerror or error}; choose another place"
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_array(path: str | Path, name: str) -> AnyArray:
    """Read an array of an ``.npz`` that others wrote, read-only.

    Raises:
        FileFormatError: The file is missing or damaged, has no such array, or one that is not plain numbers,
            row by row.
    """
    path = Path(path)
    with opened_zip(path, ".npz of arrays") as archive:
        names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        if name not in names:
            raise FileFormatError(
                f"{path} has no array {name!r}; choose {', '.join(names) or 'another file'}"
            )
        return array_of(archive, f"{name}.npy", path)


def zipped(members: Mapping[str, bytes], compressed: bool = True) -> bytes:
    """A zip of members by name, as bytes; equal members give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


@contextmanager
def opened_zip(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """A zip file; whatever is wrong with it becomes one error that calls it no `what`."""
    if not path.is_file():
        raise FileFormatError(f"there is no file {path}; check the name")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.compress_size for info in archive.infolist()) > path.stat().st_size:
                raise FileFormatError(f"{path} lies about the sizes of its parts; make it again")
            yield archive
    except FileFormatError:
        raise
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # zipfile, zlib, json and numpy raise errors of all kinds on damaged bytes
        raise FileFormatError(
            f"{path} is no {what}, or it is truncated or damaged ({error}); make it again"
        ) from error


def contents_bytes(path: Path) -> int:
    """What all members take once they are read.

    Raises:
        FileFormatError: It is no zip.
    """
    with opened_zip(path, "spikec file") as archive:
        return sum(info.file_size for info in archive.infolist())


def check_size(info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse a member whose size cannot be true.

    Raises:
        FileFormatError: It claims more than its bytes could hold.
    """
    if info.file_size > _MAX_INFLATION * max(info.compress_size, 1):
        raise FileFormatError(f"{path} lies about the size of {info.filename}; make it again")


def member_of(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    """All bytes of a member.

    Raises:
        FileFormatError: Its size cannot be true.
    """
    check_size(archive.getinfo(name), path)
    return archive.read(name)


def array_of(archive: zipfile.ZipFile, name: str, path: Path) -> AnyArray:
    """An array of an open zip, read-only.

    Raises:
        FileFormatError: It is none, not plain numbers row by row, or its header and its bytes disagree.
    """
    data = member_of(archive, name, path)
    stream = io.BytesIO(data)
    shape, dtype = read_header(stream, name, path)
    body = data[stream.tell() :]
    if len(body) != prod(shape) * dtype.itemsize:
        raise FileFormatError(f"{path} holds {name}, whose header claims shape {shape}, but the data differ")
    array = np.frombuffer(body, dtype).reshape(shape)
    array.setflags(write=False)
    return array


def read_header(stream: IO[bytes], name: str, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array whose bytes follow, row by row.

    Raises:
        FileFormatError: What begins here is no such array.
    """
    try:
        major = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if major == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except ValueError as error:
        raise FileFormatError(f"{path} holds {name}, which is no array: {error}") from error
    if min(shape, default=0) < 0:
        raise FileFormatError(f"{path} holds {name}, whose header claims shape {shape}; make it again")
    if dtype.kind not in NUMBERS or (fortran and len(shape) > 1):
        raise FileFormatError(
            f"{path} holds {name} of type {dtype}; only plain numbers, row by row, are read"
        )
    return shape, dtype
