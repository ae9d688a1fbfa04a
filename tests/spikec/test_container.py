"""Files: every object comes back as it was; what could not is not written."""

import io
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.container import CLASSES, MANIFEST, digest, is_container, load, save
from spikec.errors import FileFormatError
from spikec.events import no_events
from spikec.ir.network import Continuous, Network
from spikec.program import Program
from spikec.random.networks import random_inputs, random_program
from spikec.reference import ReferenceBackend
from spikec.result import RunResult
from tests.containers import EXAMPLES, equal, float_network


@pytest.fixture
def path(tmp_path):
    return tmp_path / "thing.npz"


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_object_comes_back_as_it_was(name, path):
    save(EXAMPLES[name], path)
    back = load(path)
    assert equal(EXAMPLES[name], back)
    assert digest(back) == digest(EXAMPLES[name])
    assert is_container(path)


def test_the_examples_hold_every_class_there_is(path):
    seen = set()
    for thing in EXAMPLES.values():
        save(thing, path)
        with zipfile.ZipFile(path) as archive:
            text = archive.read(MANIFEST).decode()
        seen |= {name for name in CLASSES if f'"is": "{name}"' in text}
    assert seen == set(CLASSES)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_random_programs_survive_and_run_the_same(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("programs") / "p.npz"
    rng = np.random.default_rng(seed)
    program = random_program(rng, max_neurons=4)
    save(program, path)
    back = load(path, Program)
    assert digest(back) == digest(program)
    inputs = random_inputs(rng, program, 1, 8)
    runs = [ReferenceBackend().prepare(p).run(inputs, 8).spikes for p in (program, back)]
    assert equal(*runs)


def test_equal_objects_give_equal_bytes_and_others_do_not(tmp_path):
    for name, network in (
        ("a", float_network()),
        ("b", float_network()),
        ("c", float_network(Continuous())),
    ):
        save(network, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    changed = replace(float_network(), outputs=("lif",))
    assert digest(changed) != digest(float_network())


def test_arrays_in_any_memory_order_are_stored_row_by_row(path):
    table = np.arange(6.0).reshape(2, 3)
    save(
        RunResult({}, {"columns": np.asfortranarray(table), "turned": table.T, "thinned": table[:, ::2]}),
        path,
    )
    traces = load(path).traces
    np.testing.assert_array_equal(traces["columns"], table)
    np.testing.assert_array_equal(traces["turned"], table.T)
    np.testing.assert_array_equal(traces["thinned"], table[:, ::2])


@pytest.mark.parametrize(
    "thing",
    [
        RunResult({}, {"v": np.array([object()])}),
        RunResult({}, {"v": np.array(["text"])}),
        RunResult({}, {"v": np.array([1j])}),
        RunResult({}, meta={"what": object()}),
        RunResult({}, meta={"what": io.BytesIO()}),
        ReferenceBackend(),
    ],
)
def test_what_could_not_be_read_back_is_not_written(thing, path):
    with pytest.raises(TypeError, match="cannot store"):
        save(thing, path)
    assert not list(path.parent.iterdir())


def test_loaded_arrays_are_read_only(path):
    save(float_network(), path)
    with pytest.raises(ValueError, match="read-only"):
        load(path).projections[0].connectivity.weights[0, 0] = 5.0


def test_what_is_not_there_is_refused(tmp_path):
    for place in (tmp_path / "none.npz", tmp_path, tmp_path / "no" / "folder.npz"):
        assert not is_container(place)
        with pytest.raises(FileFormatError, match=f"there is no file {place}"):
            load(place)


def test_the_wrong_kind_of_contents_is_named_in_words(path):
    save(float_network(), path)
    assert isinstance(load(path, (Network, Program)), Network)
    with pytest.raises(FileFormatError, match="holds a network; a compiled program is needed here"):
        load(path, Program)
    with pytest.raises(
        FileFormatError, match="holds a network; events or events of several inputs is needed"
    ):
        load(path, (type(no_events(1, 1)), dict))


def test_a_missing_folder_is_refused_and_not_made(tmp_path):
    with pytest.raises(FileFormatError, match=r"cannot write .*choose another place"):
        save(float_network(), tmp_path / "no" / "net.npz")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "net.npz").mkdir()
    with pytest.raises(FileFormatError, match="cannot write"):
        save(float_network(), tmp_path / "net.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_writing_that_fails_leaves_the_old_file_and_nothing_else(error, path, monkeypatch):
    save(no_events(1, 1), path)
    old = path.read_bytes()

    def fail(*args):
        raise error

    monkeypatch.setattr(os, "fdopen", fail)
    with pytest.raises((FileFormatError, KeyboardInterrupt)):
        save(float_network(), path)
    assert path.read_bytes() == old
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_file_is_readable_as_the_umask_says(path):
    save(no_events(1, 1), path)
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
