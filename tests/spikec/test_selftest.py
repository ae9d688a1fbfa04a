"""The self-test agrees where engines agree, and says where they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import spikec.selftest
from spikec.backend import availability
from spikec.errors import BackendFailed
from spikec.events import Events, from_rows
from spikec.program import Program
from spikec.random.networks import has_pairs, random_program
from spikec.reference import ReferenceBackend
from spikec.result import RunResult
from spikec.selftest import _Engine, selftest


def test_all_engines_agree_on_a_few_networks() -> None:
    told: list[tuple[int, int]] = []
    report = selftest(8, seed=5, progress=lambda done, total: told.append((done, total)))
    assert report.passed
    assert report.first is None
    assert told == [(8, 8)]
    lava = availability("lava") is None
    paired = sum(has_pairs(random_program(np.random.default_rng([5, k])).network) for k in range(8))
    assert 0 < paired < 8
    assert report.n_runs == (8 + 8 + (8 - paired) + 1 if lava else 8)
    assert report.left_out == ({"lava stock": paired, "lava stock, alone": paired} if lava else {})
    assert set(report.skipped) == (set() if lava else {"lava fused", "lava stock", "lava stock, alone"})
    assert set(report.seconds) == {"reference", "cpu", "lava fused", "lava stock", "lava stock, alone"} - set(
        report.skipped
    )
    assert report.n_spikes > 0
    assert report.n_membranes > 0


class Faulty(ReferenceBackend):
    """The reference with a fault."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def prepare(self, program: Program) -> Any:
        return FaultyExecutable(super().prepare(program), self.fault)


class FaultyExecutable:
    def __init__(self, inner: Any, fault: str) -> None:
        self.inner, self.fault = inner, fault

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        if self.fault == "fails":
            raise BackendFailed("out of luck")
        result: RunResult = self.inner.run(inputs, until, record)
        name = next(name for name in result.spikes if name not in inputs)
        if self.fault == "spike":
            e = result.spikes[name]
            more = from_rows([0], [int(until)], [0], n_samples=e.n_samples, n_neurons=e.n_neurons)
            rows = [(x.sample_of_event(), x.times, x.neurons) for x in (e, more)]
            samples, times, neurons = ([*a, *b] for a, b in zip(*rows, strict=True))
            late = from_rows(samples, times, neurons, n_samples=e.n_samples, n_neurons=e.n_neurons)
            return replace(result, spikes={**result.spikes, name: late})
        if self.fault == "membrane":
            return replace(result, traces={key: trace + 1 for key, trace in result.traces.items()})
        assert result.counters is not None
        return replace(result, counters=replace(result.counters, populations={}))

    def close(self) -> None:
        pass


@pytest.fixture
def faulty(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only two engines, each with the test's fault."""
    one_by_one, packed = spikec.selftest._one_by_one, spikec.selftest._side_by_side
    engines = {"alone": _Engine("faulty", {}, one_by_one), "packed": _Engine("faulty", {}, packed)}
    monkeypatch.setattr(spikec.selftest, "_ENGINES", engines)
    monkeypatch.setattr(spikec.selftest, "availability", lambda name: None)
    backends = {"reference": ReferenceBackend(), "faulty": Faulty(request.param)}
    monkeypatch.setattr(spikec.selftest, "find_backend", lambda name, **options: backends[name])


@pytest.mark.parametrize(
    ("faulty", "words", "n_mismatches"),
    [
        ("spike", "they part at sample 0, tick 48: neuron 0 of", 5),  # and the pack's counters are wrong
        ("membrane", "the membrane of neuron 0 of", 6),
        ("fails", "it failed: out of luck", 6),
    ],
    indirect=["faulty"],
)
def test_a_fault_is_found_and_described(faulty: None, words: str, n_mismatches: int) -> None:
    report = selftest(3, seed=2)
    assert not report.passed
    assert report.first is not None
    assert report.first.startswith("network 0 of seed 2, alone: ")
    assert words in report.first
    assert (report.n_runs, report.n_mismatches) == (6, n_mismatches)


@pytest.mark.parametrize("faulty", ["counters"], indirect=True)
def test_wrong_counters_are_found_for_one_network_and_for_many_at_once(faulty: None) -> None:
    report = selftest(3, seed=2)
    assert report.first == "network 0 of seed 2, alone: the counters are not those of its spikes"
    assert report.n_mismatches == 3 + 1


@pytest.mark.parametrize("faulty", ["fails"], indirect=True)
def test_networks_that_an_engine_has_no_neurons_for_are_left_out(
    faulty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        spikec.selftest,
        "random_program",
        lambda rng: random_program(rng, max_neurons=3, max_populations=1, pairs=True),
    )
    engines = {name: replace(engine, pairs=False) for name, engine in spikec.selftest._ENGINES.items()}
    monkeypatch.setattr(spikec.selftest, "_ENGINES", engines)
    report = selftest(3, seed=2)
    assert (report.n_runs, report.left_out) == (0, {"alone": 3, "packed": 3})


@pytest.mark.parametrize("faulty", ["fails"], indirect=True)
def test_what_cannot_run_here_is_skipped(faulty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spikec.selftest, "availability", lambda name: "it is not here")
    report = selftest(60, seed=2)
    assert report.passed
    assert report.n_runs == 0
    assert report.skipped == {"alone": "it is not here", "packed": "it is not here"}
