"""Place a network on a chip: `place` and what it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from spikec.arrays import IntArray
from spikec.errors import TargetError, UsageError
from spikec.events import Events
from spikec.placed import Placement
from spikec.placement.cost import Cost, Rates, cost, message_hops, traffic
from spikec.placement.grid import Grid, grid_of
from spikec.placement.groups import Groups, groups_of, nets_of
from spikec.placement.rules import Assignment, check_cores
from spikec.program import LogEntry, Program
from spikec.shards import in_parts
from spikec.units import several

METHODS = ("random", "sequential", "greedy", "hilbert", "search")
"""Ways to place, from the plainest to the best."""


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
        method: One of `METHODS`.
        seed: The same seed gives the same placement.
        rates: Spikes of each neuron a tick, for instance measured on calibration data; 1 if left out.

    Raises:
        TargetError: A core would hold more than it can, however the network is cut; all limits at once.
        UsageError: There is no such method, the target has no mesh, or rates do not fit.
    """
    check_method(method)
    grid_of(program.target)
    ends = list(_ends(program, method, seed, rates))
    right = [end for end in ends if not any(check_cores(end[0]))]
    if not right:
        raise TargetError(program.target.name, check_cores(ends[0][0]))
    a, where, _ = min(right, key=lambda end: (end[2], end[0].n_cores))
    grid = grid_of(program.target, a.n_cores)
    return Placed(Placement(a.cores, where, method, seed), a, grid, cost(a, grid, where, rates))


def check_method(method: str) -> None:
    """Check that a way to place exists.

    Raises:
        UsageError: It does not.
    """
    if method not in METHODS:
        raise UsageError(f"there is no way {method!r} to place a network; choose {', '.join(METHODS)}")


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


_End = tuple[Assignment, IntArray, float]
"""Cores, their places, and the message-hops of both."""


def _ends(program: Program, method: str, seed: int, rates: Rates | None) -> Iterator[_End]:
    """What a method finds; the search keeps in mind what the plain methods find, too."""
    from spikec.placement import places, search  # late, for they load numba

    if method != "search":
        yield _plain(program, method, seed, rates)
        return
    for plain in ("sequential", "hilbert", "greedy"):
        a, where, hops = _plain(program, plain, seed, rates)
        yield a, where, hops
        grid, t = grid_of(program.target, a.n_cores), traffic(a, rates)
        where = places.annealed(t, grid, where, np.random.default_rng(seed))
        yield a, where, message_hops(t, grid, where)
    groups = groups_of(program.network, program.target)
    nets = nets_of(program.network, program.target, groups, rates)
    found = search.searched(groups, nets, program.target, seed)
    yield assigned(program, groups, found.core), found.place, found.message_hops


def _plain(program: Program, method: str, seed: int, rates: Rates | None) -> _End:
    from spikec.placement import chunks, places, starts

    network, target = program.network, program.target
    rng = np.random.default_rng(seed)
    if method == "sequential":
        a = chunks.sequential(network, target)
    else:
        groups = groups_of(network, target)
        nets = nets_of(network, target, groups, rates)
        order = rng.permutation(groups.n) if method == "random" else starts.by_population(groups)
        found = (starts.greedy if method == "greedy" else starts.packed)(groups, nets, order)
        a = assigned(program, groups, found)
    grid, t = grid_of(target, a.n_cores), traffic(a, rates)
    if method == "random":
        where = rng.permutation(grid.n_places)[: a.n_cores]
    elif method == "hilbert":
        where = grid.along_hilbert[: a.n_cores]
    else:
        where = places.one_by_one(t, grid) if method == "greedy" else np.arange(a.n_cores)
    return a, where, message_hops(t, grid, where)


def assigned(program: Program, groups: Groups, core: IntArray) -> Assignment:
    """The core of every neuron from that of its group; cores are numbered without gaps."""
    numbers = np.unique(core, return_inverse=True)[1].astype(np.int64)
    cores = {name: numbers[of] for name, of in groups.of.items()}
    return Assignment(program.network, program.target, cores, int(numbers.max()) + 1)
