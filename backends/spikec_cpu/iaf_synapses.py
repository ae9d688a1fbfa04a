"""Synapses of large networks: drawn from their rules part by part, in memory or in a file that is mapped.

A synapse of a rule takes 2 bytes, and each presynaptic neuron 8 for a projection and part. In a file the
synapses of one part at a time are drawn; later the machine keeps in memory what is used.
"""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.errors import UsageError
from spikec.ir.connectivity import FixedDegree
from spikec.ir.counter_random import key_of
from spikec.ir.network import Network, Projection
from spikec.memory import bytes_text, free_bytes
from spikec_cpu.batches import in_threads
from spikec_cpu.kernels.fixed_degree import Rule, count_fan_out, draw_fan_out
from spikec_cpu.lower_iaf import Part, Plan, lower_part, plan

WORTH_A_THREAD = 1 << 21
"""Synapses from which on a network is cut into parts for threads; exchanging spikes takes time, too."""

_LISTED_BYTES = 48
"""Of a synapse that is listed, while it is sorted."""


def cut(network: Network, threads: int, real: np.dtype[np.generic], file: Path | None) -> Plan:
    """Cut a network into parts, as many as threads if it is worth it, and more if memory needs it.

    Args:
        network: The network.
        threads: How many threads there are.
        real: Type of real numbers.
        file: Where its synapses go; None for memory.

    Raises:
        UsageError: It does not fit the memory or the disk that is left.
    """
    wanted = threads if network.n_synapses >= WORTH_A_THREAD else 1
    of = plan(network, wanted, real)
    free = free_bytes()
    if free is None:
        return of
    if file is not None:
        _check_disk(file, 2 * network.n_synapses)
        while 4 * network.n_synapses > free * of.n_parts and of.n_parts < 1 << 10:
            of = plan(network, 2 * of.n_parts, real)
    need = bytes_needed(of, file is not None)
    if need > free:
        way = "" if file else ", or keep the synapses in a file: CpuBackend(synapse_file=PATH)"
        raise UsageError(
            f"this network needs {bytes_text(need)} of memory, and {bytes_text(free)} are free; lower its "
            f"{network.n_synapses:,} synapses or its {sum(p.n for p in network.populations):,} neurons{way}"
        )
    return of


def bytes_needed(of: Plan, in_file: bool) -> int:
    """What the parts and states of a network take, spikes that are recorded and membranes aside."""
    total = 0
    for q in of.projections:
        c = q.connectivity
        of_one = 2 if isinstance(c, FixedDegree) else _LISTED_BYTES
        total += of_one * c.n_synapses // (of.n_parts if in_file else 1)
        total += 8 * c.n_pre * (of.n_parts + 2) + (2 + of.real.itemsize) * c.n_post
    neurons = sum(p.n for p in of.network.populations if not p.is_source)
    return total + neurons * (3 * of.real.itemsize + 4 * of.n_slots)


def draw_parts(of: Plan, threads: int, file: Path | None = None) -> list[Part]:
    """All parts of a network with their synapses.

    Args:
        of: How the network is cut.
        threads: How many parts are drawn at a time.
        file: Where the synapses go; None for memory.
    """
    rows = in_threads(lambda k, _: _rows(of, k), range(of.n_parts + 1), threads)
    ends = np.cumsum([0, *(part[-1][-1] if part else 0 for part in rows)])
    if file is None:
        places = [np.empty(int(n), np.uint16) for n in np.diff(ends)]
    else:
        mapped = np.memmap(file, np.uint16, "w+", shape=max(int(ends[-1]), 1))
        places = [np.asarray(mapped[a:b]) for a, b in pairwise(ends)]
    at_once = threads if file is None else 1
    return in_threads(lambda k, _: _drawn(of, k, rows[k], places[k]), range(of.n_parts + 1), at_once)


def _rows(of: Plan, part: int) -> list[IntArray]:
    """Of each block where the synapses of each presynaptic neuron begin."""
    found, used = [], 0
    for q in of.projections:
        first, last = of.span(q.post, part)
        sizes = np.zeros(q.connectivity.n_pre, np.uint32)
        if isinstance(q.connectivity, FixedDegree):
            count_fan_out(_rule(q.connectivity), first, last, sizes)
        else:
            pre, post = q.connectivity.synapses()
            inside = (first <= post) & (post < last)
            sizes += np.bincount(pre[inside], minlength=sizes.size).astype(np.uint32)
        found.append(used + np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]))
        used = int(found[-1][-1])
    return found


def _drawn(of: Plan, part: int, rows: list[IntArray], posts: AnyArray) -> Part:
    weights = [np.zeros(0, of.real)]
    for q, begin in zip(of.projections, rows, strict=True):
        first, last = of.span(q.post, part)
        if isinstance(q.connectivity, FixedDegree):
            draw_fan_out(_rule(q.connectivity), first, last, begin[:-1].copy(), posts)
        else:
            inside, order = _listed(q, first, last)
            posts[begin[0] : begin[-1]] = (q.connectivity.synapses()[1][inside] - first)[order]
            weights.append(q.connectivity.stored()[inside][order].astype(of.real))
    return lower_part(of, part, rows, posts, np.concatenate(weights))


def _rule(c: FixedDegree) -> Rule:
    return Rule(c.incoming, np.uint64(key_of(c.seed)), c.n_pre, c.n_post, c.degree)


def _listed(q: Projection, first: int, last: int) -> tuple[IntArray, IntArray]:
    """Which synapses end between two neurons, and their order by presynaptic neuron."""
    pre, post = q.connectivity.synapses()
    inside = np.flatnonzero((first <= post) & (post < last))
    return inside, np.lexsort((post[inside], pre[inside]))


def _check_disk(file: Path, n_bytes: int) -> None:
    folder = file.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"cannot write {file}: there is no folder {folder}; choose another place")
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise UsageError(
            f"the synapses need {bytes_text(n_bytes)} in {file}, and {bytes_text(free)} are free there; "
            "choose another place, or lower the degrees"
        )
