"""The interval over tables of prices, its bars, and what they tell."""

from dataclasses import replace

import pytest

from spikec.report.bars import energy_bars
from spikec.report.priced import interval, kind_of
from spikec.report.prices import ends_text, energy_range_text
from spikec.report.summary import summarise
from spikec.report.tables import tables
from tests.spikec.report.test_summary import result

DAVIES = {"synaptic events": 14 * 23.6, "neuron updates": 40 * 81.0, "messages": 3 * 1.7}
SANAFE = {
    "synaptic events": 14 * 35.5,
    "neuron updates": 40 * 72.8,
    "spikes": 1 * 69.3,
    "messages": 3 * 111.0,
}
"""Of the run of `test_summary`, two inferences: 12 + 2 synaptic events, 40 updates, 1 spike, 3 messages."""


def test_the_interval_goes_from_the_cheapest_table_to_the_dearest_kind_by_kind():
    found = summarise(result()).interval
    assert found.tables == ("loihi1-davies2018", "loihi1-sanafe")
    assert found.total_pj == pytest.approx((sum(DAVIES.values()) / 2, sum(SANAFE.values()) / 2))
    for kind in SANAFE:
        costs = sorted(t[kind] / 2 for t in (DAVIES, SANAFE) if kind in t)
        assert found.kinds_pj[kind] == pytest.approx((costs[0], costs[-1]))
    assert set(found.kinds_pj) == set(SANAFE)
    assert summarise(result()).to_json()["energy_interval"]["total_pj"] == list(found.total_pj)


def test_borrowed_prices_make_an_interval_but_no_headline():
    borrowed = summarise(result(energy_tables=()), tables=("loihi1-davies2018",))
    assert borrowed.interval.tables == ("loihi1-davies2018",)
    assert energy_range_text(borrowed) is None
    assert "estimate" in energy_range_text(summarise(result()))
    assert summarise(result(energy_tables=())).interval is None
    assert interval([]) is None


def test_one_number_is_no_range():
    assert ends_text((1500.0, 1500.2)) == "1.5 nJ"
    assert ends_text((1.0, 2500.0)) == "1 pJ to 2.5 nJ"


def test_every_part_of_a_bar_tells_count_price_and_source_to_mouse_and_keyboard():
    drawn = energy_bars(summarise(result()))
    told = "synaptic events: 6.0 an inference, 23.6 pJ each, 142 pJ. Source: Davies et al."
    assert f'aria-label="{told}' in drawn
    assert f'<span class="tip" aria-hidden="true">{told}' in drawn
    assert drawn.count('tabindex="0"') == drawn.count('class="tip"') == drawn.count('role="img"')
    assert f'data-value="{12 * 23.6 / 2!r}"' in drawn
    assert "dense network, one pass, 8-bit integer" in drawn


def test_what_came_out_of_a_file_is_escaped_in_a_bar():
    summary = summarise(result())
    nasty = replace(summary.energy[0].estimate, title="<script>\x1b")
    drawn = energy_bars(replace(summary, energy=(replace(summary.energy[0], estimate=nasty),)))
    assert "<script" not in drawn
    assert "&lt;script&gt;?" in drawn


def test_a_run_without_counts_has_no_bars_but_those_of_the_dense_network():
    drawn = energy_bars(summarise(result(counters=None)))
    assert drawn.count('class="row"') == 4
    assert energy_bars(summarise(result(counters=None, facts=None))) is None


def test_the_table_of_the_interval_stands_before_those_of_the_tables():
    titles = [t.title for t in tables(summarise(result())) if t.title.startswith("Energy")]
    assert titles[0] == "Energy, estimated: the interval over the tables"
    assert len(titles) == 3


def test_terms_of_all_tables_are_of_a_kind():
    for priced in summarise(result()).energy:
        for term in priced.estimate.terms:
            assert kind_of(term) != term.name or term.name in ("spikes", "messages")
