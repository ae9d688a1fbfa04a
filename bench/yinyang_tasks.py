"""Networks that answer Yin-Yang by first spikes, two of others and our own, for benchmarks of their time.

Those of others are 4-30-3 with leaking currents and membranes (tau_mem 2, tau_syn 1, threshold 1), trained by
J. Goeltz and others (github.com/JulianGoeltz/fastAndDeep, GPL-3): `W` without delays, `WA` with real-valued
axonal ones. Their files are not part of this project: give the folder with --nets or in SPIKEC_NETS. Every
stored input spike is used as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.backend import find_backend, run
from spikec.coding import Decoding, Readout, decode
from spikec.compare import compare
from spikec.errors import BackendUnavailable
from spikec.events import from_dense_times
from spikec.inputs import encode_samples, in_own_time
from spikec.ir.connectivity import DelayKind, Delays, Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, Source
from spikec.opening import open_program
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec_train.datasets import load_dataset

NETS = Path(__file__).parents[1] / "models" / "nets"

WINDOW, SAMPLE, FOREVER = 2.0, 3.0, 60.0
"""Seconds, if tau_syn is one second: the input's window, a compiled sample's length, and an exact one's."""

NAMES = ("W", "WA")
"""Networks of others."""

SHIPPED = ("yinyang-ttfs", "yinyang-ttfs-delays")
"""Our own."""


@dataclass(frozen=True, eq=False)
class Task:
    """A trained network with its test set.

    Attributes:
        network: In continuous time.
        times: Input spikes, seconds, ``(n_samples, 4)``.
        labels: ``(n_samples,)``.
        stored: The authors' own output spikes, seconds, ``(n_samples, 3)``; None for networks of our own.
        window: The input's, seconds.
        sample: Length of a compiled sample, seconds.
        end: Of an exact run, seconds.
    """

    network: Network
    times: FloatArray
    labels: IntArray
    stored: FloatArray | None
    window: float = WINDOW
    sample: float = SAMPLE
    end: float = FOREVER


def read_task(folder: str | Path, name: str) -> Task:
    """Read one of the networks.

    Membranes are ``sum of w / g_leak (exp(-t/tau_mem) - exp(-t/tau_syn))`` with g_leak 1/2, so that weights
    are what spikes add to currents.

    Args:
        folder: Where the files are.
        name: One of `NAMES`.
    """
    with np.load(Path(folder) / f"yin_yang_H30_{name}_extracted.npz") as file:
        data = {key: file[key] for key in file.files if key != "params"}
    neuron = CubaLif(2.0, 1.0, 1.0, one_spike=True)
    populations = [
        Population("in", Source(one_spike=True), (4,)),
        Population("hidden", neuron, (30,)),
        Population("out", neuron, (3,)),
    ]
    projections = [
        _projection("in", "hidden", data["1_neuron"], data.get("0_delay")),
        _projection("hidden", "out", data["3_neuron"], data.get("2_delay")),
    ]
    network = Network(
        tuple(populations),
        tuple(projections),
        ("in",),
        ("out",),
        Continuous(),
        decoding=Decoding("out", Readout.FIRST),
    )
    return Task(network, data["test_inputs"], data["test_labels"], data["test_spiketimes"])


def shipped_task(name: str) -> Task:
    """One of `SHIPPED` with the test set of Yin-Yang."""
    return our_task(open_program(NETS / f"{name}.npz", None).network)


def our_task(network: Network) -> Task:
    """A network of our own with the test set of Yin-Yang."""
    data = load_dataset("yinyang:test")
    (events,) = encode_samples(network, data.samples).values()
    assert network.encoding is not None
    window, duration = network.encoding.window, network.encoding.duration
    return Task(network, events.first_times(), data.labels, None, window, duration, duration)


def answer(first: FloatArray) -> IntArray:
    """The class whose neuron spikes first."""
    return decode(Decoding("out", Readout.FIRST), from_dense_times(first), None)


def right(answers: IntArray, task: Task) -> float:
    """The share of right answers."""
    return float(np.mean(answers == task.labels))


def engines_agree(task: Task, program: Program, n_samples: int) -> dict[str, bool | str]:
    """Whether reference and Lava give the CPU engine's spikes and counts on a few samples.

    Lava's entry is a sentence where it cannot run.
    """
    (source,) = task.network.inputs
    ticks = in_own_time(program.network, {source: from_dense_times(task.times[:n_samples])})
    n_ticks = program.n_ticks or 0
    ours = run(find_backend("cpu"), program, ticks, n_ticks)
    reference = run(ReferenceBackend(), program, ticks, n_ticks)
    agree: dict[str, bool | str] = {"reference": compare(ours, reference).identical}
    try:
        lava = run(find_backend("lava", flavour="fused"), program, ticks, n_ticks)
        agree["lava"] = compare(ours, lava).identical
    except BackendUnavailable as error:
        agree["lava"] = f"not run: {error}"
    return agree


def _projection(pre: str, post: str, weights: FloatArray, delays: FloatArray | None) -> Projection:
    late = Delays() if delays is None else Delays(delays.ravel(), DelayKind.AXONAL)
    return Projection(f"{pre}-{post}", pre, post, Dense(weights.T), late)
