"""The reference of the fixed dialect against pencil and paper, and against an interpreter in plain integers.

The interpreter below was written from the formulas of lava-nc 0.10.0 (``lava/proc/lif/models.py``,
``lava/proc/dense/models.py``), and for pairs from those of `spikec.ir.fixed_neurons`. It shares nothing with
the reference: no arrays, one neuron and one synapse at a time, and sums kept by what they belong to instead
of in a ring.
"""

from collections import defaultdict

import numpy as np
import pytest

from spikec.events import from_rows, same
from spikec.ir.fixed_neurons import CubaFixed, QifFixed, ThetaFixed
from spikec.reference import ReferenceBackend
from tests import contract

M = 1 << 23


@pytest.mark.parametrize("case", [*contract.hand_cases(), *contract.pair_cases()], ids=lambda case: case.name)
def test_comes_to_the_numbers_worked_out_by_hand(case):
    contract.assert_hand_case(ReferenceBackend(), case)


@pytest.mark.parametrize("seed", range(60))
def test_equals_an_interpreter_in_plain_integers(seed):
    n_samples, n_ticks = 2, 30
    program, inputs = contract.drawn(seed, n_samples=n_samples, n_ticks=n_ticks)
    result = ReferenceBackend().prepare(program).run(inputs, n_ticks, contract.all_membranes(program))
    for sample in range(n_samples):
        given = {
            name: set(zip(*(x.tolist() for x in (e.times, e.neurons)), strict=True))
            for name, e in ((name, e.select(sample, sample + 1)) for name, e in inputs.items())
        }
        spikes, membranes = _run_in_plain_integers(program.network, given, n_ticks)
        for p in program.network.populations:
            rows = sorted(spikes[p.name])
            expected = from_rows(
                [0] * len(rows), [t for t, _ in rows], [j for _, j in rows], n_samples=1, n_neurons=p.n
            )
            assert same(result.spikes[p.name].select(sample, sample + 1), expected)
            if not p.is_source:
                assert result.traces[f"{p.name}.v"][sample].tolist() == membranes[p.name]
                assert result.traces[f"{p.name}.v.last"][sample].tolist() == membranes[p.name][-1]


def test_an_executable_remembers_nothing():
    contract.assert_repeatable(ReferenceBackend(), *contract.drawn(5), 40)


def test_samples_do_not_touch_each_other():
    contract.assert_samples_are_independent(ReferenceBackend(), *contract.drawn(5), 40)


def test_refuses_what_does_not_fit():
    contract.assert_refuses_bad_inputs(ReferenceBackend())
    contract.assert_refuses_bad_keys(ReferenceBackend())


def _run_in_plain_integers(network, given, n_ticks):
    """Spikes and membranes of one sample: ``{(tick, neuron)}`` and ``[tick][neuron]`` by population."""
    spikes = {p.name: set(given.get(p.name, ())) for p in network.populations}
    spikes = {name: {(t, j) for t, j in s if t < n_ticks} for name, s in spikes.items()}
    groups = [p for p in network.populations if not p.is_source]
    neurons = {(p.name, j): _neuron(p, j) for p in groups for j in range(p.n)}
    state = {place: _BEGIN[kind](k) for place, (kind, k) in neurons.items()}
    membranes = {p.name: [] for p in groups}
    fans = {q.name: _fan_out(q) for q in network.projections}
    arriving = defaultdict(int)
    for tick in range(n_ticks):
        for p in groups:
            row = []
            for j in range(p.n):
                kind, k = neurons[p.name, j]
                state[p.name, j], spike = _UPDATE[kind](state[p.name, j], arriving[p.name, j, tick], k)
                row.append(state[p.name, j][-1] if kind is CubaFixed else _word(*state[p.name, j][-2:]))
                if spike:
                    spikes[p.name].add((tick, j))
            membranes[p.name].append(row)
        for q in network.projections:
            sums = defaultdict(int)
            for t, i in spikes[q.pre]:
                if t == tick:
                    for post, weight, delay in fans[q.name][i]:
                        sums[post, delay] += weight
            exponent = q.connectivity.weights.format.exponent
            for (post, delay), total in sums.items():
                shifted = total << exponent if exponent >= 0 else total >> -exponent
                arriving[q.post, post, tick + 1 + delay] += shifted
    return spikes, membranes


def _fan_out(q):
    fan = defaultdict(list)
    pre, post = q.connectivity.synapses()
    weights = q.connectivity.weights.mantissa.ravel().tolist()
    delays = q.delays.per_synapse(q.connectivity).tolist()
    for i, j, w, d in zip(pre.tolist(), post.tolist(), weights, delays, strict=True):
        fan[i].append((j, w, d))
    return fan


def _neuron(p, j):
    values = {name: np.asarray(getattr(p.neuron, name)) for name in p.neuron._RANGES}
    return type(p.neuron), {name: int(x if x.ndim == 0 else x[j]) for name, x in values.items()}


def _cuba(state, x, k):
    u, v = state
    u = _int32(_decay(u, k["du"] + 1) + x * 64)
    if u > M:
        u -= 2 * M
    elif u <= -M:
        u += 2 * M
    exponent = k["bias_exp"]
    bias = k["bias_mant"] * 2**exponent if exponent >= 0 else k["bias_mant"] // 2**-exponent
    v = _clip(_int32(_decay(v, k["dv"]) + u + bias), M - 1)
    spike = v > k["vth"] * 64
    return (u, 0 if spike else v), spike


def _theta(state, x, k):
    a, b = state
    a = _clip(a + _nearest(_int32(x) * b, k["shift"]), M - 1)
    return _settled(k["cos"] * a + k["sin_a"] * b, k["cos"] * b - k["sin_b"] * a)


def _qif(state, x, k):
    u, a, b = state
    u = _clip(_int32(_decay(u, k["du"] + 1) + x * 64), M - 1)
    p = _clip(_nearest(u * k["gain"], k["shift"]), 2**15 - 1)
    c = 2**14 - _nearest(21845 * p * k["turn"], 30)
    pair, spike = _settled(k["keep"] * (c * a + p * b), 2**14 * (c * b - k["turn"] * a))
    return (u, *pair), spike


def _settled(a, b):
    spike = b < 0
    a, b = (-a, -b) if spike else (a, b)
    bits = max(abs(a), b).bit_length() - 14
    pair = (_nearest(a, bits), _nearest(b, bits)) if bits > 0 else (a * 2**-bits, b * 2**-bits)
    return pair, spike


def _nearest(x, shift):
    """x / 2**shift, halves rounded up."""
    return (2 * x + 2**shift) // 2 ** (shift + 1)


def _clip(x, largest):
    return min(max(x, -largest), largest)


def _word(a, b):
    return 65536 * a + b


_BEGIN = {
    CubaFixed: lambda k: (0, 0),
    ThetaFixed: lambda k: (k["a_init"], k["b_init"]),
    QifFixed: lambda k: (k["u_init"], k["a_init"], k["b_init"]),
}
_UPDATE = {CubaFixed: _cuba, ThetaFixed: _theta, QifFixed: _qif}


def _decay(x, d):
    size = abs(x) * (4096 - d) // 4096
    return size if x >= 0 else -size


def _int32(x):
    return int.from_bytes((x % (1 << 32)).to_bytes(4, "little"), "little", signed=True)
