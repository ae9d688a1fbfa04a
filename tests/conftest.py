"""What all tests share.

Hypothesis has no deadline, for the first call of a kernel compiles it, and draws the same examples in every
run, so that a change is refused for its own faults only. `make test-random` draws others.
"""

import signal
import sys
import threading

import pytest
from hypothesis import settings

from spikec import cli

settings.register_profile("spikec", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, print_blob=True)
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


@pytest.fixture
def spikec_says(spikec):
    """The command line that ends with a code as expected: standard output of 0, standard error of others."""

    def call(*words, code=0):
        found, out, err = spikec(*words)
        assert found == code, err
        return err if code else out

    return call
