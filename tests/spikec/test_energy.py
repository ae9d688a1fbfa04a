"""Prices times counts, each expected number worked out by hand from the published figures."""

import numpy as np
import pytest

from spikec.energy import dense_baseline, estimate
from spikec.energy_tables.table import UNPRICED, load_table
from spikec.result import CoreCounts, Counters, PopulationCounts, ProjectionCounts

# Two samples of ten ticks: 3 inputs spike 12 times, 4 hidden neurons 5 times, 2 readouts never.
COUNTERS = Counters(
    n_samples=2,
    n_ticks=10,
    populations={
        "in": PopulationCounts(spikes=12, neuron_updates=0),
        "hidden": PopulationCounts(spikes=5, neuron_updates=4 * 10 * 2),
        "out": PopulationCounts(spikes=0, neuron_updates=2 * 10 * 2),
    },
    projections={
        "in_hidden": ProjectionCounts(synaptic_events=40, zero_weight_events=8, messages=12, delay_writes=7),
        "hidden_out": ProjectionCounts(synaptic_events=10, zero_weight_events=0, messages=5, delay_writes=0),
    },
)
FACTS = {"dense_macs": 20, "recurrent": False}


def terms_of(table: str) -> dict[str, tuple[int, float | None]]:
    return {t.name: (t.count, t.total_pj) for t in estimate(COUNTERS, load_table(table)).terms}


def test_the_prices_of_davies_give_the_sum_worked_out_by_hand() -> None:
    assert terms_of("loihi1-davies2018") == {
        "synaptic_events": (50, pytest.approx(50 * 23.6)),
        "zero_weight_events": (8, pytest.approx(8 * 23.6)),
        "neuron_updates": (120, pytest.approx(120 * 81)),
        "spikes": (5, None),
        "messages": (17, pytest.approx(17 * 1.7)),
        "delay_writes": (7, None),
    }
    found = estimate(COUNTERS, load_table("loihi1-davies2018"))
    assert found.total_pj == pytest.approx(1180 + 188.8 + 9720 + 28.9)
    assert found.per_inference_pj == pytest.approx((1180 + 188.8 + 9720 + 28.9) / 2)
    assert found.is_estimate


def test_the_prices_of_sanafe_give_the_sum_worked_out_by_hand() -> None:
    assert terms_of("loihi1-sanafe") == {
        "synaptic_events": (50, pytest.approx(1775.0)),
        "zero_weight_events": (8, pytest.approx(284.0)),
        "neuron_updates": (120, pytest.approx(8736.0)),
        "spikes": (5, pytest.approx(346.5)),
        "messages": (17, pytest.approx(1887.0)),
        "delay_writes": (7, None),
    }
    total = estimate(COUNTERS, load_table("loihi1-sanafe")).total_pj
    assert total == pytest.approx(1775.0 + 284.0 + 8736.0 + 346.5 + 1887.0)


def test_spikes_of_inputs_are_not_charged_as_made_on_the_chip_but_said() -> None:
    found = estimate(COUNTERS, load_table("loihi1-sanafe"))
    assert {t.name: t.count for t in found.terms}["spikes"] == 5
    assert any("12 spikes of inputs" in note for note in found.notes)


def test_without_a_published_price_a_count_stays_a_count() -> None:
    found = estimate(COUNTERS, UNPRICED)
    assert [t.count for t in found.terms] == [50, 8, 120, 5, 17, 7]
    assert all(t.unit_pj is None and t.total_pj is None for t in found.terms)
    assert found.total_pj is None
    assert found.per_inference_pj is None


def test_a_relevant_event_without_price_refuses_the_total_and_is_named() -> None:
    found = estimate(COUNTERS, load_table("digital-45nm"))
    assert found.total_pj is None
    assert {t.name: t.total_pj for t in found.terms}["synaptic_events"] == pytest.approx(45.0)
    assert any("neuron_updates, spikes, messages, delay_writes" in note for note in found.notes)


def test_a_relevant_event_that_never_happened_refuses_nothing() -> None:
    silent = Counters(1, 0, {}, {"q": ProjectionCounts(3, 0, 0, 0)})
    assert estimate(silent, load_table("digital-45nm")).total_pj == pytest.approx(2.7)


def test_the_price_of_a_chips_own_neuron_is_said_to_be_too_low_for_a_program() -> None:
    kinds = {"in": "Source", "hidden": "QifFixed", "out": "CubaFixed"}
    facts = {"populations": [{"name": name, "neuron": kind} for name, kind in kinds.items()]}
    found = estimate(COUNTERS, load_table("loihi1-sanafe"), facts)
    assert [note for note in found.notes if note.startswith("80 neuron updates are those of programs")]
    for others in (estimate(COUNTERS, UNPRICED, facts), estimate(COUNTERS, load_table("loihi1-sanafe"))):
        assert not [note for note in others.notes if "programs" in note]


def test_hops_are_said_to_be_not_counted_and_never_a_term() -> None:
    for table in (load_table("loihi1-davies2018"), load_table("loihi1-sanafe"), UNPRICED):
        found = estimate(COUNTERS, table)
        assert not any("hop" in t.name for t in found.terms)
        assert any("not counted: hops" in line and "no placement" in line for line in found.not_counted)


def test_a_run_without_samples_has_no_energy_an_inference() -> None:
    found = estimate(Counters(0, 10, {}, {}), load_table("loihi1-davies2018"))
    assert found.total_pj == 0.0
    assert found.per_inference_pj is None


def test_the_dense_base_of_a_feed_forward_network_is_one_pass() -> None:
    base = dense_baseline(FACTS, 10, load_table("digital-45nm"))
    assert base.base == "one pass"
    assert base.macs_per_inference == 20
    assert {t.name: t.total_pj for t in base.terms} == {
        "mac_fp32": pytest.approx(20 * (3.7 + 0.9)),
        "mac_fp32_sram": pytest.approx(20 * (3.7 + 0.9 + 10 * 32 / 64)),
        "mac_int8": pytest.approx(20 * (0.2 + 0.1)),
        "mac_int8_sram": pytest.approx(20 * (0.2 + 0.1 + 10 * 8 / 64)),
    }
    assert [t.count for t in base.every_tick] == [200] * 4


def test_the_dense_base_of_a_recurrent_network_is_a_pass_every_tick() -> None:
    base = dense_baseline({"dense_macs": 20, "recurrent": True}, 10, load_table("digital-45nm"))
    assert base.base == "every tick"
    assert base.macs_per_inference == 200
    assert {t.name: t.total_pj for t in base.terms}["mac_fp32"] == pytest.approx(920.0)


def test_without_ticks_there_is_one_pass_only() -> None:
    base = dense_baseline({"dense_macs": 20, "recurrent": True}, None, load_table("digital-45nm"))
    assert (base.base, base.every_tick) == ("one pass", ())


# The same run on two cores: the hidden neurons on the second, two tiles east of the first.
CORES = CoreCounts(
    mesh={"columns": 8, "rows": 4, "cores_per_tile": 4, "chips": 1},
    place=np.array([0, 8]),
    neurons={"hidden": np.array([0, 4]), "out": np.array([2, 0])},
    spikes=np.array([0, 5]),
    neuron_updates=np.array([40, 80]),
    synaptic_events=np.array([10, 40]),
    zero_weight_events=np.array([0, 8]),
    delay_writes=np.array([0, 7]),
    messages_out=np.array([0, 5]),
    messages_in=np.array([5, 12]),
    by_storage={"dense": np.array([10, 0]), "sparse": np.array([0, 18]), "convolution": np.array([0, 30])},
    hops={"east": 24, "west": 10, "north": 3, "south": 0},
    chip_crossings=0,
    work=np.zeros((10, 2), np.int64),
    busiest=np.zeros(10, np.int64),
)


def test_a_placed_run_pays_for_hops_for_messages_to_cores_and_by_storage() -> None:
    found = estimate(COUNTERS, load_table("loihi1-sanafe"), cores=CORES)
    assert {t.name: (t.count, t.total_pj) for t in found.terms} == {
        "dense_events": (10, pytest.approx(355.0)),
        "sparse_events": (18, pytest.approx(604.8)),
        "convolution_events": (30, pytest.approx(720.0)),
        "neuron_updates": (120, pytest.approx(8736.0)),
        "spikes": (5, pytest.approx(346.5)),
        "messages": (17, pytest.approx(1887.0)),
        "delay_writes": (7, None),
        "hops_east_west": (34, pytest.approx(102.0)),
        "hops_north_south": (3, pytest.approx(12.6)),
    }
    assert found.total_pj == pytest.approx(355 + 604.8 + 720 + 8736 + 346.5 + 1887 + 102 + 12.6)
    assert not any("hops" in line for line in found.not_counted)


def test_where_storage_makes_no_difference_zeros_keep_their_line() -> None:
    found = estimate(COUNTERS, load_table("loihi1-davies2018"), cores=CORES)
    totals = {t.name: t.total_pj for t in found.terms}
    assert totals["zero_weight_events"] == pytest.approx(8 * 23.6)
    assert totals["hops_east_west"] == pytest.approx(34 * 3.0)
    assert totals["hops_north_south"] == pytest.approx(3 * 4.0)


def test_hops_without_a_price_stay_counts() -> None:
    terms = {t.name: (t.count, t.total_pj) for t in estimate(COUNTERS, UNPRICED, cores=CORES).terms}
    assert terms["hops_east_west"] == (34, None)
