"""Benchmark G: seconds until the command line answers, and how many of them are compiling.

`spikec run` runs ten samples of benchmark A, with kernels compiled and kept before; `first ever` is the same
on a machine that has none yet. All are processes of their own, Python's start included; an answer is right if
it counts the spikes that plain numpy counts.

    python bench/startup.py --only "G:spikec --help"
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cpu_ticks import program_of
from harness import Case, Work, main
from workloads import N_TICKS, TICK_CASES, tick_layers

SECONDS = {"s": lambda seconds, _: seconds}


def command(arguments: Sequence[str], **environment: str) -> str:
    """What `spikec` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "spikec.cli", *arguments],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def show_help(quick: bool) -> Work:
    return Work(lambda: command(["--help"]), lambda text: {"answer_ok": "compile" in text}, SECONDS)


def run(compiled_before: bool) -> Callable[[bool], Work]:
    def prepare(quick: bool) -> Work:
        from spikec.container import save

        work = tick_layers(*TICK_CASES["784-256-10/5%"], 10)
        folder = tempfile.TemporaryDirectory(prefix="spikec-bench-startup-")
        program, raster = Path(folder.name, "program.npz"), Path(folder.name, "raster.npy")
        save(program_of(work), program)
        np.save(raster, work.raster)
        ticks = str(N_TICKS + len(work.weights))
        arguments = ["run", str(program), "--input", str(raster), "--ticks", ticks, "--json"]

        def answer() -> Mapping[str, Any]:
            if compiled_before:
                return json.loads(command(arguments))
            with tempfile.TemporaryDirectory(dir=folder.name) as fresh:
                return json.loads(command(arguments, NUMBA_CACHE_DIR=fresh))

        def check(told: Mapping[str, Any]) -> Mapping[str, Any]:
            spikes = told["spikes"]["layer2"]
            return {"answer_ok": spikes == int(work.counts.sum()), "spikes": spikes}

        return Work(answer, check, SECONDS, facts={"folder": folder.name})

    return prepare


CASES = [
    Case("G", "spikec --help", show_help),
    Case("G", "spikec run", run(compiled_before=True)),
    Case("G", "spikec run, first ever", run(compiled_before=False)),
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
