r"""Spiking fields in a chip's integers: the readout is solved again, for what integers really do.

On Loihi a current leaks by 1/4096 a tick even where it should stay, so a ramp bends. With
:math:`\tau = 4096` ticks, V and u of a neuron keep :math:`V + \tau u` once its inputs and clock have spiked,
whatever spiked when; slopes add up to 1, so with V(T) at the clock's tick

.. math:: t - T = \tau \ln \frac{\tau - V(T)}{\tau - \vartheta}, \qquad
          V(T) = \sum_i w_i\, \tau\,(1 - e^{-e_i / \tau})

but for rounding, which makes the leak larger still. So a neuron still tells states apart by one spike time,
only by another function of the state than it was made for: with a window of 256 ticks spikes come 17 ticks
late on average. A readout made for ramps then misses by half of what it says; one that is solved for the
spikes as they come does not.

* **Few bits.** All weights together, at the worst moment, must not drive a membrane beyond 24 bits, which
  with long windows leaves mantissas up to 14. So they are not rounded one by one, but with regard to each
  other (`spikec.passes.grid_fit`).
* **The readout's own leak** is rounded toward zero: a current below 4096 loses one unit a tick, whatever its
  size. No formula knows when a current changes its sign; so what a first readout says too much is taken off
  what a second one is asked to say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikec.arrays import FloatArray
from spikec.backend import Backend, run
from spikec.errors import TargetError, UsageError
from spikec.inputs import encode_samples
from spikec.ir.bounds import M, current_bound, membrane_bound
from spikec.ir.connectivity import Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.passes.grid_fit import Grid, fitted
from spikec.passes.linear_readout import LinearReadout
from spikec.passes.moments import moments
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import LogEntry, Program
from spikec.targets.rules import check_all
from spikec.targets.target import Target
from spikec_train.ramp_network import HIDDEN, READOUT
from spikec_train.readout import LinearReadout as LinearFit
from spikec_train.readout import fit_readout
from spikec_train.sampled_field import FittedField, encoded

_TRIES, _ROOM = 12, 0.99
"""How often a scale that is too large is made smaller, and how near to the largest it then goes."""

_ROUNDS = 2
"""Readouts that are solved for; with a third the error was the same."""


@dataclass(frozen=True, eq=False)
class CompiledField:
    """A field in integers and what runs it.

    Attributes:
        program: The network.
        backend: What runs it.
        reach: As of `FittedField`.
    """

    program: Program
    backend: Backend
    reach: FloatArray

    def velocities(self, states: FloatArray) -> FloatArray:
        """dx/dt of states, ``(n, d)``."""
        inputs, name = encode_samples(self.program.network, encoded(states, self.reach)), f"{READOUT}.v"
        found = run(self.backend, self.program, inputs, int(self.program.n_ticks or 0), (name,))
        velocities: FloatArray = found.traces[name][:, -1] / self.program.scales[READOUT]
        return velocities


def compile_field(field: FittedField, target: Target, ticks: int, backend: Backend) -> CompiledField:
    """Compile a field as any network is, its readout made for spikes without a leak.

    Args:
        field: The field.
        target: The chip.
        ticks: Of the window T.
        backend: What runs it.

    Raises:
        TargetError: Limits of the chip are broken.
    """
    options = CompileOptions(dt=field.layer.window / ticks, max_ticks=4 * ticks)
    return CompiledField(compile_network(field.network, target, options), backend, field.reach)


def refit_field(
    compiled: CompiledField, states: FloatArray, velocities: FloatArray, penalties: tuple[float, ...]
) -> CompiledField:
    """Solve a compiled field's readout for the spikes that its integers give.

    Args:
        compiled: The field.
        states: To learn from, ``(n, d)``.
        velocities: dx/dt of each, ``(n, d)``.
        penalties: As of `SampledField`.

    Raises:
        UsageError: No hidden neuron spikes, or the readout fits at no scale.
        TargetError: Limits of the chip are broken.
    """
    program = compiled.program
    n_ticks = int(program.n_ticks or 0)
    inputs = encode_samples(program.network, encoded(states, compiled.reach))
    spikes = run(compiled.backend, program, inputs, n_ticks).spikes
    readout = _empty_readout(program, n_ticks)
    features = readout.features(dict(spikes), 0, len(states)).astype(np.float64)
    targets, found = velocities, compiled
    for _ in range(_ROUNDS):
        fit = fit_readout(features, targets, penalties)
        solved = _largest(program, readout, features, targets, fit)
        found = replace(compiled, program=solved.placed(program, fit.penalty))
        targets = velocities + solved.meant(features) - found.velocities(states)
    violations = check_all(found.program)
    if violations:
        raise TargetError(program.target.name, violations)
    return found


@dataclass(frozen=True, eq=False)
class _Solved:
    """A readout in integers.

    Attributes:
        readout: It.
        values: Its weights, in units of the weight bit, ``(m, d)``.
        bias: ``(d,)``.
        scale: Membrane units to a velocity of 1, ``(d,)``.
    """

    readout: LinearReadout
    values: FloatArray
    bias: FloatArray
    scale: FloatArray

    def meant(self, features: FloatArray) -> FloatArray:
        """What it would say if nothing were rounded on the way, ``(n, d)``."""
        said: FloatArray = (features @ self.values + self.bias * self.readout.bias_gain) / self.scale
        return said

    def placed(self, program: Program, penalty: float) -> Program:
        """The program with it."""
        entry = LogEntry("refit-field", False, "readout solved again", {"penalty": penalty})
        scales = {**program.scales, READOUT: self.scale}
        return self.readout.placed(program).logged(entry, scales=scales)


def _empty_readout(program: Program, n_ticks: int) -> LinearReadout:
    """The readout as it is, but for weights, of which compiling may have left some out."""
    network = program.network
    population, hidden = network.population(READOUT), network.population(HIDDEN)
    (projection,) = network.incoming(READOUT)
    none = Dense(Fixed(np.zeros((population.n, hidden.n), np.int64)))
    return LinearReadout(population, (replace(projection, connectivity=none),), n_ticks)


def _largest(
    program: Program, empty: LinearReadout, features: FloatArray, targets: FloatArray, fit: LinearFit
) -> _Solved:
    """The readout at the largest scale at which nothing can wrap or stop."""
    sums = moments([(features, targets)], *fit.weights.shape)
    squares, _ = sums.centred()
    squares[np.diag_indices_from(squares)] += fit.penalty * np.trace(squares) / len(squares)
    form = FixedFormat(exponent=-1)
    unit = np.full(len(squares), form.step * 2.0**form.exponent)
    grid = Grid(unit, unit * (form.minimum // form.step), unit * (form.maximum // form.step))
    scale = form.maximum * 2.0**form.exponent / np.abs(fit.weights).max(axis=0)
    for _ in range(_TRIES):
        values = fitted(squares, fit.weights * scale, grid)
        intercept = (scale * sums.y - sums.f @ values) / sums.n
        bias = np.rint(intercept / empty.bias_gain)
        readout = empty.with_values((form,), values, bias.astype(np.int64), 0)
        share = _share(readout.placed(program), readout, program.n_ticks)
        if np.all(share < 1.0):
            return _Solved(readout, values, bias, scale)
        scale = np.where(share < 1.0, scale, scale * _ROOM / share)
    raise UsageError(
        f"the readout of {len(squares)} neurons fits 24 bits at no scale; use fewer neurons or ticks"
    )


def _share(program: Program, readout: LinearReadout, n_ticks: int | None) -> FloatArray:
    """How far currents and membranes can go, against where they wrap, or stop or spike, ``(d,)``."""
    network, population = program.network, readout.population
    assert isinstance(population.neuron, CubaFixed)
    current = current_bound(network, population, n_ticks)
    membrane = membrane_bound(network, population, n_ticks)
    silent = np.asarray(population.neuron.vth) * 64.0
    ways = (current.highest / M, -current.lowest / M, membrane.highest / silent, -membrane.lowest / (M - 1))
    share: FloatArray = np.max(np.stack([np.broadcast_to(w, population.n) for w in ways]), axis=0)
    return share
