r"""Discretise time: seconds to ticks, time constants to 12-bit decays.

A chip computes :math:`u \leftarrow (1 - d_u/4096) u + W s` and :math:`v \leftarrow (1 - d_v/4096) v + u + b`
in every tick, and a spike needs a tick for every hop. `spikec.ir.discrete` gives this form for every neuron;
here its decays are rounded to what the chip stores, its gain moves into the weights, and the hop's tick is
taken off the delays.

**Where the hop's tick goes.** A neuron whose input moves the current (`Ramp`, `CubaLif`, `LiReadout`) reaches
at the end of a tick what the continuous one reaches a tick after its input: the hop is no delay at all, and
delays stay as they are. A neuron whose membrane jumps (`If`, `Lif`) does so at once, so the hop is a delay of
one tick; it is taken off where there is a delay to take it from, and is a shift of one tick elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
        dt: Length of a tick, seconds. None: that of the network, or, if it is continuous, the longest of
            window/2^k with which a sample takes no more than `max_ticks`.
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
        late = {q.name: _lateness(q, network, dt) for q in network.projections}
        populations = tuple(
            p if p.is_source else replace(p, neuron=_on_chip(ticks[p.name])) for p in network.populations
        )
        projections = tuple(
            _scaled(q, ticks[q.post].gain, _own_ticks(q, network), dt) for q in network.projections
        )
        shift = _total_lateness(network, late)
        n_ticks = program.n_ticks
        if network.encoding is not None:
            n_ticks = round(network.encoding.duration / dt) + 1 + max(shift.values(), default=0)
        figures: dict[str, object] = {"dt_s": dt, "n_ticks": n_ticks}
        for p in network.populations:
            if not p.is_source:
                figures[f"{p.name}.decay_error"] = _decay_error(ticks[p.name])
                figures[f"{p.name}.late_ticks"] = shift[p.name]
        latest = several(max(shift.values(), default=0), "tick")
        summary = f"ticks of {dt:g} s; spikes arrive up to {latest} late, as hops take time"
        changed = replace(network, populations=populations, projections=projections, clock=Ticks(dt, LOIHI))
        entry = LogEntry(self.name, False, summary, figures)
        violations = (*program.violations, *_broken_resets(network, ticks))
        return program.logged(entry, network=changed, n_ticks=n_ticks, violations=violations)

    def _tick(self, network: Network) -> float:
        if isinstance(network.clock, Ticks):
            if self.dt is not None and not np.isclose(self.dt, network.clock.dt, rtol=1e-9):
                raise UsageError(
                    f"the network has ticks of {network.clock.dt:g} s and cannot be put on {self.dt:g} s; "
                    "read it with the dt you want"
                )
            return network.clock.dt
        if self.dt is not None:
            return self.dt
        if network.encoding is None:
            raise UsageError("this continuous network does not say how fine its times are; give --dt SECONDS")
        window, duration = network.encoding.window, network.encoding.duration
        per_window = 1
        while 2 * per_window * duration / window + 1 <= self.max_ticks:
            per_window *= 2
        return window / per_window


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
    clock = network.clock
    reset = clock.reset if isinstance(clock, Continuous) else clock.convention.reset
    for name, tick in ticks.items():
        if not np.any(np.isfinite(tick.threshold)):
            continue
        if reset is Reset.SUBTRACT:
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


def _own_ticks(q: Projection, network: Network) -> int:
    """Ticks that the network itself lets pass on a projection of delay 0, as the chip counts them."""
    if isinstance(network.clock, Continuous):
        return 0 if isinstance(network.population(q.post).neuron, If | Lif) else 1
    closes_cycle = any(q.pre in c and q.post in c for c in network.components())
    return max(network.clock.convention.hop_delay, int(closes_cycle))


def _lateness(q: Projection, network: Network, dt: float) -> int:
    """Ticks by which the chip's hop delays a projection beyond what its delays can give back."""
    shortest = float(q.delays.values.min()) if q.delays.values.size else 0.0
    return max(0, 1 - _own_ticks(q, network) - int(np.rint(shortest / dt)))


def _scaled(q: Projection, gain: FloatArray, own_ticks: int, dt: float) -> Projection:
    """Weights times the gain of the neuron they reach; delays less what the hop already takes."""
    delays = Delays(np.maximum(q.delays.values - (1 - own_ticks) * dt, 0.0), q.delays.kind)
    return replace(scaled_rows(q, gain), delays=delays)


def _total_lateness(network: Network, late: Mapping[str, int]) -> dict[str, int]:
    """For each population the latest tick shift along any path from an input; cycles are gone round once."""
    total = {p.name: 0 for p in network.populations}
    for component in network.components():
        for name in component:
            arriving = [total[q.pre] + late[q.name] for q in network.incoming(name) if q.pre not in component]
            total[name] = max(arriving, default=0)
        for name in component if len(component) > 1 else ():
            total[name] = max(total[m] for m in component)
    return total
