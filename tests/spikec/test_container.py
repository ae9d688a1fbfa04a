"""Files: every object comes back as it was; whatever else lies on the disk gives one clear error."""

import io
import json
import os
import struct
import zipfile
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec import container
from spikec.coding import BinaryEncoding, Decoding, LatencyEncoding, Readout
from spikec.container import CLASSES, MANIFEST, digest, is_container, load, save
from spikec.delta_encoding import DeltaEncoding
from spikec.errors import FileFormatError, Violation
from spikec.events import from_dense_times, no_events
from spikec.ir.connectivity import Convolution, Delays, Dense, FixedInDegree, FixedOutDegree, sparse
from spikec.ir.convolution import Axis
from spikec.ir.fixed_neurons import QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.iaf import IafPscDelta, IafPscExp, PoissonDrive
from spikec.ir.network import Continuous, Convention, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, If, IfExp, Lif, LiReadout, QifExp, Ramp, Source, Theta
from spikec.placed import Placement
from spikec.program import LogEntry, Program, Shard
from spikec.random.networks import random_inputs, random_program
from spikec.reference import ReferenceBackend
from spikec.result import CoreCounts, Counters, PopulationCounts, ProjectionCounts, RunResult
from spikec.targets.target import load_target


def _float_network(clock=Continuous()):  # noqa: B008
    """One population of every float neuron, every kind of delays, a list and a matrix, all codings."""
    neurons = {
        "ramp": Ramp([1.0, 2.0], one_spike=True),
        "if": If(1.0, bias=-3.0),
        "lif": Lif([0.1, np.inf], 1.0, v_leak=0.5),
        "cuba": CubaLif(0.02, [0.01, 0.02], 1.0, current_bias=2.0),
        "out": LiReadout(bias=[1e-300, -0.0]),
    }
    populations = [Population("in", Source(one_spike=True), (1, 2)), Population("clock", Source(), (1,))]
    populations += [Population(name, k, (2,)) for name, k in neurons.items()]
    names = [p.name for p in populations if p.n == 2]
    delays = [
        Delays(),
        Delays([0.1, 0.2], "axonal"),
        Delays([0.3, 0.0], "dendritic"),
        Delays(np.ones((2, 2)), "synaptic"),
        Delays(np.array(0.5)),
    ]
    projections = [
        Projection(f"{a} → {b}", a, b, Dense([[0.1, np.pi], [-1.0, 1e-30]]), d)
        for (a, b), d in zip(pairwise(names), delays, strict=True)
    ]
    listed = sparse(1, 2, [0], [1], np.array([3.0]))
    projections.append(Projection("beat", "clock", "out", listed, Delays(np.zeros(1), "synaptic")))
    return Network(
        populations=tuple(populations),
        projections=tuple(projections),
        inputs=("in", "clock"),
        outputs=("out",),
        clock=clock,
        encoding=LatencyEncoding("in", 0.1, 16.0, False, "clock", 0.2),
        decoding=Decoding("out", Readout.MEMBRANE),
        notes=("a note with “quotes” and\nlines",),
    )


def _program():
    shards = {"lif": (Shard("lif.0", [0]), Shard("lif.1", [1]))}
    log = (
        LogEntry("fold", True, "nothing", {"error": 0.25, "endless": np.inf, "n": 3, "ticks": np.int64(7)}),
    )
    violations = (Violation("delay", "q", "70", "62", "shorten it"),)
    return Program(
        _float_network(Ticks(1e-3, Convention("exact", "subtract", 1))),
        load_target("loihi1"),
        scales={"lif": np.array([1.0, 2.5])},
        n_ticks=64,
        shards=shards,
        source={"file": "net.nir", "sha256": "ab"},
        log=log,
        violations=violations,
    )


def _result():
    counters = Counters(2, 3, {"out": PopulationCounts(4, 6)}, {"q": ProjectionCounts(1, 2, 3, 4)})
    traces = {"out.v": np.arange(6, dtype=np.int64).reshape(2, 3, 1), "out.v.last": np.zeros((2, 0))}
    meta = {"seconds": 0.1, "labels": [1, 2], "nested": {"a": None, "b": True}}
    spikes = {"out": from_dense_times([[0.25], [np.inf]]), "in": no_events(2, 3)}
    return RunResult(spikes, traces, counters, meta)


def _core_counts():
    k = np.arange(2)
    hops = {"east": 1, "west": 2, "north": 3, "south": 0}
    mesh = {"columns": 2, "rows": 1, "cores_per_tile": 1, "chips": 1}
    return CoreCounts(
        mesh,
        k,
        {"net": k},
        k,
        k,
        k,
        k,
        k,
        k,
        k,
        {"dense": k},
        hops,
        1,
        np.ones((3, 2), np.int64),
        np.ones(3, np.int64),
    )


EXAMPLES = {
    "network": _float_network(),
    "kernel": Convolution(Fixed([[[2, 4]]]), (Axis(3, 2, cut=1),)),
    "chip decays": Population("p", CubaTicks([1, 4096], 0, np.inf), (2,)),
    "oscillator": Population("p", Theta(0.01, [1.0, 2.0], phase=1e-3), (2,)),
    "pairs": (
        Population("p", ThetaFixed(32000, 100, [90, 80], -5, 16384, 7), (2,)),
        Population("q", QifFixed(100, 20000, 30, 160, 16000), (1,)),
    ),
    "decaying currents": (Population("p", QifExp(0.02), (1,)), Population("q", IfExp(0.01, 1.0), (1,))),
    "rules": (
        FixedInDegree(5, 6, 3, 1.5, 2**64 - 1),
        FixedOutDegree(5, 6, 3, -1.5, 0),
        Population("p", IafPscExp(0.02, 0.005, 0.01, 15.0, v_init=[1.0, 2.0]), (2,)),
        Population("q", IafPscDelta(0.02, 20.0, drive=PoissonDrive(100.0, 0.5, 3)), (2,)),
    ),
    "one moment": (BinaryEncoding("p", 127.5, 1e-4, 0.02),),
    "changes": (DeltaEncoding("p", 24, 100, 0.01, 0.005, 0.1, 1.05),),
    "program": _program(),
    "compiled program": random_program(np.random.default_rng(5)),
    "result": _result(),
    "failed result": RunResult({}),
    "placed program": replace(
        random_program(np.random.default_rng(5)),
        placement=Placement({"net.0": [0, 1], "net.1": [1, 0, 1]}, [3, 1], "random", 7),
    ),
    "placed result": RunResult({}, cores=_core_counts()),
    "events": from_dense_times([[0.25, np.inf], [0.0, 0.5]]),
    "inputs": {"in": no_events(1, 1), "clock": from_dense_times([[0.5]])},
}


def equal(a, b):
    """Whether two stored things are the same, looked at member by member."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if is_dataclass(a):
        return type(a) is type(b) and all(equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b and np.signbit(a) == np.signbit(b) if isinstance(a, float) else a == b


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
        ("a", _float_network()),
        ("b", _float_network()),
        ("c", _float_network(Continuous())),
    ):
        save(network, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    changed = replace(_float_network(), outputs=("lif",))
    assert digest(changed) != digest(_float_network())


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
    save(_float_network(), path)
    with pytest.raises(ValueError, match="read-only"):
        load(path).projections[0].connectivity.weights[0, 0] = 5.0


@pytest.mark.parametrize("name", ["network", "events", "failed result"])
def test_a_file_cut_off_anywhere_is_refused(name, path):
    save(EXAMPLES[name], path)
    whole = path.read_bytes()
    places = {0, 1, 4, 30, len(whole) // 2, *range(len(whole) - 70, len(whole)), *range(0, len(whole), 97)}
    for length in sorted(places):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match="no spikec file"):
            load(path)


SAVED = {}


def _bytes_of(name, folder):
    if name not in SAVED:
        save(EXAMPLES[name], folder / name)
        SAVED[name] = (folder / name).read_bytes()
    return SAVED[name]


@given(st.sampled_from(["events", "failed result", "chip decays"]), st.data())
def test_altered_bytes_give_an_error_or_the_same_object(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("altered")
    raw = bytearray(_bytes_of(name, folder))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (folder / "x").write_bytes(raw)
    is_container(folder / "x")
    try:
        back = load(folder / "x")
    except FileFormatError:
        return
    assert equal(back, EXAMPLES[name])


def test_a_flipped_bit_in_any_byte_gives_an_error_or_the_same_object(path):
    raw = _bytes_of("failed result", path.parent)
    for place in range(len(raw)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ (1 << place % 8)]) + raw[place + 1 :])
        with suppress(FileFormatError):
            assert equal(load(path), EXAMPLES["failed result"])


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("noise") / "x"
    for start in (b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00"):
        path.write_bytes(start + noise)
        assert not is_container(path)
        with pytest.raises(FileFormatError):
            load(path)


def _forged(path, tree, arrays=None, version=container.VERSION, form="spikec", checksum=None):
    """A file with any contents and a checksum that fits them."""
    arrays = arrays or {}
    manifest = {
        "format": form,
        "version": version,
        "sha256": checksum or container._checksum(tree, arrays),
        "content": tree,
    }
    members = {MANIFEST: json.dumps(manifest).encode()}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array)
        members[f"{name}.npy"] = buffer.getvalue()
    path.write_bytes(container.zipped(members))


def _tree_of(thing):
    arrays = {}
    return json.loads(json.dumps(container._to_tree(thing, arrays))), arrays


def _places(tree, at=()):
    yield at
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from _places(child, (*at, key))


NODES = (
    {"array": "0"}, {"array": "99"}, {"array": []}, {"float": "inf"}, {"float": []}, {"map": {}}, {"map": []},
    {"enum": "Sign", "value": "x"}, {"enum": "X"}, {"is": "X"}, {"is": []}, {}, {"is": "Source"},
    {"is": "Population"}, {"is": "Figure", "value": 1.0, "source": ""},
)  # fmt: skip
nonsense = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.just([]),
    st.sampled_from(NODES),
)


@given(st.sampled_from(["network", "program", "result", "compiled program"]), nonsense, st.data())
def test_forged_contents_with_a_right_checksum_are_refused_or_make_an_object(
    tmp_path_factory, name, wrong, data
):
    path = tmp_path_factory.mktemp("forged") / "x"
    tree, arrays = _tree_of(EXAMPLES[name])
    place = data.draw(st.sampled_from(list(_places(tree))))
    if place:
        holder = tree
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = wrong
    else:
        tree = wrong
    _forged(path, tree, arrays)
    with suppress(FileFormatError):
        load(path)


@pytest.mark.parametrize(
    ("member", "wrong"),
    [("network", None), ("network", "n"), ("target", {"is": "Source"}), ("scales", 3), ("shards", [])],
)
def test_a_program_of_the_wrong_parts_is_refused(member, wrong, path):
    tree, arrays = _tree_of(EXAMPLES["program"])
    _forged(path, {**tree, member: wrong}, arrays)
    with pytest.raises(FileFormatError, match=f"the {member} of its Program is a"):
        load(path)


def test_contents_nested_without_end_are_refused(path):
    tree = []
    for _ in range(900):
        tree = [tree]
    _forged(path, tree)
    with pytest.raises(FileFormatError):
        load(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": container.VERSION + 1}, "has format version 2; this spikec reads up to 1: update it"),
        ({"version": 0}, "version 0"),
        ({"version": "1"}, "version 1"),
        ({"version": None}, "version None"),
        ({"form": "other"}, "manifest is incomplete"),
        ({"checksum": "0" * 64}, "was altered: its contents do not match its checksum"),
    ],
)
def test_other_formats_versions_and_checksums_are_refused(options, message, path):
    _forged(path, {"map": {}}, **options)
    with pytest.raises(FileFormatError, match=message):
        load(path)


def _with_member(path, name, data, tree=None):
    """A network's file in which one member was exchanged, checksums of the zip being right."""
    save(from_dense_times([[0.25, 0.5]]), path)
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    members[name] = data
    path.write_bytes(container.zipped(members))


def _npy(header, body=b""):
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


@pytest.mark.parametrize(
    "array",
    [
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", bytes(16)),
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", bytes(16)),
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -1), }", bytes(16)),
        _npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 1), }", bytes(16)),
        _npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", bytes(16)),
        _npy("{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }", bytes(16)),
        _npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }", bytes(16)),
        _npy("{'descr': '<f8', 'shape': (2,), }", bytes(16)),
        _npy("{'descr': 'nonsense', 'fortran_order': False, 'shape': (2,), }", bytes(16)),
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': 'x", bytes(16)),
        _npy("((((((" * 500, bytes(16)),
        b"\x93NUMPY\x09\x00\x10\x00",
        b"\x93NUMPY",
        b"",
        b"cos\nsystem\n(S'true'\ntR.",
    ],
)
def test_arrays_whose_header_lies_are_refused(array, path):
    _with_member(path, "0.npy", array)
    with pytest.raises(FileFormatError, match=r"0\.npy|no spikec file"):
        load(path)


def test_objects_are_never_unpickled(path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(path.parent / "exploded"),))

    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    _with_member(path, "0.npy", buffer.getvalue())
    with pytest.raises(FileFormatError, match="only plain numbers"):
        load(path)
    assert not (path.parent / "exploded").exists()


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_a_manifest_that_is_none_is_refused(text, path):
    _with_member(path, MANIFEST, text)
    with pytest.raises(FileFormatError, match="no spikec file"):
        load(path)


def test_members_that_claim_to_inflate_beyond_reason_are_refused(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, b"{}")
        archive.writestr("0.npy", bytes(100_000))
    raw = path.read_bytes()
    claimed = raw.replace(struct.pack("<I", 100_000), struct.pack("<I", 4_000_000_000))
    assert claimed != raw
    path.write_bytes(claimed)
    with pytest.raises(FileFormatError, match=r"lies about the size of 0\.npy"):
        load(path)


def test_members_that_share_their_bytes_are_refused(path):
    """Many entries over one lump of zeros: small on the disk, endless in memory."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, b"{}")
        archive.writestr("0.npy", bytes(1_000_000))
    raw = path.read_bytes()
    directory = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    entry = raw[raw.index(b"PK\x01\x02", directory + 1) : end]
    many = raw[directory:end] + entry * 20
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 22, 22, len(many), directory, 0)
    path.write_bytes(raw[:directory] + many + tail)
    with pytest.raises(FileFormatError):
        load(path)


def test_a_zip_of_something_else_is_refused(path):
    np.savez(path, a=np.ones(3))
    assert not is_container(path)
    with pytest.raises(FileFormatError, match=f"zip without {MANIFEST}"):
        load(path)


def test_what_is_not_there_is_refused(tmp_path):
    for place in (tmp_path / "none.npz", tmp_path, tmp_path / "no" / "folder.npz"):
        assert not is_container(place)
        with pytest.raises(FileFormatError, match=f"there is no file {place}"):
            load(place)


def test_the_wrong_kind_of_contents_is_named_in_words(path):
    save(_float_network(), path)
    assert isinstance(load(path, (Network, Program)), Network)
    with pytest.raises(FileFormatError, match="holds a network; a compiled program is needed here"):
        load(path, Program)
    with pytest.raises(
        FileFormatError, match="holds a network; events or events of several inputs is needed"
    ):
        load(path, (type(no_events(1, 1)), dict))


def test_a_missing_folder_is_refused_and_not_made(tmp_path):
    with pytest.raises(FileFormatError, match=r"cannot write .*choose another place"):
        save(_float_network(), tmp_path / "no" / "net.npz")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "net.npz").mkdir()
    with pytest.raises(FileFormatError, match="cannot write"):
        save(_float_network(), tmp_path / "net.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_writing_that_fails_leaves_the_old_file_and_nothing_else(error, path, monkeypatch):
    save(no_events(1, 1), path)
    old = path.read_bytes()

    def fail(*args):
        raise error

    monkeypatch.setattr(os, "fdopen", fail)
    with pytest.raises((FileFormatError, KeyboardInterrupt)):
        save(_float_network(), path)
    assert path.read_bytes() == old
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_file_is_readable_as_the_umask_says(path):
    save(no_events(1, 1), path)
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
