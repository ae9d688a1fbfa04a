"""Bits of single projections: they, and the parts that passes cut them into, have them; the others do not."""

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec.ir.network import Continuous
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.targets.target import load_target
from tests.float_networks import DT, random_network

LOIHI2 = load_target("loihi2")


@pytest.mark.parametrize("split", [False, True])
def test_only_the_named_projection_and_its_parts_have_fewer_bits(split):
    network = random_network(np.random.default_rng(3), Continuous(), kinds=("cuba",), n_populations=2)
    name = network.projections[0].name
    options = CompileOptions(dt=DT, n_ticks=30, split_signs=split, bits_of={name: 3})
    program = compile_network(network, LOIHI2, options)
    found = {q.name: q.connectivity.weights.format.bits for q in program.network.projections}
    assert {b for n, b in found.items() if n.split(".")[0] == name} == {3}
    assert {b for n, b in found.items() if n.split(".")[0] != name} == {8}
    assert any(e.summary.startswith("weights of 3 to 8 bits") for e in program.log)


@pytest.mark.parametrize("bits", [0, 9])
def test_bits_that_the_target_has_not_are_refused(bits):
    network = random_network(np.random.default_rng(3), Continuous(), kinds=("cuba",), n_populations=2)
    options = CompileOptions(dt=DT, n_ticks=30, bits_of={network.projections[0].name: bits})
    with pytest.raises(UsageError, match=f"weights of {bits} bits are impossible"):
        compile_network(network, LOIHI2, options)
