"""What can go wrong, by cause: every message says where, what was found, what is allowed and what to do.

The command line turns these into one line and an exit code (`exit_code`); any other exception that
reaches a user is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class SpikecError(Exception):
    """Base of all errors a user can cause or meet; ends a command with `exit_code`."""

    exit_code = 2


class UsageError(SpikecError):
    """A command or function was called with words or values it cannot take."""


class NetworkError(SpikecError):
    """A network contradicts itself: shapes that do not meet, unknown names, values out of range."""


class FileFormatError(SpikecError):
    """A file is missing, of the wrong kind, truncated or altered."""


class EventsError(SpikecError):
    """Spikes are out of range, unsorted or do not fit the network they are given to."""


class BackendUnavailable(SpikecError):
    """A backend cannot run here, for instance because Lava is not installed."""


class BackendFailed(SpikecError):
    """A backend started but died, ran out of time or returned nonsense."""


class Interrupted(SpikecError):
    """Ctrl-C ended a run of which a part is on the disk."""

    exit_code = 130


@dataclass(frozen=True)
class Violation:
    """One broken limit.

    Attributes:
        rule: The limit's name, for instance ``"delay"``.
        where: The population, projection or core it was found in.
        got: What was found, in words or numbers.
        limit: What is allowed.
        advice: What the user can do about it.
    """

    rule: str
    where: str
    got: str
    limit: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule} is {self.got}, allowed is {self.limit}; {self.advice}"


def explosion(populations: Iterable[str], sample: int, most: int, time: float) -> NetworkError:
    """What engines of continuous time say when activity explodes.

    Args:
        populations: A component of the network.
        sample: In which it spikes too often.
        most: Spikes it may have in a sample.
        time: When it had them, seconds.
    """
    names = tuple(populations)
    who = f"population {names[0]} spikes" if len(names) == 1 else f"populations {', '.join(names)} spike"
    return NetworkError(
        f"{who} more than {most} times in sample {sample}, until {time:g} s already: the activity explodes; "
        "weaken what excites it, lower biases, or end the run earlier"
    )


def storm(population: str, times: float, most: int) -> UsageError:
    """What engines of float ticks say when a neuron would spike too often in one tick.

    Args:
        population: Whose neuron.
        times: How often.
        most: How often it may.
    """
    return UsageError(
        f"population {population} would spike {times:.3g} times in one tick, and {most} are allowed; read "
        "the network with multi_spike=no, or with the convention it was trained with"
    )


def unbounded_membrane(population: str) -> NetworkError:
    """What engines of float ticks say when a membrane leaves the finite numbers."""
    return NetworkError(
        f"a membrane of population {population} grows beyond all numbers; weaken what drives it, or read the "
        "network with a shorter dt or the convention it was trained with"
    )


class TargetError(SpikecError):
    """A network breaks limits of its target; `violations` holds all of them."""

    exit_code = 1

    def __init__(self, target: str, violations: Iterable[Violation]) -> None:
        self.target = target
        self.violations = tuple(violations)
        lines = "; ".join(str(v) for v in self.violations)
        super().__init__(f"The network does not fit {target}: {lines}")
