"""Targets: every figure of those that ship has a source, and a wrong file is refused with all its faults."""

import numpy as np
import pytest

from spikec.errors import UsageError
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import FixedFormat
from spikec.targets.target import Figure, load_target, parse_target, target_names

WORDS = '{value: 8, source: "a paper"}'
FORMATS = "\n".join(
    f"  {name}: {WORDS}"
    for name in (
        "weight_bits", "weight_exponent_min", "weight_exponent_max", "state_bits", "decay_bits",
        "threshold_max", "bias_max", "bias_exponent_max", "delay_max",
    )
)  # fmt: skip


def _figures(thing):
    if isinstance(thing, Figure):
        yield thing
    for value in getattr(thing, "__dict__", {}).values():
        yield from _figures(value)


def test_these_targets_ship():
    assert target_names() == ["ideal", "loihi1", "loihi2"]
    assert all(load_target(name).name == name for name in target_names())


@pytest.mark.parametrize("name", ["loihi1", "loihi2"])
def test_every_figure_names_its_source(name):
    figures = list(_figures(load_target(name)))
    assert len(figures) >= 15
    assert all(len(f.source) > 10 for f in figures)


@pytest.mark.parametrize("name", ["loihi1", "loihi2"])
def test_the_formats_are_those_the_ir_can_hold(name):
    f = load_target(name).formats
    for exponent in (f.weight_exponent_min, f.weight_exponent_max):
        FixedFormat(int(f.weight_bits.value), exponent=int(exponent.value))
    largest_decay = 2 ** int(f.decay_bits.value) - 1
    neuron = CubaFixed(largest_decay, largest_decay, int(f.threshold_max.value), int(f.bias_max.value), 7)
    assert np.asarray(neuron.vth) == 131071
    with pytest.raises(Exception, match="allowed is"):
        CubaFixed(0, 0, int(f.threshold_max.value) + 1)


def test_ideal_has_no_limits():
    ideal = load_target("ideal")
    assert ideal.formats is None
    assert not list(_figures(ideal))


def test_a_target_of_ones_own_is_read_from_its_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\ntitle: My chip\nformats:\n{FORMATS}\n", encoding="utf-8")
    mine = load_target(str(path))
    assert mine.formats.delay_max == Figure(8, "a paper")
    assert mine.limits.cores is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\ntitle: y\ncolour: red", "colour: Unexpected keyword argument"),
        ("name: x\ntitle: y\nlimits: {coers: {value: 1, source: z}}", "limits.coers: Unexpected"),
        ("name: x\ntitle: y\nlimits: {cores: {value: 1, source: z, unit: u}}", "limits.cores.unit"),
        ("name: x\ntitle: y\nlimits: {cores: {value: many, source: z}}", r"limits.cores.value: .*number"),
        ("name: x\ntitle: y\nlimits: {cores: {value: .nan, source: z}}", r"limits.cores.value: .*finite"),
        ("name: x\ntitle: y\nlimits: {cores: {value: .inf, source: z}}", r"limits.cores.value: .*finite"),
        ("name: x\ntitle: y\nlimits: {cores: {value: 1}}", "limits.cores.source"),
        ("name: x\ntitle: y\nlimits: {cores: {value: 1, source: ''}}", "limits.cores.source"),
        ("name: x\ntitle: y\nlimits: {cores: 128}", "limits.cores"),
        ("name: x\ntitle: y\nlimits: [1, 2]", "limits"),
        ("name: [x]\ntitle: y", "name: Input should be a valid string"),
        ("title: y", "name: "),
        (f"name: x\ntitle: y\nformats:\n{FORMATS.split(chr(10), 1)[1]}", "formats.weight_bits"),
        ("name: x\ntitle: y\nenergy_tables: {a: 1}", "energy_tables"),
        ("name: x\ntitle: y\n3: 4", "3"),
        ("- a\n- b", "holds no table of settings"),
        ("", "holds no table of settings"),
        ("name: 'x", "is not valid YAML"),
        ("name: !!python/object/apply:os.getcwd []\ntitle: y", "is not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_of_its_fault(text, message):
    with pytest.raises(UsageError, match=message):
        parse_target(text, "mine.yaml")


def test_all_faults_are_named_at_once():
    with pytest.raises(UsageError) as caught:
        parse_target("title: 3\ncolour: red\nlimits: {cores: {value: x, source: z}}", "mine.yaml")
    assert all(
        word in str(caught.value) for word in ("mine.yaml", "name", "title", "colour", "limits.cores.value")
    )


def test_unknown_targets_are_refused_with_the_known_ones(tmp_path):
    for name in ("loihi3", "../loihi1", "", str(tmp_path / "none.yaml")):
        with pytest.raises(UsageError, match=r"give a name \(ideal, loihi1, loihi2\) or a \.yaml file"):
            load_target(name)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(UsageError, match="cannot be read"):
        load_target(str(path))
