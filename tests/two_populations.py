"""A network of two inputs and one neuron, for tests of what goes in and comes out."""

import numpy as np

from spikec.ir.connectivity import Dense
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import If, Source
from spikec.program import Program
from spikec.targets.target import load_target


def two_populations(clock=Ticks(0.01), encoding=None, one_spike=False):  # noqa: B008
    """Two inputs and the neuron that both excite."""
    return Network(
        (Population("in", Source(one_spike), (2,)), Population("out", If(1.0), (1,))),
        (Projection("q", "in", "out", Dense(np.ones((1, 2)))),),
        ("in",),
        ("out",),
        clock,
        encoding=encoding,
    )


def program_of_two(**options):
    """The same as a program that is not compiled; `n_ticks` and `shards` are the program's."""
    n_ticks = options.pop("n_ticks", None)
    shards = options.pop("shards", {})
    return Program(two_populations(**options), load_target("ideal"), n_ticks=n_ticks, shards=shards)
