"""Lava itself on the Python that runs the tests: always in a child, for Lava forks and can hang."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from spikec_lava import compat

TIME_LIMIT = 120.0  # seconds; a run takes about two


def run_in_child(code: str) -> Any:
    """Runs `code` in a new interpreter with its own process group; returns what it printed, read as JSON."""
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, messages = child.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGTERM)
        pytest.fail(f"the child did not end within {TIME_LIMIT:.0f} s")
    assert child.returncode == 0, messages
    return json.loads(output)


def lif_spikes(weights: list[int], inputs: list[int], du: int, dv: int, vth: int) -> list[list[int]]:
    """Ticks at which each neuron fires, from the formulas for one input in Lava's documentation.

    A dense connection takes one tick; ``u`` and ``v`` lose ``du + 1`` and ``dv`` in 4096 a tick, rounded
    towards zero; weight and threshold carry six more bits than their mantissa.
    """
    fired = []
    for weight in weights:
        u, v, ticks = 0, 0, []
        for tick, spike in enumerate([0, *inputs[:-1]]):
            u = int(u * (4095 - du) / 4096) + (weight * spike << 6)
            v = int(v * (4096 - dv) / 4096) + u
            if v > vth << 6:
                v = 0
                ticks.append(tick)
        fired.append(ticks)
    return fired


def test_a_small_network_runs_in_lava_and_fires_when_the_formulas_say() -> None:
    weights, inputs, du, dv, vth = [60, 100, -20], [1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0], 1024, 256, 90
    fired = run_in_child(f"""
        from spikec_lava import compat
        compat.install()
        import json
        import numpy as np
        from lava.magma.core.run_conditions import RunSteps
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.proc.dense.process import Dense
        from lava.proc.io.sink import RingBuffer as Sink
        from lava.proc.io.source import RingBuffer as Source
        from lava.proc.lif.process import LIF
        from lava.utils.weightutils import SignMode

        inputs = np.array([{inputs}], dtype=np.int32)
        weights = np.array([[w] for w in {weights}])
        source, sink = Source(data=inputs), Sink(shape=(3,), buffer=inputs.shape[1])
        dense = Dense(weights=weights, sign_mode=SignMode.MIXED)
        lif = LIF(shape=(3,), du={du}, dv={dv}, vth={vth})
        source.s_out.connect(dense.s_in)
        dense.a_out.connect(lif.a_in)
        lif.s_out.connect(sink.a_in)
        try:
            sink.run(condition=RunSteps(inputs.shape[1]), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
            spikes = sink.data.get().astype(int)
        finally:
            sink.stop()
        print(json.dumps([np.flatnonzero(row).tolist() for row in spikes]))
    """)
    expected = lif_spikes(weights, inputs, du, dv, vth)
    assert fired == expected
    assert [bool(ticks) for ticks in expected] == [True, True, False]


def test_install_leaves_dataclasses_and_lava_as_they_were() -> None:
    state = run_in_child("""
        import dataclasses, json
        before = dict(vars(dataclasses))
        from spikec_lava import compat
        compat.install()
        compat.install()
        from lava.magma.compiler.var_model import ByteEncoder, CoreEncoder

        @dataclasses.dataclass
        class Plain:
            n: int = 0

        try:
            dataclasses.make_dataclass("Holder", [("plain", Plain, Plain())])
            refused = False
        except ValueError:
            refused = True
        print(json.dumps({
            "changed": [name for name in before if getattr(dataclasses, name) is not before[name]],
            "byte_encoder_has_hash": ByteEncoder.__hash__ is not None,
            "x": dataclasses.asdict(CoreEncoder().x),
            "refused": refused,
        }))
    """)
    assert state == {
        "changed": [],
        "byte_encoder_has_hash": False,
        "x": {"base": 0, "len": 0, "ptr": 0},
        "refused": sys.version_info >= (3, 11),
    }


def test_install_touches_no_lava_module_on_python_3_10(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    monkeypatch.setattr(importlib, "import_module", lambda name: pytest.fail(f"imported {name}"))
    compat.install()


def test_importable_finds_lava_here_without_importing_it() -> None:
    reason, imported = run_in_child("""
        import json, sys
        from spikec_lava import compat
        reason = compat.importable()
        print(json.dumps([reason, sorted({"lava", "asteval", "numpy"} & set(sys.modules))]))
    """)
    assert reason is None
    assert imported == []


@pytest.mark.parametrize("absent", ["lava", "asteval"])
def test_importable_says_in_one_line_what_to_install(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == absent else find_spec(name))
    reason = compat.importable()
    assert reason is not None
    assert "pip install" in reason
    assert absent in reason
    assert "\n" not in reason


def test_importable_is_not_misled_by_another_package_named_lava(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lava" / "lib").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "lava", raising=False)
    reason = compat.importable()
    assert reason is not None
    assert "lava-nc is not installed" in reason
