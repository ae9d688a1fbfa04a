"""Networks from arrays, against the crossing in closed form."""

import numpy as np
import pytest

from spikec.conformance.cases import Layer, Layers
from spikec.conformance.layered import layered_network
from spikec.errors import FileFormatError, NetworkError
from spikec.events import from_dense_times
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target


def _layers(*layers):
    return Layers("a.npz", 2.0, 1.0, 0.75, [Layer(*names) for names in layers])


def test_a_spike_goes_through_its_layers_with_their_delays(tmp_path):
    w, v = 4.0, 3.0
    weights = {"w": np.array([[w, 0.0]]), "v": np.array([[v], [0.0]]), "d": np.array([[0.25], [0.0]])}
    np.savez(tmp_path / "a.npz", **weights)
    network = layered_network(tmp_path, _layers(("w",), ("v", "d")))
    assert [(p.name, p.n) for p in network.populations] == [("input", 1), ("layer0", 2), ("layer1", 1)]
    inputs = {"input": from_dense_times([[0.5]])}
    found = ReferenceBackend().prepare(Program(network, load_target("ideal"))).run(inputs, 20.0)

    def crossing(weight):  # of 2 w (x - x^2) with x = exp(-t/2), and 0.75
        return -2 * np.log((1 + np.sqrt(1 - 2 * 0.75 / weight)) / 2)

    first = 0.5 + crossing(w)
    np.testing.assert_allclose(found.spikes["layer0"].first_times(), [[first, np.inf]], rtol=1e-12)
    second = first + 0.25 + crossing(v)
    np.testing.assert_allclose(found.spikes["layer1"].first_times(), [[second]], rtol=1e-12)
    assert network.outputs == ("layer1",)


@pytest.mark.parametrize(
    ("layers", "error", "words"),
    [
        ([("w",), ("gone",)], FileFormatError, "no array 'gone'; choose w, v, d"),
        ([("d",)], NetworkError, r"d has shape \(3,\); \(n_pre, n_post\)"),
        ([("w", "d")], NetworkError, "one delay for each of 1 presynaptic"),
        ([("w",), ("w",)], NetworkError, "connects 1 to 2 neurons"),
    ],
)
def test_arrays_that_do_not_meet_are_refused(tmp_path, layers, error, words):
    np.savez(tmp_path / "a.npz", w=np.ones((1, 2)), v=np.ones((2, 1)), d=np.ones(3))
    with pytest.raises(error, match=words):
        layered_network(tmp_path, _layers(*layers))
