"""The search for ticks and bits: the coarsest that keep a budget, by whatever measure is handed in."""

from dataclasses import replace

import numpy as np
import pytest

from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.container import digest
from spikec.errors import FileFormatError, UsageError
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, Source
from spikec.passes.pipelines import CompileOptions
from spikec.search.budget import Budget, budget_of
from spikec.search.candidates import Candidate, Least, Measured, pareto_front
from spikec.search.checkpoint import Trials, open_trials, search_key
from spikec.search.search import Task
from spikec.search.search import search as search_task
from spikec.targets.target import load_target

LOIHI2 = load_target("loihi2")
WINDOW = 8e-3


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    neuron = CubaLif(20e-3, 10e-3, 1.0, one_spike=True)
    populations = (
        Population("in", Source(one_spike=True), (3,)),
        Population("hidden", neuron, (5,)),
        Population("out", neuron, (2,)),
    )
    projections = (
        Projection("in-hidden", "in", "hidden", Dense(rng.uniform(100, 200, (5, 3)))),
        Projection("hidden-out", "hidden", "out", Dense(rng.uniform(60, 120, (2, 5)))),
    )
    encoding = LatencyEncoding("in", WINDOW, 1.0, True, None, 2 * WINDOW)
    decoding = Decoding("out", Readout.FIRST)
    return Network(populations, projections, ("in",), ("out",), Continuous(), encoding=encoding,
                   decoding=decoding)  # fmt: skip


def search(network, target, options, budget, measure, lower_bits=False, least=Least.MEMORY, trials=None):
    return search_task(Task(network, target, options, budget, measure, lower_bits, least), trials)


def _bits(program, name):
    return next(q.connectivity.weights.format.bits for q in program.network.projections if q.name == name)


def _by_tick(program):
    """Errors of half a tick; a point lost for every bit that the first layer lacks."""
    dt = program.network.dt
    return Measured(8.0 - _bits(program, "in-hidden"), dt / 2, 2 * dt, 100.0, program.n_ticks * 7.0)


def test_the_coarsest_ticks_that_keep_the_budget_are_chosen(network):
    found = search(network, LOIHI2, CompileOptions(), Budget(spike_time=0.3e-3), _by_tick)
    assert found.chosen.dt == WINDOW / 16
    assert [c.dt for c in found.tried] == [WINDOW / 4, WINDOW / 8, WINDOW / 16]
    assert [c.fits for c in found.tried] == [False, False, True]
    assert found.program.network.dt == WINDOW / 16
    entry = found.program.log[-1]
    assert (entry.step, entry.figures["tried"]) == ("search", 3)


def test_the_percentile_has_a_budget_of_its_own(network):
    budget = budget_of("spike-time=1ms,spike-time-99=1ms")
    assert search(network, LOIHI2, CompileOptions(), budget, _by_tick).chosen.dt == WINDOW / 16


def test_a_given_tick_is_kept(network):
    options = CompileOptions(dt=1e-3)
    assert search(network, LOIHI2, options, Budget(spike_time=1e-3), _by_tick).chosen.dt == 1e-3
    with pytest.raises(UsageError, match=r"the nearest, with ticks of 1 ms: .* off by 500 µs"):
        search(network, LOIHI2, options, Budget(spike_time=1e-4), _by_tick)


def test_bits_are_lowered_where_the_budget_allows_it_and_only_there(network):
    found = search(network, LOIHI2, CompileOptions(), Budget(accuracy=2), _by_tick, lower_bits=True)
    assert found.chosen.bits == {"in-hidden": 6, "hidden-out": 1}
    assert _bits(found.program, "in-hidden") == 6
    assert _bits(found.program, "hidden-out") == 1
    assert found.program.log[-1].figures["in-hidden.bits"] == 6


def test_the_same_search_finds_the_same(network):
    one, other = (
        search(network, LOIHI2, CompileOptions(), Budget(accuracy=1), _by_tick, lower_bits=True)
        for _ in range(2)
    )
    assert one.tried == other.tried


def _finer_ticks_leave_room(program):
    """Two bits may be lost at the coarsest ticks, and one more for each time that they are halved."""
    missing = 16 - _bits(program, "in-hidden") - _bits(program, "hidden-out")
    room = 2 + np.log2(WINDOW / 4 / program.network.dt)
    lost = max(missing - min(room, 4), 0.0)
    updates = program.n_ticks * 7.0
    return Measured(lost, program.network.dt, program.network.dt, 100.0, updates, 10 * updates)


def test_finer_ticks_are_taken_for_as_long_as_they_need_less_memory(network):
    found = search(network, LOIHI2, CompileOptions(), Budget(accuracy=0), _finer_ticks_leave_room, True)
    assert found.chosen.dt == WINDOW / 8  # still finer ones need more memory for delays
    fitting = [c for c in found.tried if c.fits]
    assert found.chosen.synapse_bytes == min(c.synapse_bytes for c in fitting)


def test_the_least_energy_has_the_coarsest_ticks(network):
    found = search(network, LOIHI2, CompileOptions(), Budget(accuracy=0), _finer_ticks_leave_room, True,
                   Least.ENERGY)  # fmt: skip
    assert found.chosen.dt == WINDOW / 4
    fitting = [c for c in found.tried if c.fits]
    assert found.chosen.measured.energy_pj == min(c.measured.energy_pj for c in fitting)


def test_energy_without_a_price_is_refused(network):
    with pytest.raises(UsageError, match="nobody has published what events cost on loihi2"):
        search(network, LOIHI2, CompileOptions(), Budget(spike_time=1), _by_tick, least=Least.ENERGY)


class _InterruptedError(Exception):
    pass


def test_an_interrupted_search_goes_on_where_it_was(network, tmp_path):
    """After every number of trials: the same programs in the same order, none of them measured twice."""
    options, file = CompileOptions(), tmp_path / "search.json"
    key = search_key(network, LOIHI2, options)
    budget = Budget(accuracy=0)
    whole = search(network, LOIHI2, options, budget, _finer_ticks_leave_room, True)
    n_left = len(whole.tried)
    measured = []

    def at_most_two(program):
        if len(measured) % 3 == 2:
            measured.append(None)
            raise _InterruptedError
        measured.append((program.network.dt, _bits(program, "in-hidden"), _bits(program, "hidden-out")))
        return _finer_ticks_leave_room(program)

    found = None
    while found is None:
        n_left -= 2
        try:
            trials = open_trials(file, key)
            found = search(network, LOIHI2, options, budget, at_most_two, True, trials=trials)
        except _InterruptedError:
            assert n_left > 0
    kept = [m for m in measured if m is not None]
    assert len(kept) - len(set(kept)) <= 1  # what was chosen may be compiled again
    assert found.tried == whole.tried
    assert found.chosen == whole.chosen
    assert digest(found.program) == digest(whole.program)


def test_what_was_tried_serves_another_budget(network, tmp_path):
    options, file = CompileOptions(), tmp_path / "search.json"
    key = search_key(network, LOIHI2, options)
    search(network, LOIHI2, options, Budget(spike_time=0.3e-3), _by_tick, trials=open_trials(file, key))
    with_less = search(network, LOIHI2, options, Budget(spike_time=0.6e-3), _by_tick,
                       trials=open_trials(file, key))  # fmt: skip
    assert with_less.chosen.dt == WINDOW / 8
    assert len(open_trials(file, key).known) == 3


def test_a_checkpoint_of_something_else_is_refused(network, tmp_path):
    file = tmp_path / "search.json"
    key = search_key(network, LOIHI2, CompileOptions())
    assert key != search_key(network, LOIHI2, CompileOptions(bits=4))
    assert key != search_key(network, load_target("loihi1"), CompileOptions())
    search(network, LOIHI2, CompileOptions(), Budget(spike_time=1), _by_tick, trials=open_trials(file, key))
    with pytest.raises(UsageError, match="is of another search"):
        open_trials(file, "another")
    text = file.read_text()
    for damaged in (text[:-9], text.replace('"n_ticks"', '"ticks"')):
        file.write_text(damaged)
        with pytest.raises(FileFormatError, match="is damaged; delete it"):
            open_trials(file, key)
    file.write_text("[]")
    with pytest.raises(UsageError, match="is no checkpoint of a search"):
        open_trials(file, key)


def test_figures_that_this_program_does_not_give_are_refused(network):
    trials = Trials()
    search(network, LOIHI2, CompileOptions(), Budget(spike_time=1), _by_tick, trials=trials)
    trials.known[0] = replace(trials.known[0], synapse_bytes=1)
    with pytest.raises(UsageError, match="holds other figures than this spikec finds"):
        search(network, LOIHI2, CompileOptions(), Budget(spike_time=1), _by_tick, trials=trials)


def test_a_budget_of_times_tells_what_it_costs_in_answers(network):
    def ruined(program):
        return Measured(7.0, 1e-6, 1e-6, 1.0, 1.0)

    def told(budget):
        return search(network, LOIHI2, CompileOptions(), budget, ruined).program.log[-1]

    entry = told(Budget(spike_time=1e-3))
    assert entry.figures["lost_points"] == 7
    assert "bounds spike times alone, and 7 points of accuracy are lost" in entry.summary
    assert "alone" not in told(Budget(spike_time=1e-3, accuracy=8)).summary


def test_a_budget_that_cannot_be_kept_is_told_with_the_nearest_that_can(network):
    def hopeless(program):
        return Measured(3.0 + program.network.dt, 1e-4, 1e-3, 1.0, 1.0)

    with pytest.raises(UsageError) as error:
        search(network, LOIHI2, CompileOptions(), Budget(accuracy=0.2), hopeless)
    assert "the budget accuracy=0.2 cannot be kept" in str(error.value)
    assert "loses 3 points of accuracy" in str(error.value)


def test_finer_ticks_are_not_tried_where_they_help_no_more(network):
    lengths = []

    def flat(program):
        lengths.append(program.n_ticks)
        return Measured(4.0, 1e-4, 1e-3, 1.0, 1.0)

    with pytest.raises(UsageError, match=r"or try --split-signs$"):
        search(network, LOIHI2, CompileOptions(parts=2), Budget(accuracy=1), flat)
    assert len([n for n in lengths if n >= 64]) == 3


def test_a_program_that_does_not_answer_cannot_keep_an_accuracy(network):
    with pytest.raises(UsageError, match="cannot be kept"):
        search(network, LOIHI2, CompileOptions(), Budget(accuracy=5), lambda p: Measured(None, 0, 0, 1, 1))


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("accuracy=0.2", Budget(accuracy=0.2)),
        ("accuracy=0", Budget(accuracy=0)),
        ("spike-time=1ms", Budget(spike_time=1e-3)),
        ("spike-time=5us, spike-time-99=2e-3", Budget(spike_time=5e-6, spike_time_99=2e-3)),
    ],
)
def test_budgets_are_read(text, budget):
    read = budget_of(text)
    for name in ("accuracy", "spike_time", "spike_time_99"):
        assert getattr(read, name) == pytest.approx(getattr(budget, name)), name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "names ''"),
        ("accuracy", "needs points"),
        ("accuracy=", "needs points"),
        ("accuracy=-1", "needs points"),
        ("accuracy=nan", "needs points"),
        ("accuracy=1ms", "needs points"),
        ("speed=3", "names 'speed'"),
        ("spike-time=0ms", "needs a time"),
        ("spike-time=1h", "needs a time"),
        ("spike-time=inf", "needs a time"),
        ("accuracy=1,accuracy=2", "names 'accuracy' twice"),
    ],
)
def test_other_budgets_are_refused(text, sentence):
    with pytest.raises(UsageError, match=f"^--budget .*{sentence}"):
        budget_of(text)


def test_the_front_holds_what_nothing_beats():
    def candidate(memory, excess, updates):
        return Candidate(1e-3, 10, {}, memory, Measured(0, 0, 0, 1, updates), excess)

    best = [candidate(10, 2.0, 5), candidate(20, 0.5, 5), candidate(30, 0.5, 1)]
    worse = [candidate(20, 0.6, 5), candidate(30, 2.0, 5), Candidate(1e-3, 10, {}, 1, None, float("inf"))]
    assert pareto_front([*worse, *best]) == best
