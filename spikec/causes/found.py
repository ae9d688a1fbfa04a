"""What is known of the first difference of two runs: where it is, both membranes, and the causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spikec.causes.arrivals import Number, Time
from spikec.causes.first import FirstDifference

PARTS = ("weights", "times", "neurons", "spikes")
"""What can differ of an arrival."""


@dataclass(frozen=True)
class Cause:
    """An arrival, and what it is worth in both membranes; weights and worths in the user's units.

    Attributes:
        projection: The projection that it came through.
        population: Where the spike came from.
        neuron: Which neuron there.
        rank: How many spikes of that neuron came before it.
        weight_a: Of run a, as its membrane (or current) sees it in a tick; None without such an arrival.
        weight_b: Of run b.
        time_a: When it arrives in run a, in that run's time.
        time_b: In run b.
        a: What it is worth in the membrane of run a.
        b: In that of run b.
        parts: What of the difference ``b - a`` comes from what (`PARTS`).
    """

    projection: str
    population: str
    neuron: int
    rank: int
    weight_a: Number | None
    weight_b: Number | None
    time_a: Time | None
    time_b: Time | None
    a: Number
    b: Number
    parts: Mapping[str, Number]

    @property
    def difference(self) -> Number:
        """What the membrane of b has more by it."""
        return self.b - self.a


@dataclass(frozen=True)
class Term:
    """Something else that makes up a membrane, or its threshold, with the opposite sign.

    Attributes:
        name: What it is.
        a: Its worth in run a, the user's units.
        b: In run b.
    """

    name: str
    a: Number
    b: Number

    @property
    def difference(self) -> Number:
        """What b has more by it."""
        return self.b - self.a


@dataclass(frozen=True)
class Half:
    """One run at the moment of the difference.

    Attributes:
        time: When its membrane is looked at, in its own time.
        membrane: The membrane then, before any reset, the user's units; None where it is no sum.
        threshold: Its threshold.
        trace_times: Seconds of the whole sample.
        trace: The membrane then.
    """

    time: Time | None
    membrane: Number | None
    threshold: Number | None
    trace_times: Sequence[float] = ()
    trace: Sequence[float] = ()


@dataclass(frozen=True)
class Diff:
    """Why two runs part.

    Attributes:
        first: The first spike that differs; None if none does.
        tolerance: How far apart spikes may lie and be the same, seconds.
        a: Run a then.
        b: Run b then.
        causes: Every arrival that is worth something, those that differ most first.
        terms: What else makes up the membranes, the threshold last.
        notes: What must be known to read it, one sentence each.
        quantity: What is told of both: the ``"membrane"``, or of `Theta` the ``"phase"``, in periods.
    """

    first: FirstDifference | None
    tolerance: float
    a: Half
    b: Half
    causes: tuple[Cause, ...] = ()
    terms: tuple[Term, ...] = ()
    notes: tuple[str, ...] = ()
    quantity: str = "membrane"

    @property
    def margin_difference(self) -> Number | None:
        """How much farther b is above its threshold than a."""
        halves = (self.a, self.b)
        if any(h.membrane is None or h.threshold is None for h in halves):
            return None
        margins = [h.membrane - h.threshold for h in halves]  # type: ignore[operator]
        return margins[1] - margins[0]

    def sums(self) -> dict[str, Number]:
        """What of the difference comes from what; together they are `margin_difference`."""
        found: dict[str, Number] = {p: sum((c.parts[p] for c in self.causes), start=0) for p in PARTS}
        for term in self.terms:
            found[term.name] = term.difference
        return {name: value for name, value in found.items() if value}

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names."""
        return {
            "identical": self.first is None,
            "quantity": self.quantity,
            "first": None if self.first is None else asdict(self.first),
            "tolerance": self.tolerance,
            "a": _plain_half(self.a),
            "b": _plain_half(self.b),
            "margin_difference": _real(self.margin_difference),
            "sums": {name: float(value) for name, value in self.sums().items()},
            "causes": [_plain_cause(c) for c in self.causes],
            "terms": [{"name": t.name, "a": float(t.a), "b": float(t.b)} for t in self.terms],
            "notes": list(self.notes),
        }


def _plain_half(half: Half) -> dict[str, Any]:
    return {
        "time": half.time,
        "membrane": _real(half.membrane),
        "threshold": _real(half.threshold),
        "trace_times": list(half.trace_times),
        "trace": list(half.trace),
    }


def _plain_cause(c: Cause) -> dict[str, Any]:
    return {
        "projection": c.projection,
        "population": c.population,
        "neuron": c.neuron,
        "rank": c.rank,
        "weight_a": _real(c.weight_a),
        "weight_b": _real(c.weight_b),
        "time_a": c.time_a,
        "time_b": c.time_b,
        "a": float(c.a),
        "b": float(c.b),
        "difference": float(c.difference),
        "parts": {name: float(value) for name, value in c.parts.items() if value},
    }


def _real(value: Number | None) -> float | None:
    return None if value is None else float(value)
