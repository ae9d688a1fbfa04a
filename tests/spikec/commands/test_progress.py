"""The bar of a run in chunks: at a terminal, and nowhere else."""

from __future__ import annotations

import io
from contextlib import ExitStack

from rich.console import Console
from rich.progress import Task

from spikec.commands.bar import _Throughput
from spikec.commands.progress import Watch


def _shown(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with ExitStack() as stack:
        watch = Watch(console, stack)
        watch("reading")
        watch.count(20, 80)
        watch("running on cpu")
        watch.count(40, 80)
    return console.file.getvalue()


def test_a_terminal_shows_samples_and_the_time_left():
    shown = _shown(True)
    assert "running on cpu" in shown
    assert "40/80" in shown
    assert "left" in shown


def test_elsewhere_nothing_is_written():
    assert _shown(False) == ""


def test_throughput_waits_for_a_first_figure():
    task = Task(0, "", 80, 0, _get_time=lambda: 0.0, _lock=None)
    assert str(_Throughput().render(task)) == ""
