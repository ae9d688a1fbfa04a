"""What no pass can bring to a chip is refused by name, before any pass runs."""

import numpy as np
import pytest

from spikec.errors import TargetError
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Reset
from spikec.ir.neurons import If, QifExp, Source, Theta
from spikec.passes.pipelines import CompileOptions, compile_network, try_compile
from spikec.targets.target import load_target


def _network(neuron, clock=None):
    return Network(
        (Population("in", Source(), (1,)), Population("out", neuron, (1,))),
        (Projection("q", "in", "out", Dense(np.ones((1, 1)))),),
        ("in",),
        ("out",),
        clock or Continuous(),
    )


@pytest.mark.parametrize("neuron", [Theta(1.0), QifExp(1.0)])
def test_neurons_without_an_integer_form_are_named(neuron):
    target = load_target("loihi2")
    _, (violation,) = try_compile(_network(neuron), target)
    assert (violation.where, violation.got) == ("population out", type(neuron).__name__)
    with pytest.raises(TargetError, match="one with an integer form; there is none yet: run the network as"):
        compile_network(_network(neuron), target)


def test_subtraction_in_continuous_time_is_refused_as_in_ticks():
    network = _network(If(1.0), Continuous(Reset.SUBTRACT))
    _, violations = try_compile(network, load_target("loihi2"), CompileOptions(dt=1e-3))
    assert "subtraction of the threshold" in {v.got for v in violations}
