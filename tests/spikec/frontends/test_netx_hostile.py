"""lava-dl netx files that are damaged, strange or lie: a program or one clear error, in little memory."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec.errors import FileFormatError, SpikecError
from spikec.frontends import open_trained
from spikec.frontends.netx import read_netx
from tests.netx_files import CUBA, assert_refused, conv, dense, flatten, image, pool, write

CHECKED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.net"


def test_what_is_no_netx_file_or_has_gaps_is_refused(path):
    with h5py.File(path, "w") as file:
        file["other"] = 1
    assert_refused(path, "no group 'layer'", error=FileFormatError)
    for name in ("1", "x", "00", "-1"):
        with h5py.File(path, "w") as file:
            file.create_group(f"layer/{name}")
        assert_refused(path, repr(name), "from 0", error=FileFormatError)
    with h5py.File(path, "w") as file:
        file["layer/0/type"] = np.ones(3)
    assert_refused(path, "type of layer 0", error=FileFormatError)
    path.write_bytes(b"")
    assert_refused(path, error=FileFormatError)


def test_sizes_that_the_file_does_not_hold_are_not_believed(path):
    write(path, {**dense([[100]]), "weight": None})
    with h5py.File(path, "a") as file:
        file["layer/0"].create_dataset("weight", (1 << 20, 1 << 20), "f8", chunks=(64, 64))
    assert_refused(path, "weight of layer 0", str(8 << 40), error=FileFormatError)


def test_links_to_other_files_are_not_followed(path, tmp_path):
    other = write(tmp_path / "other.net", dense([[100]]))
    write(path, dense([[100]]))
    with h5py.File(path, "a") as file:
        del file["layer/0/weight"]
        file["layer/0/weight"] = h5py.ExternalLink(str(other), "layer/0/weight")
    assert_refused(path, "'weight'", "link", error=FileFormatError)


HUGE = [
    ([image(1 << 24, 1 << 24, 1 << 24), conv(np.ones((1, 1, 1, 1)), (1, 1, 1))], "possible"),
    ([image(1 << 23), dense(np.ones((1, 2)))], "possible"),
    ([{**conv(np.ones((2, 2, 1, 1)), (2, 1, 1)), "padding": 60000, "shape": [2, 9, 9]}], "empty"),
    (
        [image(1, 1, 1), {**conv(np.full((9, 1, 1, 1), 2), (1, 1, 1), delay=np.arange(9)), "padding": 60000,
                          "shape": [9, 120001, 120001]}],
        "129602160010 neurons",
    ),
    (
        [image(1 << 20, 1, 1), {**pool(np.ones((1, 500)), (1, 1, 1000)), "padding": [0, 60000],
                                "shape": [1 << 20, 1, 100]}],
        "small (1, 1, height, width)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "word"), HUGE)
def test_sizes_that_promise_petabytes_are_refused(path, layers, word):
    assert_refused(write(path, *layers), word)


def test_numbers_that_a_file_can_hardly_hold_are_not_read(path):
    write(path, {**dense([[100]]), "weight": None})
    with h5py.File(path, "a") as file:
        zeros = {"shape": (1, 1 << 25), "dtype": "i1", "chunks": (1, 1 << 20), "compression": "gzip"}
        file["layer/0"].create_dataset("weight", **zeros)[:] = 0
    assert_refused(path, "weight of layer 0", "plausibly", error=FileFormatError)


PEAK = """
import resource, sys
from spikec.errors import SpikecError
from spikec.frontends.netx import read_netx
n_read = 0
for path in sys.argv[1:]:
    try:
        read_netx(path)
        n_read += 1
    except SpikecError as error:
        assert chr(10) not in str(error)
print(n_read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_memory(files):
    """How many of some files a process can read, one after the other, and the most bytes that it takes."""
    done = subprocess.run([sys.executable, "-c", PEAK, *files], check=True, capture_output=True, text=True)
    n_read, peak = (int(word) for word in done.stdout.split())
    return n_read, peak * (1 if sys.platform == "darwin" else 1024)


def test_hostile_files_and_the_largest_image_take_less_than_a_gigabyte(tmp_path):
    files = [write(tmp_path / f"{i}.net", *layers) for i, (layers, _) in enumerate(HUGE)]
    own = {"delay": np.arange(3), "bias": np.arange(3)}
    neuron = {**CUBA, "iDecay": np.arange(1, 4), "vDecay": np.arange(3), "vThMant": np.arange(1, 4)}
    layer = {**conv(np.full((3, 1, 1, 1), 2), (1, 1, 1), neuron=neuron, **own), "shape": [3, 1000, 1000]}
    files.append(write(tmp_path / "largest.net", image(1, 1000, 1000), layer))
    n_read, peak = peak_memory(files)
    assert n_read == 1
    assert peak < 1 << 30


def matrices(path):
    more = {"weight_rec": np.eye(4) * 10, "delay": np.arange(4), "bias": np.arange(4)}
    hidden = dense(np.eye(4) * 60, kind="dense_rec", **more)
    return write(path, {"type": "input", "shape": np.array([4])}, hidden, dense(np.ones((2, 4)) * 50))


def images(path):
    rng = np.random.default_rng(4)
    grouped = {"padding": (1, 1), "groups": 2, "delay": np.arange(4), "bias": np.arange(4)}
    return write(
        path,
        image(2, 6, 6),
        conv(2 * rng.integers(-30, 41, (4, 1, 3, 3)), (2, 6, 6), **grouped),
        pool([[50, 50], [50, 50]], (4, 6, 6)),
        flatten(36),
        dense(2 * rng.integers(-30, 41, (2, 36))),
        {"type": "average", "shape": np.array([1, 1, 1])},
    )


@pytest.fixture(scope="module", params=[matrices, images])
def intact(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("netx") / "net").read_bytes()


@CHECKED
@given(place=st.floats(0, 1), change=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_file_gives_a_program_or_one_clear_error(tmp_path, intact, place, change, cut):
    data = bytearray(intact)
    index = int(place * (len(data) - 1))
    data[index] ^= change
    path = tmp_path / "changed.net"
    path.write_bytes(data[:index] if cut else data)
    try:
        open_trained(path, dt=1e-3)
    except SpikecError as error:
        assert "\n" not in str(error)  # noqa: PT017


VALUES = st.one_of(
    st.none(),
    st.sampled_from([b"text", b"\xff\xfe", True, 1j, np.nan, np.inf, -1, 0, 2, 3, 0.5]),
    st.sampled_from([2**16, 2**24, 2**62, 1e300]),
    st.lists(st.sampled_from([0.0, 1.0, 2.0, -3.0, 65536.0, 1e9, np.nan]), max_size=6).map(np.array),
    st.lists(st.integers(0, 5), max_size=5).map(np.ones),
)


def changed(path, intact, data):
    """A file some of whose members are missing or strange."""
    path.write_bytes(intact)
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visit(names.append)
        for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)):
            value = data.draw(VALUES)
            if name in file:
                del file[name]
                if value is not None:
                    file[name] = value
    return path


@settings(CHECKED, max_examples=150)
@given(data=st.data())
def test_members_that_are_missing_or_strange_give_a_program_or_one_clear_error(tmp_path, intact, data):
    try:
        read_netx(changed(tmp_path / "strange.net", intact, data))
    except SpikecError as error:
        assert "\n" not in str(error)  # noqa: PT017


@settings(CHECKED, max_examples=1)
@given(data=st.data())
def test_files_with_strange_members_take_little_memory(tmp_path, intact, data):
    files = [changed(tmp_path / f"{k}.net", intact, data) for k in range(50)]
    assert peak_memory(files)[1] < 1 << 30
