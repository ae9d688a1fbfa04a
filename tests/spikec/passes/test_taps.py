"""Several synapses for one: their sum is as near to what was meant as the finest of their grids allows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikec.ir.connectivity import Delays, Dense, sparse
from spikec.ir.fixed_point import Fixed, FixedFormat
from spikec.ir.network import Projection
from spikec.opening import open_program
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.passes.taps import rounded_together
from spikec.targets.target import load_target

NETS = Path(__file__).parents[3] / "models" / "nets"


def _rounded(q, form, s):
    return Projection(q.name, q.pre, q.post, Dense(Fixed(form.nearest(s * q.connectivity.weights), form)))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2), st.integers(0, 2))
def test_what_one_loses_the_next_makes_up_for(seed, e_first, e_second):
    rng, s = np.random.default_rng(seed), 100.0
    real = [
        Projection(name, "in", "out", Dense(rng.uniform(-1, 1, (4, 5))), Delays(np.array(k)))
        for k, name in enumerate("ab")
    ]
    other = Projection("c", "else", "out", Dense(rng.uniform(-1, 1, (4, 2))))
    forms = [FixedFormat(exponent=e) for e in (e_first, e_second, 0)]
    before = {q.name: _rounded(q, form, s) for q, form in zip((*real, other), forms, strict=True)}
    after = rounded_together((*real, other), before, s, {})
    meant = sum(s * q.connectivity.weights for q in real)
    missed = sum(after[q.name].connectivity.weights.value for q in real) - meant
    assert np.max(np.abs(missed)) <= 2.0 ** min(e_first, e_second) + 1e-9  # half of a mixed grid's two
    np.testing.assert_array_equal(
        after["c"].connectivity.weights.mantissa, before["c"].connectivity.weights.mantissa
    )


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.sampled_from((3, 4, 8)))
def test_neurons_that_tell_one_time_make_up_for_each_other(seed, parts, bits):
    rng, n_pre, n_post = np.random.default_rng(seed), 3, 2
    form = FixedFormat(bits)
    meant = rng.uniform(-0.7, 0.7, (n_post, n_pre)) * form.maximum
    each = Projection("first", "a", "b", Dense(meant))
    real = [
        each,
        replace(each, name="copies", pre="a.parts", connectivity=Dense(np.tile(meant, (1, parts - 1)))),
    ]
    together = {"a": ("a", n_pre), "a.parts": ("a", n_pre)}
    after = rounded_together(real, {q.name: _rounded(q, form, 1.0) for q in real}, 1.0, together)
    summed = sum(
        after[q.name].connectivity.weights.value.reshape(n_post, -1, n_pre).sum(axis=1) for q in real
    )
    assert np.max(np.abs(summed - parts * meant)) <= form.step / 2 + 1e-9
    down = [replace(each, post="b.parts", connectivity=Dense(np.tile(meant, (parts - 1, 1))))]
    after = rounded_together(down, {"first": _rounded(down[0], form, 1.0)}, 1.0, {"b.parts": ("b", n_post)})
    summed = after["first"].connectivity.weights.value.reshape(parts - 1, n_post, n_pre).sum(axis=0)
    assert np.max(np.abs(summed - (parts - 1) * meant)) <= form.step / 2 + 1e-9


def test_projections_without_synapses_are_left_as_they_are():
    none = np.zeros(0, np.int64)
    real = [Projection(name, "a", "b", sparse(3, 2, none, none, np.zeros(0))) for name in ("q", "r")]
    before = {
        q.name: replace(q, connectivity=q.connectivity.with_weights(Fixed(none, FixedFormat(4))))
        for q in real
    }
    after = rounded_together(real, before, 1.0, {})
    assert [q.connectivity.n_synapses for q in after.values()] == [0, 0]


def test_four_bits_of_many_neurons_for_one_are_finer_than_a_neurons_eight():
    network = open_program(NETS / "yinyang-ttfs-delays.npz", None).network
    (given,) = (q.connectivity.weights for q in network.projections if q.post == "output")
    relative = {}
    for bits, parts in ((8, 1), (4, 16)):
        chosen = CompileOptions(dt=network.encoding.window / 16, bits=bits, parts=parts)
        program = compile_network(network, load_target("loihi2"), chosen)
        made = np.zeros(given.shape)
        for q in program.network.projections:
            if q.post == "output" and q.pre in ("hidden1", "hidden1.parts"):
                pre, post = q.connectivity.synapses()
                np.add.at(made, (post, pre % given.shape[1]), q.connectivity.weights.value.ravel())
        scale = np.sum(made * given) / np.sum(given**2)
        relative[bits] = np.sqrt(np.mean((made / scale - given) ** 2)) / np.abs(given).max()
    assert relative[4] < relative[8]
