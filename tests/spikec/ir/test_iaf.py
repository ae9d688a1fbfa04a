"""Neurons with a refractory period: what they may be, and what one tick of them is."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.stats import poisson

from spikec.errors import NetworkError
from spikec.ir.connectivity import Dense
from spikec.ir.conventions import Convention
from spikec.ir.iaf import IafPscDelta, IafPscExp, PoissonDrive
from spikec.ir.iaf_tick import iaf_tick, poisson_limits
from spikec.ir.network import LOIHI, Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import Source
from spikec.ir.verify import verify

DT = 1e-4


@pytest.mark.parametrize("tau_ex", [5e-3, 20e-3, 20.000001e-3, 50e-3])
def test_a_tick_is_the_matrix_exponential(tau_ex):
    k = iaf_tick(IafPscExp(20e-3, tau_ex, 10e-3, 15.0, -3.0), DT)
    rates = np.array([[-1 / 20e-3, 1 / 20e-3, 1 / 20e-3], [0, -1 / tau_ex, 0], [0, 0, -1 / 10e-3]])
    whole = expm(rates * DT)
    assert (k.beta, k.gain_ex, k.gain_in) == pytest.approx(tuple(whole[0]), rel=1e-11)
    assert (k.alpha_ex, k.alpha_in) == pytest.approx((whole[1, 1], whole[2, 2]), rel=1e-12)
    leaks, _ = quad(lambda s: np.exp(-s / 20e-3) / 20e-3, 0, DT)
    assert k.rest == pytest.approx(-3.0 * leaks, rel=1e-9)


def test_refractory_times_are_rounded_to_ticks():
    assert iaf_tick(IafPscDelta(20e-3, 20.0, refractory=2e-3), DT).waits == 20
    assert iaf_tick(IafPscDelta(20e-3, 20.0, refractory=0.24e-3), DT).waits == 2


@pytest.mark.parametrize("mean", [0.0, 0.16, 2.0, 37.5, 400.0])
def test_limits_are_those_of_the_poisson_distribution(mean):
    limits = poisson_limits(PoissonDrive(mean / DT, 1.0, 0), DT)
    shares = (limits.astype(np.float64) + 2**31) / 2**32
    expected = poisson.cdf(np.arange(limits.size), mean)
    np.testing.assert_allclose(shares, expected, atol=2**-31)
    assert 1 - poisson.cdf(limits.size, mean) < 2**-31


def test_a_drive_that_is_too_fast_for_a_tick_is_refused():
    with pytest.raises(NetworkError, match=r"600 spikes in a tick .* shorten dt"):
        poisson_limits(PoissonDrive(6e6, 1.0, 0), DT)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: IafPscExp(0.0, 1.0, 1.0, 1.0), "tau_mem must be positive"),
        (lambda: IafPscExp(np.inf, 1.0, 1.0, 1.0), "tau_mem has 1 values that are NaN or infinite"),
        (lambda: IafPscExp(1.0, 1.0, 1.0, [1.0, 2.0]), r"threshold has shape \(2,\); give one number"),
        (lambda: IafPscDelta(1.0, 1.0, refractory=-1e-3), r"refractory is -0\.001 s; give 0 or more"),
        (lambda: IafPscDelta(1.0, 1.0, drive=3), "drive is a int; give a PoissonDrive"),
        (lambda: PoissonDrive(-1.0, 1.0, 0), "rate is -1 Hz"),
        (lambda: PoissonDrive(1.0, 1.0, -1), "seed is -1"),
        (lambda: PoissonDrive(1.0, np.inf, 1), "weight"),
    ],
)
def test_refuses_impossible_parameters(make, match):
    with pytest.raises(NetworkError, match=match):
        make()


def test_the_membrane_begins_at_rest_or_where_it_is_told():
    assert float(IafPscDelta(1.0, 1.0, v_leak=-3.0).v_init) == -3.0
    with pytest.raises(NetworkError, match=r"v_init has shape \(2,\)"):
        Population("p", IafPscDelta(1.0, 1.0, v_init=[1.0, 2.0]), (3,))


@pytest.mark.parametrize("clock", [Ticks(DT, Convention()), Ticks(DT, Convention("exact")), Continuous()])
def test_needs_its_own_convention(clock):
    with pytest.raises(NetworkError, match=r"give the clock|give it a clock"):
        verify(pair(IafPscDelta(20e-3, 1.0), [[1.0]], clock))


def test_two_signs_need_two_projections():
    with pytest.raises(NetworkError, match=r"weights of both signs, .* give each sign a projection"):
        verify(pair(IafPscExp(20e-3, 1e-3, 1e-3, 1.0), [[1.0, -1.0]]))
    verify(pair(IafPscDelta(20e-3, 1.0), [[1.0, -1.0]]))
    verify(pair(IafPscExp(20e-3, 1e-3, 1e-3, 1.0), [[0.0, -1.0]]))


def pair(neuron, weights, clock=None):
    weights = np.array(weights)
    populations = (
        Population("in", Source(), weights.shape[1:]),
        Population("out", neuron, weights.shape[:1]),
    )
    projection = Projection("q", "in", "out", Dense(weights))
    return Network(populations, (projection,), ("in",), ("out",), clock or Ticks(DT, LOIHI))
