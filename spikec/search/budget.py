"""What compiling may cost, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass

from spikec.errors import UsageError
from spikec.units import seconds_text

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Budget:
    """What compiling may cost; None for what does not matter.

    Attributes:
        accuracy: Points (hundredths) of accuracy that may be lost.
        spike_time: Largest median error of spike times, seconds.
        spike_time_99: Largest 99th percentile of these errors, seconds.
    """

    accuracy: float | None = None
    spike_time: float | None = None
    spike_time_99: float | None = None

    def excess(self, lost_points: float | None, median: float | None, percentile_99: float | None) -> float:
        """How many times what is allowed a program takes, at the worst; infinite where that is unknown."""
        pairs = (
            (self.accuracy, lost_points),
            (self.spike_time, median),
            (self.spike_time_99, percentile_99),
        )
        return max((_share(got, limit) for limit, got in pairs if limit is not None), default=0.0)

    def __str__(self) -> str:
        """As on the command line."""
        words = [] if self.accuracy is None else [f"accuracy={self.accuracy:g}"]
        for name, value in (("spike-time", self.spike_time), ("spike-time-99", self.spike_time_99)):
            words += [] if value is None else [f"{name}={seconds_text(value).replace(' ', '')}"]
        return ",".join(words)


def budget_of(text: str) -> Budget:
    """Read a budget: ``accuracy=0.2``, ``spike-time=1ms``, ``spike-time-99=5ms``, or several with commas.

    Raises:
        UsageError: It says something else.
    """
    known = {"accuracy": "accuracy", "spike-time": "spike_time", "spike-time-99": "spike_time_99"}
    given: dict[str, float] = {}
    for word in text.split(","):
        name, _, value = word.strip().partition("=")
        if name not in known or known[name] in given:
            why = f"names {name!r} twice" if name in known else f"names {name!r}"
            raise UsageError(
                f"--budget {text!r} {why}; give accuracy=POINTS, spike-time=TIME or spike-time-99=TIME"
            )
        amount = _number(value) if name == "accuracy" else _seconds(value)
        if amount is None:
            unit = "points, as in accuracy=0.2" if name == "accuracy" else f"a time, as in {name}=1ms"
            raise UsageError(f"--budget {word.strip()!r} needs {unit}")
        given[known[name]] = amount
    return Budget(**given)


def _share(got: float | None, limit: float) -> float:
    if got is None:
        return float("inf")
    if limit > 0:
        return max(got, 0.0) / limit
    return 0.0 if got <= 0 else float("inf")


def _seconds(text: str) -> float | None:
    """A time above 0 with a unit, or in seconds."""
    for unit in sorted(UNITS, key=len, reverse=True):
        if text.endswith(unit):
            amount = _number(text[: -len(unit)])
            return None if not amount else amount * UNITS[unit]
    return _number(text) or None


def _number(text: str) -> float | None:
    """A number that is not negative, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
