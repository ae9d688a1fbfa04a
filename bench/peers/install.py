"""Make the peers' environments, `.venv-peers-NAME` in the project's folder; `make bench-peers` does it.

One that cannot be made is told and left out; its rows then say that the simulator is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Environment:
    """Simulators that can be installed together.

    Attributes:
        name: Of its folder, `.venv-peers-NAME`.
        python: Version of Python.
        packages: What is installed with all it asks for.
        alone: What is installed without what it asks for: vision and audio, which no neuron needs.
    """

    name: str
    python: str
    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where it is; that of `make conformance-live` serves, too."""
        live = ROOT / f".venv-live-{self.name}"
        return live if live.is_dir() else ROOT / f".venv-peers-{self.name}"

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"


ENVIRONMENTS = {
    e.name: e
    for e in (
        Environment(
            "torch",
            "3.11",
            ("torch==2.13.0", "nirtorch==2.6", "einops", "loguru<1", "matplotlib", "scipy", "tqdm"),
            ("snntorch==1.0.0", "norse==1.1.0", "spikingjelly==2.0.0"),
        ),
        Environment("nengo", "3.10", ("nengo-loihi==1.1.0", "numpy<1.24")),
        Environment("jaxsnn", "3.11", ("jaxsnn==0.3.0",)),
        Environment("brian2", "3.12", ("brian2==2.9.0", "numpy<2.4", "setuptools")),
        Environment("nest", "3.12", ("nest-simulator==3.10.0",)),
    )
}


def main() -> None:
    for environment in ENVIRONMENTS.values():
        try:
            install(environment)
        except (subprocess.CalledProcessError, OSError) as error:
            sys.stderr.write(f"== {environment.folder.name}: left out, {error}\n")


def install(environment: Environment) -> None:
    """Make an environment, if it is not there as it should be."""
    stamp = environment.folder / "installed"
    wanted = "\n".join((environment.python, *environment.packages, *environment.alone))
    if "live" in environment.folder.name or (stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        return
    sys.stderr.write(f"== {environment.folder.name}: installing\n")
    found = subprocess.run(
        [".ci/find-python"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": environment.python},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    subprocess.run([found.stdout.strip(), "-m", "venv", "--clear", str(environment.folder)], check=True)
    pip = [str(environment.interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *environment.packages], check=True)
    if environment.alone:
        subprocess.run([*pip, "--no-deps", *environment.alone], check=True)
    stamp.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
