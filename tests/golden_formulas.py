"""Lava's bit-accurate models as formulas, in plain Python integers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

M = 1 << 23


def neuron(
    currents: Sequence[int],
    du: int,
    dv: int,
    vth: int,
    bias: int = 0,
    low: int | None = None,
    reset_every: int | None = None,
) -> dict[str, list[int]]:
    """A fixed-point LIF neuron: u, v and spikes after every step.

    u loses du + 1 parts in 4096, v loses dv, both cut off toward zero; a current enters 64-fold; u turns by
    2**24 once if it leaves (-2**23, 2**23]; v saturates at 2**23 - 1; a spike needs more than 64 vth. With
    `low` a second threshold gives spikes of -1; with `reset_every` steps 1, 1 + n, ... begin from rest.
    """
    u = v = 0
    out: dict[str, list[int]] = {"u": [], "v": [], "s": []}
    for step, current in enumerate(currents, start=1):
        if reset_every is not None and step % reset_every == 1:
            u = v = 0
        u = int(np.sign(u)) * (abs(u) * (4095 - du) // 4096) + 64 * current
        if u > M:
            u -= 2 * M
        elif u <= -M:
            u += 2 * M
        v = int(np.sign(v)) * (abs(v) * (4096 - dv) // 4096) + u + bias
        v = min(max(v, 1 - M), M - 1)
        spike = (v > 64 * vth) - (low is not None and v < 64 * low)
        v = 0 if spike else v
        for name, value in (("u", u), ("v", v), ("s", int(spike))):
            out[name].append(value)
    return out


def stored(weights: Any, sign: str, bits: int = 8) -> Any:
    """Weights as Lava stores them: clipped to the sign's range, then the unused low bits cut off.

    Mixed signs cost a bit: of 8 bits they keep even numbers, cut off toward minus infinity. Inhibitory
    weights are treated as their absolute values.
    """
    w = np.asarray(weights)
    step = 1 << (8 - bits + (sign == "MIXED"))
    if sign == "INHIBITORY":
        return -(np.clip(-w, 0, 255) // step * step)
    return np.clip(w, -256 if sign == "MIXED" else 0, 255) // step * step


def arrivals(weights: Any, delays: Any, spikes: Any) -> Any:
    """What a connection delivers: a spike of step t arrives in step t + 1 + delay."""
    n_post, n_pre = np.shape(weights)
    n_ticks = np.shape(spikes)[1]
    out = np.zeros((n_post, n_ticks), int)
    for j, i, t in itertools.product(range(n_post), range(n_pre), range(n_ticks)):
        due = t + 1 + delays[j][i]
        if due < n_ticks:
            out[j, due] += weights[j][i] * spikes[i][t]
    return out.tolist()
