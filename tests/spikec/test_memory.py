"""What a run needs, and what there is."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from spikec import memory
from spikec.backend import find_backend
from spikec.errors import UsageError
from spikec.memory import bytes_text, check_file, check_room, free_bytes, need_of
from spikec.random.networks import random_program


@pytest.fixture
def program():
    return random_program(np.random.default_rng(3))


def test_the_reference_surely_keeps_rasters_and_the_cpu_does_not(program):
    width = sum(p.n for p in program.network.populations)
    assert need_of(program, find_backend("reference"), 50).surely == 8 * 50 * width
    assert need_of(program, find_backend("cpu"), 50).surely == 0


def test_membranes_are_counted_in_every_tick_or_at_the_end(program):
    p = next(p for p in program.network.populations if not p.is_source)
    cpu = find_backend("cpu")
    assert need_of(program, cpu, 50, [f"{p.name}.v"]).surely == 8 * 50 * p.n
    assert need_of(program, cpu, 50, [f"{p.name}.v.last"]).surely == 8 * p.n
    assert need_of(program, cpu, 50, [f"{p.name}.v.last"] * 2).surely == 8 * p.n


def test_most_is_a_spike_of_every_neuron_in_every_tick(program):
    n = sum(p.n for p in program.network.populations if not p.is_source)
    need = need_of(program, find_backend("cpu"), 50, input_bytes=100)
    assert need.at_most == memory.COPIES * (12 * 50 * n + 100)


def test_what_does_not_fit_is_refused_with_both_figures(monkeypatch, tmp_path, program):
    monkeypatch.setattr(memory, "free_bytes", lambda: 10_000)
    need = replace(need_of(program, find_backend("cpu"), 1), surely=4000)
    check_room(need, 2, "lower it")
    with pytest.raises(
        UsageError, match=r"3 samples at once would take 12 kB of memory, and 10 kB are free; lower it"
    ):
        check_room(need, 3, "lower it")
    check_file(tmp_path / "net", 10_000)
    with pytest.raises(UsageError, match="net holds 20 kB"):
        check_file(tmp_path / "net", 20_000)


def test_a_run_that_memory_cannot_hold_is_refused_before_it_starts(monkeypatch, program):
    inputs = {
        name: np.zeros((20, 10, program.network.population(name).n), bool) for name in program.network.inputs
    }
    monkeypatch.setattr(memory, "free_bytes", lambda: 1000)
    with pytest.raises(UsageError, match="take fewer at a time"):
        program.run(inputs, backend="reference")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory as Linux has them")
def test_the_limit_of_a_process_counts():
    script = (
        "import resource; from spikec.memory import free_bytes\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); print(free_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 1 << 30


def test_there_is_some_memory_and_it_is_told_with_a_unit():
    free = free_bytes()
    assert free is None or free > 0
    assert [bytes_text(n) for n in (12, 1.5e3, 2e6, 3.25e9, 4e12)] == [
        "12 B",
        "1.5 kB",
        "2 MB",
        "3.25 GB",
        "4 TB",
    ]
