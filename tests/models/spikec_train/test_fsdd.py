"""The loading of spoken digits, from wav files and one npz that are made here."""

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from spikec.errors import FileFormatError, UsageError
from spikec_train.datasets import load_dataset
from spikec_train.fsdd import PACKED, RATE, SPLITS, read_packed, read_wavs
from spikec_train.log_mel import BANDS, log_mel, triangles

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / PACKED


def tone(frequency, n=2000):
    return np.round(8000 * np.sin(2 * np.pi * frequency * np.arange(n) / RATE)).astype("<i2")


def write(path, sound, rate=RATE, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.tobytes())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "recordings").mkdir()
    for digit, speaker, take in [(3, "theo", 4), (3, "theo", 5), (7, "lucas", 0), (7, "lucas", 12)]:
        write(tmp_path / "recordings" / f"{digit}_{speaker}_{take}.wav", tone(200 * digit, 1600 + 100 * take))
    return tmp_path


def packed(folder, **changed):
    found = read_wavs(folder)
    names = np.array(["lucas", "theo"])
    arrays = {
        "pcm": np.concatenate(found.sounds),
        "offsets": np.cumsum([0, *(s.size for s in found.sounds)]),
        "labels": found.digits.astype(np.uint8),
        "speakers": np.array([list(names).index(s) for s in found.speakers], np.uint8),
        "takes": found.takes.astype(np.uint8),
        "speaker_names": names,
        "sample_rate": np.int32(RATE),
    }
    np.savez(folder / PACKED, **{**arrays, **changed})


def test_takes_0_to_4_are_to_test_with(folder):
    test, train = (load_dataset(f"fsdd:{split}", folder) for split in ("test", "train"))
    assert test.labels.tolist() == train.labels.tolist() == [3, 7]
    assert test.shape == (100, BANDS)
    assert not np.array_equal(test.samples, train.samples)


def test_a_speaker_can_be_left_out(folder):
    assert load_dataset("fsdd:theo", folder).labels.tolist() == [3, 3]
    assert load_dataset("fsdd:without-theo", folder).labels.tolist() == [7, 7]
    with pytest.raises(UsageError, match="none of george"):
        load_dataset("fsdd:george", folder)


def test_training_takes_come_in_thirds_to_choose_options_by(tmp_path):
    for take in (0, 5, 19, 20, 34, 35, 49):
        write(tmp_path / f"{take % 10}_theo_{take}.wav", tone(300))
    labels = {split: load_dataset(f"fsdd:{split}", tmp_path).labels.tolist() for split in SPLITS[14:]}
    assert labels == {
        "fold0": [5, 9], "fold1": [0, 4], "fold2": [5, 9],
        "without-fold0": [0, 4, 5, 9], "without-fold1": [5, 5, 9, 9], "without-fold2": [0, 4, 5, 9],
    }  # fmt: skip


def test_one_file_of_all_recordings_gives_the_same_as_the_wav_files(folder):
    wavs = load_dataset("fsdd:train", folder)
    packed(folder)
    for path in (folder / "recordings").iterdir():
        path.unlink()
    both = load_dataset("fsdd:train", folder)
    np.testing.assert_array_equal(both.samples, wavs.samples)
    np.testing.assert_array_equal(both.labels, wavs.labels)


@pytest.mark.parametrize(
    "changed",
    [
        {"offsets": np.array([0, 5])},
        {"offsets": np.array([0, 9, 3, 20, 10**9])},
        {"labels": np.array([1, 2, 3, 10], np.uint8)},
        {"speakers": np.array([0, 0, 1, 2], np.uint8)},
        {"sample_rate": np.int32(16000)},
        {"pcm": np.zeros(4)},
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(folder, changed):
    packed(folder, **changed)
    with pytest.raises(FileFormatError, match="do not fit"):
        load_dataset("fsdd:train", folder)


def test_damaged_files_are_refused(folder):
    path = folder / "recordings" / "3_theo_5.wav"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(FileFormatError, match="truncated"):
        load_dataset("fsdd:train", folder)
    path.write_bytes(b"RIFFxxxx")
    with pytest.raises(FileFormatError, match="cannot be read as a wav file"):
        load_dataset("fsdd:train", folder)
    write(path, tone(440), rate=16000)
    with pytest.raises(FileFormatError, match="at 16000 Hz"):
        load_dataset("fsdd:train", folder)
    (folder / PACKED).write_bytes(b"no zip")
    with pytest.raises(FileFormatError, match="holds no spoken digits"):
        load_dataset("fsdd:train", folder)


def test_an_empty_folder_is_told_what_to_put_there(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"put fsdd\.npz, or the folder `recordings`"):
        load_dataset("fsdd:train", tmp_path)
    monkeypatch.delenv("SPIKEC_DATA", raising=False)
    with pytest.raises(UsageError, match="in SPIKEC_DATA"):
        load_dataset("fsdd:train")


def test_a_tone_is_loudest_in_the_band_around_it():
    centres = np.array(
        [np.average(np.arange(129) * RATE / 256, weights=t + 1e-12) for t in triangles(256, RATE)]
    )
    for frequency in (300.0, 1000.0, 2500.0):
        bands = log_mel(tone(frequency), RATE, 30)
        assert bands.shape == (30, BANDS)
        assert bands.max() == 1.0
        near = np.argsort(np.abs(centres - frequency))[:2]
        assert bands[5].argmax() in near


def test_loudness_is_relative_and_short_recordings_end_in_silence():
    loud, soft = log_mel(tone(500), RATE, 100), log_mel((tone(500) // 8).astype(np.int16), RATE, 100)
    np.testing.assert_allclose(loud[:10], soft[:10], atol=0.05)
    assert not loud[40:].any()
    assert log_mel(np.zeros(10, np.int16), RATE, 3).shape == (3, BANDS)


@pytest.mark.skipif(not SHARED.is_file() and "SPIKEC_DATA" not in os.environ, reason="needs fsdd.npz")
def test_the_official_split_has_its_published_sizes():
    path = SHARED if SHARED.is_file() else Path(os.environ["SPIKEC_DATA"]) / PACKED
    if not path.is_file():
        pytest.skip("needs fsdd.npz")
    found = read_packed(path)
    assert len(found.sounds) == 3000
    assert int(np.sum(found.takes < 5)) == 300
    assert np.bincount(found.digits).tolist() == [300] * 10
