"""What all tests share: hypothesis without a deadline, for the first call of a kernel compiles it."""

import signal

from hypothesis import settings

settings.register_profile("spikec", deadline=None)
settings.load_profile("spikec")


def pytest_configure() -> None:
    """Who starts tests in the background may ignore Ctrl-C; the tests of Ctrl-C would wait for ever."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
