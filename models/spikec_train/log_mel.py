r"""How loud a recording is, band by band, in decibels below its loudest moment: mel bands of spectra.

A frame is a stretch of samples under a Hann window. Its power spectrum is added up in triangles that overlap
by half, evenly spaced in :math:`2595 \log_{10}(1 + f / 700)` (O'Shaughnessy 1987), as the cochlea's places
roughly are. Values are from 0, `RANGE` decibels or more below the recording's loudest band, to 1.
"""

from __future__ import annotations

import numpy as np

from spikec.arrays import AnyArray, FloatArray

BANDS = 24
LOWEST, HIGHEST = 100.0, 3900.0
"""Ends of the bands, Hz."""

LENGTH = 0.032
"""Of the stretch that a frame is made of, seconds."""

FRAME = 0.01
"""From one frame to the next, seconds."""

RANGE = 60.0
"""Decibels from 0 to 1."""

_FLOOR = 1e-3
"""Power that is added to every band, so that digital silence has a level; samples are 16-bit integers."""


def log_mel(sound: AnyArray, rate: int, n_frames: int) -> FloatArray:
    """The bands of a recording, ``(n_frames, BANDS)``, from 0 to 1.

    Args:
        sound: 16-bit integers, ``(n,)``; what is too short for a frame is filled up with silence.
        rate: Samples a second.
        n_frames: Frames to give: later ones are left out, those behind the recording's end are 0.
    """
    length, hop = round(LENGTH * rate), round(FRAME * rate)
    x = np.zeros(max(sound.size, length))
    x[: sound.size] = sound
    frames = np.lib.stride_tricks.sliding_window_view(x, length)[::hop][:n_frames]
    power = np.abs(np.fft.rfft(frames * np.hanning(length), axis=1)) ** 2
    level = 10.0 * np.log10(power @ triangles(length, rate).T + _FLOOR)
    found = np.zeros((n_frames, BANDS))
    found[: len(level)] = np.clip(1.0 + (level - level.max()) / RANGE, 0.0, 1.0)
    return found


def triangles(length: int, rate: int) -> FloatArray:
    """What each band takes of each frequency of a frame of so many samples, ``(BANDS, length // 2 + 1)``."""
    first, last = (2595.0 * float(np.log10(1.0 + f / 700.0)) for f in (LOWEST, HIGHEST))
    mel = np.linspace(first, last, BANDS + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    f = np.arange(length // 2 + 1) * rate / length
    shares: FloatArray = np.maximum(np.minimum((f - low) / (centre - low), (high - f) / (high - centre)), 0.0)
    return shares
