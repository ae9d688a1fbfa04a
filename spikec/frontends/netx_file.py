"""lava-dl netx files as plain data: layers with their types and numbers; nothing of their meaning.

Layout (lava-dl, ``netx/README.md`` and ``slayer/block/base.py``): ``/layer/<i>`` for i from 0, each with
``type`` (one text), ``shape``, and what its type needs: ``weight``, ``weight_rec`` (in old files
``recWeight``), ``bias``, ``delay``, and a group ``neuron`` of ``type`` and one dataset a parameter.
``/simulation/Ts`` is the length of a tick, ms, if it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import FileFormatError, NetworkError
from spikec.frontends.hdf5 import Hdf5Reader, reading
from spikec.frontends.hdf5_heap import check_heaps

MAX_LAYERS = 1000

MAX_NUMBERS = 1 << 23
"""So many numbers may be in any file, however it is compressed; more only with a byte for every eight."""

NUMBERS_PER_BYTE = 8

COMPLEX = "complex"
"""Stands among a layer's `strange` members for a weight that is a group of two, ``real`` and ``imag``."""

LAYER_NUMBERS = (
    "shape", "inFeatures", "outFeatures", "weight", "weight_rec", "recWeight", "bias", "delay",
    "inChannels", "outChannels", "kernelSize", "stride", "padding", "dilation", "groups",
)  # fmt: skip
NEURON_NUMBERS = (
    "iDecay", "vDecay", "vThMant", "refDelay", "gradedSpike", "wgtExp", "weight_exp",
)  # fmt: skip
NEEDLESS = {"type", "neuron", "theta", "tauRho", "scaleRho"}
"""Members that are read otherwise, or that say how the surrogate gradient was shaped."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of a file.

    Attributes:
        index: Its place.
        type: As in the file.
        numbers: Its datasets by name, float64, finite; ``recWeight`` is called ``weight_rec``.
        neuron_type: As in the file; None if it has no neuron.
        neuron: The neuron's datasets by name, float64, finite.
        strange: Names of members that spikec does not know.
    """

    index: int
    type: str
    numbers: Mapping[str, FloatArray] = field(default_factory=dict)
    neuron_type: str | None = None
    neuron: Mapping[str, FloatArray] = field(default_factory=dict)
    strange: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"layer {self.index} ({self.type})"


@dataclass(frozen=True, eq=False)
class NetxFile:
    """What a file holds.

    Attributes:
        layers: In order.
        dt: Length of a tick, seconds, if the file tells.
    """

    layers: tuple[Layer, ...]
    dt: float | None


def is_netx(path: Path) -> bool:
    """Whether an HDF5 file has layers and no NIR graph; False also if it is too damaged to tell."""
    try:
        check_heaps(path)
        with h5py.File(path, "r") as file:
            return "layer" in file and "node" not in file
    except (FileFormatError, OSError, RuntimeError, KeyError, ValueError, TypeError):
        return False


def read_layers(path: Path) -> NetxFile:
    """Read a netx file.

    Raises:
        FileFormatError: It is no netx file, is damaged, or claims sizes that its bytes cannot hold.
        NetworkError: A layer has no type, or a dataset that must hold numbers does not.
    """
    with reading(path, "the file"):
        check_heaps(path)
    with reading(path, "the file"), h5py.File(path, "r") as file:
        reader = _Reader(path, path.stat().st_size)
        members = reader.members(file, "the file")
        if not isinstance(members.get("layer"), h5py.Group):
            raise FileFormatError(
                f"{path} is no netx file: it has no group 'layer'; write it with SLAYER's export_hdf5"
            )
        return NetxFile(reader.layers(members["layer"]), reader.dt(members.get("simulation")))


class _Reader(Hdf5Reader):
    """One pass over a netx file, with how many numbers may still be read of it."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        super().__init__(path, file_bytes)
        self.left = max(MAX_NUMBERS, NUMBERS_PER_BYTE * file_bytes)

    def numbers(self, dataset: Any, what: str) -> FloatArray:
        """Read a dataset of numbers as float64, which may take many times the bytes of the file."""
        if isinstance(dataset, h5py.Dataset):
            self.left -= dataset.size or 0
            if self.left < 0:
                raise FileFormatError(
                    f"{self.path}: {what} claims {dataset.nbytes} bytes, which with what stands before it is "
                    f"more than a file of {self.file_bytes} plausibly holds; export the network again"
                )
        return super().numbers(dataset, what)

    def layers(self, group: Any) -> tuple[Layer, ...]:
        """Read all layers in order of their numbers."""
        members = self.members(group, "the layers")
        expected = [str(i) for i in range(len(members))]
        if len(members) > MAX_LAYERS or set(members) != set(expected):
            odd = next((name for name in members if name not in expected), str(len(members)))
            raise FileFormatError(
                f"{self.path} has {len(members)} layers, one of them called {odd[:20]!r}; they must be "
                f"numbered from 0 without a gap, and at most {MAX_LAYERS}: export the network again"
            )
        return tuple(self.layer(members[name], int(name)) for name in expected)

    def layer(self, group: Any, index: int) -> Layer:
        """Read one layer."""
        where = f"layer {index}"
        if not isinstance(group, h5py.Group):
            raise FileFormatError(f"{self.path}: {where} is no group; export the network again")
        members = self.members(group, where)
        kind = self.word(members.get("type"), f"the type of {where}")
        neuron_type, neuron, strange = None, {}, [k for k in members if k not in {*LAYER_NUMBERS, *NEEDLESS}]
        if "neuron" in members:
            inner = members["neuron"]
            if not isinstance(inner, h5py.Group):
                raise FileFormatError(f"{self.path}: the neuron of {where} is no group; export it again")
            parts = self.members(inner, f"the neuron of {where}")
            neuron_type = self.word(parts.get("type"), f"the neuron type of {where}")
            neuron = self.known(parts, NEURON_NUMBERS, f"the neuron of {where}")
            strange += [f"neuron/{k}" for k in parts if k not in {*NEURON_NUMBERS, *NEEDLESS}]
        if isinstance(members.get("weight"), h5py.Group):
            del members["weight"]
            strange.append(COMPLEX)
        numbers = self.known(members, LAYER_NUMBERS, where)
        if "recWeight" in numbers:
            numbers["weight_rec"] = numbers.pop("recWeight")
        return Layer(index, kind, numbers, neuron_type, neuron, tuple(strange))

    def known(self, members: Mapping[str, Any], names: tuple[str, ...], where: str) -> dict[str, FloatArray]:
        """Read those of the named datasets that are there."""
        found = {}
        for name in names:
            if name in members:
                values = self.numbers(members[name], f"{name} of {where}")
                if values.size == 0 or not np.all(np.isfinite(values)):
                    raise NetworkError(
                        f"{self.path}: {name} of {where} is empty or has values that are no finite numbers; "
                        "export the network again"
                    )
                found[name] = values
        return found

    def word(self, dataset: Any, what: str) -> str:
        """Read one text, alone or in a list of one."""
        string = isinstance(dataset, h5py.Dataset) and h5py.check_string_dtype(dataset.dtype) is not None
        if not string or dataset.shape not in ((), (1,)):
            raise FileFormatError(f"{self.path}: {what} is missing or no text; export the network again")
        raw = self.contents(dataset, what)
        text = self.decoded(raw if dataset.shape == () else raw[0], what)
        if not text.isprintable() or len(text) > 40:
            raise FileFormatError(f"{self.path}: {what} is no word; export the network again")
        return text

    def dt(self, simulation: Any) -> float | None:
        """The length of a tick, seconds, if the file has a plausible one in ms."""
        if not isinstance(simulation, h5py.Group):
            return None
        dataset = self.members(simulation, "the group 'simulation'").get("Ts")
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iuf" or dataset.size != 1:
            return None
        value = float(self.numbers(dataset, "Ts").reshape(())) * 1e-3
        return value if 0 < value < np.inf else None
