r"""A whole network in one Lava process: the fastest legal way to run it in Lava.

Samples are taken in batches of rows, so a step costs Lava's bookkeeping once for the whole batch. Everything
is in integers. With :math:`M = 2^{23}`, in tick :math:`k`, for each population, then for each projection:

.. math:: u &\leftarrow wrap(\lfloor u (4095 - d_u) / 4096 \rceil_0 + 2^6 a_k) \\
          v &\leftarrow clip(\lfloor v (4096 - d_v) / 4096 \rceil_0 + u + b,\; -M + 1,\; M - 1) \\
          s &= v > 2^6 \vartheta, \qquad v[s] \leftarrow 0, \qquad
          a_{k + 1 + d} \leftarrow a_{k + 1 + d} + \lfloor 2^e \textstyle\sum_i W_{ji}^{(d)} s_i \rfloor

where :math:`\lfloor \cdot \rceil_0` cuts off toward zero, :math:`W^{(d)}` are the synapses with delay
:math:`d`, sums are kept to 32 bits, and :math:`wrap` turns u by :math:`2M` at most once. This is what Lava's
``LIF`` and ``Dense`` compute (lava-nc 0.10.0, ``proc/lif/models.py``, ``proc/dense/models.py``).
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

Array = npt.NDArray[Any]

M = 1 << 23
DENSE_ENOUGH = 0.1
"""Share of stored synapses above which a matrix is multiplied as a dense one."""


class FusedNetwork(AbstractProcess):
    """A network and all the spikes it is given.

    Args:
        populations: For each population its name, size and, but for inputs, the parameters of ``LIF``.
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
        self.sizes = {name: n for name, n, _ in proc_params["populations"]}
        self.neurons = {name: _Neurons(n, p) for name, n, p in proc_params["populations"] if p is not None}
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
        spiking = {name: raster[tick] for name, raster in self.given.items()}
        for name, group in self.neurons.items():
            spiking[name] = group.update(tick)
            row, neuron = np.nonzero(spiking[name])
            self.written[name].append(np.stack([row + first, np.full(row.size, tick), neuron]))
        for name, kept in self.traces.items():
            kept[-1][:, tick] = self.neurons[name].v
        for s in self.synapses:
            s.send(spiking[s.pre], tick, self.neurons[s.post].arriving)
        if tick == self.n_ticks - 1:
            for name, group in self.neurons.items():
                self.last[name].append(group.v)
        if self.time_step == self.n_steps:
            self._write()

    def _begin(self, first: int, rows: int) -> None:
        """Put everything at rest and lay out the input of the next samples, tick by tick."""
        self.given = {}
        for name, (samples, ticks, neurons) in self.spikes.items():
            a, b = np.searchsorted(samples, [first, first + rows])
            raster = np.zeros((self.n_ticks, rows, self.sizes[name]), np.bool_)
            raster[ticks[a:b], samples[a:b] - first, neurons[a:b]] = True
            self.given[name] = raster
        for name, group in self.neurons.items():
            longest = max((s.longest for s in self.synapses if s.post == name), default=0)
            group.rest(rows, longest)
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


class _Neurons:
    """State of one population, a row a sample, and what is on its way to it."""

    def __init__(self, n: int, parameters: Mapping[str, int | Array]) -> None:
        self.n = n
        du, dv, vth, mantissa, exponent = (
            np.asarray(parameters[k], np.int64) for k in ("du", "dv", "vth", "bias_mant", "bias_exp")
        )
        self.keep_u, self.keep_v, self.threshold = 4095 - du, 4096 - dv, vth * 64
        self.bias = np.where(exponent < 0, mantissa >> abs(exponent), mantissa << abs(exponent))

    def rest(self, rows: int, longest: int) -> None:
        """Begin new samples; spikes may be up to `longest` + 1 ticks on their way."""
        self.u = np.zeros((rows, self.n), np.int64)
        self.v = np.zeros((rows, self.n), np.int64)
        self.arriving = np.zeros((longest + 1, rows, self.n), np.int64)

    def update(self, tick: int) -> Array:
        """Take what arrives in this tick and tell who spikes."""
        due = self.arriving[tick % len(self.arriving)]
        u = _low32(_shrink(self.u * self.keep_u) + due * 64)
        due[...] = 0
        turned = u - 2 * M * (u > M)
        self.u = np.where(turned <= -M, u + 2 * M, turned)
        v = np.clip(_low32(_shrink(self.v * self.keep_v) + self.u + self.bias), 1 - M, M - 1)
        spiking: Array = v > self.threshold
        self.v = v * ~spiking
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
        touched = self.touched[:, neuron]
        touched[2] = touched[2] > 0
        self.counts += touched.sum(axis=1)
        starts = np.searchsorted(row, np.arange(len(spiking) + 1))
        events = csr_matrix((np.ones(row.size, np.int32), neuron, starts), spiking.shape)
        sums = events @ self.fan
        sums = np.asarray(sums.toarray() if isinstance(self.fan, csr_matrix) else sums, np.int64)
        sums = sums << self.exponent if self.exponent >= 0 else sums >> -self.exponent
        for k, delay in enumerate(self.delays):
            block = sums[:, k * self.n_post : (k + 1) * self.n_post]
            arriving[(tick + 1 + delay) % len(arriving)] += block


def _shrink(product: Array) -> Array:
    """A product divided by 4096, cut off toward zero."""
    shrunk: Array = (product + 4095 * (product < 0)) >> 12
    return shrunk


def _low32(x: Array) -> Array:
    """What 32 bits keep of a sum."""
    return x.astype(np.int32).astype(np.int64)
