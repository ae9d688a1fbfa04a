r"""Discretise time: seconds to ticks, time constants to 12-bit decays.

A chip computes :math:`u \leftarrow (1 - d_u/4096) u + W s` and :math:`v \leftarrow (1 - d_v/4096) v + u + b`
in every tick, and a spike needs a tick for every hop. `spikec.ir.discrete` gives this form for every neuron;
here its decays are rounded to what the chip stores, its gain moves into the weights, and the hop's tick is
taken off the delays.

**Where the hop's tick goes.** A neuron whose input moves the current (`Ramp`, `CubaLif`, `LiReadout`) reaches
at the end of a tick what the continuous one reaches a tick after its input: the hop is no delay at all, and
delays stay as they are. A neuron whose membrane jumps (`If`, `Lif`) does so at once, so the hop is a delay of
one tick; it is taken off where there is a delay to take it from. Elsewhere the whole population runs a tick
late, and what reaches it on other ways is delayed as much: its inputs still meet as they did. Only in a cycle
whose delays are shorter than its hops can they not. A bias acts in a chip's first tick already, which is a
tick early.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isclose
from typing import ClassVar

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError, Violation
from spikec.ir.connectivity import Delays
from spikec.ir.discrete import Tick, tick_of
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Reset, Ticks, scaled_rows
from spikec.ir.neurons import CubaTicks, If, Lif
from spikec.program import LogEntry, Program
from spikec.units import several


@dataclass(frozen=True)
class DiscretizeTime:
    """Put a float network on a chip's clock.

    Attributes:
        dt: Length of a tick, seconds. None: that of the network, or, if it is continuous, the shortest of
            window/2^k with which a sample takes no more than `max_ticks`, lateness left aside.
        max_ticks: See `dt`.
    """

    dt: float | None = None
    max_ticks: int = 64

    name: ClassVar[str] = "discretize-time"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        dt = self._tick(network)
        ticks = {p.name: _tick(p, network, dt) for p in network.populations if not p.is_source}
        shift = late_ticks(network, dt)
        populations = tuple(
            p if p.is_source else replace(p, neuron=_on_chip(ticks[p.name])) for p in network.populations
        )
        waits = _waits(network, dt, shift)
        projections = tuple(
            replace(
                scaled_rows(q, ticks[q.post].gain),
                delays=Delays(np.maximum(waits[q.name], 0.0) * dt, q.delays.kind),
            )
            for q in network.projections
        )
        n_ticks = program.n_ticks if network.encoding is None else _sample_length(network, dt, shift)
        figures: dict[str, object] = {"dt_s": dt, "n_ticks": n_ticks}
        for p in network.populations:
            if not p.is_source:
                figures[f"{p.name}.decay_error"] = _decay_error(ticks[p.name])
                figures[f"{p.name}.late_ticks"] = shift[p.name]
        figures |= {f"{name}.too_late_ticks": -float(w.min()) for name, w in waits.items() if np.any(w < 0)}
        latest = several(max(shift.values(), default=0), "tick")
        summary = f"ticks of {dt:g} s; spikes arrive up to {latest} late, as hops take time"
        changed = replace(network, populations=populations, projections=projections, clock=Ticks(dt, LOIHI))
        entry = LogEntry(self.name, False, summary, figures)
        violations = (*program.violations, *_broken_resets(network, ticks))
        return program.logged(entry, network=changed, n_ticks=n_ticks, violations=violations)

    def _tick(self, network: Network) -> float:
        if isinstance(network.clock, Ticks):
            if self.dt is not None and not isclose(self.dt, network.clock.dt, rel_tol=1e-9):
                raise UsageError(
                    f"the network has ticks of {network.clock.dt:g} s and cannot be put on {self.dt:g} s; "
                    "read it with the dt you want"
                )
            return network.clock.dt
        if self.dt is not None:
            if not 0 < self.dt < np.inf:
                raise UsageError(f"a tick of {self.dt:g} s is impossible; give a positive dt in seconds")
            return self.dt
        if network.encoding is None:
            raise UsageError("this continuous network does not say how fine its times are; give --dt SECONDS")
        window, duration = network.encoding.window, network.encoding.duration
        if duration / window + 1 > self.max_ticks:
            raise UsageError(
                f"a sample of {duration:g} s needs at least {int(np.ceil(duration / window)) + 1} ticks, but "
                f"{self.max_ticks} are allowed; allow more, or give --dt SECONDS"
            )
        per_window = 1
        while 2 * per_window * duration / window + 1 <= self.max_ticks:
            per_window *= 2
        return window / per_window


def _sample_length(network: Network, dt: float, shift: Mapping[str, int]) -> int:
    """Ticks until the answer is there, late as it may be."""
    assert network.encoding is not None
    answers = network.outputs if network.decoding is None else (network.decoding.population,)
    late = max((shift[name] for name in answers), default=0)
    return round(network.encoding.duration / dt) + 1 + late


def _tick(population: Population, network: Network, dt: float) -> Tick:
    convention = LOIHI if isinstance(network.clock, Continuous) else network.clock.convention
    return tick_of(population.neuron, dt, convention)


def _decays(tick: Tick) -> tuple[FloatArray, FloatArray]:
    """The nearest decays that exist: the current's in 1..4096, the membrane's in 0..4095."""
    decay_u = np.clip(np.rint(4096 * (1 - tick.alpha)), 1, 4096)
    decay_v = np.clip(np.rint(4096 * (1 - tick.beta)), 0, 4095)
    return decay_u, decay_v


def _decay_error(tick: Tick) -> float:
    """The largest error of what is left after a tick, as a share of it, over current and membrane."""
    pairs = zip(_decays(tick), (tick.alpha, tick.beta), strict=True)
    return max(float(np.max(np.abs((1 - d / 4096) - left))) for d, left in pairs)


def _broken_resets(network: Network, ticks: Mapping[str, Tick]) -> Iterator[Violation]:
    """A chip sets the membrane to zero after a spike, and to nothing else."""
    for name, tick in ticks.items():
        if tick.one_spike or not np.any(np.isfinite(tick.threshold)):
            continue
        if network.reset is Reset.SUBTRACT:
            advice = "train with reset to zero, or read the network with a convention that resets to a value"
            yield Violation("reset", name, "subtraction of the threshold", "reset to rest", advice)
        elif np.any(tick.v_reset != 0):
            farthest = float(np.max(np.abs(tick.v_reset)))
            advice = "train with v_reset equal to v_leak"
            yield Violation("reset", name, f"{farthest:g} away from rest", "reset to rest", advice)


def _on_chip(tick: Tick) -> CubaTicks:
    decay_u, decay_v = _decays(tick)
    return CubaTicks(
        decay_u=decay_u.astype(np.int64),
        decay_v=decay_v.astype(np.int64),
        threshold=tick.threshold,
        bias=tick.bias,
        one_spike=tick.one_spike,
        current_bias=tick.current_bias,
    )


def late_ticks(network: Network, dt: float) -> dict[str, int]:
    """By how many ticks each population runs late on a chip, at least, if all its inputs are to meet.

    Every hop takes a tick. Where the network itself takes none and has no delay to spare, the hop makes what
    follows late; longer delays on the way make it up again.
    """
    own = _own_ticks(network)
    late = {
        q.name: 1 - own[q.name] - int(np.rint(_delay_ticks(q, network, dt).min()))
        for q in network.projections
        if q.connectivity.n_synapses
    }
    shift = {p.name: 0 for p in network.populations}
    for _ in network.populations:  # the longest path; a cycle that cannot be kept in time is given up
        for q in network.projections:
            if q.name in late:
                shift[q.post] = max(shift[q.post], shift[q.pre] + late[q.name])
    return shift


def _own_ticks(network: Network) -> dict[str, int]:
    """Ticks that the network itself lets pass on each projection of delay 0, as the chip counts them."""
    if isinstance(network.clock, Continuous):
        jumps = {p.name for p in network.populations if isinstance(p.neuron, If | Lif)}
        return {q.name: int(q.post not in jumps) for q in network.projections}
    hop = network.clock.convention.hop_delay
    component = {name: k for k, names in enumerate(network.components()) for name in names}
    return {q.name: max(hop, int(component[q.pre] == component[q.post])) for q in network.projections}


def _delay_ticks(q: Projection, network: Network, dt: float) -> FloatArray:
    """A projection's delays in ticks: whole ones, unless the network is continuous."""
    if q.delays.in_ticks:
        return q.delays.values.astype(np.float64)
    ticks = q.delays.values / dt
    return ticks if isinstance(network.clock, Continuous) else np.rint(ticks)


def _waits(network: Network, dt: float, shift: Mapping[str, int]) -> dict[str, FloatArray]:
    """Delays in ticks, less the chip's own for the hop, more what the far end runs later than the near.

    Where they fall below 0, spikes arrive too late by as much.
    """
    own = _own_ticks(network)
    return {
        q.name: _delay_ticks(q, network, dt) - (1 - own[q.name]) + shift[q.post] - shift[q.pre]
        for q in network.projections
    }
