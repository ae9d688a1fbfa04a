import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikec.coding import encode, values_of_sample
from spikec.container import load, save
from spikec.delta_encoding import DeltaEncoding
from spikec.errors import EventsError, NetworkError

CODE = DeltaEncoding("bands", bands=2, frames=3, frame=0.01, step=0.005, change=0.25, duration=0.04)


def spikes(samples, code=CODE):
    e = encode(code, samples)["bands"]
    return list(
        zip(e.sample_of_event().tolist(), np.rint(e.times / code.step).astype(int), e.neurons, strict=True)
    )


def test_a_band_that_rises_spikes_once_a_step_until_its_reference_has_caught_up():
    rises = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]])
    # half way to the first frame it is 0.5, then 1: steps 1 to 4 raise the reference to 1
    assert spikes(rises) == [(0, k, 0) for k in (1, 2, 3, 4)]


def test_a_band_that_falls_has_a_neuron_of_its_own():
    falls = np.array([[[0.0, 0.25], [0.0, 0.25], [0.0, 0.0]]])
    assert spikes(falls) == [(0, 2, 1), (0, 6, 3)]


@settings(deadline=None, max_examples=30)
@given(samples=arrays(np.float64, (3, 3, 2), elements=st.floats(0, 1)))
def test_rises_less_falls_follow_the_signal(samples):
    code = DeltaEncoding("bands", 2, 3, 0.01, 0.0005, 0.05, 0.04)
    counts = encode(code, samples)["bands"].counts()
    reference = 0.05 * (counts[:, :2] - counts[:, 2:])
    assert np.all(np.abs(reference - samples[:, -1]) < 0.05 + 1e-9)


def test_samples_of_other_sizes_are_refused():
    assert values_of_sample(CODE, 4) == 6
    with pytest.raises(EventsError, match="5 values, but 3 frames of 2 bands are 6"):
        encode(CODE, np.zeros((1, 5)))


@pytest.mark.parametrize(
    "wrong", [{"bands": 0}, {"frames": 0}, {"change": 0.0}, {"step": 0.0}, {"step": 0.02}, {"duration": 0.02},
              {"frame": float("inf")}, {"change": float("nan")}],
)  # fmt: skip
def test_impossible_encodings_are_refused(wrong):
    sizes = {"bands": 2, "frames": 3, "frame": 0.01, "step": 0.005, "change": 0.25, "duration": 0.04}
    with pytest.raises(NetworkError, match="delta encoding"):
        DeltaEncoding("bands", **{**sizes, **wrong})


def test_it_is_kept_in_files(tmp_path):
    save({"code": CODE}, tmp_path / "code.npz")
    assert load(tmp_path / "code.npz")["code"] == CODE
