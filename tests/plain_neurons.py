"""One neuron of the fixed dialect for one tick, in Python's own integers, which no sum can leave.

Written from the formulas of lava-nc 0.10.0 (``lava/proc/lif/models.py``) and of `spikec.ir.fixed_neurons`. It
shares nothing with the engines, so that they can be judged by it.
"""

from __future__ import annotations

import numpy as np

from spikec.ir.fixed_neurons import CubaFixed, FixedNeuron, QifFixed, ThetaFixed
from spikec.ir.network import Population

M = 1 << 23

Values = dict[str, int]
State = tuple[int, ...]
"""``(u, v)``, ``(a, b)`` or ``(u, a, b)``."""


def neuron_of(p: Population, j: int) -> tuple[type[FixedNeuron], Values]:
    """Type and parameters of one neuron of a population."""
    values = {name: np.asarray(getattr(p.neuron, name)) for name in p.neuron._RANGES}
    return type(p.neuron), {name: int(x if x.ndim == 0 else x[j]) for name, x in values.items()}


def begin(kind: type[FixedNeuron], k: Values) -> State:
    """The state of a neuron at the beginning of a sample."""
    if kind is CubaFixed:
        return 0, 0
    return (k["a_init"], k["b_init"]) if kind is ThetaFixed else (k["u_init"], k["a_init"], k["b_init"])


def update(kind: type[FixedNeuron], state: State, x: int, k: Values) -> tuple[State, bool]:
    """The state after a tick in which a sum arrives, and whether the neuron spikes."""
    return {CubaFixed: _cuba, ThetaFixed: _theta, QifFixed: _qif}[kind](state, x, k)


def word(a: int, b: int) -> int:
    """A pair as engines record it."""
    return 65536 * a + b


def _cuba(state: State, x: int, k: Values) -> tuple[State, bool]:
    u, v = state
    u = _int32(_decay(u, k["du"] + 1) + x * 64)
    if u > M:
        u -= 2 * M
    elif u <= -M:
        u += 2 * M
    exponent = k["bias_exp"]
    bias = k["bias_mant"] * 2**exponent if exponent >= 0 else k["bias_mant"] // 2**-exponent
    v = _clip(_int32(_decay(v, k["dv"]) + u + bias), M - 1)
    spike = v >= k["vth"] * 64 if k["inclusive"] else v > k["vth"] * 64
    return (u, 0 if spike else v), spike


def _theta(state: State, x: int, k: Values) -> tuple[State, bool]:
    a, b = state
    a = _clip(a + _nearest(_int32(x) * b, k["shift"]), M - 1)
    return _settled(k["cos"] * a + k["sin_a"] * b, k["cos"] * b - k["sin_b"] * a)


def _qif(state: State, x: int, k: Values) -> tuple[State, bool]:
    u, a, b = state
    u = _clip(_int32(_decay(u, k["du"] + 1) + x * 64), M - 1)
    p = _clip(_nearest(u * k["gain"], k["shift"]), 2**15 - 1)
    c = 2**14 - _nearest(21845 * p * k["turn"], 30)
    pair, spike = _settled(k["keep"] * (c * a + p * b), 2**14 * (c * b - k["turn"] * a))
    return (u, *pair), spike


def _settled(a: int, b: int) -> tuple[State, bool]:
    spike = b < 0
    a, b = (-a, -b) if spike else (a, b)
    bits = max(abs(a), b).bit_length() - 14
    pair = (_nearest(a, bits), _nearest(b, bits)) if bits > 0 else (a * 2**-bits, b * 2**-bits)
    return pair, spike


def _nearest(x: int, shift: int) -> int:
    """x / 2**shift, halves rounded up."""
    return (2 * x + 2**shift) // 2 ** (shift + 1)


def _clip(x: int, largest: int) -> int:
    return min(max(x, -largest), largest)


def _decay(x: int, d: int) -> int:
    size = abs(x) * (4096 - d) // 4096
    return size if x >= 0 else -size


def _int32(x: int) -> int:
    return int.from_bytes((x % (1 << 32)).to_bytes(4, "little"), "little", signed=True)
