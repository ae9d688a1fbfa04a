"""Benchmark C in NEST: `iaf_psc_exp` and `iaf_psc_delta`, weights shared by all synapses of a kind.

A fixed number of synapses to each neuron, several between two allowed. Time is that of `Run`, after 20 ms.
"""

from __future__ import annotations

from collections.abc import Callable

import nest
import numpy as np
from harness import Case, Work, main
from workloads import DELAY_MS, DT_MS, RECURRENT_CASES, Recurrent


def prepared(name: str) -> Callable[[bool], Work]:
    def prepare(quick: bool) -> Work:
        network, milliseconds = RECURRENT_CASES[name], 200.0 if quick else 1000.0
        nest.ResetKernel()
        nest.set(local_num_threads=1, resolution=DT_MS, rng_seed=1, print_time=False)
        (vogels_abbott if network.model == "vogels-abbott" else brunel)(network)
        nest.Prepare()
        nest.Run(20.0)

        def run() -> tuple[None, int, float]:
            nest.Run(milliseconds)
            return None, nest.local_spike_counter, milliseconds / 1000  # of this run alone

        return Work(run, network.check, network.figures(), facts={"biological_s": milliseconds / 1000})

    return prepare


def vogels_abbott(network: Recurrent) -> None:
    """A mV of dv = g / tau_m is a current of C / tau_m = 10 pA."""
    times = {"tau_m": 20.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "t_ref": 5.0}
    levels = {"C_m": 200.0, "E_L": -49.0, "V_th": -50.0, "V_reset": -60.0, "I_e": 0.0}
    neurons = nest.Create("iaf_psc_exp", network.n, {**times, **levels})
    neurons.V_m = np.random.default_rng(1).uniform(-60, -50, network.n)
    connect(network, neurons, 16.2, -90.0)


def brunel(network: Recurrent) -> None:
    levels = {"C_m": 1.0, "E_L": 0.0, "V_th": 20.0, "V_reset": 0.0, "V_m": 0.0}
    neurons = nest.Create("iaf_psc_delta", network.n, {"tau_m": 20.0, "t_ref": 2.0, **levels})
    connect(network, neurons, network.jump, -5 * network.jump)
    drive = nest.Create("poisson_generator", params={"rate": network.input_rate})
    nest.Connect(drive, neurons, syn_spec="exciting")


def connect(network: Recurrent, neurons: nest.NodeCollection, exciting: float, inhibiting: float) -> None:
    n, k = network.n_exciting, network.k_exciting
    for kind, weight, sources, degree in (
        ("exciting", exciting, neurons[:n], k),
        ("inhibiting", inhibiting, neurons[n:], network.k - k),
    ):
        nest.CopyModel("static_synapse_hom_w", kind, {"weight": weight, "delay": DELAY_MS})
        nest.Connect(sources, neurons, {"rule": "fixed_indegree", "indegree": degree}, kind)


CASES = [
    Case("C", name, prepared(name), simulator="nest", packages=("numpy", "nest-simulator"))
    for name in RECURRENT_CASES
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
