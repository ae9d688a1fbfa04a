r"""Readouts in integers whose membrane at the end is linear in their weights, and what it is linear in.

A spike of tick k that waits d more ticks reaches a readout in tick k + 1 + d. Of a weight of one, shifted
left by six as the chip does, :math:`64\,\kappa(m)` is left in the membrane m ticks later, with the kernel
:math:`\kappa` of `spikec.ir.kernels`; a bias of one leaves :math:`\sum_k b^k`. What rounding toward zero
takes off each tick is not known to this formula: it is less than one in a membrane of 24 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.coding import Readout
from spikec.events import Events
from spikec.ir.bounds import M, current_bound
from spikec.ir.connectivity import DelayKind, Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.kernels import membrane_kernel
from spikec.ir.network import Population, Projection
from spikec.passes.replay import Replay
from spikec.program import Program


@dataclass(frozen=True, eq=False)
class LinearReadout:
    """A readout in integers and the projections that reach it.

    Attributes:
        population: Its neurons, all with the same decays.
        projections: Dense ones, each with one delay for all synapses of a presynaptic neuron.
        n_ticks: When it is read.
    """

    population: Population
    projections: tuple[Projection, ...]
    n_ticks: int

    @property
    def n_features(self) -> int:
        """Presynaptic neurons of all projections."""
        return sum(q.connectivity.n_pre for q in self.projections)

    @property
    def left(self) -> tuple[float, float]:
        """What a tick leaves of current and membrane."""
        k = self.population.neuron
        assert isinstance(k, CubaFixed)
        return 1 - (_only(k.du) + 1) / 4096, 1 - _only(k.dv) / 4096

    @property
    def bias_gain(self) -> float:
        """What a bias of one comes to in the membrane."""
        return float(np.sum(self.left[1] ** np.arange(self.n_ticks)))

    def features(self, spikes: dict[str, Events], first: int, last: int) -> FloatArray:
        """What a weight of one leaves of each presynaptic neuron's spikes, ``(last - first, n_features)``.

        Args:
            spikes: Of each population, ticks.
            first: The first sample.
            last: The sample after the last.
        """
        left = 64 * membrane_kernel(*self.left, self.n_ticks).left
        blocks = []
        for q in self.projections:
            e = spikes[q.pre].select(first, last)
            wait = np.broadcast_to(q.delays.values, (q.connectivity.n_pre,)).astype(np.int64)
            since = self.n_ticks - 2 - e.times - wait[e.neurons]
            arrived = since >= 0
            place = (e.sample_of_event() * e.n_neurons + e.neurons)[arrived]
            size = (last - first) * e.n_neurons
            summed = np.bincount(place, weights=left[since[arrived]], minlength=size)
            blocks.append(summed.reshape(last - first, e.n_neurons))
        return np.hstack(blocks)

    def formats(self) -> tuple[FixedFormat, ...]:
        """The format of each projection's weights."""
        return tuple(_fixed(q).format for q in self.projections)

    def with_values(
        self, formats: tuple[FixedFormat, ...], values: FloatArray, bias: IntArray, exponent: int
    ) -> LinearReadout:
        """The readout with other weights and biases.

        Args:
            formats: Of each projection's weights.
            values: The weights, in units of the weight bit; each exists in its format, ``(n_features, n)``.
            bias: Bias mantissas, ``(n,)``.
            exponent: Their exponent.
        """
        changed, start = [], 0
        for q, form in zip(self.projections, formats, strict=True):
            rows = values[start : start + q.connectivity.n_pre]
            start += len(rows)
            mantissa = np.rint(rows.T / 2.0**form.exponent).astype(np.int64)
            changed.append(replace(q, connectivity=Dense(Fixed(mantissa, form))))
        assert isinstance(self.population.neuron, CubaFixed)
        neuron = replace(self.population.neuron, bias_mant=bias, bias_exp=exponent)
        return replace(self, population=replace(self.population, neuron=neuron), projections=tuple(changed))

    def placed(self, program: Program) -> Program:
        """The program with this readout in the place of its own."""
        network = program.network.with_populations({self.population.name: self.population})
        return replace(program, network=network.with_projections({q.name: q for q in self.projections}))

    def holds(self, program: Program) -> bool:
        """Whether, in a program that has it, nothing can wrap or saturate, whatever spikes."""
        k = self.population.neuron
        assert isinstance(k, CubaFixed)
        share = current_bound(program.network, self.population, program.n_ticks).share
        bias = float(np.max(np.abs(np.ldexp(np.asarray(k.bias_mant, np.float64), np.asarray(k.bias_exp)))))
        return share < 1 and (share * M + bias) * self.bias_gain < M


def linear_readout(program: Program, replayed: Replay) -> LinearReadout | str:
    """The readout of a program, or in a few words why it is not linear in its weights."""
    network, decoding = program.network, program.network.decoding
    if decoding is None:
        return "the network does not say how its answer is read"
    if decoding.readout is not Readout.MEMBRANE:
        what = {Readout.FIRST: "a first spike", Readout.COUNT: "a count of spikes"}
        return f"the answer is {what.get(decoding.readout, 'the maximum of a membrane')}, not a membrane"
    if network.population(decoding.population).n < 2:
        return f"{decoding.population} has one neuron, so there is one answer"
    if program.n_ticks is None:
        return "the length of a sample is not known; give --ticks"
    if decoding.population in program.shards:
        return f"{decoding.population} is split into parts"
    p = network.population(decoding.population)
    if not isinstance(p.neuron, CubaFixed) or replayed.spikes[p.name].n_events:
        return f"neurons of {p.name} spike"
    if any(np.unique(np.asarray(d)).size > 1 for d in (p.neuron.du, p.neuron.dv)):
        return f"neurons of {p.name} have different decays"
    incoming = network.incoming(p.name)
    if not all(isinstance(q.connectivity, Dense) for q in incoming):
        return f"{p.name} is not reached by every neuron"
    read = {q.pre: replayed.spikes.get(q.pre) for q in incoming}
    split = [name for name, e in read.items() if e is None or e.n_neurons != network.population(name).n]
    if split:
        return f"{split[0]}, which it reads, is split into parts"
    if any(q.delays.kind not in (DelayKind.UNIFORM, DelayKind.AXONAL) for q in incoming):
        return f"synapses of one neuron wait differently for {p.name}"
    return LinearReadout(p, incoming, program.n_ticks)


def _fixed(q: Projection) -> Fixed:
    assert isinstance(q.connectivity.weights, Fixed)
    return q.connectivity.weights


def _only(values: object) -> float:
    return float(np.asarray(values).ravel()[0])
