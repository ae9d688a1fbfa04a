"""Writes a compiled program as a folder that runs in Lava by itself.

The folder holds the network as numbers (``network.json``, ``network.npz``), the code that runs it (a copy of
`spikec_lava.deployed` and `spikec_lava.compat`), a ``run.py``, a README and example input. It needs Python
3.10 to 3.13 with numpy, scipy and lava-nc, and no spikec. `spikec_lava.backend` runs programs from such a
folder.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec.container import save
from spikec.errors import TargetError, UsageError, Violation
from spikec.events import from_rows
from spikec.ir.connectivity import Sparse
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Dialect, Network, Population, Projection, unrolled
from spikec.ir.neurons import Source, parameters
from spikec.program import Program
from spikec_lava.compat import LAVA_VERSION
from spikec_lava.deployed.network import VERSION
from spikec_lava.deployed.neurons import NEURONS

RUNS = {"fused": tuple(NEURONS), "stock": ("CubaFixed",)}
"""The types of neurons that each flavour runs; stock Lava has `CubaFixed` as its ``LIF``."""

FLAVOURS = tuple(RUNS)

LONGEST_STOCK_DELAY = 63
"""Ticks; lava-nc 0.10.0, ``PyDelayDenseModelBitAcc.run_spk``, raises beyond it."""

EXAMPLE_TICKS = 10
"""Length of the example input, unless the program knows its own."""


def deploy(program: Program, directory: str | Path, flavour: str = "fused") -> Path:
    """Write a program as a folder; it appears under its name only when it is complete.

    Args:
        program: A compiled program.
        directory: The folder; it must not exist, or be empty.
        flavour: ``"fused"``, fast, or ``"stock"``, made of Lava's own processes as Loihi 2 takes them.

    Returns:
        The folder.

    Raises:
        TargetError: Lava cannot run the program in this flavour.
        UsageError: The folder has contents, or cannot be made, or there is no such flavour.
    """
    violations = unsupported(program, flavour)
    if violations:
        raise TargetError(f"Lava ({flavour})", violations)
    directory = Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} exists and is not empty; name a new folder or empty that one")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}."))
    except OSError as error:
        raise UsageError(
            f"cannot make {directory}: {error.strerror or error}; choose another place"
        ) from error
    try:
        _write(program, made, flavour)
        made.chmod(0o755)
        made.replace(directory)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return directory


def unsupported(program: Program, flavour: str) -> list[Violation]:
    """What in a program Lava cannot run in a flavour; empty if it can.

    Raises:
        UsageError: There is no such flavour.
    """
    if flavour not in FLAVOURS:
        raise UsageError(f"Lava has no flavour {flavour!r}; choose one of {', '.join(FLAVOURS)}")
    network = program.network
    if network.dialect is not Dialect.FIXED:
        return [
            Violation(
                "dialect",
                "the network",
                network.dialect.value,
                Dialect.FIXED.value,
                "compile it with `spikec compile`",
            )
        ]
    return [*_foreign_neurons(network, flavour), *_long_delays(network, flavour)]


def _foreign_neurons(network: Network, flavour: str) -> Iterator[Violation]:
    for p in network.populations:
        kind = type(p.neuron).__name__
        if p.is_source:
            continue
        if flavour == "stock" and np.any(np.asarray(getattr(p.neuron, "inclusive", 0))):
            advice = "take the fused flavour, or compile for a chip without programmable neurons"
            yield Violation("threshold test", p.name, "v >= vth", "v > vth", advice)
        if kind in RUNS[flavour]:
            continue
        better = kind in RUNS["fused"]
        advice = "take the fused flavour" if better else "run it with another backend"
        yield Violation("neuron", p.name, kind, " or ".join(RUNS[flavour]), advice)


def _long_delays(network: Network, flavour: str) -> Iterator[Violation]:
    limit = f"at most {LONGEST_STOCK_DELAY} ticks"
    advice = "shorten it, or take the fused flavour"
    for q in network.projections:
        if flavour == "stock" and q.delays.longest > LONGEST_STOCK_DELAY:
            yield Violation("delay", q.name, f"{q.delays.longest:.0f} ticks", limit, advice)


def _write(program: Program, folder: Path, flavour: str) -> None:
    network = program.network
    arrays: dict[str, Any] = {}
    described = {
        "version": VERSION,
        "flavour": flavour,
        "dt": network.dt,
        "n_ticks": program.n_ticks,
        "populations": [_population(p, arrays) for p in network.populations],
        "projections": [_projection(unrolled(q), arrays) for q in network.projections],
    }
    (folder / "network.json").write_text(json.dumps(described, indent=1) + "\n")
    np.savez_compressed(folder / "network.npz", **arrays)
    save(_example(program), folder / "example_events.npz")
    (folder / "README.md").write_text(_readme(program, flavour))
    _copy_code(folder)


def _population(p: Population, arrays: dict[str, AnyArray]) -> dict[str, Any]:
    given = parameters(p.neuron)
    return {
        "name": p.name,
        "n": p.n,
        "neuron": None if p.is_source else type(p.neuron).__name__,
        "most_at_once": p.neuron.most_at_once if isinstance(p.neuron, Source) else 1,
        "parameters": {name: _parameter(f"{p.name}/{name}", v, arrays) for name, v in given.items()},
    }


def _parameter(key: str, value: Any, arrays: dict[str, AnyArray]) -> int | str:
    """One number if it is the same for all neurons, else the name of an array."""
    values = np.asarray(value)
    if values.min() == values.max():
        return int(values.min())
    return _stored(key, values, arrays)


def _projection(q: Projection, arrays: dict[str, AnyArray]) -> dict[str, Any]:
    c = q.connectivity
    assert isinstance(c.weights, Fixed)
    sparse = isinstance(c, Sparse)
    return {
        "name": q.name,
        "pre": q.pre,
        "post": q.post,
        "dense": not sparse,
        "bits": c.weights.format.bits,
        "sign": c.weights.format.sign.value,
        "exponent": c.weights.format.exponent,
        "weights": _stored(f"{q.name}/weights", c.weights.mantissa.astype(np.int16), arrays),
        "starts": _stored(f"{q.name}/starts", c.starts, arrays) if isinstance(c, Sparse) else None,
        "posts": _stored(f"{q.name}/posts", c.posts, arrays) if isinstance(c, Sparse) else None,
        "delays": _stored(f"{q.name}/delays", q.delays.per_synapse(c), arrays) if q.delays.longest else None,
    }


def _stored(key: str, values: AnyArray, arrays: dict[str, AnyArray]) -> str:
    arrays[key] = values
    return key


def _example(program: Program) -> Any:
    """One sample in which every tenth of each input's neurons spikes, one after another."""
    network, n_ticks = program.network, program.n_ticks or EXAMPLE_TICKS
    events = {}
    for name in network.inputs:
        neurons = np.arange(0, network.population(name).n, 10)
        samples = np.zeros(neurons.size, np.int64)
        ticks = np.arange(neurons.size) % max(n_ticks, 1)
        n = network.population(name).n
        events[name] = from_rows(samples, ticks, neurons, n_samples=1, n_neurons=n)
    return events[network.inputs[0]] if len(events) == 1 else events


def _copy_code(folder: Path) -> None:
    here = Path(__file__).parent
    skipped = shutil.ignore_patterns("__pycache__", "run.py")
    shutil.copytree(here / "deployed", folder / "spikec_lava" / "deployed", ignore=skipped)
    shutil.copyfile(here / "deployed" / "run.py", folder / "run.py")
    for name in ("__init__.py", "compat.py"):
        shutil.copyfile(here / name, folder / "spikec_lava" / name)
    for path in folder.rglob("*"):
        mode = 0o755 if path.is_dir() else 0o644
        path.chmod(mode & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_HOW = {
    "fused": (
        "The whole network is one Lava process that runs many samples side by side "
        "(`spikec_lava/deployed/processes/fused.py`). This is the fast way to run it on a computer; it "
        "cannot run on a chip."
    ),
    "stock": (
        "The network is made of Lava's own processes (`LIF`, `Dense`, `DelayDense`, `Sparse`, `DelaySparse`; "
        "see `spikec_lava/deployed/stock.py`); samples run one after another. With `--hardware` it runs on "
        "Loihi 2 instead (Lava's `Loihi2HwCfg`), if Intel's extension lava-loihi is installed, which members "
        "of its research community (INRC) get. This switch was never tried on a chip: compare the spikes "
        "first."
    ),
}


def _readme(program: Program, flavour: str) -> str:
    network = program.network
    first = network.inputs[0] if network.inputs else "none"
    return f"""# A spiking network for Lava

Written by `spikec deploy`; spikec itself is not needed here. {_HOW[flavour]}

## Run it

Python 3.10 to 3.13 on Linux with numpy, scipy and lava-nc. On Python 3.10:

    pip install lava-nc=={LAVA_VERSION}

Later Pythons are refused by pip, though Lava runs there with the help of `spikec_lava/compat.py`:

    pip install numpy scipy scikit-learn networkx "asteval<0.10"
    pip install --no-deps --ignore-requires-python lava-nc=={LAVA_VERSION}

Then:

    python run.py --input example_events.npz --output result.npz

`python run.py --help` lists the options. Exit code 0: fine; 1: Lava failed; 2: something to put right, which
the last line says. `spikec compare` reads the result.

## The network

A tick is {network.dt:g} s; a sample has {program.n_ticks or "as many ticks as you say with `--ticks`"}{
        " ticks" if program.n_ticks else ""
    }.

{_table(network)}

`network.json` lists populations and projections and names their arrays in `network.npz`;
`spikec_lava/deployed/network.py` documents both. {_neurons(network)}

## Events

An events file is a zip of numpy arrays and of `spikec.json`, which says what they are (`spikec run` takes and
gives the same files). Spikes are ordered by sample, then tick, then neuron:

| array | shape | |
|---|---|---|
| `times` | `(n_events,)` | ticks, whole numbers from 0; or seconds |
| `neurons` | `(n_events,)` | index of the neuron |
| `sample_starts` | `(n_samples + 1,)` | where each sample begins |

`example_events.npz` shows it; its arrays open with `numpy.load("example_events.npz")["0"]`, and so on. {
        f"It holds the events of `{first}`."
        if len(network.inputs) == 1
        else "It holds the events of each input by name."
    } The result holds the spikes of all populations in the same form.
"""


def _neurons(network: Network) -> str:
    kinds = _kinds(network)
    same = "`CubaFixed` is Lava's `LIF`, with the same parameters but `inclusive`, which is 0 in Lava."
    told = [same] if "CubaFixed" in kinds else []
    others = " and ".join(f"`{kind}`" for kind in kinds if kind != "CubaFixed")
    if others:
        told.append(f"Lava has no {others}; the equations stand in `spikec_lava/deployed/neurons.py`.")
    return " ".join(told)


def _kinds(network: Network) -> list[str]:
    return sorted({type(p.neuron).__name__ for p in network.populations if not p.is_source})


def _table(network: Network) -> str:
    rows = ["| population | size | neuron |", "|---|---|---|"]
    rows += [
        f"| `{p.name}` | {p.n} | {'input' if p.is_source else type(p.neuron).__name__} |"
        for p in network.populations
    ]
    rows += ["", "| projection | from | to | synapses | longest delay, ticks |", "|---|---|---|---|---|"]
    rows += [
        f"| `{q.name}` | `{q.pre}` | `{q.post}` | {q.connectivity.n_synapses} | {q.delays.longest:.0f} |"
        for q in network.projections
    ]
    return "\n".join(rows)
