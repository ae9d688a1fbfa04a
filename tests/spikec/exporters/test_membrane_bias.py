"""Biases of membranes as a spike in the first tick and a current bias: the same membranes from then on."""

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import run
from spikec.exporters.membrane_bias import with_senders
from spikec.exporters.nir import export_nir, write_nir
from spikec.frontends.nir import read_nir
from spikec.ir.connectivity import Dense
from spikec.ir.conventions import Convention
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, LiReadout, Ramp, Source
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

DT, N_TICKS = 1e-3, 25
IDEAL = load_target("ideal")


def _network(neuron, **habits):
    rng = np.random.default_rng(1)
    return Network(
        (Population("in", Source(), (3,)), Population("n", neuron, (2,))),
        (Projection("q", "in", "n", Dense(rng.normal(0, 50, (2, 3)))),),
        ("in",),
        ("n",),
        Ticks(DT, Convention(**habits)),
    )


def _run(network):
    raster = np.random.default_rng(2).random((1, N_TICKS, 3)) < 0.3
    return run(ReferenceBackend(), Program(network, IDEAL), {"in": from_raster(raster)}, N_TICKS, ["n.v"])


taus = st.one_of(st.floats(1.5 * DT, 50 * DT), st.just(np.inf))


@settings(max_examples=10, deadline=None)
@given(
    taus=st.tuples(taus, taus),
    hop=st.integers(0, 1),
    spike=st.integers(0, 1),
    reset=st.sampled_from(["value", "subtract"]),
    drive=st.booleans(),
)
def test_a_readout_has_its_membrane_from_the_tick_on_in_which_the_spike_arrives(
    tmp_path_factory, taus, hop, spike, reset, drive
):
    extra = 300.0 if drive and np.isfinite(taus[1]) else 0.0
    readout = LiReadout(*taus, bias=[4.0, -7.0], current_bias=extra)
    network = _network(readout, hop_delay=hop, spike_delay=spike, reset=reset)
    path = tmp_path_factory.mktemp("nir") / "net.nir"
    export = export_nir(Program(network, IDEAL))
    write_nir(export, path)
    nir.read(path)
    assert any("sent by n.start" in note for note in export.notes)
    one, other = (_run(k).traces["n.v"][0] for k in (network, read_nir(path)))
    np.testing.assert_allclose(other[hop + spike :], one[hop + spike :], rtol=1e-9, atol=1e-12)


def test_a_spiking_neuron_spikes_as_with_its_bias(tmp_path):
    for neuron in (CubaLif(0.02, 0.005, 0.1, bias=[9.0, 3.0]), Ramp(0.1, bias=[9.0, 3.0])):
        network = _network(neuron, hop_delay=1)
        write_nir(export_nir(Program(network, IDEAL)), tmp_path / "net.nir")
        one, other = (_run(k).spikes["n"] for k in (network, read_nir(tmp_path / "net.nir")))
        np.testing.assert_array_equal(one.times, other.times)
        assert one.n_events > 4


@pytest.mark.parametrize(
    ("neuron", "habits"),
    [
        (CubaLif(0.02, 0.005, 0.1), {}),
        (CubaLif(0.02, 0.005, 0.1, bias=1.0), {"integration": "exact"}),
        (LiReadout(0.02, DT, bias=1.0), {}),
    ],
)
def test_where_it_is_not_needed_or_not_the_same_nothing_is_sent(neuron, habits):
    network = _network(neuron, **habits)
    assert with_senders(network) == (network, [])
