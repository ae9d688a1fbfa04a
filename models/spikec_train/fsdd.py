"""Spoken digits from a folder of the user's: wav files of the Free Spoken Digit Dataset, or one npz of them.

Source: Z. Jackson and others, github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0: ten digits, six
speakers, 50 takes of each, mono, 8 kHz, 16 bit. A file is called ``DIGIT_SPEAKER_TAKE.wav``. As the authors
say, takes 0 to 4 are to test with, the others to train with.
"""

from __future__ import annotations

import re
import wave
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.errors import FileFormatError, UsageError
from spikec_train.log_mel import log_mel

RATE = 8000
"""Samples a second."""

FRAMES = 100
"""Frames of a recording, one second; 6 in 1000 recordings are longer, and lose their end."""

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")

FOLDS = 3

SPLITS = (
    "train", "test", *SPEAKERS, *(f"without-{name}" for name in SPEAKERS),
    *(f"fold{k}" for k in range(FOLDS)), *(f"without-fold{k}" for k in range(FOLDS)),
)  # fmt: skip
"""The authors' split; a speaker's recordings; all but those; a third of the training takes, to choose options
by; all training takes but those."""

TEST_TAKES, TAKES = 5, 50

PACKED = "fsdd.npz"
"""Arrays pcm (all samples in a row), offsets, labels, speakers, takes, speaker_names, sample_rate."""

WAVS = ("recordings", "free-spoken-digit-dataset/recordings", "fsdd", ".")
"""Where in the folder the wav files may lie."""

_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings and what is known of them.

    Attributes:
        sounds: Of each its samples, int16.
        digits: What is said, ``(n,)``.
        speakers: By whom.
        takes: Which of a speaker's takes of a digit it is, ``(n,)``.
    """

    sounds: list[AnyArray]
    digits: IntArray
    speakers: list[str]
    takes: IntArray


def read_fsdd(folder: Path | None, split: str) -> tuple[FloatArray, IntArray]:
    """The recordings of one of `SPLITS` as bands (`log_mel`), ``(n, FRAMES * BANDS)``, and their digits.

    Raises:
        UsageError: There are no such files, or none of the split.
        FileFormatError: They are damaged, or hold something else.
    """
    if folder is None:
        raise UsageError(
            "the spoken digits do not ship; name their folder in SPIKEC_DATA, or to `spikec train` with "
            f"--data-dir, and {_WANTED}"
        )
    found = read_packed(folder / PACKED) if (folder / PACKED).is_file() else read_wavs(folder)
    chosen = [k for k in range(len(found.sounds)) if _belongs(split, found.speakers[k], int(found.takes[k]))]
    if not chosen:
        raise UsageError(f"the recordings in {folder} have none of {split}; {_WANTED}")
    bands = np.stack([log_mel(found.sounds[k], RATE, FRAMES).ravel() for k in chosen])
    return bands, found.digits[chosen]


def read_wavs(folder: Path) -> Recordings:
    """Read the wav files of a folder, in the order of their names.

    Raises:
        UsageError: There are none.
        FileFormatError: One is damaged, or not as the data set's are.
    """
    for place in WAVS:
        names = {p: _NAME.fullmatch(p.name) for p in sorted((folder / place).glob("*.wav"))}
        given = {p: m for p, m in names.items() if m is not None}
        if given:
            matches = list(given.values())
            return Recordings(
                sounds=[read_wav(p) for p in given],
                digits=np.array([int(m[1]) for m in matches]),
                speakers=[m[2] for m in matches],
                takes=np.array([int(m[3]) for m in matches]),
            )
    raise UsageError(f"there are no spoken digits in {folder}; {_WANTED}")


def read_wav(path: Path) -> AnyArray:
    """The samples of a mono recording of 16 bits and 8 kHz.

    Raises:
        FileFormatError: It is none, or truncated.
    """
    try:
        with wave.open(str(path), "rb") as file:
            kind = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            n, data = file.getnframes(), file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise FileFormatError(f"{path} cannot be read as a wav file ({error}); get it again") from error
    if kind != (1, 2, RATE):
        raise FileFormatError(
            f"{path} has {kind[0]} channels of {8 * kind[1]} bits at {kind[2]} Hz; one of 16 bits at "
            f"{RATE} Hz is needed"
        )
    if not 0 < len(data) == 2 * n:
        raise FileFormatError(f"{path} is empty or truncated; get it again")
    return np.frombuffer(data, "<i2")


def read_packed(path: Path) -> Recordings:
    """Read all recordings from one file.

    Raises:
        FileFormatError: It is damaged, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            pcm, offsets, labels, speakers, takes, names, rate = (
                arrays[name]
                for name in ("pcm", "offsets", "labels", "speakers", "takes", "speaker_names", "sample_rate")
            )
    except Exception as error:  # damaged zips raise errors of all kinds
        raise FileFormatError(
            f"{path} holds no spoken digits, or is damaged ({error}); get it again"
        ) from error
    n, ends = labels.size, offsets.astype(np.int64)
    fits = (
        ends.shape == (n + 1,) and ends[0] == 0 and ends[-1] == pcm.size and bool(np.all(np.diff(ends) > 0))
    )
    known = speakers.shape == takes.shape == (n,) and (not n or int(speakers.max()) < names.size)
    if not (fits and known and pcm.dtype == np.int16 and int(rate) == RATE and np.all(labels < 10)):
        raise FileFormatError(
            f"{path} holds recordings, labels, speakers and takes that do not fit each other, or not 16 "
            f"bits at {RATE} Hz; get it again"
        )
    sounds = [pcm[a:b] for a, b in pairwise(ends)]
    by = [str(names[k]) for k in speakers]
    return Recordings(sounds, labels.astype(np.int64), by, takes.astype(np.int64))


def _belongs(split: str, speaker: str, take: int) -> bool:
    if split in ("train", "test"):
        return (take < TEST_TAKES) == (split == "test")
    part, left_out = split.removeprefix("without-"), split.startswith("without-")
    if part.startswith("fold"):
        return take >= TEST_TAKES and (_fold(take) == int(part[4:])) != left_out
    return (speaker == part) != left_out


def _fold(take: int) -> int:
    """Of a training take: neighbours, of which some were recorded together, share one."""
    return (take - TEST_TAKES) * FOLDS // (TAKES - TEST_TAKES)


_WANTED = f"put {PACKED}, or the folder `recordings` of free-spoken-digit-dataset, there"
