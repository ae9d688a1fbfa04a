"""The Lava backend: runs compiled programs in a real Lava runtime, in a child process."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from spikec.container import load, save
from spikec.counting import count
from spikec.errors import BackendFailed, FileFormatError, UsageError, Violation
from spikec.events import Events
from spikec.inputs import check_inputs
from spikec.ir.network import Network
from spikec.program import Program
from spikec.result import RunResult
from spikec_lava import compat
from spikec_lava.child import run_child
from spikec_lava.emit import deploy, unsupported

START_SECONDS = 120.0
"""Time for Python, Lava's imports and its compiler; two seconds on an idle machine."""

SECONDS_PER_PROCESS_STEP = 0.02
"""Time for Lava to advance one process by one tick; 0.2 to 0.4 ms on two idle cores."""

SECONDS_PER_SYNAPSE = 2e-7
"""Time for one synapse in one tick; below 1 ns, but about 10 ns a tick of delay in Lava's ``DelayDense``."""


class LavaBackend:
    """Runs programs of the fixed dialect in lava-nc 0.10.0.

    Args:
        flavour: ``"fused"``: the whole network in one Lava process, many samples at once, fast. ``"stock"``:
            Lava's own processes, one sample after another, as they would go to Loihi 2.
        timeout: Wall time one run may take, seconds; None for `time_limit`, which no healthy run reaches.
        log: Where the output of Lava goes; None for a temporary file that stays only if the run fails.
    """

    name = "lava"

    def __init__(
        self, flavour: str = "fused", timeout: float | None = None, log: str | Path | None = None
    ) -> None:
        if timeout is not None and not timeout > 0:
            raise UsageError(f"a time limit of {timeout} s is impossible; give a positive number of seconds")
        self.flavour = flavour
        self.timeout = timeout
        self.log = None if log is None else Path(log)

    def unavailable(self) -> str | None:
        """Why Lava cannot be imported here, if so; nothing of it is imported to find out."""
        return compat.importable()

    def unsupported(self, program: Program) -> list[Violation]:
        """Anything but the fixed dialect; in stock also neurons Lava lacks, and delays beyond 63 ticks."""
        return unsupported(program, self.flavour)

    def prepare(self, program: Program) -> LavaExecutable:
        """Write the package that runs the program."""
        return LavaExecutable(program, self.flavour, self.timeout, self.log)

    def deploy(self, program: Program, directory: str | Path) -> Path:
        """Write the package to a folder of the user's; see `spikec_lava.emit.deploy`."""
        return deploy(program, directory, self.flavour)


class LavaExecutable:
    """A deployed package in a temporary folder; every run is a child process of its own."""

    def __init__(self, program: Program, flavour: str, timeout: float | None, log: Path | None) -> None:
        self.network = program.network
        self.flavour, self.timeout, self.log = flavour, timeout, log
        self._folder = tempfile.TemporaryDirectory(prefix="spikec-lava-")
        self.package = deploy(program, Path(self._folder.name) / "package", flavour)

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        """See `spikec.backend.Executable.run`.

        Raises:
            EventsError: The inputs do not fit the network.
            UsageError: A membrane in every tick is asked of the stock flavour.
            BackendFailed: Lava raised, died, or took longer than the time limit.
        """
        n_samples, n_ticks = check_inputs(self.network, inputs), int(until)
        for key in record:
            if self.flavour == "stock" and not key.endswith(".last"):
                raise UsageError(
                    f"stock Lava gives membranes at the end of a sample only, not {key}; record {key}.last, "
                    "or take the fused flavour"
                )
        began = perf_counter()
        result = self._run_child(inputs, n_samples, n_ticks, record)
        counters = result.counters or count(self.network, result.spikes, n_samples, n_ticks)
        meta = {**result.meta, "seconds": perf_counter() - began, "lava_seconds": result.meta["seconds"]}
        return replace(result, counters=counters, meta=meta)

    def close(self) -> None:
        """Remove the package."""
        self._folder.cleanup()

    def _run_child(
        self, inputs: Mapping[str, Events], n_samples: int, n_ticks: int, record: Sequence[str]
    ) -> RunResult:
        limit = self.timeout or time_limit(self.network, self.flavour, n_samples, n_ticks)
        with tempfile.TemporaryDirectory(dir=self._folder.name) as folder:
            events, out = Path(folder, "events.npz"), Path(folder, "result.npz")
            save(dict(inputs), events)
            arguments = ["--input", str(events), "--output", str(out), "--ticks", str(n_ticks)]
            for key in record:
                arguments += ["--record", key]
            run_child(self.package, arguments, timeout=limit, log=self.log)
            try:
                result: RunResult = load(out, RunResult)
            except FileFormatError as error:
                raise BackendFailed(f"Lava ended well, but left no valid result: {error}") from error
        return result


def time_limit(network: Network, flavour: str, n_samples: int, n_ticks: int) -> float:
    """Wall time after which a run must have got stuck, seconds: its usual time some fifty times over.

    Args:
        network: What runs.
        flavour: How it runs.
        n_samples: Samples.
        n_ticks: Ticks of each sample.
    """
    steps = n_samples * n_ticks
    processes = 1 if flavour == "fused" else 2 * len(network.populations) + len(network.projections)
    longest = max((int(q.delays.longest) for q in network.projections), default=0)
    slots = 1 if flavour == "fused" else 1 + longest
    work = SECONDS_PER_PROCESS_STEP * processes + SECONDS_PER_SYNAPSE * network.n_synapses * slots
    return START_SECONDS + steps * work
