r"""Discretise time: seconds to ticks, time constants to 12-bit decays.

A chip computes :math:`u \leftarrow (1 - d_u/4096) u + W s` and :math:`v \leftarrow (1 - d_v/4096) v + u + b`
in every tick, and a spike needs a tick for every hop. `spikec.ir.discrete` gives this form for every neuron;
here its decays are rounded to what the chip stores, its gain moves into the weights (with a correction for
rounded decays, `spikec.passes.matched_gain`), and the hop's tick is taken off the delays.

What the hop's tick makes late, `spikec.passes.lateness` tells. A bias acts in a chip's first tick already,
which is a tick early. `Theta` and `QifExp` stay what they are, for the solution of a whole tick is at hand:
they begin in an earlier state, by as much as their input is late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isclose
from typing import ClassVar

import numpy as np

from spikec.arrays import FloatArray
from spikec.coding import LatencyEncoding, Readout
from spikec.errors import UsageError, Violation
from spikec.inputs import MOST_TICKS
from spikec.ir.connectivity import Delays
from spikec.ir.conventions import Comparison, Convention
from spikec.ir.discrete import Tick, tick_of
from spikec.ir.network import LOIHI, Continuous, Network, Population, Reset, Ticks, scaled_rows
from spikec.ir.neurons import CubaTicks, QifExp, Theta
from spikec.passes.backdate import backdated
from spikec.passes.lateness import late_input, late_ticks, mean_lateness, waits
from spikec.passes.matched_gain import matched_gain
from spikec.program import LogEntry, Program
from spikec.units import several

SHORTEST = 1 / 3
"""Of a tick: of a shorter time constant less than 5 % is left after a tick, and its course is gone."""

ROUNDING = 1e-12
"""Part of a threshold by which membranes that reach it may miss it."""

FINER = "use a finer --dt"

MOST = 64
"""Ticks of a sample where nobody says."""

PER_WINDOW = 64
"""Ticks of the inputs' window where nobody says and the answer is a first spike: with half as many, the
networks of `bench/yinyang.py` lose 3 to 4 points of accuracy, with these 1 to 2."""

LONGEST = 4096
"""Ticks of a sample that first spikes are given so: time constants on a chip are not longer."""


@dataclass(frozen=True)
class DiscretizeTime:
    """Put a float network on a chip's clock.

    Attributes:
        dt: Length of a tick, seconds. None: that of the network, or, if it is continuous, the shortest of
            window/2^k with which a sample takes no more than `max_ticks` of the network's own time: what hops
            make late comes on top.
        max_ticks: See `dt`. None: `MOST`, or, if the answer is a first spike, as many as give the inputs'
            window `PER_WINDOW` ticks.
    """

    dt: float | None = None
    max_ticks: int | None = None

    name: ClassVar[str] = "discretize-time"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        dt = self._tick(network)
        _check_length(network, dt, program.n_ticks)
        ticks = {p.name: _tick(p, network, dt) for p in network.populations if not _keeps_its_form(p)}
        matched = {
            n: _matched(t) if isinstance(network.clock, Continuous) else np.ones(()) for n, t in ticks.items()
        }
        shift = late_ticks(network, dt)
        late = mean_lateness(network, dt, shift)
        reach = _habits(network).comparison is Comparison.REACH
        on_chip = {
            name: replace(network.population(name), neuron=_on_chip(t, reach)) for name, t in ticks.items()
        }
        earlier, unreached = _early_states(network, dt, late_input(network, dt, shift))
        wait = waits(network, dt, shift)
        gains = {name: t.gain * matched[name] for name, t in ticks.items()}
        projections = {
            q.name: replace(
                scaled_rows(q, gains[q.post]) if q.post in ticks else q,
                delays=Delays(np.maximum(wait[q.name], 0.0) * dt, q.delays.kind),
            )
            for q in network.projections
        }
        n_ticks = program.n_ticks if network.encoding is None else _sample_length(network, dt, shift, late)
        figures: dict[str, object] = {"dt_s": dt, "n_ticks": n_ticks}
        for p in network.populations:
            if not p.is_source:
                if p.name in ticks:
                    figures[f"{p.name}.decay_error"] = _decay_error(ticks[p.name])
                    figures[f"{p.name}.matched_gain"] = float(np.max(np.abs(matched[p.name] - 1)))
                figures[f"{p.name}.late_ticks"] = shift[p.name]
        figures |= {f"{name}.too_late_ticks": -float(w.min()) for name, w in wait.items() if np.any(w < 0)}
        figures |= {f"{name}.earlier_state": "none: it would have spiked" for name in unreached}
        latest = several(max(shift.values(), default=0), "tick")
        summary = f"ticks of {dt:g} s; spikes arrive up to {latest} late, as hops take time"
        changed = replace(
            network.with_populations({**on_chip, **earlier}).with_projections(projections),
            clock=Ticks(dt, LOIHI),
        )
        entry = LogEntry(self.name, False, summary, figures)
        violations = (*program.violations, *_too_coarse(network, dt), *_broken_habits(network, ticks))
        return program.logged(entry, network=changed, n_ticks=n_ticks, violations=violations, late=late)

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
        most = _most_ticks(network) if self.max_ticks is None else self.max_ticks
        if duration / window + 1 > most:
            raise UsageError(
                f"a sample of {duration:g} s needs at least {int(np.ceil(duration / window)) + 1} ticks, but "
                f"{most} are allowed; allow more, or give --dt SECONDS"
            )
        per_window = 1
        while 2 * per_window * duration / window + 1 <= most:
            per_window *= 2
        return window / per_window


def _most_ticks(network: Network) -> int:
    """Most ticks of a sample of a continuous network, where nobody says."""
    encoding, decoding = network.encoding, network.decoding
    if not isinstance(encoding, LatencyEncoding) or decoding is None or decoding.readout is not Readout.FIRST:
        return MOST
    if _keeps_its_form(network.population(decoding.population)):
        return MOST
    wanted = int(np.ceil(PER_WINDOW * encoding.duration / encoding.window)) + 1
    return max(MOST, min(wanted, LONGEST))


def _check_length(network: Network, dt: float, n_ticks: int | None) -> None:
    """Refuse samples, and delays, of so many ticks that nothing could come of them but a full memory."""
    in_seconds = [q.delays.longest for q in network.projections if not q.delays.in_ticks]
    if network.encoding is not None:
        in_seconds.append(network.encoding.duration)
    longest = max(in_seconds, default=0.0)
    if not longest / dt <= MOST_TICKS:
        raise UsageError(
            f"{longest:g} s are {longest / dt:.3g} ticks of {dt:g} s, but {MOST_TICKS} are allowed; "
            "use a coarser --dt"
        )
    if n_ticks is not None and n_ticks > MOST_TICKS:
        raise UsageError(f"a sample of {n_ticks} ticks is too long; {MOST_TICKS} are allowed")


def _too_coarse(network: Network, dt: float) -> Iterator[Violation]:
    """What of a continuous network ticks are too long for; `Theta` and `QifExp` have limits of their own."""
    if not isinstance(network.clock, Continuous):
        return
    if network.encoding is not None and network.encoding.window < dt:
        got = f"{network.encoding.window:g} s, shorter than a tick"
        yield Violation(
            "window of the encoding", network.encoding.population, got, f"{dt:g} s or more", FINER
        )
    for p in network.populations:
        if _keeps_its_form(p):
            continue
        for name in ("tau_syn", "tau_mem", "tau"):
            shortest = float(np.min(np.asarray(getattr(p.neuron, name, np.inf))))
            if shortest < SHORTEST * dt:
                limit = f"a third of a tick, {SHORTEST * dt:g} s, or more"
                yield Violation(name, p.name, f"{shortest:g} s", limit, FINER)


def _keeps_its_form(p: Population) -> bool:
    return p.is_source or isinstance(p.neuron, Theta | QifExp)


def _early_states(
    network: Network, dt: float, late: Mapping[str, float]
) -> tuple[dict[str, Population], list[str]]:
    """`Theta` and `QifExp` with which tick 0 begins, and the populations that cannot begin early enough."""
    moved: dict[str, Population] = {}
    unreached = []
    for p in network.populations:
        if isinstance(p.neuron, Theta | QifExp):
            ticks = late[p.name] + 1 if isinstance(network.clock, Continuous) else late[p.name]
            neuron, there = backdated(p.neuron, ticks * dt)
            moved[p.name] = replace(p, neuron=neuron)
            unreached += [] if there else [p.name]
    return moved, unreached


def _sample_length(network: Network, dt: float, shift: Mapping[str, int], late: Mapping[str, float]) -> int:
    """Ticks until the answer is there, late as it may be.

    A membrane is read, and a spike that a tick's input causes is there, after that tick. The spikes of
    `Theta` and `QifExp` may come at any moment, and each population on the way makes them late by up to a
    tick: twice what is the mean. So none is lost, and some come that the exact network has no time for.

    Args:
        network: Before it is put on the chip's clock.
        dt: Length of a tick, seconds.
        shift: Whole ticks by which populations are late.
        late: Ticks by which spikes are late on average.
    """
    assert network.encoding is not None
    answers = network.outputs if network.decoding is None else (network.decoding.population,)
    pairs = {p.name for p in network.populations if isinstance(p.neuron, Theta | QifExp)}
    latest = [shift[n] + (int(np.ceil(2 * (late[n] - shift[n]))) if n in pairs else 0) for n in answers]
    return round(network.encoding.duration / dt) + 1 + max(latest, default=0)


def _tick(population: Population, network: Network, dt: float) -> Tick:
    return tick_of(population.neuron, dt, _habits(network))


def _habits(network: Network) -> Convention:
    """What the network does in a tick; a continuous one is integrated exactly, as a chip's."""
    return LOIHI if isinstance(network.clock, Continuous) else network.clock.convention


def _decays(tick: Tick) -> tuple[FloatArray, FloatArray]:
    """The nearest decays that exist: the current's in 1..4096, the membrane's in 0..4095."""
    decay_u = np.clip(np.rint(4096 * (1 - tick.alpha)), 1, 4096)
    decay_v = np.clip(np.rint(4096 * (1 - tick.beta)), 0, 4095)
    return decay_u, decay_v


def _matched(tick: Tick) -> FloatArray:
    return matched_gain(tick, *_decays(tick))


def _decay_error(tick: Tick) -> float:
    """The largest error of what is left after a tick, over current and membrane.

    As a share of it, or of the smallest part that a chip can leave.
    """
    pairs = zip(_decays(tick), (tick.alpha, tick.beta), strict=True)
    shares = (np.abs((1 - d / 4096) - left) / np.maximum(left, 1 / 4096) for d, left in pairs)
    return max(float(np.max(share)) for share in shares)


def _broken_habits(network: Network, ticks: Mapping[str, Tick]) -> Iterator[Violation]:
    """A chip's membranes fall as far as they must, spike once a tick, and are then set to zero.

    When they are set to zero does not matter: before the next tick it has the same effect as after this one.
    """
    habits = _habits(network)
    for name, tick in ticks.items():
        if not np.any(np.isfinite(tick.threshold)):
            continue
        if habits.clamp is not None:
            got = f"stops at {habits.clamp:g} times the threshold"
            advice = "train without a lowest membrane, or read the network with clamp=none"
            yield Violation("lowest membrane", name, got, "falls freely", advice)
        if tick.one_spike:
            continue
        if habits.multi_spike:
            advice = "train with one spike a tick, or read the network with multi_spike=no"
            yield Violation("spikes of a tick", name, "several", "1", advice)
        if network.reset is Reset.SUBTRACT:
            advice = "train with reset to zero, or read the network with a convention that resets to a value"
            yield Violation("reset", name, "subtraction of the threshold", "reset to rest", advice)
        elif np.any(tick.v_reset != 0):
            farthest = float(np.max(np.abs(tick.v_reset)))
            advice = "train with v_reset equal to v_leak"
            yield Violation("reset", name, f"{farthest:g} away from rest", "reset to rest", advice)


def _on_chip(tick: Tick, reach: bool) -> CubaTicks:
    """The chip's neuron; one that need only reach its threshold gets one that is lower by rounding."""
    decay_u, decay_v = _decays(tick)
    threshold = tick.threshold
    if reach:
        threshold = threshold * (1 - np.sign(threshold) * ROUNDING)
    return CubaTicks(
        decay_u=decay_u.astype(np.int64),
        decay_v=decay_v.astype(np.int64),
        threshold=threshold,
        bias=tick.bias,
        one_spike=tick.one_spike,
        current_bias=tick.current_bias,
    )
