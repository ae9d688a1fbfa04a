"""The YAML files: what they share, and what of them is refused by name."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from spikec.conformance.cases import MAX_TEXT, Frames, Layers, Raster, load_cases
from spikec.errors import FileFormatError, UsageError

DOCS = Path(__file__).parents[3] / "docs" / "conformance.md"
SHIPPED = sorted((Path(__file__).parents[2] / "conformance").glob("*.yaml"))

PLAIN = """
shared:
  network: net.nir
  dt: 1e-4
  input: {kind: raster, file: in.npy}
  explained: ""
rows:
  - against: here
    expected: {kind: raster, file: out.npy}
  - against: there
    network: other.nir
    expected: {kind: count, spikes: 7}
"""


def _load(tmp_path, text):
    path = tmp_path / "net.conformance.yaml"
    path.write_text(text)
    return load_cases(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_what_ships_is_understood_and_has_a_title(path):
    assert load_cases(path).title


def test_what_the_docs_show_is_understood(tmp_path):
    text = DOCS.read_text(encoding="utf-8")
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    for _, block in blocks:
        assert _load(tmp_path, dedent(block)).rows


def test_files_ship():
    assert {p.stem for p in SHIPPED} >= {"lif", "braille", "oxford", "nmnist", "yinyang"}


def test_a_row_goes_before_what_all_share(tmp_path):
    first, second = _load(tmp_path, PLAIN).rows
    assert (first.network, first.dt, first.expected) == ("net.nir", 1e-4, Raster("raster", "out.npy"))
    assert (second.network, second.dt) == ("other.nir", 1e-4)
    assert first.files() == ("net.nir", "in.npy", "out.npy")
    assert second.files() == ("other.nir", "in.npy")


def test_all_kinds_are_read(tmp_path):
    text = """
rows:
  - against: a
    network: {file: n.npz, tau_mem: 2, tau_syn: 1, threshold: 1, layers: [{weights: w, delays: d}]}
    input: {kind: frames, file: e.npz, axes: [p, y, x], time: t, frame: 1000, starts: offsets}
    expected: {kind: answers, file: e.npz, labels: l, right: 5, readout: first}
    compile: {bits: 4}
    backends: [cpu, lava]
"""
    (row,) = _load(tmp_path, text).rows
    assert isinstance(row.network, Layers)
    assert isinstance(row.input, Frames)
    assert (row.compile.target, row.compile.bits) == ("loihi2", 4)
    assert row.files() == ("n.npz", "e.npz")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("dt: 1e-4", "dt: 0", r"rows.0.dt: .*greater than 0"),
        ("dt: 1e-4", "time_step: 1", r"rows.0.time_step: Unexpected"),
        ("against: here", "", r"rows.0.against: Field required"),
        ("kind: count, spikes: 7", "kind: count, spikes: -1", r"rows.1.expected.spikes"),
        ("kind: count, spikes: 7", "kind: guess", r"rows.1.expected: .*guess"),
        ("file: in.npy", "fle: in.npy", r"rows.0.input.file: Field required"),
        ("against: there", "allowed: 3\n    against: there", "allows 3 wrong and does not say why"),
        ("against: there", "shift: 100000\n    against: there", r"rows.1.shift"),
        ("against: there", "shift: 1\n    against: there", "but compares none; leave out 'shift'"),
        ("rows:", "row:", "rows: Field required"),
        ("shared:", "shared: 3\nshored:", "must be a table"),
        ("  - against: here", "  - 3\n  - against: here", "must be a table"),
    ],
)
def test_faults_are_told_with_their_place(tmp_path, old, new, words):
    with pytest.raises(UsageError, match=words) as caught:
        _load(tmp_path, PLAIN.replace(old, new, 1))
    assert "net.conformance.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_long_or_no_text_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="longer than"):
        _load(tmp_path, PLAIN + "#" * MAX_TEXT)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_cases(tmp_path / "binary.yaml")
