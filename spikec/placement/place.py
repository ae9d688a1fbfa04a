"""Place a network on a chip: `place` and what it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from spikec.arrays import IntArray
from spikec.errors import TargetError, UsageError
from spikec.events import Events
from spikec.placed import Placement
from spikec.placement.cost import Cost, cost, message_hops, traffic
from spikec.placement.grid import Grid, grid_of
from spikec.placement.groups import Groups, Nets, groups_of, nets_of
from spikec.placement.rates import Rates
from spikec.placement.rules import Assignment, check_placed
from spikec.program import LogEntry, Program
from spikec.shards import in_parts
from spikec.units import several

METHODS = ("random", "sequential", "greedy", "hilbert", "search")
"""Ways to place, from the plainest to the best."""

METIS = "metis"
"""One more, where pymetis is installed."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A placement that was found.

    Attributes:
        placement: Where the neurons are, as programs keep it.
        assignment: The same, to be measured.
        grid: The places of all chips.
        cost: What it costs.
    """

    placement: Placement
    assignment: Assignment
    grid: Grid
    cost: Cost

    @property
    def n_cores(self) -> int:
        """Cores that hold neurons."""
        return self.placement.n_cores


def place(program: Program, method: str = "search", seed: int = 0, rates: Rates | None = None) -> Placed:
    """Find every neuron a core, and every core a place on the mesh.

    Args:
        program: Its network, compiled or not, and its target.
        method: One of `METHODS`, or `METIS`.
        seed: The same seed gives the same placement.
        rates: Spikes of each neuron a tick, for instance measured on calibration data; 1 if left out.

    Raises:
        TargetError: A core would hold more than it can, or more cores are taken than there are, however the
            network is cut; all limits at once.
        UsageError: There is no such method, it is not installed, the target has no mesh, or rates do not fit.
    """
    check_method(method)
    grid_of(program.target)
    task = _Task(program, seed, rates)
    ends = list(_ends(task, method))
    cheapest_first = sorted(ends, key=lambda end: (end[2], end[0].n_cores))
    right = next((end for end in cheapest_first if not any(check_placed(end[0]))), None)
    if right is None:
        raise TargetError(program.target.name, check_placed(ends[0][0]))
    a, where, _ = right
    grid = grid_of(program.target, a.n_cores)
    if method == "search":
        from spikec.placement import places  # late, for it loads numba

        where = places.annealed_long(traffic(a, rates), grid, where, task.rng())
    return Placed(Placement(a.cores, where, method, seed), a, grid, cost(a, grid, where, rates))


def check_method(method: str) -> None:
    """Check that a way to place exists.

    Raises:
        UsageError: It does not, or is not installed.
    """
    if method == METIS:
        from spikec.placement.metis import check_installed  # late, for it loads numba

        check_installed()
    elif method not in METHODS:
        known = ", ".join((*METHODS, METIS))
        raise UsageError(f"there is no way {method!r} to place a network; choose {known}")


def place_program(
    program: Program, method: str = "search", seed: int = 0, rates: Rates | None = None
) -> Program:
    """`place`, kept in the program and written in its log."""
    found = place(program, method, seed, rates)
    c = found.cost
    often = "at the rates of the samples" if rates else "if each neuron spikes once a tick"
    summary = (
        f"{several(found.n_cores, 'core')} on {several(found.grid.chips, 'chip')}, {c.message_hops:.4g} "
        f"message-hops a tick {often}; no placement has fewer than {c.bound:.4g}"
    )
    figures = {"cores": found.n_cores, "chips": found.grid.chips, "seed": seed, **asdict(c)}
    return program.logged(LogEntry("place", True, summary, figures), placement=found.placement)


def rates_of_spikes(program: Program, spikes: Mapping[str, Events], n_ticks: int) -> Rates:
    """How often each neuron of every population spikes a tick, measured on a run, ``(n,)`` each."""
    parts = in_parts(program, spikes)
    return {name: e.counts().mean(axis=0) / n_ticks for name, e in parts.items() if e.n_samples}


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be placed, in neurons and in groups."""

    program: Program
    seed: int
    rates: Rates | None

    @cached_property
    def groups(self) -> Groups:
        return groups_of(self.program.network, self.program.target)

    @cached_property
    def nets(self) -> Nets:
        return nets_of(self.program.network, self.program.target, self.groups, self.rates)

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


_End = tuple[Assignment, IntArray, float]
"""Cores, their places, and the message-hops of both."""


def _ends(task: _Task, method: str) -> Iterator[_End]:
    """What a method finds; the search keeps in mind what the plain methods find, too.

    Of a large network greedy is among the search's own starts only.
    """
    from spikec.placement import search  # late, for it loads numba

    if method != "search":
        yield next(_plain(task, method))
        return
    for plain in ("sequential", "hilbert", "greedy"):
        if plain == "greedy" and task.groups.n > search.FLAT:
            continue
        yield from _plain(task, plain)
    found = search.searched(task.groups, task.nets, task.program.target, task.seed)
    yield assigned(task.program, task.groups, found.core), found.place, found.message_hops


def _plain(task: _Task, method: str) -> Iterator[_End]:
    """Cores of neurons at the places that a method has for them, then at annealed ones."""
    from spikec.placement import chunks, places

    target, rng = task.program.target, task.rng()
    if method == "sequential":
        a = chunks.sequential(task.program.network, target)
    else:
        a = assigned(task.program, *_cores_of_groups(task, method, rng))
    grid, t = grid_of(target, a.n_cores), traffic(a, task.rates)
    if method == "random":
        where = rng.permutation(grid.n_places)[: a.n_cores]
    elif method == "hilbert":
        where = grid.along_hilbert[: a.n_cores]
    elif method == "sequential":
        where = np.arange(a.n_cores)
    else:
        where = places.one_by_one(t, grid)
    if method != METIS:  # which knows no places
        yield a, where, message_hops(t, grid, where)
    where = places.annealed(t, grid, where, task.rng())
    yield a, where, message_hops(t, grid, where)


def _cores_of_groups(task: _Task, method: str, rng: np.random.Generator) -> tuple[Groups, IntArray]:
    """Groups and their cores; of a large network greedy takes joined groups."""
    from spikec.placement import levels, metis, search, starts

    groups, nets = task.groups, task.nets
    if method == METIS:
        return groups, metis.partitioned(groups, nets, task.seed)
    if method == "random":
        return groups, starts.packed(groups, nets, rng.permutation(groups.n))
    if method == "hilbert":
        return groups, starts.packed(groups, nets, starts.by_population(groups))
    if groups.n > search.FLAT:
        groups, nets, _ = levels.levels(groups, nets, search.FLAT, rng)[-1]
    return groups, starts.greedy(groups, nets, starts.by_population(groups))


def assigned(program: Program, groups: Groups, core: IntArray) -> Assignment:
    """The core of every neuron from that of its group; cores are numbered without gaps."""
    numbers = np.unique(core, return_inverse=True)[1].astype(np.int64)
    cores = {name: numbers[of] for name, of in groups.of.items()}
    return Assignment(program.network, program.target, cores, int(numbers.max()) + 1)
