"""Benchmark C in Brian2: a program of C++ that it writes (`cpp_standalone`), optimised for this machine.

Synapses are given as lists, a fixed number to each neuron. Time is what Brian2 says of its second run, wall
time by whatever clock; the first one, of 20 ms, and the making of the network are not counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import brian2 as b2
import numpy as np
from brian2 import ms, mV
from harness import Case, Work, main
from workloads import DELAY_MS, DT_MS, RECURRENT_CASES, Recurrent

FLAGS = ["-w", "-O3", "-ffast-math", "-fno-finite-math-only", "-march=native", "-std=c++11"]

VOGELS_ABBOTT = """
dv/dt = (ge + gi - (v - -49*mV)) / (20*ms) : volt (unless refractory)
dge/dt = -ge / (5*ms) : volt
dgi/dt = -gi / (10*ms) : volt
"""


def prepared(name: str) -> Callable[[bool], Work]:
    def prepare(quick: bool) -> Work:
        network, milliseconds = RECURRENT_CASES[name], 200.0 if quick else 1000.0
        folder = tempfile.TemporaryDirectory(prefix="spikec-bench-brian2-")
        b2.set_device("cpp_standalone", directory=folder.name, build_on_run=False)
        b2.prefs.codegen.cpp.extra_compile_args_gcc = FLAGS
        b2.defaultclock.dt = DT_MS * ms
        objects = (vogels_abbott if network.model == "vogels-abbott" else brunel)(network)
        monitor = b2.PopulationRateMonitor(objects[0])
        whole = b2.Network(*objects, monitor)
        whole.run(20 * ms)
        whole.run(milliseconds * ms)
        device: Any = b2.get_device()
        device.build(directory=folder.name, compile=True, run=False)

        def run() -> tuple[float, int, float]:
            device.run(folder.name, with_output=False, run_args=[])
            rates = np.asarray(monitor.rate)[-round(milliseconds / DT_MS) :]
            spikes = round(float(rates.mean()) * network.n * milliseconds / 1000)
            return device._last_run_time, spikes, milliseconds / 1000

        facts = {"biological_s": milliseconds / 1000, "folder": folder.name}
        return Work(run, network.check, network.figures(), facts=facts)

    return prepare


def vogels_abbott(network: Recurrent) -> list[Any]:
    neurons = b2.NeuronGroup(
        network.n,
        VOGELS_ABBOTT,
        threshold="v > -50*mV",
        reset="v = -60*mV",
        refractory=5 * ms,
        method="exact",
    )
    neurons.v = np.random.default_rng(1).uniform(-60, -50, network.n) * mV
    return [neurons, *synapses(network, neurons, "ge_post += 1.62*mV", "gi_post -= 9*mV")]


def brunel(network: Recurrent) -> list[Any]:
    neurons = b2.NeuronGroup(
        network.n,
        "dv/dt = -v / (20*ms) : volt (unless refractory)",
        threshold="v > 20*mV",
        reset="v = 0*mV",
        refractory=2 * ms,
        method="exact",
    )
    jump, k = network.jump, network.k_exciting
    drive = b2.PoissonInput(neurons, "v", k, network.input_rate / k * b2.Hz, weight=jump * mV)
    exciting = f"v_post += {jump}*mV * int(not_refractory_post)"
    inhibiting = f"v_post -= {5 * jump}*mV * int(not_refractory_post)"
    return [neurons, drive, *synapses(network, neurons, exciting, inhibiting)]


def synapses(network: Recurrent, neurons: Any, exciting: str, inhibiting: str) -> list[Any]:
    rng, n, k = np.random.default_rng(1), network.n_exciting, network.k_exciting
    made = []
    for effect, first, last, degree in ((exciting, 0, n, k), (inhibiting, n, network.n, network.k - k)):
        synapse = b2.Synapses(neurons, neurons, on_pre=effect, delay=DELAY_MS * ms)
        targets = np.repeat(np.arange(network.n), degree)
        synapse.connect(i=rng.integers(first, last, targets.size), j=targets)
        made.append(synapse)
    return made


CASES = [
    Case("C", name, prepared(name), simulator="brian2", packages=("numpy", "brian2"))
    for name in RECURRENT_CASES
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
