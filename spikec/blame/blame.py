"""Which part of a network quantisation hurts: accuracy and spike times, part by part.

Each part is quantised alone, and everything but it. A part is to blame if it alone loses what is lost, and if
leaving it as it was wins that back. A compiler may balance errors of several projections that reach a neuron,
so the weights of all of them are also taken together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spikec.arrays import IntArray
from spikec.blame.stored import stored
from spikec.blame.variants import WEIGHTS, parts_of, variant
from spikec.events import Events
from spikec.execute import RunOptions, choose_backend, execute_as
from spikec.ir.network import Dialect, Network
from spikec.program import Program
from spikec.result import RunResult
from spikec.spike_times import TimeErrors, spike_times
from spikec.targets.target import load_target

Inputs = Callable[[Network], Mapping[str, Events]]
"""Gives the input spikes of a network in its own kind of time."""


@dataclass(frozen=True)
class Outcome:
    """What one network did.

    Attributes:
        accuracy: Share of right answers; None if unknown.
        same_answers: Share of samples that it answers as the float network does; None if unknown.
        times: How its spikes differ from the float network's.
    """

    accuracy: float | None
    same_answers: float | None
    times: TimeErrors

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names, `missed` and `extra` among the times."""
        times = {**asdict(self.times), "missed": self.times.missed, "extra": self.times.extra}
        return {"accuracy": self.accuracy, "same_answers": self.same_answers, "times": times}


@dataclass(frozen=True)
class BlameLine:
    """One part.

    Attributes:
        part: Its name.
        only: If nothing else is quantised.
        all_but: If everything else is.
    """

    part: str
    only: Outcome
    all_but: Outcome


@dataclass(frozen=True)
class Blame:
    """What each part of a network loses by quantisation.

    Attributes:
        exact: The float network.
        compiled: The program.
        real: All parts quantised, but computed in real numbers: what the chip's arithmetic adds is the
            difference to `compiled`.
        lines: Each part.
        n_samples: How many samples were run.
    """

    exact: Outcome
    compiled: Outcome
    real: Outcome
    lines: tuple[BlameLine, ...]
    n_samples: int

    def culprit(self) -> str | None:
        """The part without which most comes back: accuracy, or where none is known, spikes.

        None if without no single part at least half of what is lost comes back.
        """
        lost = _cost(self.real) - _cost(self.exact)
        best = min(self.lines, key=lambda x: _cost(x.all_but), default=None)
        if best is None or lost <= 0 or _cost(best.all_but) - _cost(self.exact) > lost / 2:
            return None
        return best.part

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names."""
        return {
            "n_samples": self.n_samples,
            "float": self.exact.to_json(),
            "compiled": self.compiled.to_json(),
            "real": self.real.to_json(),
            "parts": [
                {"part": x.part, "only": x.only.to_json(), "all_but": x.all_but.to_json()} for x in self.lines
            ],
            "culprit": self.culprit(),
        }


def blame(
    network: Network,
    program: Program,
    inputs: Inputs,
    labels: IntArray | None = None,
    ticks: int | None = None,
    progress: Callable[[str], None] = lambda sentence: None,
) -> tuple[Blame, RunResult, RunResult]:
    """Run a network with each of its parts quantised alone, and with all but it.

    Args:
        network: The float network.
        program: What was compiled of it.
        inputs: Gives the input spikes.
        labels: The right class of each sample, if known.
        ticks: How long to run in ticks; None for what the program or the input suggests.
        progress: Told what runs.

    Returns:
        The blame, and the runs of the float network and of the program.

    Raises:
        UsageError: The program is not of this network.
    """
    both = stored(network, program)
    parts = parts_of(both)

    def ran(what: str, runnable: Program) -> RunResult:
        progress(what)
        in_ticks = runnable.network.dialect is not Dialect.CONTINUOUS
        options = RunOptions(ticks=ticks if in_ticks else None)
        backend = choose_backend(runnable, options)
        return execute_as(runnable, backend, inputs(runnable.network), options, labels)

    exact = ran("float", Program(network, load_target("ideal")))
    compiled = ran("compiled", program)

    def outcome(what: str, quantised: Sequence[str]) -> Outcome:
        return _outcome(exact, ran(what, variant(both, quantised)))

    lines = tuple(
        BlameLine(
            name,
            outcome(f"only {name}", group),
            outcome(f"all but {name}", [part for part in parts if part not in group]),
        )
        for name, group in _groups(parts).items()
    )
    found = Blame(
        exact=_outcome(exact, exact),
        compiled=_outcome(exact, compiled),
        real=outcome("all in real numbers", parts),
        lines=lines,
        n_samples=next(iter(exact.spikes.values())).n_samples,
    )
    return found, exact, compiled


def _groups(parts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each part, and the weights of all projections together, whose errors a compiler may have balanced."""
    found = {part: (part,) for part in parts}
    weights = tuple(part for part in parts if part.startswith(WEIGHTS))
    return found | ({"all weights": weights} if len(weights) > 1 else {})


def _cost(outcome: Outcome) -> float:
    """What went wrong: the share of wrong answers, or if none is known, spikes missed or extra."""
    if outcome.accuracy is not None:
        return 1 - outcome.accuracy
    return float(outcome.times.missed + outcome.times.extra)


def _outcome(exact: RunResult, run: RunResult) -> Outcome:
    found = spike_times(exact, run)
    return Outcome(found.accuracy_b, found.same_answers, found.overall)
