"""The habits of clock-driven simulators as one value: what files leave open and frameworks do otherwise.

A `Convention` is part of a network's clock (`spikec.ir.network.Ticks`), so that whoever runs or compiles the
network knows them. `spikec.reference.ticks` and `spikec.ir.discrete` follow every field; presets of known
frameworks, each habit with its source, are in `spikec.conventions`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from math import isfinite

from spikec.errors import NetworkError


class Integration(str, Enum):
    """How a tick's decay follows from a time constant."""

    EULER = "euler"
    EXACT = "exact"


class Reset(str, Enum):
    """What a spike does to the membrane."""

    VALUE = "value"
    SUBTRACT = "subtract"


class ResetTime(str, Enum):
    """When a spike resets the membrane."""

    NOW = "now"
    NEXT = "next"


class Comparison(str, Enum):
    """What a membrane does with its threshold to spike."""

    ABOVE = "above"
    REACH = "reach"


class RecurrentBias(str, Enum):
    """From when on a bias acts that belongs to weights which lead back."""

    ALWAYS = "always"
    LATE = "late"


class Gain(str, Enum):
    """What of a tick's input arrives."""

    HELD = "held"
    EULER = "euler"
    STEP = "step"


@dataclass(frozen=True)
class Convention:
    r"""What a clock-driven simulator does within one tick, beyond the equations.

    Attributes:
        integration: ``1 - dt/tau`` (Euler) or ``exp(-dt/tau)`` (exact) as the decay of one tick.
        reset: Whether a spike sets the membrane to ``v_reset`` or takes the threshold off it.
        hop_delay: Ticks from one population to the next: 0 as in torch frameworks, 1 as on Loihi.
        reset_time: Whether the membrane is reset in the tick of its spike (``now``), or in the ``next`` one:
            then that tick starts at ``v_reset``, or the threshold is taken off after that tick's decay.
        comparison: Whether a membrane spikes ``above`` its threshold only (``>``), or where it does
            ``reach`` it (``>=``).
        recurrent_delay: Ticks that a projection takes which leads back: one within a cycle from a population
            to itself or to one that comes before it in `Network.populations`. The others of a cycle take
            `hop_delay`, as all projections do. Where `hop_delay` is longer it holds for all.
        spike_delay: Ticks from the one in which a membrane crosses its threshold to the one in which the
            spike leaves; 1 where a simulator compares the membrane of the tick before.
        input_gain: How much of its input a leaky membrane takes up in a tick: all of what the integration
            says for an input that is ``held`` during it, ``dt/tau`` (``euler``) whatever the integration,
            or the whole input at once (``step``).
        synapse_gain: The same for the current of a synapse, by its own time constant.
        if_gain: The same for a membrane without a leak, where held or euler is ``dt``.
        multi_spike: Whether a neuron spikes several times in a tick, as often as its membrane holds the
            threshold.
        clamp: How low a membrane can fall, as a multiple of its threshold: -1 stops it at minus the
            threshold. None lets it fall.
        recurrent_bias: Whether the bias of weights that lead back acts ``always``, or ``late``: from the tick
            on in which a spike of the first tick arrives through them. Frontends that meet such biases write
            the second into the network, as a neuron that spikes in every tick.

    Raises:
        NetworkError: A delay is neither 0 nor 1, a cycle would take no time, or the clamp is no number or
            above 0.
    """

    integration: Integration = Integration.EULER
    reset: Reset = Reset.VALUE
    hop_delay: int = 0
    reset_time: ResetTime = ResetTime.NOW
    comparison: Comparison = Comparison.ABOVE
    recurrent_delay: int = 1
    spike_delay: int = 0
    input_gain: Gain = Gain.HELD
    synapse_gain: Gain = Gain.HELD
    if_gain: Gain = Gain.HELD
    multi_spike: bool = False
    clamp: float | None = None
    recurrent_bias: RecurrentBias = RecurrentBias.ALWAYS

    def __post_init__(self) -> None:
        for name, kind in CHOICES.items():
            object.__setattr__(self, name, kind(getattr(self, name)))
        for name in DELAYS:
            if getattr(self, name) not in (0, 1):
                what = "a hop takes" if name == "hop_delay" else f"{name} is"
                raise NetworkError(f"{what} {getattr(self, name)} ticks; 0 or 1 is possible")
        if self.hop_delay + self.recurrent_delay + self.spike_delay == 0:
            raise NetworkError(
                "with no hop_delay, recurrent_delay and spike_delay a spike could cause itself; "
                "give one of them 1 tick"
            )
        if self.clamp is not None and not (isfinite(self.clamp) and self.clamp <= 0):
            raise NetworkError(
                f"a clamp of {self.clamp} thresholds is impossible; give 0 or less, as -1, or none"
            )

    def differences(self, other: Convention) -> dict[str, object]:
        """The fields in which `other` is not the same, with its values."""
        pairs = ((f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return {name: plain(theirs) for name, mine, theirs in pairs if mine != theirs}

    def hop(self, leads_back: bool) -> int:
        """Ticks from a spike that leaves a population to its arrival, delays aside."""
        return max(self.hop_delay, self.recurrent_delay if leads_back else 0)


CHOICES: dict[str, type[Enum]] = {
    "integration": Integration,
    "reset": Reset,
    "reset_time": ResetTime,
    "comparison": Comparison,
    "input_gain": Gain,
    "synapse_gain": Gain,
    "if_gain": Gain,
    "recurrent_bias": RecurrentBias,
}
"""Fields of a convention that hold one of several words."""

FIELDS = tuple(f.name for f in fields(Convention))
"""All fields of a convention."""

DELAYS = ("hop_delay", "recurrent_delay", "spike_delay")
"""Fields that hold ticks."""

LOIHI = Convention(Integration.EXACT, Reset.VALUE, hop_delay=1)
"""The order of Lava and Loihi: a spike of tick k acts on the next population in tick k + 1."""


def plain(value: object) -> object:
    """A field's value as a word or a number."""
    return value.value if isinstance(value, Enum) else value
