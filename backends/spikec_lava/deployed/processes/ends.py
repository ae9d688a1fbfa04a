"""Where spikes enter a stock network and where they are collected.

Neither sends its data through Lava's slow host channel: the source inherits its spikes when Lava forks, the
sink writes into memory that the parent shares.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Source(AbstractProcess):
    """Sends given spikes.

    Args:
        starts: Where the spikes of each step begin in `neurons`, ``(n_steps + 1,)``.
        neurons: Neuron of each spike, ordered by step; several in one step are sent as their number.
        n: Number of neurons.
    """

    def __init__(self, *, starts: Any, neurons: Any, n: int) -> None:
        super().__init__(starts=starts, neurons=neurons, n=n)
        self.s_out = OutPort(shape=(n,))


@implements(proc=Source, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySource(PyLoihiProcessModel):
    """`Source` on the CPU."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=1)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.starts, self.neurons = proc_params["starts"], proc_params["neurons"]
        self.n = proc_params["n"]

    def run_spk(self) -> None:
        """Send the spikes of this step."""
        step = self.time_step - 1
        spikes = np.zeros(self.n, np.int32)
        np.add.at(spikes, self.neurons[self.starts[step] : self.starts[step + 1]], 1)
        self.s_out.send(spikes)


class Sink(AbstractProcess):
    """Keeps the spikes of one population.

    Lava runs only processes that hang together. Parts of a network that do not are tied by their sinks: one
    hands a zero, which nobody reads, to the next.

    Args:
        kept: Shared bytes, ``n_steps * n``; what arrives in step k is written to the k-th row.
        n: Number of neurons.
    """

    def __init__(self, *, kept: Any, n: int) -> None:
        super().__init__(kept=kept, n=n)
        self.a_in = InPort(shape=(n,))
        self.tie_in = InPort(shape=(1,))
        self.tie_out = OutPort(shape=(1,))


@implements(proc=Sink, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySink(PyLoihiProcessModel):
    """`Sink` on the CPU."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    tie_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=1)
    tie_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=1)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.kept = np.frombuffer(proc_params["kept"], np.uint8).reshape(-1, proc_params["n"])

    def run_spk(self) -> None:
        """Keep the spikes of this step."""
        self.tie_out.send(np.zeros(1, np.int32))
        self.kept[self.time_step - 1] = self.a_in.recv() != 0
        self.tie_in.recv()
