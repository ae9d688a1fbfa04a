"""The child process that Lava lives in: whatever happens, one sentence tells it and nothing stays behind."""

from __future__ import annotations

import _thread
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikec.errors import BackendFailed, UsageError
from spikec.events import Events
from spikec.ir.connectivity import Delays, Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_lava import child, compat
from spikec_lava.backend import LavaBackend, LavaExecutable
from spikec_lava.deployed.network import VERSION

pytestmark = pytest.mark.skipif(compat.importable() is not None, reason=f"{compat.importable()}")

FOREVER = 10**7
"""Ticks; Lava would need hours."""

LIMIT = 60.0
"""Seconds within which a failure must be told, long before the time limit that these runs have."""

INPUT = {"in": Events([0, 1], [0, 0], [0, 2], 1)}


def program(delay: int = 63) -> Program:
    """One synapse with the longest delay."""
    q = Projection("in_out", "in", "out", Dense(Fixed([[20]])), Delays(delay))
    neuron = CubaFixed(du=1000, dv=100, vth=1)
    populations = (Population("in", Source(), (1,)), Population("out", neuron, (1,)))
    network = Network(populations, (q,), ("in",), ("out",), Ticks(1e-3, LOIHI))
    return Program(network, load_target("loihi2"))


class Watched:
    """The children that were started and the shared memory that they made."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.memory: list[str] = []

    def wait_for_group(self, at_least: int) -> list[int]:
        """The processes of the first child once there are some."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            members = child.group_members(self.groups[0]) if self.groups else []
            if len(members) >= at_least:
                return members
            time.sleep(0.05)
        pytest.fail(f"no group of {at_least} processes appeared")

    def assert_gone(self) -> None:
        """No process is alive, no shared memory left."""
        assert self.groups
        for group in self.groups:
            assert child.group_members(group) == []
        assert [name for name in self.memory if Path("/dev/shm", name.lstrip("/")).exists()] == []


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Notes what happens, and ends what a failed test leaves."""
    watch = Watched()
    start, remove = subprocess.Popen, child.remove_shared_memory

    def noted_start(*arguments: Any, **options: Any) -> Any:
        process = start(*arguments, **options)
        watch.groups.append(process.pid)
        return process

    def noted_remove(ledger: Path) -> None:
        watch.memory += ledger.read_text().split()
        remove(ledger)

    monkeypatch.setattr(child.subprocess, "Popen", noted_start)
    monkeypatch.setattr(child, "remove_shared_memory", noted_remove)
    yield watch
    for group in watch.groups:
        if child.group_members(group):
            os.killpg(group, signal.SIGKILL)


@pytest.fixture
def executable(tmp_path: Path) -> Iterator[LavaExecutable]:
    """A stock network, with a log that is ours."""
    made = LavaBackend("stock", log=tmp_path / "log").prepare(program())
    yield made
    made.close()


def soon(act: Any, watched: Watched, at_least: int) -> None:
    """Do something to a run's processes once they are there, and a little later."""

    def wait_and_act() -> None:
        members = watched.wait_for_group(at_least)
        time.sleep(1.0)
        act(members)

    threading.Thread(target=wait_and_act, daemon=True).start()


def fail(executable: LavaExecutable, n_ticks: int = FOREVER) -> str:
    """Run, and return what went wrong and that it was told soon."""
    began = time.monotonic()
    with pytest.raises(BackendFailed) as caught:
        executable.run(INPUT, n_ticks)
    assert time.monotonic() - began < LIMIT
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_process_that_raises_is_noticed_at_once(executable: LavaExecutable, watched: Watched) -> None:
    # 64 ticks of delay: Lava raises in the first step, and would then wait for ever
    arrays = executable.package / "network.npz"
    with np.load(arrays) as stored:
        changed = {name: stored[name] for name in stored.files}
    changed["in_out/delays"] = np.array([64])
    np.savez(arrays, **changed)
    message = fail(executable)
    assert "raised ValueError" in message
    assert "expects values between 0 and 63" in message
    watched.assert_gone()
    assert watched.memory


def test_the_log_is_named_and_kept(executable: LavaExecutable, watched: Watched, tmp_path: Path) -> None:
    (executable.package / "network.json").write_text(json.dumps({"version": VERSION}))
    message = fail(executable)
    assert f"its log is {tmp_path / 'log'}" in message
    assert "KeyError" in message
    assert "Traceback" in (tmp_path / "log").read_text()
    watched.assert_gone()


def test_without_a_log_of_ones_own_a_failed_run_keeps_a_temporary_one(watched: Watched) -> None:
    made = LavaBackend("fused").prepare(program())
    (made.package / "network.npz").unlink()
    message = fail(made)
    log = Path(message.rpartition("its log is ")[2].rstrip(")"))
    assert "FileNotFoundError" in log.read_text()
    log.unlink()
    made.close()


def test_a_run_ends_at_its_time_limit(executable: LavaExecutable, watched: Watched) -> None:
    executable.timeout = 15.0  # Lava is up by then, also on a busy machine
    assert "did not end within 15 s" in fail(executable)
    watched.assert_gone()
    assert watched.memory


def test_a_killed_child_is_told_at_once(executable: LavaExecutable, watched: Watched) -> None:
    soon(lambda members: os.kill(watched.groups[0], signal.SIGKILL), watched, 7)
    assert "was ended by SIGKILL" in fail(executable)
    watched.assert_gone()
    assert watched.memory


def test_a_killed_lava_process_is_told_at_once(executable: LavaExecutable, watched: Watched) -> None:
    soon(lambda members: os.kill(max(members), signal.SIGKILL), watched, 7)
    assert "a process of Lava died with exit code -9" in fail(executable)
    watched.assert_gone()
    assert watched.memory


def test_a_whole_group_killed_at_once_leaves_no_shared_memory(
    executable: LavaExecutable, watched: Watched
) -> None:
    soon(lambda members: os.killpg(watched.groups[0], signal.SIGKILL), watched, 7)
    assert "was ended by SIGKILL" in fail(executable)
    watched.assert_gone()
    assert watched.memory


def test_ctrl_c_ends_everything(executable: LavaExecutable, watched: Watched) -> None:
    soon(lambda members: _thread.interrupt_main(), watched, 7)
    with pytest.raises(KeyboardInterrupt):
        executable.run(INPUT, FOREVER)
    watched.assert_gone()
    assert watched.memory


def test_lava_ends_when_its_caller_is_killed(executable: LavaExecutable, watched: Watched) -> None:
    ledger = executable.package.parent / "ledger"
    code = f"""
        import os, subprocess, sys
        run = [sys.executable, "run.py", "--input", "example_events.npz", "--ticks", "{FOREVER}"]
        owner = ["--owner", str(os.getpid()), "--ledger", {str(ledger)!r}]
        lava = subprocess.Popen(run + owner, cwd={str(executable.package)!r}, start_new_session=True)
        print(lava.pid, flush=True)
        lava.wait()
    """
    caller = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    watched.groups = [int(caller.stdout.readline())]
    watched.wait_for_group(7)
    time.sleep(1.0)
    caller.kill()
    caller.wait()
    deadline = time.monotonic() + LIMIT
    while child.group_members(watched.groups[0]) and time.monotonic() < deadline:
        time.sleep(0.1)
    watched.memory = ledger.read_text().split()
    watched.assert_gone()
    assert watched.memory


def test_what_the_user_can_put_right_is_no_failure_of_lava(tmp_path: Path) -> None:
    made = LavaBackend("stock").prepare(program())
    with pytest.raises(UsageError, match="there is no file"):
        child.run_child(made.package, ["--input", str(tmp_path / "none")], timeout=LIMIT)
    made.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Traceback\n  ...\nValueError: no\n", "ValueError: no"),
        ("spikec-lava: it broke\nresource_tracker: whatever\n\n", "it broke"),
        ("", "it said nothing"),
    ],
)
def test_the_last_words_of_a_log_are_the_telling_ones(text: str, words: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    assert child.last_words(log) == words
