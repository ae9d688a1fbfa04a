"""A container read part by part is the container read at once."""

from __future__ import annotations

import numpy as np
import pytest

from spikec import container_parts
from spikec.container import load, save
from spikec.container_parts import Parts
from spikec.errors import FileFormatError
from spikec.events import same
from spikec.rasters import from_raster
from spikec.result import RunResult


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(0)
    events = {name: from_raster(rng.random((30, 9, 5)) < 0.3) for name in ("a", "b")}
    traces = {"a.v": rng.normal(size=(30, 9, 5)), "b.v.last": rng.integers(-300, 9, (30, 5))}
    save(RunResult(events, traces, None, {"x": 1.5}), tmp_path / "r.npz")
    return tmp_path / "r.npz"


@pytest.mark.parametrize("piece", [1, 100, 1 << 20])
def test_rows_and_checksum_are_those_of_the_whole(path, monkeypatch, piece):
    monkeypatch.setattr(container_parts, "PIECE_BYTES", piece)
    whole = load(path)
    with Parts(path) as parts:
        parts.check()
        node = parts.tree["traces"]["map"]["a.v"]
        for first, last in ((0, 3), (20, 30), (5, 5), (1, 30)):
            assert np.array_equal(parts.array(node).rows(first, last), whole.traces["a.v"][first:last])
        made = parts.made(parts.tree["spikes"])
        assert all(same(made[name], whole.spikes[name]) for name in whole.spikes)


def test_quick_files_hold_the_same_in_fewer_bytes_a_number(path, tmp_path):
    whole = load(path)
    save(whole, tmp_path / "quick.npz", quick=True)
    quick = load(tmp_path / "quick.npz")
    assert all(same(quick.spikes[name], e) for name, e in whole.spikes.items())
    assert all(np.array_equal(quick.traces[key], whole.traces[key]) for key in whole.traces)
    assert quick.traces["b.v.last"].dtype == np.int16
    assert quick.meta == whole.meta


def test_altered_contents_are_found(path):
    data = bytearray(path.read_bytes())
    for place in range(2000, len(data) - 3000, 997):
        damaged = bytearray(data)
        damaged[place] ^= 0x55
        path.write_bytes(bytes(damaged))
        with pytest.raises(FileFormatError), Parts(path) as parts:
            parts.check()


def test_a_node_that_names_no_array_is_refused(path):
    with Parts(path) as parts, pytest.raises(FileFormatError, match="no array"):
        parts.array({"array": "99"})
