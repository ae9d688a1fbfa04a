"""Files that are cut, altered, forged or something else: one clear error, or the object that was stored."""

import io
import json
import os
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec import container
from spikec.container import MANIFEST, is_container, load, save
from spikec.errors import FileFormatError
from spikec.events import from_dense_times
from tests.containers import EXAMPLES, equal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "thing.npz"


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
    {"is": "Population"}, {"is": "Figure", "value": 1.0, "source": ""}, {"of": {"map": {}}, "origin": []},
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
