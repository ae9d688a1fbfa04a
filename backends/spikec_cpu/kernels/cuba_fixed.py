r"""One tick of `CubaFixed` neurons in 32-bit integers, Lava's ``PyLifModelBitAcc`` bit for bit.

With :math:`M = 2^{23}`, :math:`dec(x, d) = sign(x)\,((|x| (4096 - d)) \gg 12)` and all sums modulo
:math:`2^{32}`:

.. math:: u &\leftarrow wrap(dec(u, du + 1) + (a \ll 6)) \\
          v &\leftarrow clip(dec(v, dv) + u + b,\; -M + 1,\; M - 1) \\
          s &= v > (vth \ll 6), \qquad v[s] \leftarrow 0

where :math:`wrap` subtracts :math:`2M` once if :math:`u > M` and adds it once if :math:`u \le -M`. Of most
populations it is certain that no current gets there (`lower_populations.wraps`), and `update` leaves it out.

Neurons to which nothing comes and whose u and v a tick leaves as they are, without a spike, are at rest: all
further ticks leave them so, until something comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils

from spikec_cpu.kernels.lanes import INT, LANES, WORD, Lanes, code, instructions, load, store, variable
from spikec_cpu.kernels.rows import summed
from spikec_cpu.lower_parts import TILE

M = 1 << 23

_TWO_WORDS = cast(Any, types).UniTuple(types.uint64, 2)


@instructions
def update(
    _typing: Any,
    u: Any,
    v: Any,
    x: Any,
    here: Any,
    keep_u: Any,
    keep_v: Any,
    bias: Any,
    threshold: Any,
    at: Any,
    n: Any,
    wraps: Any,
) -> Any:
    """Advance neurons by one tick; take their sums and leave zeros.

    Args:
        _typing: Numba's.
        u: Currents of all neurons, int32.
        v: Membranes.
        x: What arrives in this tick, int32.
        here: Where in it the sum of the first of these neurons lies.
        keep_u: See `CubaTable`, as the next three.
        keep_v: int32.
        bias: int32.
        threshold: int32.
        at: Place of the first of them.
        n: How many, 64 at most, a multiple of `LANES`.
        wraps: Whether a current may.

    Returns:
        Who spikes, a bit each, uint64.
    """
    place = types.int64

    @code(types.uint64, u, v, x, place, keep_u, keep_v, bias, threshold, place, place, types.boolean)
    def made(builder: Any, *arguments: Any) -> Any:
        u, v, x, here, keep_u, keep_v, bias, threshold, at, n, wraps = arguments
        found = variable(builder, WORD(0))

        def loop(wrap: Callable[[Lanes], Lanes]) -> None:
            with cgutils.for_range_slice(builder, WORD(0), n, WORD(LANES), WORD) as (k, _):
                to = builder.add(here, k)
                arrived = load(builder, x, to, 32, LANES)
                arrays = (u, v, keep_u, keep_v, bias, threshold)
                spikes, _moved = _tick(builder, arrays, builder.add(at, k), arrived << 6, wrap)
                store(x, to, arrived.constant(0))
                builder.store(builder.or_(builder.load(found), builder.shl(spikes.word(), k)), found)

        with builder.if_else(wraps) as (then, otherwise):
            with then:
                loop(_wrapped)
            with otherwise:
                loop(lambda u: u)
        return builder.load(found)

    return made


@instructions
def update_by_rows(
    _typing: Any,
    words: Any,
    base: Any,
    spikes: Any,
    begin: Any,
    end: Any,
    gain: Any,
    zero: Any,
    u: Any,
    v: Any,
    keep_u: Any,
    keep_v: Any,
    bias: Any,
    threshold: Any,
    at: Any,
    n: Any,
) -> Any:
    """Advance a tile by one tick in which rows of bytes arrive, as `rows.add_rows` and `update` do together.

    Their sums stay in registers. No current may wrap.

    Args:
        _typing: Numba's.
        words: As for `add_rows`, up to `zero`.
        base: Where row 0 begins.
        spikes: Which rows.
        begin: Place of the first of them.
        end: The one after the last.
        gain: int32.
        zero: int32.
        u: As for `update`, the others too.
        v: Membranes.
        keep_u: See `CubaTable`, as the next three.
        keep_v: int32.
        bias: int32.
        threshold: int32.
        at: Place of the first of them.
        n: How many.

    Returns:
        Who spikes, a bit each, uint64.
    """
    place, number = types.int64, types.int32
    of_rows = (words, place, spikes, place, place, number, number)

    @code(types.uint64, *of_rows, u, v, keep_u, keep_v, bias, threshold, place, place)
    def made(builder: Any, *arguments: Any) -> Any:
        words, base, spikes, begin, end, gain, zero, *arrays, at, n = arguments
        halves = summed(builder, words, base, spikes, begin, end)
        offset = builder.mul(builder.trunc(builder.sub(end, begin), INT), zero)
        factor = builder.shl(gain, INT(6))
        found = variable(builder, WORD(0))
        for k in range(0, TILE, LANES):
            with builder.if_then(builder.icmp_signed(">", n, WORD(k))):
                total = halves[2 * k // TILE].part(k % (TILE // 2), LANES).widened()
                arrived = (total - total.splat(offset)) * total.splat(factor)
                fired, _moved = _tick(builder, arrays, builder.add(at, WORD(k)), arrived, lambda u: u)
                bits = builder.shl(fired.word(), WORD(k))
                builder.store(builder.or_(builder.load(found), bits), found)
        return builder.load(found)

    return made


@instructions
def rest(
    _typing: Any, u: Any, v: Any, keep_u: Any, keep_v: Any, bias: Any, threshold: Any, at: Any, n: Any
) -> Any:
    """Advance neurons by one tick in which nothing comes; arguments as for `update`.

    Returns:
        Who spikes, and a word that is 0 if no state changed.
    """
    place = types.int64

    @code(_TWO_WORDS, u, v, keep_u, keep_v, bias, threshold, place, place)
    def made(builder: Any, *arguments: Any) -> Any:
        *arrays, at, n = arguments
        found, moved = (variable(builder, WORD(0)) for _ in range(2))
        nothing = Lanes(builder, ir.Constant(ir.VectorType(ir.IntType(32), LANES), None))
        with cgutils.for_range_slice(builder, WORD(0), n, WORD(LANES), WORD) as (k, _):
            spikes, others = _tick(builder, arrays, builder.add(at, k), nothing, _wrapped)
            builder.store(builder.or_(builder.load(found), builder.shl(spikes.word(), k)), found)
            builder.store(builder.or_(builder.load(moved), others.word()), moved)
        pair = builder.insert_value(ir.Constant(ir.ArrayType(WORD, 2), None), builder.load(found), 0)
        return builder.insert_value(pair, builder.load(moved), 1)

    return made


def _tick(
    builder: Any, arrays: Sequence[Any], at: Any, arrived: Lanes, wrap: Callable[[Lanes], Lanes]
) -> tuple[Lanes, Lanes]:
    """Code that reads the states of some neurons, adds what arrived, and writes their next ones.

    Returns:
        Bits of who spikes, and of whose state is another.
    """
    u, v, keep_u, keep_v, bias, threshold = (load(builder, a, at, 32, LANES) for a in arrays)
    current = wrap(_decayed(u, keep_u) + arrived)
    membrane = (_decayed(v, keep_v) + current + bias).at_least(1 - M).at_most(M - 1)
    spikes = membrane.compared(">", threshold)
    membrane = membrane.constant(0).where(spikes, membrane)
    store(arrays[0], at, current)
    store(arrays[1], at, membrane)
    return spikes, ((u ^ current) | (v ^ membrane)).compared("!=", 0)


def _decayed(x: Lanes, keep: Lanes) -> Lanes:
    r"""dec(x, 4096 - keep), for x of any 32 bits.

    With :math:`x = 2^{12} h + l`, :math:`0 \le l < 2^{12}`, that is :math:`h\,keep + ((l\,keep + r) \gg 12)`,
    where r, the upper 12 bits of h, rounds up what is negative. All of it fits 32 bits.
    """
    high = x >> 12
    return high * keep + ((x & 4095) * keep + high.cut(20)).cut(12)


def _wrapped(u: Lanes) -> Lanes:
    above = u - u.constant(2 * M).where(u.compared(">", M), 0)
    return above + above.constant(2 * M).where(above.compared("<=", -M), 0)
