r"""A whole network in one Lava process: the fastest legal way to run it in Lava.

Samples are taken in batches of rows, so a step costs Lava's bookkeeping once for the whole batch. Everything
is in integers. In tick :math:`k` each population takes the sums :math:`x_k` that arrive and says which of its
neurons spike, :math:`s` (`spikec_lava.deployed.neurons`); then for each projection

.. math:: x_{k + 1 + d} \leftarrow x_{k + 1 + d} + \lfloor 2^e \textstyle\sum_i W_{ji}^{(d)} s_i \rfloor

where :math:`W^{(d)}` are the synapses with delay :math:`d`. This is what Lava's ``Dense`` computes (lava-nc
0.10.0, ``proc/dense/models.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from scipy.sparse import csr_matrix

from spikec_lava.deployed.neurons import NEURONS, Neurons

Array = npt.NDArray[Any]

DENSE_ENOUGH = 0.1
"""Share of stored synapses above which a matrix is multiplied as a dense one."""


class FusedNetwork(AbstractProcess):
    """A network and all the spikes it is given.

    Args:
        populations: For each population its name, size, type of neuron (None for inputs) and parameters.
        projections: For each projection name, pre, post, exponent and, one value a synapse, pres, posts,
            weights and delays.
        spikes: For each input three arrays (sample, tick, neuron), ordered by sample.
        n_samples: Samples.
        n_ticks: Ticks of each sample.
        batch: Samples that run side by side.
        record: Populations whose membrane is wanted in every tick.
        out: An open file; the last step writes an ``.npz`` to it.
    """

    def __init__(self, **job: Any) -> None:
        super().__init__(**job)
        self.unused = OutPort(shape=(1,))


@implements(proc=FusedNetwork, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyFusedNetwork(PyLoihiProcessModel):
    """`FusedNetwork` on the CPU: one step is one tick of one batch."""

    unused: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        job = {name: proc_params[name] for name in ("n_samples", "n_ticks", "batch", "out")}
        self.n_samples, self.n_ticks, self.batch, self.out = job.values()
        self.n_steps = -(-self.n_samples // self.batch) * self.n_ticks
        self.spikes: Mapping[str, tuple[Array, Array, Array]] = proc_params["spikes"]
        self.sizes = {name: n for name, n, _, _ in proc_params["populations"]}
        self.neurons = {
            name: _Population(n, NEURONS[kind](n, parameters))
            for name, n, kind, parameters in proc_params["populations"]
            if kind is not None
        }
        self.synapses = [_Synapses(**q) for q in proc_params["projections"]]
        self.written: dict[str, list[Array]] = {name: [] for name in self.neurons}
        self.traces: dict[str, list[Array]] = {name: [] for name in proc_params["record"]}
        self.last: dict[str, list[Array]] = {name: [] for name in self.neurons}

    def run_spk(self) -> None:
        """Run one tick of one batch of samples."""
        batch, tick = divmod(self.time_step - 1, self.n_ticks)
        first = batch * self.batch
        rows = min(self.batch, self.n_samples - first)
        if tick == 0:
            self._begin(first, rows)
        spiking = {name: counts[tick] for name, counts in self.given.items()}
        for name, group in self.neurons.items():
            spiking[name] = group.update(tick)
            row, neuron = np.nonzero(spiking[name])
            self.written[name].append(np.stack([row + first, np.full(row.size, tick), neuron]))
        for name, kept in self.traces.items():
            kept[-1][:, tick] = self.neurons[name].membrane
        for s in self.synapses:
            s.send(spiking[s.pre], tick, self.neurons[s.post].arriving)
        if tick == self.n_ticks - 1:
            for name, group in self.neurons.items():
                self.last[name].append(group.membrane)
        if self.time_step == self.n_steps:
            self._write()

    def _begin(self, first: int, rows: int) -> None:
        """Put everything at its beginning and lay out the input of the next samples, tick by tick."""
        self.given = {}
        for name, (samples, ticks, neurons) in self.spikes.items():
            a, b = np.searchsorted(samples, [first, first + rows])
            counts = np.zeros((self.n_ticks, rows, self.sizes[name]), np.uint8)
            np.add.at(counts, (ticks[a:b], samples[a:b] - first, neurons[a:b]), 1)
            self.given[name] = counts
        for name, group in self.neurons.items():
            longest = max((s.longest for s in self.synapses if s.post == name), default=0)
            group.begin(rows, longest)
        for name, kept in self.traces.items():
            kept.append(np.zeros((rows, self.n_ticks, self.neurons[name].n), np.int64))

    def _write(self) -> None:
        arrays: dict[str, Any] = {
            f"spikes.{name}": np.concatenate(parts, axis=1) for name, parts in self.written.items()
        }
        arrays |= {f"last.{name}": np.concatenate(parts) for name, parts in self.last.items()}
        arrays |= {f"trace.{name}": np.concatenate(parts) for name, parts in self.traces.items()}
        arrays |= {f"counts.{s.name}": s.counts for s in self.synapses}
        np.savez(self.out, **arrays)
        self.out.flush()


class _Population:
    """Neurons, and what is on its way to them."""

    def __init__(self, n: int, neurons: Neurons) -> None:
        self.n, self.neurons = n, neurons

    @property
    def membrane(self) -> Array:
        """The membrane of each neuron, a row a sample."""
        return self.neurons.membrane

    def begin(self, rows: int, longest: int) -> None:
        """Begin new samples; spikes may be up to `longest` + 1 ticks on their way."""
        self.neurons.begin(rows)
        self.arriving = np.zeros((longest + 1, rows, self.n), np.int64)

    def update(self, tick: int) -> Array:
        """Take what arrives in this tick and tell who spikes."""
        due = self.arriving[tick % len(self.arriving)]
        spiking = self.neurons.update(due)
        due[...] = 0
        return spiking


class _Synapses:
    """The synapses of one projection: a row a presynaptic neuron, a block of columns a delay."""

    def __init__(
        self,
        name: str,
        pre: str,
        post: str,
        shape: tuple[int, int],
        exponent: int,
        pres: Array,
        posts: Array,
        weights: Array,
        delays: Array,
    ) -> None:
        self.name, self.pre, self.post, self.exponent = name, pre, post, exponent
        self.n_post, n_pre = shape
        self.delays: Sequence[int] = np.unique(delays).tolist()
        self.longest = max(self.delays, default=0)
        columns = np.searchsorted(self.delays, delays) * self.n_post + posts
        width = self.n_post * len(self.delays)
        fan = csr_matrix((weights.astype(np.int32), (pres, columns)), (n_pre, width))
        self.fan = fan.toarray() if weights.size > DENSE_ENOUGH * n_pre * width else fan
        kinds = (weights != 0, weights == 0, np.ones(weights.size, np.bool_), (weights != 0) & (delays > 0))
        self.touched = np.stack([np.bincount(pres[kind], minlength=n_pre) for kind in kinds])
        self.counts = np.zeros(4, np.int64)

    def send(self, spiking: Array, tick: int, arriving: Array) -> None:
        """Take the spikes of this tick, count the synapses they touch, and put their sums on the way."""
        row, neuron = np.nonzero(spiking)
        if row.size == 0 or not self.delays:
            return
        often = spiking[row, neuron].astype(np.int32)
        touched = self.touched[:, neuron]
        touched[2] = touched[2] > 0
        self.counts += touched @ often
        starts = np.searchsorted(row, np.arange(len(spiking) + 1))
        events = csr_matrix((often, neuron, starts), spiking.shape)
        sums = events @ self.fan
        sums = np.asarray(sums.toarray() if isinstance(self.fan, csr_matrix) else sums, np.int64)
        sums = sums << self.exponent if self.exponent >= 0 else sums >> -self.exponent
        for k, delay in enumerate(self.delays):
            block = sums[:, k * self.n_post : (k + 1) * self.n_post]
            arriving[(tick + 1 + delay) % len(arriving)] += block
