"""Price tables: what ships is complete and sourced, and what is wrong is refused by name."""

from pathlib import Path

import pytest
import yaml

from spikec.energy_tables.table import TERMS, load_table, parse_table, table_names
from spikec.errors import UsageError
from spikec.targets.target import load_target, target_names

GOOD = {
    "name": "mine",
    "title": "Mine",
    "chip": "a chip",
    "process": "14 nm",
    "basis": "measured by me",
    "events": {name: {"pj": 1.0, "source": "me"} for name in TERMS},
}


def broken(**changes: object) -> str:
    return yaml.safe_dump({**GOOD, **changes})


def with_price(price: object) -> str:
    return broken(events={**GOOD["events"], "messages": price})  # type: ignore[dict-item]


def test_every_table_a_target_names_exists() -> None:
    named = {table for target in target_names() for table in load_target(target).energy_tables}
    assert named <= set(table_names())


def test_loihi_2_has_no_prices() -> None:
    assert load_target("loihi2").energy_tables == ()


@pytest.mark.parametrize("name", table_names())
def test_a_table_that_ships_carries_its_name_and_a_source_for_each_price(name: str) -> None:
    table = load_table(name)
    prices = [getattr(table.events, term) for term in TERMS] + list(table.operations.values())
    assert table.name == name
    assert all(price.source for price in prices)
    assert all("none found" not in price.source for price in prices if price.pj is not None)


def test_the_published_figures_are_those_of_davies() -> None:
    table = load_table("loihi1-davies2018")
    assert (table.events.synaptic_events.pj, table.events.neuron_updates.pj) == (23.6, 81.0)
    assert "52 pJ" in table.events.neuron_updates.note
    assert "upper bound" in table.events.neuron_updates.note
    assert table.hops is not None
    assert (table.hops.east_west.pj, table.hops.north_south.pj) == (3.0, 4.0)


def test_a_table_of_the_users_own_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    assert load_table(str(path)).events.messages.pj == 1.0


def test_a_price_may_be_a_whole_number() -> None:
    assert parse_table(with_price({"pj": 2, "source": "me"}), "mine").events.messages.pj == 2.0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (broken(colour="red"), "colour"),
        (broken(title=None), "title"),
        (broken(events={}), "events"),
        (broken(events={k: v for k, v in GOOD["events"].items() if k != "spikes"}), "events.spikes"),  # type: ignore[attr-defined]
        (with_price({"pj": -1.0, "source": "me"}), "events.messages.pj"),
        (with_price({"pj": float("nan"), "source": "me"}), "events.messages.pj"),
        (with_price({"pj": float("inf"), "source": "me"}), "events.messages.pj"),
        (with_price({"pj": "1.0", "source": "me"}), "events.messages.pj"),
        (with_price({"pj": True, "source": "me"}), "events.messages.pj"),
        (with_price({"pj": 1.0}), "events.messages.source"),
        (with_price({"pj": 1.0, "source": ""}), "events.messages.source"),
        (with_price({"source": "me"}), "events.messages.pj"),
        (with_price(1.0), "events.messages"),
        ("- a\n- b\n", "no table of settings"),
        ("a: [", "not valid YAML"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_a_wrong_table_is_refused_and_its_fault_named(text: str, fault: str) -> None:
    with pytest.raises(UsageError, match="mine") as caught:
        parse_table(text, "mine")
    assert fault in str(caught.value)


@pytest.mark.parametrize("name", ["loihi3", "", "no/such/file.yaml"])
def test_an_unknown_table_is_refused_and_the_known_ones_listed(name: str) -> None:
    with pytest.raises(UsageError, match="loihi1-davies2018"):
        load_table(name)
