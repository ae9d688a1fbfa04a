"""Quantise weights: integers that exist, close to the real numbers, and currents that never wrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.errors import UsageError
from spikec.ir.bounds import current_bounds
from spikec.ir.connectivity import Delays, Dense, one_to_one, sparse
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed, Sign
from spikec.ir.network import LOIHI, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaTicks, Source
from spikec.ir.verify import verify
from spikec.passes.quantize_weights import QuantizeWeights
from spikec.passes.weight_fit import Rounding
from spikec.program import Program
from spikec.targets.target import load_target

seeds = st.integers(0, 2**32 - 1)
LOIHI2 = load_target("loihi2")
TICKS = Ticks(1e-3, LOIHI)
WHOLE = Delays(np.array(0))


def _magnitude(rng):
    return float(10.0 ** rng.uniform(-6, 6))


def _random(rng):
    """A program before its last pass, of any sizes of numbers and any mix of signs."""
    n_in, size = int(rng.integers(1, 40)), _magnitude(rng)
    populations, projections = [Population("in", Source(bool(rng.random() < 0.5)), (n_in,))], []
    names, sizes = ["in"], {"in": n_in}
    for k in range(int(rng.integers(1, 4))):
        name, n = f"p{k}", int(rng.integers(1, 6))
        readout = rng.random() < 0.3
        threshold = np.inf if readout else size * rng.uniform(0.1, 30, n if rng.random() < 0.5 else ())
        neuron = CubaTicks(
            int(rng.choice([1, rng.integers(1, 4097), 4096])),
            int(rng.choice([0, rng.integers(0, 4096)])),
            threshold,
            bias=rng.normal(0, 1, n) * size * rng.choice([0.0, 0.01, 1.0]),
        )
        populations.append(Population(name, neuron, (n,)))
        names.append(name)
        sizes[name] = n
        for j in range(int(rng.integers(0, 3))):
            pre = str(rng.choice(names))
            weights = rng.normal(0, 1, (n, sizes[pre])) * size * float(10.0 ** rng.uniform(-3, 1))
            sign = rng.choice(["mixed", "positive", "negative", "zero"], p=[0.5, 0.2, 0.2, 0.1])
            weights = {
                "mixed": weights,
                "positive": abs(weights),
                "negative": -abs(weights),
                "zero": 0 * weights,
            }[sign]
            connectivity = Dense(weights)
            if rng.random() < 0.3:
                post, start = np.nonzero(rng.random(weights.shape) < 0.5)
                connectivity = sparse(sizes[pre], n, start, post, weights[post, start])
            projections.append(Projection(f"{pre}-{name}-{j}", pre, name, connectivity, WHOLE))
    network = Network(tuple(populations), tuple(projections), ("in",), (names[-1],), TICKS)
    return Program(verify(network), LOIHI2, n_ticks=int(rng.integers(1, 100)) if rng.random() < 0.8 else None)


@given(seeds, st.integers(1, 8))
def test_nearest_mantissas_are_half_a_step_off_at_most(seed, bits):
    program = _random(np.random.default_rng(seed))
    done = QuantizeWeights(bits, Rounding.NEAREST).apply(program)
    verify(done.network)
    units = {
        name.removesuffix(".scale"): s for name, s in done.log[-1].figures.items() if name.endswith(".scale")
    }
    for q, real in zip(done.network.projections, program.network.projections, strict=True):
        fixed = q.connectivity.weights
        assert isinstance(fixed, Fixed)
        assert fixed.format.bits == bits
        assert -8 <= fixed.format.exponent <= 7
        wanted = np.asarray(real.connectivity.weights) * units[q.post]
        step = fixed.format.step * 2.0**fixed.format.exponent
        one_bit = bits == 1 and fixed.format.sign is Sign.MIXED  # holds -256 and 0 only
        close = np.abs(fixed.value - wanted) <= step / 2 * (1 + 1e-6)
        assert np.all(close | (one_bit & (wanted > 0)))


@given(seeds, st.integers(1, 8), st.sampled_from(Rounding))
def test_every_mantissa_exists_whatever_the_rounding(seed, bits, rounding):
    done = QuantizeWeights(bits, rounding).apply(_random(np.random.default_rng(seed)))
    verify(done.network)
    for q in done.network.projections:
        fixed = q.connectivity.weights
        assert isinstance(fixed, Fixed)
        assert fixed.format.bits == bits
        assert -8 <= fixed.format.exponent <= 7


@given(seeds)
def test_what_is_done_has_no_current_that_wraps_or_says_so(seed):
    done = QuantizeWeights().apply(_random(np.random.default_rng(seed)))
    for name, bound in current_bounds(done.network, done.n_ticks).items():
        exponents = [q.connectivity.weights.format.exponent for q in done.network.incoming(name)]
        assert bound.share < 1 or max(exponents) == -8


@settings(max_examples=50)
@given(seeds)
def test_thresholds_and_biases_are_close_or_the_log_says_how_far(seed):
    program = _random(np.random.default_rng(seed))
    done = QuantizeWeights().apply(program)
    figures = done.log[-1].figures
    for p in program.network.populations:
        if p.is_source:
            continue
        k, s = done.network.population(p.name).neuron, figures[f"{p.name}.scale"]
        assert isinstance(k, CubaFixed)
        np.testing.assert_array_equal(done.scales[p.name], np.full(p.n, 64 * s))
        real = np.broadcast_to(p.neuron.threshold, (p.n,))
        got = np.broadcast_to(k.vth, (p.n,))
        assert np.all(got[np.isinf(real)] == 131071)
        if np.isfinite(real).all():
            assert np.all(np.abs(got - s * real) <= 0.5)
            assert got.max() <= 131071 // 8 + 1
            error = figures[f"{p.name}.threshold_error"]
            assert error == pytest.approx(np.abs(got / s - real).max() / real.max())
        bias = np.broadcast_to(np.ldexp(k.bias_mant.astype(float), k.bias_exp), (p.n,)) / (64 * s)
        wanted = np.broadcast_to(p.neuron.bias, (p.n,))
        if np.any(wanted):
            error = figures[f"{p.name}.bias_error"]
            assert error == pytest.approx(np.abs(bias - wanted).max() / np.abs(wanted).max())


def _program(weights, n_ticks=64, once=True, extra=(), **neuron):
    k = CubaTicks(**{"decay_u": 4096, "decay_v": 0, "threshold": 1.0, **neuron})
    weights = np.atleast_2d(weights)
    populations = (
        Population("in", Source(once), (weights.shape[1],)),
        Population("out", k, (weights.shape[0],)),
    )
    q = Projection("q", "in", "out", Dense(weights), WHOLE)
    return Program(Network(populations, (q, *extra), ("in",), ("out",), TICKS), LOIHI2, n_ticks=n_ticks)


def _format(program, k=0):
    return program.network.projections[k].connectivity.weights.format


@pytest.mark.parametrize(
    ("weights", "sign", "largest"),
    [([1.0, 0.5], Sign.EXCITATORY, 255), ([-1.0, 0.0], Sign.INHIBITORY, 255), ([1.0, -0.1], Sign.MIXED, 254)],
)
def test_the_largest_weight_fills_the_mantissa(weights, sign, largest):
    done = QuantizeWeights().apply(_program(weights))
    assert _format(done).sign is sign
    assert np.abs(done.network.projections[0].connectivity.dense_matrix()).max() == largest


def test_the_threshold_leaves_room_below():
    done = QuantizeWeights().apply(_program([0.001], threshold=1.0))
    assert 131071 / 32 < done.network.population("out").neuron.vth <= 131071 / 8


def test_a_wide_layer_of_large_weights_is_scaled_until_its_sum_fits():
    weights = np.full((1, 4000), 3.0)
    done = QuantizeWeights().apply(_program(weights, decay_u=1, threshold=10.0))
    bound = current_bounds(done.network, 64)["out"]
    assert 0.25 < bound.share < 1
    assert bound.highest[0] / done.scales["out"][0] == pytest.approx(weights.sum(), rel=0.01)


@pytest.mark.parametrize(
    ("weights", "neuron"),
    [
        ([0.0], {}),
        ([0.0], {"threshold": np.inf}),
        ([1.0], {"threshold": 0.0}),
        ([1e-300], {"threshold": 1e-300}),
        ([1e300], {"threshold": 1.0}),
        ([1.0], {"threshold": 1e-30}),
        ([1e-30], {"threshold": 1e30}),
        ([1e-12], {"threshold": 1e-12}),
        ([1.0], {"bias": 1e30}),
        ([0.0], {"bias": 1.0}),
        ([1.0, -1e-12], {}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_extreme_numbers_end_in_integers(weights, neuron):
    done = QuantizeWeights().apply(_program(weights, **neuron))
    assert isinstance(done.network.population("out").neuron, CubaFixed)
    assert all(np.isfinite(v) for v in done.log[-1].figures.values() if isinstance(v, float))


@pytest.mark.parametrize("unit", [1e-12, 1e-3, 1.0, 1e9])
def test_units_do_not_matter(unit):
    """Volts or millivolts, amperes or picoamperes: the integers are the same."""
    done = QuantizeWeights().apply(
        _program(np.array([0.7, -0.3]) * unit, threshold=0.9 * unit, bias=0.01 * unit)
    )
    same = QuantizeWeights().apply(_program(np.array([0.7, -0.3]), threshold=0.9, bias=0.01))
    matrices = [p.network.projections[0].connectivity.dense_matrix() for p in (done, same)]
    np.testing.assert_array_equal(*matrices)
    assert _format(done) == _format(same)
    ours, theirs = (p.network.population("out").neuron for p in (done, same))
    for name in ("vth", "bias_mant", "bias_exp"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_without_inputs_the_bias_and_the_threshold_set_the_scale():
    k = CubaTicks(4096, 0, 2.0, bias=0.5)
    network = Network((Population("out", k, (1,)),), (), (), ("out",), TICKS)
    done = QuantizeWeights().apply(Program(network, LOIHI2)).network.population("out").neuron
    ratio = int(done.bias_mant) * 2 ** int(done.bias_exp) / (64 * int(done.vth))
    assert ratio == pytest.approx(0.25, rel=1e-3)


@pytest.mark.parametrize("threshold", [-1.0, [1.0, -0.5]])
def test_thresholds_below_zero_are_reported(threshold):
    done = QuantizeWeights().apply(_program(np.ones((2 - np.isscalar(threshold), 1)), threshold=threshold))
    (violation,) = done.violations
    assert (violation.rule, violation.where, violation.limit) == ("threshold", "out", "0 or more")


def test_a_readout_that_grows_without_end_is_reported_and_not_scaled_to_nothing():
    real = _program([1.0, -0.5], n_ticks=None, decay_u=1, threshold=np.inf)
    done = QuantizeWeights().apply(real)
    assert [(v.rule, v.got) for v in done.violations] == [("membrane of a readout", "unbounded")]
    assert _format(done).exponent > 0
    known = QuantizeWeights().apply(_program([1.0, -0.5], n_ticks=64, decay_u=1, threshold=np.inf))
    assert not known.violations
    silent = QuantizeWeights().apply(_program([0.0], n_ticks=None, decay_u=1, threshold=np.inf))
    assert not silent.violations


def test_a_readouts_membrane_cannot_saturate():
    """The worst case, all inputs in the first tick, stays below the 24 bits for a whole sample."""
    for n_ticks in (10, 64):
        program = QuantizeWeights().apply(
            _program(np.ones((1, 50)), n_ticks=n_ticks, decay_u=1, threshold=np.inf)
        )
        k, q = program.network.population("out").neuron, program.network.projections[0]
        u = int(np.sum(q.connectivity.weights.mantissa)) * 2.0 ** (6 + q.connectivity.weights.format.exponent)
        v = 0
        for _ in range(n_ticks):
            v += u
            u = u * 4095 // 4096
        assert v < 2**23
        assert k.vth == 131071


def test_each_projection_has_its_own_exponent_and_all_one_scale():
    own = Projection("own", "out", "out", one_to_one(1, -1000.0), WHOLE)
    done = QuantizeWeights(rounding=Rounding.NEAREST).apply(_program([[1.0, 2.0]], extra=(own,)))
    assert _format(done, 1).exponent - _format(done, 0).exponent >= 8
    small, large = (q.connectivity.weights.value.ravel() for q in done.network.projections)
    assert large[0] / small[1] == pytest.approx(-500, rel=0.01)


@pytest.mark.parametrize("signs", ["mixed", "apart"])
def test_a_grid_of_whole_numbers_is_taken_where_cuts_would_add_up(signs):
    """At a scale that a large weight sets; mixed mantissas are even, so an exponent of -1 cuts nothing."""
    weights = np.linspace(1.0, 2.0, 12)[None] * (np.resize([1, -1], 12) if signs == "mixed" else 1)
    own = Projection("own", "out", "out", one_to_one(1, -1500.0), WHOLE)
    done = QuantizeWeights().apply(_program(weights, extra=(own,)))
    naive = QuantizeWeights(rounding=Rounding.NEAREST).apply(_program(weights, extra=(own,)))
    assert _format(done).exponent == {"mixed": -1, "apart": 0}[signs]
    assert _format(naive).exponent < _format(done).exponent


def test_what_a_negative_exponent_may_cut_off_is_in_the_log():
    done = QuantizeWeights().apply(_program(np.full((1, 4000), 3.0), once=False, decay_u=1, threshold=10.0))
    assert _format(done).exponent < 0
    assert done.log[-1].figures["q.cut_off"] > 0.1


@pytest.mark.parametrize("bits", [0, 9, -1])
def test_bits_the_chip_does_not_have_are_refused(bits):
    with pytest.raises(UsageError, match=f"weights of {bits} bits are impossible; loihi2 has 1 to 8"):
        QuantizeWeights(bits).apply(_program([1.0]))


def test_a_target_without_integers_is_refused():
    program = _program([1.0])
    with pytest.raises(UsageError, match="no integers to compile to"):
        QuantizeWeights().apply(Program(program.network, load_target("ideal")))
