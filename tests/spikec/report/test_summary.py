"""A summary of a small run, and of results in which things are missing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikec.answers import wilson
from spikec.container import load, save
from spikec.errors import UsageError
from spikec.events import from_rows
from spikec.report.summary import summarise
from spikec.report.tables import tables
from spikec.result import CoreCounts, Counters, PopulationCounts, ProjectionCounts, RunResult

COUNTERS = Counters(
    n_samples=2,
    n_ticks=10,
    populations={"in": PopulationCounts(3, 0), "out": PopulationCounts(1, 40)},
    projections={"in_out": ProjectionCounts(12, 2, 3, 0)},
)
FACTS = {
    "digest": "d" * 64,
    "target": "loihi1",
    "dialect": "fixed",
    "dt": 1e-3,
    "recurrent": False,
    "n_synapses": 8,
    "n_nonzero": 6,
    "connection_sparsity": 0.25,
    "dense_macs": 8,
    "footprint_bytes": 30,
    "populations": [
        {"name": "in", "n": 4, "neuron": "Source", "input": True, "spikes": True},
        {"name": "out", "n": 2, "neuron": "CubaFixed", "input": False, "spikes": True},
    ],
    "projections": [{"name": "in_out", "n_synapses": 8, "n_nonzero": 6}],
}
META: dict[str, Any] = {
    "backend": "reference",
    "seconds": 0.5,
    "program": "p" * 64,
    "facts": FACTS,
    "energy_tables": ("loihi1-davies2018", "loihi1-sanafe"),
    "labels": [0, 1],
    "predictions": [0, 0],
    "dt": 1e-3,
    "versions": {"numpy": "2.0"},
    "order": "A hop takes one tick.",
}


def result(counters: Counters | None = COUNTERS, **changed: Any) -> RunResult:
    spikes = {
        "in": from_rows([0, 0, 1], [1, 2, 0], [0, 3, 1], n_samples=2, n_neurons=4),
        "out": from_rows([1], [5], [1], n_samples=2, n_neurons=2),
    }
    meta = {k: v for k, v in {**META, **changed}.items() if v is not None}
    return RunResult(spikes, counters=counters, meta=meta)


def test_the_json_form_holds_the_numbers_worked_out_by_hand() -> None:
    found = summarise(result()).to_json()
    davies = 12 * 23.6 + 2 * 23.6 + 40 * 81 + 3 * 1.7
    energy = found["energy"]["loihi1-davies2018"]
    assert energy["total_pj"] == pytest.approx(davies)
    assert energy["per_inference_pj"] == pytest.approx(davies / 2)
    assert energy["is_estimate"] is True
    assert energy["as_if"] is None
    assert found["dense_baseline"]["base"] == "one pass"
    assert found["dense_baseline"]["macs_per_inference"] == 8
    ratio = found["dense_baseline"]["energy_by_base"]["loihi1-davies2018"]["mac_fp32"]
    assert ratio == pytest.approx(davies / 2 / (8 * 4.6))
    assert found["neurobench"]["SynapticOperations"]["Effective_ACs"] == pytest.approx(6.0)
    assert found["neurobench"]["ActivationSparsity"] == pytest.approx(39 / 40)
    assert found["counts"]["synaptic_events"] == 12
    assert found["populations"]["out"] == {"n": 2, "spikes": 1, "neuron_updates": 40}
    assert found["projections"]["in_out"]["zero_weight_events"] == 2


def test_a_placed_run_shows_its_cores() -> None:
    k = np.array([3, 1])
    hops = {"east": 4, "west": 0, "north": 2, "south": 0}
    mesh = {"columns": 2, "rows": 1, "cores_per_tile": 4, "chips": 1}
    place, work, busiest = np.array([0, 6]), np.array([[1, 5], [2, 3]]), np.array([5, 3])
    cores = CoreCounts(mesh, place, {"out": k}, k, k, k, k, k, k, k, {"dense": 2 * k}, hops, 1, work, busiest)
    summary = summarise(replace(result(), cores=cores))
    found = summary.to_json()["cores"]
    assert json.loads(json.dumps(found)) == found
    assert (found["place"], found["work"], found["hops"]["north"]) == ([0, 6], [[1, 5], [2, 3]], 2)
    (table,) = [t for t in tables(summary) if t.title == "Cores"]
    assert [row[0] for row in table.rows] == ["1", "0", "total"]
    assert table.rows[-1] == ("total", "", "4", "4", "8", "4", "4", "4")
    assert summary.to_json()["seconds"] is None
    assert "4 east, 0 west, 2 north, 0 south" in table.notes[0]
    assert "2.0 synaptic events and neuron updates on average, and 2.5 in tick 0" in table.notes[1]


def test_the_json_form_is_plain_json_with_stable_keys() -> None:
    found = summarise(result()).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == [
        "n_samples", "n_ticks", "dt", "accuracy", "beside", "populations", "projections", "counts", "cores",
        "core_use", "energy", "energy_interval", "seconds", "standing", "dense_baseline", "neurobench",
        "facts", "passes", "provenance", "notes",
    ]  # fmt: skip
    assert list(found["energy"]["loihi1-sanafe"]["terms"][0]) == [
        "name", "count", "unit_pj", "total_pj", "source", "note",
    ]  # fmt: skip


def test_accuracy_is_worked_out_from_labels_where_it_is_not_given() -> None:
    found = summarise(result()).accuracy
    assert found is not None
    assert (found.value, found.n_samples) == (0.5, 2)
    given = summarise(result(accuracy=0.75, labels=None)).accuracy
    assert given is not None
    assert (given.value, given.n_samples, given.interval) == (0.75, None, None)
    assert summarise(result(predictions=[0])).accuracy is None


@pytest.mark.parametrize(("right", "n"), [(0, 10), (7, 10), (350, 360), (10, 10)])
def test_the_interval_is_where_the_normal_test_stops_rejecting(right: int, n: int) -> None:
    low, high = wilson(right / n, n)
    for bound in (low, high):
        if 1e-9 < bound < 1 - 1e-9:
            z = abs(right / n - bound) / np.sqrt(bound * (1 - bound) / n)
            assert z == pytest.approx(1.959963984540054)
    assert 0 <= low <= right / n <= high <= 1


def test_a_chip_without_prices_shows_counts_and_no_energy() -> None:
    found = summarise(result(energy_tables=())).to_json()["energy"]
    assert list(found) == ["unpriced"]
    assert found["unpriced"]["total_pj"] is None
    assert [t["count"] for t in found["unpriced"]["terms"]] == [12, 2, 40, 1, 3, 0]


def test_borrowed_prices_come_on_request_only_and_are_labelled() -> None:
    found = summarise(result(energy_tables=()), tables=("loihi1-davies2018",))
    assert [p.as_if for p in found.energy] == [None, "Loihi 1"]
    assert found.energy[1].label.startswith("priced as if on Loihi 1")
    assert found.to_json()["energy"]["loihi1-davies2018"]["as_if"] == "Loihi 1"


def test_one_of_the_chips_own_tables_can_be_chosen() -> None:
    found = summarise(result(), tables=("loihi1-sanafe",))
    assert [(p.estimate.table, p.as_if) for p in found.energy] == [("loihi1-sanafe", None)]
    with pytest.raises(UsageError, match="no energy table"):
        summarise(result(), tables=("loihi9",))


def test_a_result_that_tells_nothing_is_summarised_all_the_same() -> None:
    found = summarise(RunResult({}))
    assert found.n_samples is None
    assert found.to_json()["energy"] == {}
    assert found.baseline is None
    assert found.neurobench is None


@pytest.mark.parametrize("missing", sorted(META))
def test_each_entry_of_the_meta_may_be_missing(missing: str) -> None:
    found = summarise(result(**{missing: None})).to_json()
    assert found.keys() == summarise(result()).to_json().keys()
    assert json.loads(json.dumps(found, allow_nan=False)).keys() == found.keys()


def test_a_continuous_run_has_no_counts_and_so_no_energy() -> None:
    found = summarise(result(counters=None))
    assert (found.energy, found.n_ticks, dict(found.totals)) == ((), None, {})
    assert found.baseline is not None
    assert any("no event counts" in note for note in found.notes)


def test_a_result_read_back_from_its_file_gives_the_same_summary(tmp_path: Path) -> None:
    save(result(), tmp_path / "result.npz")
    assert summarise(load(tmp_path / "result.npz", RunResult)).to_json() == summarise(result()).to_json()


def test_a_run_whose_time_is_known_shows_standing_power_beside_its_events() -> None:
    k = np.array([1])
    mesh = {"columns": 1, "rows": 1, "cores_per_tile": 1, "chips": 1}
    hops = dict.fromkeys(("east", "west", "north", "south"), 0)
    work, busiest, picoseconds = (
        np.ones((2, 1), np.int64),
        np.ones(2, np.int64),
        np.array([3_000_000, 1_000_000]),
    )
    cores = CoreCounts(mesh, k - 1, {}, k, k, k, k, k, k, k, {}, hops, 0, work, busiest, picoseconds)
    power = [{"name": "static power", "mw": 29.7, "source": "measured", "note": ""}]
    summary = summarise(replace(result(power=power), cores=cores))
    found = summary.to_json()
    assert found["seconds"] == pytest.approx(4e-6)
    assert found["standing"][0]["total_pj"] == pytest.approx(29.7e-3 * 4e-6 * 1e12)
    (table,) = [t for t in tables(summary) if t.title.startswith("Time and standing power")]
    assert table.rows[0] == ("time on the chip", "", "4 µs", "2 µs")
    assert table.rows[1] == ("static power", "29.7", "119 nJ", "59.4 nJ")
