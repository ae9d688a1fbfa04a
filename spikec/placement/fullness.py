"""How full the cores of a program are, limit by limit, before anybody looks for a good placement."""

from __future__ import annotations

from dataclasses import dataclass

from spikec.errors import Violation
from spikec.placement.chunks import sequential
from spikec.placement.ledger import assignment_of
from spikec.placement.rules import Use, check_cores, uses
from spikec.program import Program


@dataclass(frozen=True)
class Fullness:
    """How full cores are by one rule.

    Attributes:
        rule: Its name.
        limit: Of a core; None if the target has none.
        largest: Use of the core that is fullest.
        core: Which that is.
        population: Whose neurons it holds most of.
        mean: Use of all cores.
    """

    rule: str
    limit: int | None
    largest: int
    core: int
    population: str
    mean: float


def fullness(program: Program) -> tuple[list[Fullness], list[Violation]]:
    """Use and limit of the cores, and all limits that are broken.

    Of a program that is not placed, every population is cut into the fewest chunks that fit, a core each;
    what fits in no number of chunks is broken.
    """
    if program.placement is not None:
        a = assignment_of(program)
    else:
        a = sequential(program.network, program.target)
    names = list(a.cores)

    def line(use: Use) -> Fullness:
        core = int(use.use.argmax())
        there = [int((a.cores[name] == core).sum()) for name in names]
        population = names[there.index(max(there))]
        return Fullness(use.rule.name, use.limit, int(use.use[core]), core, population, float(use.use.mean()))

    return [line(use) for use in uses(a)], list(check_cores(a))
