"""Sums of rows of bytes: what a spike adds to all neurons of a tile, or to all channels of a pixel."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from spikec_cpu.kernels.lanes import HALF, INT, WORD, Lanes, code, instructions, load, store, variable
from spikec_cpu.lower_parts import TILE

MOST_ROWS = 256
"""Rows of bytes whose sum surely fits 16 bits: 256 times 255 do."""


def summed(builder: Any, words: Any, base: Any, spikes: Any, begin: Any, end: Any) -> tuple[Lanes, Lanes]:
    """Code for the sums of bytes of rows: those of the lower half of a tile's neurons, and of the upper half.

    A word of 16 bits holds two bytes (`lower_parts.tiled`). The sum of words is, modulo 2**16, that of the
    lower bytes plus 256 times that of the upper ones, so two additions and a shift add up two neurons' bytes.
    Arguments as for `add_rows`.
    """
    nothing = ir.Constant(ir.VectorType(HALF, TILE // 2), None)
    both, upper = (variable(builder, nothing) for _ in range(2))
    start = builder.gep(words, [base])

    def add_row(e: Any) -> None:
        i = builder.sext(builder.load(builder.gep(spikes, [e])), WORD)
        row = load(builder, start, builder.mul(i, WORD(TILE // 2)), 16, TILE // 2)
        builder.store((row + Lanes(builder, builder.load(both))).value, both)
        builder.store((row.cut(8) + Lanes(builder, builder.load(upper))).value, upper)

    n = builder.sub(end, begin)
    with cgutils.for_range(builder, builder.ashr(n, WORD(1)), intp=WORD) as loop:
        e = builder.add(begin, builder.shl(loop.index, WORD(1)))
        add_row(e)
        add_row(builder.add(e, WORD(1)))
    with builder.if_then(builder.trunc(n, ir.IntType(1))):
        add_row(builder.sub(end, WORD(1)))
    highs = Lanes(builder, builder.load(upper))
    return Lanes(builder, builder.load(both)) - (highs << 8), highs


@instructions
def add_rows(
    _typing: Any,
    words: Any,
    base: Any,
    spikes: Any,
    begin: Any,
    end: Any,
    x: Any,
    at: Any,
    gain: Any,
    zero: Any,
) -> Any:
    """Add rows of a tile: ``x[at : at + TILE] += gain * (sum of bytes - zero * rows)``, modulo 2**32.

    Args:
        words: uint16, rows of ``TILE / 2``.
        base: Where row 0 begins.
        spikes: Which rows, int32.
        begin: Place of the first of them.
        end: The one after the last; at most `MOST_ROWS` after the first.
        x: Sums, int32.
        at: Where they begin.
        gain: int32.
        zero: The byte of a weight of 0, int32.
    """
    place, number = types.int64, types.int32

    @code(types.void, words, place, spikes, place, place, x, place, number, number)
    def made(
        builder: Any,
        words: Any,
        base: Any,
        spikes: Any,
        begin: Any,
        end: Any,
        x: Any,
        at: Any,
        gain: Any,
        zero: Any,
    ) -> None:
        lows, highs = summed(builder, words, base, spikes, begin, end)
        n = builder.sub(end, begin)
        offset = builder.mul(builder.trunc(n, INT), zero)
        for k, half in enumerate((lows, highs)):
            total = half.widened()
            to = builder.add(at, WORD(k * TILE // 2))
            before = load(builder, x, to, 32, TILE // 2)
            store(x, to, before + (total - total.splat(offset)) * total.splat(gain))

    return made


@instructions
def add_bytes(_typing: Any, entries: Any, by: Any, x: Any, at: Any, n: Any, gain: Any, zero: Any) -> Any:
    """Add bytes side by side: ``x[at : at + n] += gain * (entries[by : by + n] - zero)``, modulo 2**32.

    Args:
        entries: uint8.
        by: Where they begin.
        x: Sums, int32.
        at: Where they begin.
        n: How many, a multiple of 8.
        gain: int32.
        zero: The byte of a weight of 0, int32.
    """
    place, number = types.int64, types.int32

    @code(types.void, entries, place, x, place, place, number, number)
    def made(builder: Any, entries: Any, by: Any, x: Any, at: Any, n: Any, gain: Any, zero: Any) -> None:
        with cgutils.for_range_slice(builder, WORD(0), n, WORD(8), WORD) as (k, _):
            total = load(builder, entries, builder.add(by, k), 8, 8).widened()
            to = builder.add(at, k)
            before = load(builder, x, to, 32, 8)
            store(x, to, before + (total - total.splat(zero)) * total.splat(gain))

    return made


@instructions
def any_sum(_typing: Any, x: Any, at: Any) -> Any:
    """Whether any of the sums of a tile is not 0, int32 from `at` on."""

    @code(types.boolean, x, types.int64)
    def made(builder: Any, x: Any, at: Any) -> Any:
        parts = [load(builder, x, builder.add(at, WORD(k)), 32, TILE // 4) for k in range(0, TILE, TILE // 4)]
        some = (parts[0] | parts[1] | parts[2] | parts[3]).compared("!=", 0).word()
        return builder.icmp_unsigned("!=", some, WORD(0))

    return made
