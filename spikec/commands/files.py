"""Open what a user names: a program, a network of any kind, a result, samples or spikes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spikec.container import is_container, load
from spikec.errors import FileFormatError, UsageError
from spikec.event_files import read_events
from spikec.events import Events
from spikec.inputs import encode_samples, in_own_time
from spikec.ir.network import Network
from spikec.opening import open_program as open_program
from spikec.opening import source_of as source_of
from spikec.program import Program
from spikec.result import RunResult
from spikec.streaming.read import Run, StoredResult, outcome_of_run, results_of
from spikec.streaming.store import is_folder

if TYPE_CHECKING:
    from spikec_train.datasets import Dataset


def check_output(output: str | Path | None, *inputs: str | Path | None) -> None:
    """Refuse, before any work is done, an output that cannot be written or would replace an input.

    Raises:
        UsageError: It is a folder, lies in no folder, cannot be written, or is one of the inputs.
    """
    if output is None:
        return
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file in it")
    folder = path.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(
            f"cannot write {path}: there is no folder {folder} to write to; choose another place"
        )
    for given in inputs:
        if given is not None and path.resolve() == Path(given).resolve():
            raise UsageError(f"{path} is the input; writing there would destroy it: choose another name")


def open_compiled(path: str | Path) -> Program:
    """Open a compiled program.

    Raises:
        FileFormatError: The file is none.
    """
    from spikec.frontends.netx_file import is_netx

    program = open_program(path) if is_container(path) or is_netx(Path(path)) else None
    if program is None or not program.is_compiled:
        source_of(path)
        raise FileFormatError(f"{path} is no compiled program; make one with `spikec compile`")
    return program


def open_run(path: str | Path) -> Run:
    """Open what ``spikec run -o`` wrote; one in parts stays on the disk."""
    if is_folder(path):
        return StoredResult(path)
    result: RunResult = load(path, RunResult)
    return result


def open_result(path: str | Path) -> RunResult:
    """Open what ``spikec run -o`` wrote, and hold all of it.

    Raises:
        UsageError: Memory would not.
    """
    run = open_run(path)
    return run if isinstance(run, RunResult) else run.whole()


def spike_list(run: Run) -> Iterator[bytes]:
    """All spikes of a run as CSV, piece by piece: population, sample, time (ticks or seconds), neuron."""
    for k, name in enumerate(outcome_of_run(run).sizes):
        for first, result in results_of(run):
            if k == first == 0:
                unit = "tick" if all(e.in_ticks for e in result.spikes.values()) else "time"
                yield f"population,sample,{unit},neuron\n".encode()
            e = result.spikes[name]
            samples = (e.sample_of_event() + first).tolist()
            rows = zip(samples, e.times.tolist(), e.neurons.tolist(), strict=True)
            yield "".join(f"{name},{sample},{time},{neuron}\n" for sample, time, neuron in rows).encode()


def read_inputs(
    network: Network, data: str | None, spikes: str | Path | None
) -> tuple[Mapping[str, Events], Dataset | None]:
    """Get input spikes from a data set through the network's encoding, or from a file.

    Args:
        network: Whose inputs they are for.
        data: A data set, for instance ``"digits:test"``.
        spikes: A file of spikes.

    Returns:
        The spikes in the network's own kind of time, and the data set, if there is one.

    Raises:
        UsageError: Not exactly one of the two is given, or one for a network without inputs.
    """
    if not network.inputs:
        if data is not None or spikes is not None:
            raise UsageError("this network has no inputs; leave out --data and --input, and give --ticks N")
        return {}, None
    if (data is None) == (spikes is None):
        raise UsageError("give the input either as --data NAME:SPLIT or as --input FILE")
    if data is not None:
        from spikec_train.datasets import load_dataset

        dataset = load_dataset(data)
        return encode_samples(network, dataset.samples), dataset
    assert spikes is not None
    return in_own_time(network, read_events(spikes, network)), None
