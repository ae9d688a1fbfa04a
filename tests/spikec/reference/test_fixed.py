"""The reference of the fixed dialect against pencil and paper, and against an interpreter in plain integers.

The interpreter below was written from the formulas of lava-nc 0.10.0 (``lava/proc/lif/models.py``,
``lava/proc/dense/models.py``), and for pairs from those of `spikec.ir.fixed_neurons`. It shares nothing with
the reference: no arrays, one neuron and one synapse at a time, and sums kept by what they belong to instead
of in a ring.
"""

from collections import defaultdict

import pytest

from spikec.events import from_rows, same
from spikec.ir.fixed_neurons import CubaFixed
from spikec.reference import ReferenceBackend
from tests import contract
from tests.hand_cases import hand_cases
from tests.pair_cases import pair_cases
from tests.plain_neurons import begin, neuron_of, update, word


@pytest.mark.parametrize("case", [*hand_cases(), *pair_cases()], ids=lambda case: case.name)
def test_comes_to_the_numbers_worked_out_by_hand(case):
    contract.assert_hand_case(ReferenceBackend(), case)


@pytest.mark.parametrize("seed", range(60))
def test_equals_an_interpreter_in_plain_integers(seed):
    n_samples, n_ticks = 2, 30
    program, inputs = contract.drawn(seed, n_samples=n_samples, n_ticks=n_ticks)
    result = ReferenceBackend().prepare(program).run(inputs, n_ticks, contract.all_membranes(program))
    for sample in range(n_samples):
        given = {
            name: list(zip(*(x.tolist() for x in (e.times, e.neurons)), strict=True))
            for name, e in ((name, e.select(sample, sample + 1)) for name, e in inputs.items())
        }
        spikes, membranes = _run_in_plain_integers(program.network, given, n_ticks)
        for p in program.network.populations:
            rows = sorted(spikes[p.name])
            expected = from_rows(
                [0] * len(rows),
                [t for t, _ in rows],
                [j for _, j in rows],
                n_samples=1,
                n_neurons=p.n,
                multiple=True,
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
    """Spikes and membranes of one sample: ``[(tick, neuron)]`` and ``[tick][neuron]`` by population."""
    spikes = {p.name: [(t, j) for t, j in given.get(p.name, ()) if t < n_ticks] for p in network.populations}
    groups = [p for p in network.populations if not p.is_source]
    neurons = {(p.name, j): neuron_of(p, j) for p in groups for j in range(p.n)}
    state = {place: begin(kind, k) for place, (kind, k) in neurons.items()}
    membranes = {p.name: [] for p in groups}
    fans = {q.name: _fan_out(q) for q in network.projections}
    arriving = defaultdict(int)
    for tick in range(n_ticks):
        for p in groups:
            row = []
            for j in range(p.n):
                kind, k = neurons[p.name, j]
                state[p.name, j], spike = update(kind, state[p.name, j], arriving[p.name, j, tick], k)
                row.append(state[p.name, j][-1] if kind is CubaFixed else word(*state[p.name, j][-2:]))
                if spike:
                    spikes[p.name].append((tick, j))
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
    weights = q.connectivity.stored().tolist()
    delays = q.delays.per_synapse(q.connectivity).tolist()
    for i, j, w, d in zip(pre.tolist(), post.tolist(), weights, delays, strict=True):
        fan[i].append((j, w, d))
    return fan
