"""One door for all network files: `open_trained` looks into a file, whatever its name, and reads it.

Most hold a network, to be compiled. Those of lava-dl are in a chip's integers already and give a program.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from spikec import container
from spikec.errors import FileFormatError, UsageError
from spikec.frontends.spike_time import read_spike_time
from spikec.ir.network import Convention, Network
from spikec.program import Program


def open_network(
    path: str | Path, *, dt: float | None = None, convention: Convention | str | None = None
) -> Network:
    """As `open_trained`, but of a file in integers give only the network, which is in the fixed dialect."""
    thing = open_trained(path, dt=dt, convention=convention)
    return thing.network if isinstance(thing, Program) else thing


def open_trained(
    path: str | Path, *, dt: float | None = None, convention: Convention | str | None = None
) -> Network | Program:
    """Read a trained network from any file that spikec knows.

    Args:
        path: A file of NIR or lava-dl, or one that spikec wrote.
        dt: Time step, seconds; for files that hold none (NIR, lava-dl).
        convention: Habits of the simulator the network was trained in, or words for them
            (`spikec.conventions.choose`); for files that hold none (NIR, lava-dl).

    Returns:
        A program if the file is in integers already (lava-dl), else a network.

    Raises:
        FileFormatError: There is no such file, or it is of another kind, damaged, or holds no network.
        NetworkError: The network contradicts itself or uses something unsupported.
        UsageError: `dt` is missing, or given for a file that holds its own.
    """
    path = Path(path)
    _check_readable(path)
    if container.is_container(path):
        network = read_spike_time(path)
        if dt is not None or convention is not None:
            raise UsageError(
                f"{path} holds its own time step and convention; leave out --dt and the convention"
            )
        return network
    return _open_hdf5(path, dt, convention)


def _open_hdf5(path: Path, dt: float | None, convention: Convention | str | None) -> Network | Program:
    """Read a file of NIR or lava-dl."""
    import h5py

    from spikec.conventions import choose
    from spikec.frontends.netx import read_netx
    from spikec.frontends.netx_file import is_netx
    from spikec.frontends.nir import read_nir

    if not h5py.is_hdf5(path):
        raise FileFormatError(
            f"{path} is {_kind(path)}; a NIR file, a lava-dl file or a spikec network is needed"
        )
    if is_netx(path):
        given = choose(convention, path, lambda: None).convention if convention is not None else None
        return read_netx(path, dt=dt, convention=given)
    return read_nir(path, dt=dt, convention=convention)


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise FileFormatError(f"{path} is a folder; name a file in it")
    if not path.exists():
        raise FileFormatError(f"there is no file {path}; check the name")
    if not path.is_file():
        raise FileFormatError(f"{path} is no ordinary file; give the file of a network")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if empty:
        raise FileFormatError(f"{path} is empty; export the network again")


def _kind(path: Path) -> str:
    """What a file of another kind is, for the message."""
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
            return "a damaged zip file"
        if any(name.endswith("data.pkl") for name in names):
            return "a PyTorch file, whose weights alone do not tell the neurons; export the network to NIR"
        if any(name.endswith(".npy") for name in names):
            return "an .npz file of arrays that spikec did not write"
        return "a zip file without a network"
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"\x93NUMPY"):
        return "an array, not a network (spikes are given with --input)"
    if start.startswith(b"PK"):
        return "a damaged zip file"
    return "of an unknown kind"
