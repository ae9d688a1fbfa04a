"""How full cores are, against sums by hand."""

from dataclasses import replace

from spikec.placed import Placement
from spikec.placement.fullness import Fullness, fullness
from spikec.placement.place import place_program
from tests.spikec.placement.nets import layers, program, small_target


def by_rule(p):
    lines, broken = fullness(p)
    return {line.rule: line for line in lines}, broken


def test_a_program_that_is_not_placed_is_cut_in_order():
    lines, broken = by_rule(program(layers(3, 10, 4), small_target(neurons_per_core=4)))
    # 10 neurons in 3 chunks of 4, 4 and 2, and 4 of the last population
    assert lines["neurons"] == Fullness("neurons", 4, 4, 0, "p1", 14 / 4)
    assert lines["input axons"].largest == 10
    assert lines["input axons"].population == "p2"
    assert not broken


def test_five_faults_are_found_at_once():
    target = small_target(axons_in_per_core=9, axons_out_per_core=3, synapse_bytes_per_core=40,
                          thresholds_per_core=0, decays_per_core=0)  # fmt: skip
    _, broken = by_rule(program(layers(10, 8, 4), target))
    assert {v.rule for v in broken} == {
        "input axons of a core", "synapse bytes of a core", "distinct thresholds of a core",
        "distinct decays of a core",
    } | {v.rule for v in broken if v.rule.startswith("output")}  # fmt: skip
    assert all(v.advice for v in broken)


def test_a_placed_program_is_measured_as_it_is_placed():
    p = program(layers(3, 10, 4))
    whole = replace(p, placement=Placement({"p1": [0] * 10, "p2": [0] * 4}, [5]))
    assert by_rule(whole)[0]["neurons"].largest == 14
    found = place_program(p, "sequential")
    assert found.log[-1].step == "place"
    assert by_rule(found)[0]["neurons"].largest == 10
    assert found.log[-1].figures["cores"] == 2
