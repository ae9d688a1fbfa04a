"""Runs large recurrent networks of `spikec.ir.iaf` neurons: the parts of one network on several threads.

Spikes and membranes are those of `spikec.reference.ticks` in every bit, whatever the number of threads. Parts
run by themselves for as many ticks as the shortest delay has, for no spike reaches another part sooner; then
they wait for each other (A. Morrison et al., Neural Computation 17, 1776 (2005)). A network too small for
that runs as one part, and its samples side by side.

Memory: see `iaf_synapses`, and for each neuron three numbers, 4 bytes for each tick of the longest delay, and
a number a projection that ends there; 16 bytes a part, population and tick, and 16 a spike for the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numba
import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.counting import Touched, count
from spikec.errors import EventsError, unbounded_membrane
from spikec.events import Events
from spikec.inputs import check_inputs, check_ticks
from spikec.ir.connectivity import FixedDegree
from spikec.ir.iaf import IafNeuron
from spikec.ir.network import Network
from spikec.records import check_record
from spikec.result import RunResult
from spikec_cpu.batches import SpikeLists, Traces, in_threads, together
from spikec_cpu.iaf_synapses import cut, draw_parts
from spikec_cpu.kernels.iaf_part import State, run_part
from spikec_cpu.kernels.spikes import spikes_of, take_inputs
from spikec_cpu.lower_iaf import CHUNK, MEMBRANE, MOST_ARRIVALS, V_RESET, most_arrivals, widths
from spikec_cpu.lower_parts import starts


class IafTicksExecutable:
    """A network of `spikec.ir.iaf` neurons, made ready for the CPU.

    Args:
        network: As `unsupported_iaf` allows it.
        threads: How many threads.
        precision: Bits of a real number, 64 or 32.
        synapse_file: Where synapses go; None for memory.

    Raises:
        UsageError: It does not fit the memory or the disk that is left.
    """

    def __init__(
        self, network: Network, threads: int, precision: int, synapse_file: Path | None = None
    ) -> None:
        self.network, self.threads, self.precision = network, threads, precision
        self.plan = cut(network, threads, np.dtype(f"f{precision // 8}"), synapse_file)
        self.parts = draw_parts(self.plan, threads, synapse_file)
        self.touched = {
            q.name: self._touched(b)
            for b, q in enumerate(self.plan.projections)
            if isinstance(q.connectivity, FixedDegree)
        }
        nothing = Traces.of(network, (), 0, 0, self.plan.real)
        self._run_sample({}, nothing, 0)  # compiles

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        """See `spikec.backend.Executable.run`.

        Raises:
            EventsError: The inputs do not fit the network, or too many spikes reach a neuron in a tick.
            NetworkError: What is to be recorded does not exist, or a membrane is no finite number any more.
            UsageError: The run has no tick.
        """
        began = perf_counter()
        n_samples, n_ticks = check_inputs(self.network, inputs), int(until)
        check_record(self.network, record)
        check_ticks(n_ticks)
        clipped = {name: inputs[name].keep(inputs[name].times < n_ticks) for name in self.network.inputs}
        self._check_arrivals(clipped)
        traces = Traces.of(self.network, record, n_samples, n_ticks, self.plan.real)
        at_once = self.threads if self.plan.n_parts == 1 else 1
        answers = in_threads(
            lambda sample, _: self._run_sample(clipped, traces, sample), range(n_samples + 1), at_once
        )
        spikes = together(self.network, clipped, [a.spikes for a in answers] or [self._silence()])
        meta = {
            "backend": "cpu",
            "seconds": perf_counter() - began,
            "threads": self.threads,
            "numba": numba.__version__,
            "precision": self.precision,
        }
        n_neurons = sum(p.n for p in self.network.populations)
        last_v = np.array([a.last_v for a in answers], self.plan.real).reshape(n_samples, n_neurons)
        counters = count(self.network, spikes, n_samples, n_ticks, self.touched)
        return RunResult(spikes, traces.answer(record, last_v), counters, meta)

    def close(self) -> None:
        """Nothing is held."""

    def _touched(self, block: int) -> Touched:
        """What spikes touch through a rule: its fan-out is known here."""
        q = self.plan.projections[block]
        fan_out = np.zeros(q.connectivity.n_pre, np.int64)
        for part in self.parts:
            first = int(part.blocks["starts"][block])
            fan_out += np.diff(part.starts[first : first + fan_out.size + 1])
        assert isinstance(q.connectivity, FixedDegree)
        some, late = bool(q.connectivity.weights != 0), int(q.delays.values > 0)
        return Touched(fan_out * some, fan_out * (not some), fan_out * some * late)

    def _check_arrivals(self, inputs: Mapping[str, Events]) -> None:
        """Refuse inputs that spike so often in a tick that numbers of arrivals would not fit."""
        for q in self.plan.projections:
            if q.pre in inputs and isinstance(q.connectivity, FixedDegree):
                most = inputs[q.pre].most_at_once()
                if most * most_arrivals(q.connectivity) > MOST_ARRIVALS:
                    raise EventsError(
                        f"a neuron of input {q.pre} spikes {most} times in one tick, and through {q.name} "
                        f"more than {MOST_ARRIVALS} spikes could reach a neuron; give fewer at once"
                    )

    def _silence(self) -> SpikeLists:
        empty = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))
        return dict.fromkeys(range(len(self.network.populations)), empty)

    def _run_sample(self, inputs: Mapping[str, Events], traces: Traces, sample: int) -> _Answer:
        n_ticks, n_parts = traces.n_ticks, self.plan.n_parts
        states = self._states(inputs, traces, sample)
        arenas, used = [np.zeros(1024, np.int32) for _ in states], [0] * n_parts

        def run(part: int, begin: int, end: int) -> None:
            arenas[part], used[part], wrong = run_part(
                self.parts[part], states[part], sample, begin, end, arenas[part], used[part]
            )
            if wrong >= 0:
                raise unbounded_membrane(self.network.populations[wrong].name)

        step = n_ticks if n_parts == 1 else self.plan.together
        with ThreadPoolExecutor(max(min(self.threads, n_parts) - 1, 1)) as others:
            for begin in range(0, max(n_ticks, 1), max(step, 1)):
                end, mine = min(begin + step, n_ticks), n_parts if self.threads == 1 else 1
                running = [others.submit(run, part, begin, end) for part in range(mine, n_parts)]
                for part in range(mine):
                    run(part, begin, end)
                for one in running:
                    one.result()
        computing = [m for m, p in enumerate(self.network.populations) if not p.is_source]
        lists = {
            m: _merged([spikes_of(a, s.own[None], m) for a, s in zip(arenas, states, strict=True)])
            for m in computing
        }
        return _Answer(lists, self._last_membranes(states, n_ticks))

    def _states(self, inputs: Mapping[str, Events], traces: Traces, sample: int) -> list[State]:
        """Where all parts stand before a sample, and what they share."""
        of, populations = self.plan, self.network.populations
        n_ticks, n_pop = traces.n_ticks, len(populations)
        input_bounds = np.zeros((1, n_pop, n_ticks, 2), np.int64)
        arena, used = np.zeros(1, np.int32), 0
        for m, p in enumerate(populations):
            if p.is_source and n_ticks:
                e = inputs[p.name]
                limits = e.sample_starts[sample : sample + 2]
                arena, used = take_inputs(e.times, e.neurons, limits, m, arena, used, input_bounds)
        sizes = np.array([0 if p.is_source else p.n for p in populations], np.int64)
        firsts = np.array([of.cuts[p.name][:-1] for p in populations]).T + starts(sizes)
        recent = np.empty((of.n_slots, int(sizes.sum())), np.int32)
        n_recent = np.zeros((of.n_slots, of.n_parts, n_pop), np.int64)
        return [
            State(
                u=self._beginning(number),
                counts=np.zeros((of.round, widths(part)[0]), np.uint16),
                sums=np.zeros((of.round, widths(part)[1]), of.real),
                z=np.zeros(CHUNK // 2, np.uint64),
                drawn=np.zeros((1, CHUNK), np.int32),
                own=np.zeros((n_pop, n_ticks, 2), np.int64),
                recent=recent,
                n_recent=n_recent,
                firsts=np.ascontiguousarray(firsts),
                inputs=arena[:used],
                input_bounds=input_bounds[0],
                trace=traces.buffer,
                trace_starts=traces.starts_at(sample),
            )
            for number, part in enumerate(self.parts)
        ]

    def _beginning(self, part: int) -> AnyArray:
        """The first states of a part's neurons."""
        found = [np.zeros(0)]
        for p in self.network.populations:
            if isinstance(p.neuron, IafNeuron):
                first, last = self.plan.span(p.name, part)
                found.append(np.broadcast_to(np.asarray(p.neuron.v_init), (p.n,))[first:last])
        v = np.concatenate(found)
        return np.concatenate([np.zeros(MEMBRANE * v.size), v]).astype(self.plan.real)

    def _last_membranes(self, states: Sequence[State], n_ticks: int) -> AnyArray:
        """Membranes of all neurons of the network at the end of a sample, zero for sources.

        Raises:
            NetworkError: One that is not refractory is no finite number.
        """
        found = []
        for m, p in enumerate(self.network.populations):
            if p.is_source:
                found.append(np.zeros(p.n, self.plan.real))
                continue
            for part, state in zip(self.parts, states, strict=True):
                record = part.populations[m]
                first = int(record["first"]) + MEMBRANE * (state.u.size // 3)
                v = state.u[first : first + int(record["n"])]
                moves = np.isfinite(v)
                spikes = np.diff(state.own[m, max(n_ticks - 1 - int(record["waits"]), 0) :]).sum()
                if np.count_nonzero(~moves) != spikes:
                    raise unbounded_membrane(p.name)
                found.append(np.where(moves, v, part.coefficients[m, V_RESET]))
        return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class _Answer:
    """What a sample gave.

    Attributes:
        spikes: Of each population.
        last_v: Membranes at the end, ``(n_neurons,)``.
    """

    spikes: SpikeLists
    last_v: AnyArray


def _merged(
    parts: Sequence[tuple[IntArray, AnyArray, IntArray]],
) -> tuple[IntArray, AnyArray, IntArray]:
    """The spikes of a population from those of its parts: by tick, then by neuron."""
    if len(parts) == 1:
        return parts[0]
    ticks, neurons = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    order = np.argsort(ticks, kind="stable")
    return ticks[order], neurons[order], np.array([ticks.size])
