"""The CPU backend: all three dialects, as the reference defines them, in kernels of numba.

numba is imported when a program is prepared, not before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from spikec.coding import Readout
from spikec.errors import UsageError, Violation
from spikec.ir.connectivity import DelayKind
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Dialect, Network, Projection
from spikec.ir.neurons import QifExp, Theta
from spikec.precision import check_precision, unsupported_precision
from spikec.program import Program
from spikec_cpu.lower_iaf import holds_iaf, unsupported_iaf

if TYPE_CHECKING:
    from spikec_cpu.exact import ExactExecutable
    from spikec_cpu.first_spike import FirstSpikeExecutable
    from spikec_cpu.float_ticks import FloatTicksExecutable
    from spikec_cpu.iaf_ticks import IafTicksExecutable
    from spikec_cpu.lower import Lowered
    from spikec_cpu.ticks import TicksExecutable

LARGEST = 1 << 22
"""Presynaptic neurons of a projection, and postsynaptic neurons times ticks of delay: their sums and places
surely fit 32 bits."""

MAX_SPIKES = 1 << 22
"""About four million spikes; a second of 40,000 neurons that spike a hundred times."""


class CpuBackend:
    """Runs compiled programs, continuous networks and float ticks on the processors of this machine.

    Args:
        threads: How many processors to use; None for all that this process may use.
        max_spikes: Continuous networks: spikes of populations that feed each other, or of one, in a sample;
            more are an explosion and an error.
        precision: Float ticks: bits of a real number, 64 or 32.
        synapse_file: Where the synapses of networks of `spikec.ir.iaf` neurons go, a new file; None for
            memory.
        until_first_spike: End each sample of a continuous network with the first spike of the population
            that answers, whose answer it is.
    """

    name = "cpu"

    def __init__(
        self,
        threads: int | None = None,
        max_spikes: int = MAX_SPIKES,
        precision: int = 64,
        synapse_file: str | Path | None = None,
        until_first_spike: bool = False,
    ) -> None:
        if threads is not None and threads < 1:
            raise UsageError(f"{threads} threads cannot work; give 1 or more, or nothing for all processors")
        if max_spikes < 1:
            raise UsageError(f"{max_spikes} spikes a sample are too few; allow 1 or more")
        self.threads = threads or _processors()
        self.max_spikes = max_spikes
        self.precision = check_precision(precision)
        self.synapse_file = None if synapse_file is None else Path(synapse_file)
        self.until_first_spike = until_first_spike
        self._last: tuple[Network, Lowered] | None = None

    def unavailable(self) -> str | None:
        """Whether numba is missing."""
        if find_spec("numba") is None:
            return "numba is not installed; install it with `pip install numba`"
        return None

    def unsupported(self, program: Program) -> list[Violation]:
        """Quadratic neurons in ticks, what does not fit 32 bits, and 32 bits where there is no choice."""
        found = unsupported_precision(program.network, self.precision) + unsupported_iaf(program.network)
        if self.until_first_spike:
            found += _unsupported_first_spike(program.network)
        if program.network.dialect is Dialect.TICKS:
            found += _unsupported_float(program.network)
        if program.network.dialect is Dialect.FIXED:
            found += [v for q in program.network.projections for v in _unsupported_projection(q)]
        return found

    def slow_start(self, program: Program) -> str | None:
        """What takes long the first time that a program of this kind is prepared; None if it was before."""
        from spikec_cpu.kernels import is_compiled

        if self.unsupported(program):
            return None
        if program.network.dialect is Dialect.CONTINUOUS:
            from spikec_cpu.lower_exact import kernels_of

            known, what = is_compiled(*kernels_of(program.network)), "the exact engine"
        elif program.network.dialect is Dialect.TICKS:
            kernel = "run_part" if holds_iaf(program.network) else "run_float_component"
            known, what = is_compiled(kernel), "the engine of float ticks"
        else:
            known, what = is_compiled(*self._lowered(program.network).kernels), "the engine"
        return None if known else f"compiling {what} for this machine, once: about ten seconds"

    def prepare(
        self, program: Program
    ) -> TicksExecutable | FloatTicksExecutable | IafTicksExecutable | ExactExecutable | FirstSpikeExecutable:
        """Lower the network and compile the kernels, or load them from the disk."""
        if program.network.dialect is Dialect.CONTINUOUS:
            from spikec_cpu.exact import ExactExecutable

            exact = ExactExecutable(program.network, self.threads, self.max_spikes)
            decoding = program.network.decoding
            if not self.until_first_spike or decoding is None:
                return exact
            from spikec_cpu.first_spike import FirstSpikeExecutable

            return FirstSpikeExecutable(exact, decoding.population)
        if holds_iaf(program.network):
            from spikec_cpu.iaf_ticks import IafTicksExecutable

            return IafTicksExecutable(program.network, self.threads, self.precision, self.synapse_file)
        if program.network.dialect is Dialect.TICKS:
            from spikec_cpu.float_ticks import FloatTicksExecutable

            return FloatTicksExecutable(program.network, self.threads, self.precision)
        from spikec_cpu.ticks import TicksExecutable

        return TicksExecutable(program.network, self.threads, self._lowered(program.network))

    def _lowered(self, network: Network) -> Lowered:
        """A network of the fixed dialect as kernels walk it; asked for twice, made once."""
        from spikec_cpu.lower import lower

        if self._last is None or self._last[0] is not network:
            self._last = network, lower(network)
        return self._last[1]


def _unsupported_first_spike(network: Network) -> list[Violation]:
    """Whether samples cannot end with the first spike that answers."""
    decoding = network.decoding
    answers = "nothing" if decoding is None else f"{decoding.readout.value} of {decoding.population}"
    if network.dialect is Dialect.CONTINUOUS and answers.startswith(Readout.FIRST.value):
        return []
    limit = "a continuous network whose answer is a first spike"
    where, got = "network", f"{network.dialect.value}, answer: {answers}"
    return [Violation("end at the first spike", where, got, limit, "run it in full")]


def _unsupported_float(network: Network) -> list[Violation]:
    """Neurons that are not integrated once a tick, and rings of delays that are too long."""
    found = [
        Violation(
            rule="neuron in float ticks",
            where=f"population {p.name}",
            got=type(p.neuron).__name__,
            limit="any neuron that is integrated once a tick",
            advice="run it with --backend reference, or compile it with `spikec compile`",
        )
        for p in network.populations
        if isinstance(p.neuron, Theta | QifExp)
    ]
    for q in network.projections:
        longest = q.delays.longest if q.delays.in_ticks else round(q.delays.longest / network.dt)
        n = q.connectivity.n_post
        if q.delays.kind is not DelayKind.UNIFORM and n * (longest + 1) > LARGEST:
            size = f"{n} neurons, {longest:.0f} ticks"
            advice = "shorten its delays or split the population"
            limit = f"{LARGEST} neurons times ticks"
            found.append(Violation("size", f"projection {q.name}", size, limit, advice))
    return found


def _unsupported_projection(q: Projection) -> Iterator[Violation]:
    where = f"projection {q.name}"
    if not isinstance(q.connectivity.weights, Fixed):
        yield Violation("weight", where, "a real number", "an integer", "compile it with `spikec compile`")
    if not q.delays.in_ticks:
        yield Violation("delay", where, "in seconds", "whole ticks", "compile it with `spikec compile`")
    elif max(q.connectivity.n_pre, q.connectivity.n_post * (int(q.delays.longest) + 1)) > LARGEST:
        size = f"{q.connectivity.n_pre} to {q.connectivity.n_post} neurons, {int(q.delays.longest)} ticks"
        yield Violation("size", where, size, f"{LARGEST} neurons times ticks", "split the population")


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
