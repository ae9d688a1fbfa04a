"""As `hand_cases`, for neurons that Loihi 1 has not."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikec.ir.connectivity import Dense
from spikec.ir.fixed_neurons import CubaFixed, QifFixed, ThetaFixed
from spikec.ir.fixed_point import Fixed, FixedFormat
from tests.hand_cases import HandCase, case


def pair_cases() -> list[HandCase]:
    """The same for neurons that Loihi 1 has not. Where those that keep pairs are is written as (a, b)."""
    wide = FixedFormat(8, "mixed", 7)
    quarter: dict[str, Any] = {"cos": 0, "sin_a": 1, "sin_b": 1}  # (a, b) becomes (b, -a)
    still: dict[str, Any] = {"du": 4095, "gain": 0, "shift": 0, "turn": 8192, "keep": 8192}
    return [
        case(
            "an inclusive threshold need only be met",
            Dense(Fixed([[100], [100], [98]])),
            CubaFixed(du=4095, dv=4096, vth=100, inclusive=[0, 1, 1]),
            [(0, 0)],
            3,
            spikes=((), (1,), ()),
            membranes=((0, 6400, 0), (0, 0, 0), (0, 6272, 0)),
        ),
        case(
            "a quarter turn a tick: from zero to infinity, where it spikes, and on from the other side",
            Dense(Fixed([[0]])),
            ThetaFixed(**quarter, a_init=0, b_init=16384, shift=0),
            [],
            5,
            spikes=((1, 3),),
            # (16384, 0) has 15 bits; then (0, -8192), turned around
            membranes=(_words((8192, 0), (0, 8192), (8192, 0), (0, 8192), (8192, 0)),),
        ),
        case(
            "a turn by the angle of 3, 4, 5, and one on an ellipse",
            Dense(Fixed([[0], [0]])),
            ThetaFixed(cos=3, sin_a=[4, 8], sin_b=[4, 2], a_init=0, b_init=16384, shift=0),
            [],
            3,
            spikes=((1,), (1,)),
            membranes=(
                # (65536, 49152) >> 3; (49152, -14336) turned around, >> 2; (-22528, 59904) >> 2
                _words((8192, 6144), (-12288, 3584), (-5632, 14976)),
                # (131072, 49152) >> 4; (49152, -7168) turned, >> 2; (-22528, 29952) >> 1
                _words((8192, 3072), (-12288, 1792), (-11264, 14976)),
            ),
        ),
        case(
            "halves are rounded up, whatever their sign",
            Dense(Fixed([[0], [0]])),
            ThetaFixed(cos=16384, sin_a=1, sin_b=1, a_init=[0, -2], b_init=16384, shift=0),
            [],
            1,
            spikes=((), ()),
            membranes=(_words((1, 8192)), _words((0, 8192))),  # 16384 and -16384 of 32768
        ),
        case(
            "a pair is scaled up and down to 14 bits, and rounding may bring it to 2**14",
            Dense(Fixed([[0], [0]])),
            ThetaFixed(cos=0, sin_a=[1, 32767], sin_b=[1, 32767], a_init=[3, 0], b_init=[5, 16384], shift=0),
            [],
            2,
            spikes=((0,), (1,)),
            membranes=(_words((-5 << 11, 3 << 11), (6144, 10240)), _words((16384, 0), (0, 16384))),
        ),
        case(
            "a kick moves a by b times the weight, and its halves are rounded up",
            Dense(Fixed([[6], [-6], [2], [-2], [6], [-6]])),
            ThetaFixed(**quarter, a_init=-16384, b_init=0, shift=[2, 2, 15, 15, 15, 15]),
            [(0, 0)],
            2,
            spikes=((1,), (), (1,), (), (1,), ()),
            # In tick 1 from (0, 8192): a becomes 12288, -12288; then 0.5, -0.5, 1.5, -1.5 rounded
            membranes=tuple(
                _words((0, 8192), end)
                for end in [(-8192, 12288), (8192, 12288), (-8192, 1), (8192, 0), (-8192, 2), (8192, 1)]
            ),
        ),
        case(
            "a kick at infinity moves nothing",
            Dense(Fixed([[254], [-256]], wide)),
            ThetaFixed(**quarter, a_init=0, b_init=16384, shift=[0, 31]),
            [(0, 0)],
            2,
            spikes=((1,), (1,)),
            membranes=(_words((8192, 0), (0, 8192)),) * 2,
        ),
        case(
            "a stops at 24 bits",
            Dense(Fixed([[254], [-254]], wide)),
            ThetaFixed(**quarter, a_init=-16384, b_init=0, shift=0),
            [(0, 0)],
            2,
            spikes=((1,), ()),
            # 254 * 128 * 8192 is more than 2**23 - 1; (8192, -8388607) turned around, >> 9
            membranes=(_words((0, 8192), (-16, 16384)), _words((0, 8192), (16, 16384))),
        ),
        case(
            "without a current V = 1 stays, less of it decays, and more of it spikes, infinity too",
            Dense(Fixed([[0]] * 5)),
            QifFixed(**still, a_init=[8192, -8192, 16384, 16384, -16384], b_init=[8192, 8192, 4096, 0, 0]),
            [],
            1,
            spikes=((), (), (0,), (0,), ()),
            # With both divided by 2**27: (a, 2 b - a)
            membranes=(
                _words((8192, 8192)),
                _words((-4096, 12288)),
                _words((-8192, 4096)),
                _words((-8192, 8192)),
                _words((-8192, 8192)),
            ),
        ),
        case(
            "a current decays and turns the pair",
            Dense(Fixed([[100]])),
            QifFixed(du=2047, gain=3, shift=1, turn=16384, keep=16384),
            [(0, 0)],
            3,
            # u = 6400, p = 9600, c = 16384 - 3200; then u = 3200, p = 4800, c = 16384 - 1600,
            # (14784 * 9600 + 4800 * 13184, 14784 * 13184 - 16384 * 9600) = (12525, 2296.5) << 14
            membranes=(_words((0, 8192), (9600, 13184), (12525, 2297)),),
        ),
        case(
            "the first current decays before it acts, toward zero",
            Dense(Fixed([[0], [0]])),
            QifFixed(du=2047, gain=3, shift=1, turn=16384, keep=16384, u_init=[12800, -12801]),
            [],
            1,
            spikes=((), ()),
            membranes=(_words((9600, 13184)), _words((-4800, 9792))),  # u = 6400, -6400; c = 13184, 19584
        ),
        case(
            "a current stops at 24 bits, and p at 15",
            Dense(Fixed(np.array([[254], [-254], [254], [-254]]).repeat(5, axis=1), wide)),
            QifFixed(4095, gain=[1, 1, 32767, 32767], shift=[9, 9, 0, 0], turn=16384, keep=16384),
            [(0, j) for j in range(5)],
            2,
            spikes=((),) * 4,
            # u = 5 * 254 << 13 is 8388607; p = 16384, c = 10923; -16384, 21845; 32767, 5462; -32767, 27306
            membranes=tuple(
                _words((0, 8192), end)
                for end in [(8192, 5462), (-8192, 10923), (16384, 2731), (-16383, 13653)]
            ),
        ),
    ]


def _words(*pairs: tuple[int, int]) -> tuple[int, ...]:
    """Pairs as membranes."""
    return tuple(65536 * a + b for a, b in pairs)
