"""The Yin-Yang networks of others in integers; skipped where their files are not."""

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from spikec.backend import run
from spikec.errors import BackendUnavailable
from spikec.events import from_dense_times
from spikec.ir.bounds import once_spiking
from spikec_cpu.backend import CpuBackend

ROOT = Path(__file__).parents[2]
NETS = Path(os.environ.get("SPIKEC_NETS") or ROOT.parent / "shared" / "nets" / "yinyang")


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(ROOT / "bench"))
    yield importlib.import_module("yinyang")
    sys.path.remove(str(ROOT / "bench"))


@pytest.fixture(scope="module", params=["W", "WA"])
def task(request, bench):
    if not (NETS / f"yin_yang_H30_{request.param}_extracted.npz").exists():
        pytest.skip(f"the networks are not in {NETS}; give their folder in SPIKEC_NETS")
    return bench.read_task(NETS, request.param)


def test_hidden_neurons_spike_once_and_outputs_say_that_they_may_not(bench, task):
    program = bench.compiled(task, 32)
    assert "hidden" in once_spiking(program.network, program.n_ticks)
    inputs = {"in": from_dense_times(task.times).to_ticks(program.network.dt)}
    spikes = run(CpuBackend(), program, inputs, program.n_ticks).spikes
    assert spikes["hidden"].counts().max() == 1
    assert spikes["out"].counts().max() > 1
    entry = next(e for e in program.log if e.step == "one-spike")
    assert "later spikes of out stay" in entry.summary
    assert not entry.lossless


@pytest.mark.parametrize(("n_ticks", "split_signs"), [(32, False), (128, True)])
def test_every_loss_has_a_name(bench, task, n_ticks, split_signs):
    program = bench.compiled(task, n_ticks, split_signs)
    found = bench.measure(task, program)
    exact = np.mean(task.stored.argmin(axis=1) == task.labels)
    assert found["accuracy"] > exact - (0.01 if n_ticks == 128 else 0.045)
    assert found["median_error_ticks"] < 0.5
    assert found["accuracy"] == pytest.approx(found["alone"]["all"], abs=0.006)


def test_engines_agree(bench, task):
    agree = bench.engines_agree(task, bench.compiled(task, 16), 2)
    assert agree["reference"]
    assert agree["lava"] is True or agree["lava"].startswith("not run: backend lava cannot ")


def test_an_engine_that_cannot_run_says_why(bench, task, monkeypatch):
    def find(name, **options):
        if name == "lava":
            raise BackendUnavailable("backend lava cannot run here: it is not installed")
        return CpuBackend()

    monkeypatch.setattr("yinyang_tasks.find_backend", find)
    agree = bench.engines_agree(task, bench.compiled(task, 16), 1)
    assert agree == {"reference": True, "lava": "not run: backend lava cannot run here: it is not installed"}
