"""Programs: their log, and networks without inputs."""

import numpy as np

from spikec.ir.connectivity import Dense
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import If
from spikec.program import LogEntry, Program
from spikec.random.networks import random_program
from spikec.targets.target import load_target

DRIVEN = Network(
    (Population("a", If(1.0, bias=0.3), (2,)),), (Projection("q", "a", "a", Dense(np.zeros((2, 2)))),), (),
    ("a",), Ticks(1.0),
)  # fmt: skip


def test_a_log_grows_and_the_program_before_stays_as_it_was():
    program = Program(DRIVEN, load_target("ideal"))
    entry = LogEntry("step", True, "did it")
    later = program.logged(entry, n_ticks=9)
    assert (later.log, later.n_ticks) == ((entry,), 9)
    assert (program.log, program.n_ticks) == ((), None)
    assert not program.is_compiled
    assert random_program(np.random.default_rng(0)).is_compiled


def test_a_network_without_inputs_runs_on_nothing():
    result = Program(DRIVEN, load_target("ideal")).run(ticks=8)
    assert result.spikes["a"].counts().tolist() == [[2, 2]]
