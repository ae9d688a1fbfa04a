"""Reads damaged network files in a process of its own, and tells what became of them. Arguments:

    FOLDER SEED N FILE ...

Each of N files is a copy of one of the given, mutated by one to three of `MUTATIONS`. The last line is JSON:
how many were read and how many refused, what went wrong otherwise, and the most memory the process had.
"""

import json
import resource
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

import h5py
import numpy as np

from spikec.errors import SpikecError
from spikec.frontends import open_network

TYPES = [
    "LIF",
    "IF",
    "CubaLIF",
    "Affine",
    "Conv2d",
    "Conv1d",
    "SumPool2d",
    "Flatten",
    "Delay",
    "NIRGraph",
    "Input",
    "Output",
    "Scale",
    "conv",
    "pool",
    "dense",
    "flatten",
    "CUBA",
    "Unheard",
]
"""Types of nodes, layers and neurons."""

SECONDS = 20
"""A file that takes longer to read hangs."""


def main() -> None:
    folder, seed, n, *names = sys.argv[1:]
    rng = np.random.default_rng(int(seed))
    counts, faults = Counter(), []
    signal.signal(signal.SIGALRM, _too_late)
    for k in range(int(n)):
        source = Path(names[int(rng.integers(len(names)))])
        path = Path(folder) / f"damaged{source.suffix}"
        shutil.copyfile(source, path)
        done = [mutate(rng, path) for _ in range(int(rng.integers(1, 4)))]
        signal.alarm(SECONDS)
        try:
            open_network(path, dt=1e-3)
            counts["read"] += 1
        except SpikecError as error:
            counts["refused"] += 1
            if "\n" in str(error) or not str(error):
                faults.append([source.name, done, "more than one line", str(error)])
        except BaseException as error:
            faults.append([source.name, done, type(error).__name__, str(error)[:200]])
            shutil.copyfile(path, path.with_name(f"fault-{seed}-{k}{path.suffix}"))
        finally:
            signal.alarm(0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({**counts, "faults": faults, "peak_mb": peak}))


def mutate(rng: np.random.Generator, path: Path) -> str:
    """Damage a file in one way, and say which; a file that is no longer HDF5 gets another byte changed."""
    chosen = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
    try:
        with h5py.File(path, "a") as file:
            chosen(rng, file)
        return chosen.__name__
    except Exception:  # it is damaged already, or has nothing of the kind
        change_a_byte(rng, path)
        return "change_a_byte"


def change_a_byte(rng: np.random.Generator, path: Path) -> None:
    """Bytes at any place, or the end cut off."""
    data = bytearray(path.read_bytes())
    if rng.random() < 0.2:
        data = data[: int(rng.integers(len(data) + 1))]
    for _ in range(int(rng.integers(1, 4)) if data else 0):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))
    path.write_bytes(bytes(data))


def flip(rng: np.random.Generator, file: h5py.File) -> None:
    """Bytes are changed in any case."""
    raise ValueError("as bytes")


def drop(rng: np.random.Generator, file: h5py.File) -> None:
    """A group or dataset is gone."""
    del file[_any(rng, file, h5py.HLObject)]


def reshape(rng: np.random.Generator, file: h5py.File) -> None:
    """Numbers get another shape."""
    name = _any(rng, file, h5py.Dataset)
    values = np.atleast_1d(file[name][()])
    shapes = [(values.size, 1), (1, *values.shape), (), (0,), values.shape[::-1], (values.size + 1,)]
    shape = shapes[int(rng.integers(len(shapes)))]
    _replace(file, name, np.resize(values, shape))


def odd_number(rng: np.random.Generator, file: h5py.File) -> None:
    """A number becomes none, infinite, negative or huge."""
    name = _any(rng, file, h5py.Dataset)
    values = np.array(file[name][()], np.float64)
    odd = [np.nan, np.inf, -np.inf, -1.0, 0.0, 0.5, 1e300, 2.0**31, 2.0**40, 2.0**63, 1e6]
    if values.ndim and values.size and rng.random() < 0.5:
        values.flat[int(rng.integers(values.size))] = odd[int(rng.integers(len(odd)))]
    else:
        values[...] = odd[int(rng.integers(len(odd)))]
    if np.all(np.isfinite(values)) and np.all(np.abs(values) < 2.0**62) and rng.random() < 0.7:
        values = np.rint(values).astype(np.int64)
    _replace(file, name, values)


def huge_claim(rng: np.random.Generator, file: h5py.File) -> None:
    """A dataset claims terabytes and stores nothing."""
    name = _any(rng, file, h5py.Dataset)
    del file[name]
    n = 1 << int(rng.integers(16, 30))
    file.create_dataset(name, (n, n), "f8", chunks=(64, 64))


def another_type(rng: np.random.Generator, file: h5py.File) -> None:
    """A node or layer is of another type."""
    names = [name for name in _names(file, h5py.Dataset) if name.endswith("type")]
    chosen = TYPES[int(rng.integers(len(TYPES)))]
    name = names[int(rng.integers(len(names)))]
    _replace(file, name, chosen)


def rewire(rng: np.random.Generator, file: h5py.File) -> None:
    """Edges lead elsewhere, back, or twice."""
    names = [name for name in _names(file, h5py.Dataset) if name.endswith("edges")]
    name = names[int(rng.integers(len(names)))]
    edges = [[bytes(a), bytes(b)] for a, b in file[name][()].tolist()]
    ends = [end for edge in edges for end in edge]
    edges.append([ends[int(rng.integers(len(ends)))], ends[int(rng.integers(len(ends)))]])
    edges[int(rng.integers(len(edges)))][int(rng.integers(2))] = ends[int(rng.integers(len(ends)))]
    _replace(file, name, np.array(edges, "S"))


def tangle(rng: np.random.Generator, file: h5py.File) -> None:
    """A group is found again inside of another, or of itself."""
    groups = _names(file, h5py.Group)
    into, what = (groups[int(rng.integers(len(groups)))] for _ in range(2))
    file[f"{into}/again"] = file[what]


MUTATIONS = (flip, flip, drop, reshape, odd_number, odd_number, huge_claim, another_type, rewire, tangle)


def _names(file: h5py.File, kind: type) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, thing: found.append(name) if isinstance(thing, kind) else None)
    return found


def _any(rng: np.random.Generator, file: h5py.File, kind: type) -> str:
    names = _names(file, kind)
    return names[int(rng.integers(len(names)))]


def _replace(file: h5py.File, name: str, value: object) -> None:
    del file[name]
    file[name] = value


def _too_late(signum: int, frame: object) -> None:
    raise TimeoutError(f"took longer than {SECONDS} s")


if __name__ == "__main__":
    main()
