"""Hold spikec against snnTorch, Norse, SpikingJelly and sinabs as they are installed.

``make conformance-live``, no part of ``make test``. Makes an environment for every set of frameworks that can
live together, runs ``measure.py`` in it, and writes ``docs/conformance-live.md``. Exit code 1: a bin differs
that rounding does not explain.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance-live.md"
TORCH = "torch==2.13.0"


@dataclass(frozen=True)
class Environment:
    """Frameworks that can be installed together.

    Attributes:
        name: Of its folder, ``.venv-live-NAME``.
        frameworks: Packages, measured in this order.
        alone: What is installed without what it asks for: vision and audio, which no neuron needs.
        others: What is installed with all it asks for.
    """

    name: str
    frameworks: tuple[str, ...]
    alone: tuple[str, ...]
    others: tuple[str, ...]


ENVIRONMENTS = (
    Environment(
        "torch",
        ("snntorch", "norse", "spikingjelly"),
        ("snntorch==1.0.0", "norse==1.1.0", "spikingjelly==2.0.0"),
        ("nir==1.0.8", "nirtorch==2.6", "einops", "loguru<1", "matplotlib", "scipy", "tqdm"),
    ),
    Environment("sinabs", ("sinabs",), (), ("sinabs==3.1.3",)),  # it pins nir to 1.0.4 and less
)

INTRO = """# spikec beside the frameworks themselves

Made by `make conformance-live`, no part of `make test`: Python 3.11, {versions}.

Each network is a torch module with random weights, read by `spikec.from_torch` and run on the same {samples}
random inputs of {ticks} ticks as in its framework, one thread. A *bin* is one neuron in one tick of a sample;
all layers of neurons count. The networks are in `tests/conformance_live/networks.py`; those on a grid have
weights of quarters, so that no sum is rounded; *met* are bins whose membrane is exactly at its threshold.

* *float32*: the module as users run it, against spikec's reference and CPU engine in float32, from the same
  weights. spikec adds in another order than torch, so membranes may come out a few units in the last place
  apart. Where one lies at its threshold, a spike appears or not, and what follows from it in that sample
  differs, too. *First* are the bins that differ first in their sample, *near* those of them whose membrane
  lies within {near} units in the last place of float32 of its threshold.
* *float64*: module and spikec in float64. snnTorch and sinabs make their spikes by `tensor.float()`, which is
  let give float64 there.

| framework | network | bins | spikes | met | float32: wrong | first | near | CPU | float64: wrong | CPU |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    measured = [measurements(environment) for environment in ENVIRONMENTS]
    rows = [row for found in measured for row in found["rows"]]
    versions: dict[str, str] = {}
    for found in measured:
        versions.update(found["versions"])
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    given = {name: measured[0][name] for name in ("samples", "ticks", "near")}
    PAGE.write_text(INTRO.format(versions=told, **given) + "".join(map(line, rows)), encoding="utf-8")
    unexplained = [row for row in rows if not explained(row)]
    for row in unexplained:
        sys.stderr.write(f"differs beyond rounding: {row['framework']}, {row['kind']}\n")
    sys.stdout.write(f"{len(rows)} networks, {len(unexplained)} unexplained; see {PAGE.relative_to(ROOT)}\n")
    raise SystemExit(1 if unexplained else 0)


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    first = row["first32"]
    cells = [
        row["framework"],
        row["kind"],
        f"{row['bins']:,}",
        f"{row['spikes']:,}",
        f"{row['met']:,}",
        row["wrong32"],
        first["bins"],
        first["near"],
        row["cpu32"],
        row["wrong64"],
        row["cpu64"],
    ]
    return "| " + " | ".join(map(str, cells)) + " |\n"


def explained(row: dict[str, Any]) -> bool:
    """Whether float64 agrees, and float32 but for what lies at a threshold."""
    return row["wrong64"] == row["cpu64"] == 0 and row["first32"]["bins"] == row["first32"]["near"]


def measurements(environment: Environment) -> dict[str, Any]:
    """What ``measure.py`` prints in an environment, which is made if it is not there."""
    python = installed(environment)
    command = [str(python), str(Path(__file__).with_name("measure.py")), *environment.frameworks]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def installed(environment: Environment) -> Path:
    """The environment's Python."""
    folder = ROOT / f".venv-live-{environment.name}"
    python, stamp, limits = folder / "bin" / "python", folder / "installed", folder / "limits.txt"
    wanted = "\n".join((TORCH, *environment.alone, *environment.others))
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    sys.stderr.write(f"== {folder.name}: installing {', '.join(environment.frameworks)}\n")
    found = subprocess.run(
        [".ci/find-python"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": "3.11"},
        check=True,
        stdout=subprocess.PIPE,
    )
    subprocess.run([found.stdout.decode().strip(), "-m", "venv", "--clear", str(folder)], check=True)
    limits.write_text(
        TORCH, encoding="utf-8"
    )  # or a package that wants any torch takes the newest and largest
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(limits)]
    subprocess.run([*pip, TORCH], check=True)
    if environment.alone:
        subprocess.run([*pip, "--no-deps", *environment.alone], check=True)
    subprocess.run([*pip, *environment.others, "--editable", str(ROOT)], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


if __name__ == "__main__":
    main()
