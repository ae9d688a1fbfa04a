"""How near a program in integers comes to its float network: by its answers, and by what they are taken from.

Two programs are told apart by the samples of which only one has the float network's answer. If both were as
good, either would have half of those, give or take half of their root: one is clearly nearer if it has more
than two such deviations more (Q. McNemar, Psychometrika 12, 1947). Chance decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.calibration import Calibration
from spikec.passes.replay import Replay, on_clock, replay
from spikec.program import Program

Way = TypeVar("Way")

SURE = 2.0
"""Standard deviations by which a difference of answers is more than chance."""


def same_answers(run: Replay, found: Calibration) -> BoolArray:
    """Which samples a program answers as its float network does; all, if nobody says how they answer."""
    if run.predictions is None or found.predictions is None:
        return np.ones(found.n_samples, np.bool_)
    same: BoolArray = run.predictions == found.predictions
    return same


def clearly_more(some: BoolArray, others: BoolArray) -> bool:
    """Whether more samples are right in one way than in another, by more than chance.

    Args:
        some: Which samples are right, ``(n_samples,)``.
        others: Likewise, in the other way.
    """
    won, lost = int(np.sum(some & ~others)), int(np.sum(others & ~some))
    return won - lost > SURE * float(np.sqrt(won + lost))


def nearest(
    ways: Mapping[Way, Callable[[], Program]], found: Calibration
) -> tuple[Way, Program, dict[Way, float]]:
    """The program that is made in the first way, or of those that are clearly nearer the nearest.

    Those that break more limits than need be are left out. Others than the first are made only if they may be
    nearer: of a few samples none can win enough back.

    Args:
        ways: What makes programs in integers.
        found: Their float network's run on samples, and what runs them.

    Returns:
        The way, its program, and what share of samples each that was run answers as the float network does.
    """
    backend = found.backend
    assert backend is not None
    first, *others = ways
    made = {first: ways[first]()}
    inputs = on_clock(made[first], found)
    same = {first: same_answers(replay(made[first], inputs, backend), found)}
    if made[first].violations or clearly_more(np.ones(found.n_samples, np.bool_), same[first]):
        made |= {way: ways[way]() for way in others}
    fewest = min(len(p.violations) for p in made.values())
    good = [way for way, p in made.items() if len(p.violations) == fewest]
    same |= {way: same_answers(replay(made[way], inputs, backend), found) for way in good if way not in same}
    better = [way for way in good if way == good[0] or clearly_more(same[way], same[good[0]])]
    shares = {way: float(np.mean(same[way])) for way in good}
    kept = max(better, key=lambda way: shares[way])
    return kept, made[kept], shares


def centred(scores: FloatArray) -> FloatArray:
    """Scores without what all classes have in common, ``(..., n)``."""
    rest: FloatArray = scores - scores.mean(axis=-1, keepdims=True)
    return rest


def unexplained(meant: FloatArray, scores: FloatArray) -> float:
    """What part of the squares of some scores other ones do not explain, at whatever scale.

    What all classes of a sample have in common counts for neither, for it changes no answer.

    Args:
        meant: ``(n_samples, n)``.
        scores: ``(n_samples, n)``.
    """
    a, b = centred(meant), centred(scores)
    size = float(np.sum(a**2)) * float(np.sum(b**2))
    return 1.0 - max(float(np.sum(a * b)), 0.0) ** 2 / size if size else 1.0
