"""What all tests share: hypothesis without a deadline, for the first call of a kernel compiles it."""

import signal
import sys
import threading

import pytest
from hypothesis import settings

from spikec import cli

settings.register_profile("spikec", deadline=None)
settings.load_profile("spikec")


def pytest_configure() -> None:
    """Who starts tests in the background may ignore Ctrl-C; the tests of Ctrl-C would wait for ever."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def spikec(monkeypatch, capsys):
    """The command line: words in; exit code, standard output and standard error out."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["spikec", *map(str, words)])
        monkeypatch.setattr(
            threading, "active_count", lambda: 1
        )  # an interrupt must not end the tests' process
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call
