"""Benchmark G: how long the command line takes until it answers.

`first ever` is a run on a machine that has never run the engine: it compiles into an empty folder.
`spikec run` is any later one: kernels and Python's bytecode are on disk. Every figure is that of a whole
process, from the shell to its end. Compiling has no smaller size, so `--quick` leaves it out; it times the
others once each.

    python bench/startup.py --clock cpu --only "G:spikec run, first ever"
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import Case, Missing, Work, main

NETS = Path(__file__).resolve().parent.parent / "models" / "nets"
CONTINUOUS = str(NETS / "yinyang-ttfs.npz")
ROOM = tempfile.TemporaryDirectory(prefix="spikec-startup-")
"""Of this process, for programs and compiled kernels."""


def spikec(*words: str, kernels: str = "") -> subprocess.CompletedProcess[str]:
    """Call the command line; where its kernels are, if not in their usual place."""
    command = [sys.executable, "-c", "from spikec.cli import main; main()", *words]
    env = {**os.environ, **({"NUMBA_CACHE_DIR": kernels} if kernels else {})}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def help_(quick: bool) -> Work:
    return work(lambda: spikec("--help"), lambda done: "Commands" in done.stdout)


def check(quick: bool) -> Work:
    words = ("check", CONTINUOUS, "--json")
    return work(lambda: spikec(*words), lambda done: bool(json.loads(done.stdout)))


def run(words: Callable[[], tuple[str, ...]]) -> Callable[[bool], Work]:
    """Runs whose kernels are on disk."""

    def prepare(quick: bool) -> Work:
        made = words()
        return work(lambda: spikec(*made), answers)

    return prepare


def first_run(words: Callable[[], tuple[str, ...]]) -> Callable[[bool], Work]:
    """Runs that compile."""

    def prepare(quick: bool) -> Work:
        if quick:
            raise Missing("compiling has no smaller size")
        made, kernels = words(), Path(ROOM.name) / "kernels"

        def compile_and_run() -> subprocess.CompletedProcess[str]:
            shutil.rmtree(kernels, ignore_errors=True)
            return spikec(*made, kernels=str(kernels))

        return work(compile_and_run, lambda done: answers(done) and any(kernels.rglob("*.nbi")))

    return prepare


def work(call: Callable[[], subprocess.CompletedProcess[str]], right: Callable[..., bool]) -> Work:
    return Work(
        run=call,
        check=lambda done: {"answer_ok": done.returncode == 0 and right(done)},
        figures={"s": lambda seconds, _: seconds},
        slow=True,
    )


def answers(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether every population has spiked, and most classes are right where they are known."""
    found = json.loads(done.stdout)
    return bool(all(found["spikes"].values()) and (found.get("accuracy") or 1.0) > 0.5)


def exact() -> tuple[str, ...]:
    """A continuous network of matrices."""
    return ("run", CONTINUOUS, "--data", "yinyang:test:50", "--json")


def lists() -> tuple[str, ...]:
    """A continuous network whose synapses have delays of their own."""
    return ("run", str(NETS / "yinyang-ttfs-delays.npz"), "--data", "yinyang:test:50", "--json")


def integers() -> tuple[str, ...]:
    """A compiled program."""
    program = str(Path(ROOM.name) / "program.npz")
    done = spikec("compile", CONTINUOUS, "-o", program)
    if done.returncode:
        raise Missing(done.stderr.strip())
    return ("run", program, "--data", "yinyang:test:50", "--json")


def float_ticks() -> tuple[str, ...]:
    """One neuron and its input."""
    import numpy as np

    from spikec.container import save
    from spikec.ir.connectivity import Dense
    from spikec.ir.network import Network, Population, Projection, Ticks
    from spikec.ir.neurons import CubaLif, Source

    populations = (Population("in", Source(), (1,)), Population("out", CubaLif(0.02, 0.01, 0.1), (1,)))
    projections = (Projection("q", "in", "out", Dense(np.full((1, 1), 100.0))),)
    network, raster = Path(ROOM.name) / "network.npz", Path(ROOM.name) / "raster.npy"
    save(Network(populations, projections, ("in",), ("out",), Ticks(1e-3)), network)
    np.save(raster, np.ones((1, 20, 1), np.uint8))
    return ("run", str(network), "--input", str(raster), "--json")


ENGINES = {"exact": exact, "exact, delays": lists, "integers": integers, "float ticks": float_ticks}

CASES = [
    Case("G", "spikec --help", help_),
    Case("G", "spikec check", check),
    *(Case("G", f"spikec run, {name}", run(words)) for name, words in ENGINES.items()),
    *(Case("G", f"spikec run, first ever, {name}", first_run(words)) for name, words in ENGINES.items()),
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
