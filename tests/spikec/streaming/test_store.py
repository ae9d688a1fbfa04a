"""A result that grows in a folder: whole parts, gaps that are filled, other runs refused."""

from __future__ import annotations

import errno
import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spikec
from spikec import zip_files
from spikec.errors import FileFormatError, UsageError
from spikec.events import same
from spikec.streaming.read import StoredResult, one_sample
from spikec.streaming.store import Identity, Part, ResultFolder, gaps, parts_of

IDENTITY = Identity("program", "input", {"backend": "reference", "until": 8e-3, "record": []}, 9)


@pytest.fixture
def samples():
    return np.random.default_rng(0).uniform(0, 16, (9, 64))


def _results(program, samples, chunk):
    labels = np.arange(len(samples)) % 10
    done = 0
    for result in program.stream(samples, labels, chunk=chunk, backend="reference"):
        yield done, result
        done += result.spikes["in"].n_samples


def _written(path, program, samples, chunk, leave_out=()):
    folder = ResultFolder(path, IDENTITY)
    for first, result in _results(program, samples, chunk):
        if first not in leave_out:
            folder.append(first, result)
    folder.close()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunk=st.integers(1, 10), sample=st.integers(0, 8))
def test_parts_read_again_are_the_run_at_once(program, samples, tmp_path_factory, chunk, sample):
    path = tmp_path_factory.mktemp("run") / "parts"
    _written(path, program, samples, chunk)
    stored = StoredResult(path)
    whole = program.run(samples, np.arange(9) % 10, backend="reference")
    found = stored.whole()
    assert all(same(found.spikes[name], e) for name, e in whole.spikes.items())
    assert found.meta["predictions"] == whole.meta["predictions"] == stored.outcome.meta["predictions"]
    assert found.accuracy == whole.accuracy == stored.outcome.meta["accuracy"]
    assert {name: size.n_events for name, size in stored.outcome.sizes.items()} == {
        name: e.n_events for name, e in whole.spikes.items()
    }
    one, expected = one_sample(stored, sample), one_sample(whole, sample)
    assert all(same(one.spikes[name], e) for name, e in expected.spikes.items())
    assert tuple(one.meta["predictions"]) == tuple(expected.meta["predictions"])


def test_membranes_keep_their_values_and_types(program, samples, tmp_path):
    record = ["hidden.v.last", "out.v.last"]
    whole = program.run(samples, backend="reference", record=record)
    folder = ResultFolder(tmp_path / "parts", IDENTITY)
    parts = program.stream(samples, chunk=4, backend="reference", record=record)
    for first, result in zip((0, 4, 8), parts, strict=True):
        folder.append(first, result)
    folder.close()
    found = StoredResult(tmp_path / "parts").whole()
    assert all(np.array_equal(found.traces[key], whole.traces[key]) for key in record)


def test_what_is_missing_is_what_no_part_covers(program, samples, tmp_path):
    _written(tmp_path / "parts", program, samples, 2, leave_out=(2, 6))
    folder = ResultFolder(tmp_path / "parts", IDENTITY)
    assert folder.gaps() == [(2, 4), (6, 8)]
    folder.close()
    stored = StoredResult(tmp_path / "parts")  # up to the first gap
    assert (stored.n_samples, stored.n_missing) == (2, 7)
    assert stored.outcome.meta["missing"] == 7


@given(ends=st.sets(st.integers(1, 30)), n=st.integers(31, 40))
def test_gaps_and_parts_make_up_all_samples(ends, n):
    cuts = [0, *sorted(ends)]
    spans = list(pairwise(cuts))
    kept = [Part(a, b, None) for a, b in spans[::2]]
    there = {k for part in kept for k in range(part.first, part.last)}
    missing = [k for a, b in gaps(kept, n) for k in range(a, b)]
    assert sorted([*there, *missing]) == list(range(n))


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"program": "other"}, "another program"),
        ({"input": "other"}, "another input"),
        ({"n_samples": 10}, "another input"),
        ({"options": {**IDENTITY.options, "backend": "cpu"}}, "backend reference instead of cpu"),
        ({"options": {**IDENTITY.options, "until": 9e-3}}, "until"),
        ({"options": {**IDENTITY.options, "record": ["out.v.last"]}}, "record none"),
    ],
)
def test_another_run_does_not_go_on_here(program, samples, tmp_path, changed, word):
    _written(tmp_path / "parts", program, samples, 5)
    other = Identity(**{**vars(IDENTITY), **changed})
    with pytest.raises(UsageError, match=word) as caught:
        ResultFolder(tmp_path / "parts", other)
    assert "name another --output" in str(caught.value)


def test_a_folder_or_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for name in ("full", "file"):
        with pytest.raises(UsageError, match="holds no run in parts"):
            ResultFolder(tmp_path / name, IDENTITY)
    (tmp_path / "empty").mkdir()
    ResultFolder(tmp_path / "empty", IDENTITY).close()


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    folder = ResultFolder(tmp_path / "parts", IDENTITY)
    with pytest.raises(UsageError, match="another run is writing"):
        ResultFolder(tmp_path / "parts", IDENTITY)
    folder.close()
    ResultFolder(tmp_path / "parts", IDENTITY).close()


def test_a_full_disk_costs_the_chunk_being_written(program, samples, tmp_path, monkeypatch):
    path = tmp_path / "parts"
    folder = ResultFolder(path, IDENTITY)
    results = list(_results(program, samples, 3))
    folder.append(*results[0])
    before = {p.name: p.read_bytes() for p in path.iterdir()}

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(zip_files.os, "fsync", full)
        with pytest.raises(FileFormatError, match="samples 3 to 5 could not be written") as caught:
            folder.append(*results[1])
    assert "3 of 9 are in" in str(caught.value)
    assert "No space left" in str(caught.value)
    assert {p.name: p.read_bytes() for p in path.iterdir()} == before
    assert folder.gaps() == [(3, 9)]
    for first, result in results[1:]:  # once there is room
        folder.append(first, result)
    folder.close()
    assert (
        StoredResult(path).whole().meta["predictions"]
        == spikec.join([r for _, r in results]).meta["predictions"]
    )


def test_what_a_killed_run_left_half_written_is_removed(program, samples, tmp_path):
    _written(tmp_path / "parts", program, samples, 5)
    stray = tmp_path / "parts" / ".000000000005-000000000009.npz.abc"
    stray.write_bytes(b"half")
    ResultFolder(tmp_path / "parts", IDENTITY).close()
    assert not stray.exists()


@pytest.mark.parametrize("damage", ["truncated", "altered", "other samples"])
def test_a_damaged_part_is_named_and_runs_again_once_it_is_deleted(program, samples, tmp_path, damage):
    path = tmp_path / "parts"
    _written(path, program, samples, 3)
    part = parts_of(path)[1].path
    if damage == "truncated":
        part.write_bytes(part.read_bytes()[:-100])
    elif damage == "altered":
        data = bytearray(part.read_bytes())
        data[300] ^= 1
        part.write_bytes(bytes(data))
    else:
        part.write_bytes((path / "000000000000-000000000003.npz").read_bytes())
        part.rename(path / "000000000003-000000000005.npz")
        part = path / "000000000003-000000000005.npz"
    with pytest.raises(FileFormatError, match=part.name):
        StoredResult(path).whole()
    part.unlink()
    folder = ResultFolder(path, IDENTITY)
    assert folder.gaps()[0][0] == 3
    folder.close()


def test_parts_that_overlap_are_refused(program, samples, tmp_path):
    _written(tmp_path / "parts", program, samples, 3)
    part = parts_of(tmp_path / "parts")[0].path
    (part.parent / "000000000002-000000000005.npz").write_bytes(part.read_bytes())
    with pytest.raises(FileFormatError, match="delete one"):
        StoredResult(tmp_path / "parts")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "spikec run", "version": 2, "of": {}}'])
def test_an_index_that_is_none_is_refused(program, samples, tmp_path, text):
    _written(tmp_path / "parts", program, samples, 5)
    (tmp_path / "parts" / "run.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"run\.json"):
        StoredResult(tmp_path / "parts")


def test_a_run_without_a_part_yet_says_so(tmp_path):
    ResultFolder(tmp_path / "parts", IDENTITY).close()
    with pytest.raises(FileFormatError, match="no samples yet"):
        StoredResult(tmp_path / "parts")


def test_a_result_that_memory_would_not_hold_is_refused_before_it_is_read(
    program, samples, tmp_path, monkeypatch
):
    _written(tmp_path / "parts", program, samples, 5)
    monkeypatch.setattr("spikec.streaming.read.free_bytes", lambda: 1000)
    with pytest.raises(UsageError, match="1 kB are free"):
        StoredResult(tmp_path / "parts").whole()
