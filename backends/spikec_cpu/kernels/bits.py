"""Spikes as bits, 64 neurons a word: made from rasters of bytes, counted, listed."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from spikec.arrays import AnyArray
from spikec_cpu.kernels import inlined, kernel, leaf
from spikec_cpu.kernels.lanes import INT, WORD, Lanes, code, count, instructions, load, store
from spikec_cpu.kernels.spikes import with_room

SPARE = 10
"""Places after the last spike that `list_bits` may write to."""

MANY = 9
"""Bits of a word from which on they are listed byte by byte."""

PLANES = 12
"""Digits of the numbers in which `tally_bits` counts."""

_PLACES = np.zeros((256, 8), np.uint8)
for _byte in range(256):
    _found = [j for j in range(8) if _byte >> j & 1]
    _PLACES[_byte, : len(_found)] = _found


@instructions
def _flags_word(_typing: Any, flags: Any, at: Any) -> Any:
    """Which of 64 bytes from a place on are not 0, a bit each."""

    @code(types.uint64, flags, types.int64)
    def made(builder: Any, flags: Any, at: Any) -> Any:
        halves = [load(builder, flags, builder.add(at, WORD(k)), 8, 32).compared("!=", 0) for k in (0, 32)]
        low, high = (half.word() for half in halves)
        return builder.or_(low, builder.shl(high, WORD(32)))

    return made


@instructions
def _word_of_bytes(_typing: Any, flat: Any, at: Any) -> Any:
    """Eight bytes from a place on, wherever it lies, as a word."""

    @code(types.uint64, flat, types.int64)
    def made(builder: Any, flat: Any, at: Any) -> Any:
        value = builder.load(builder.bitcast(builder.gep(flat, [at]), WORD.as_pointer()))
        value.align = 1
        return value

    return made


@instructions
def _put_five(_typing: Any, bits: Any, first: Any, arena: Any, at: Any) -> Any:
    """Write the places of the five lowest bits into the arena, `first` that of bit 0; the other bits."""
    place = types.int64

    @code(types.uint64, types.uint64, place, arena, place)
    def made(builder: Any, bits: Any, first: Any, arena: Any, at: Any) -> Any:
        for k in range(5):
            lowest = builder.cttz(bits, ir.Constant(ir.IntType(1), 0))
            to = builder.gep(arena, [builder.add(at, WORD(k))])
            builder.store(builder.trunc(builder.add(first, lowest), INT), to)
            bits = builder.and_(bits, builder.sub(bits, WORD(1)))
        return bits

    return made


@instructions
def _put_places(_typing: Any, places: Any, byte: Any, first: Any, arena: Any, used: Any) -> Any:
    """Write the eight entries of `_PLACES` for a byte, plus `first`, into the arena."""
    place = types.int64

    @code(types.void, places, place, types.int32, arena, place)
    def made(builder: Any, places: Any, byte: Any, first: Any, arena: Any, used: Any) -> None:
        found = load(builder, places, builder.shl(byte, WORD(3)), 8, 8).widened()
        start = builder.insert_element(ir.Constant(found.kind, ir.Undefined), first, INT(0))
        spread = ir.Constant(ir.VectorType(INT, 8), None)
        store(arena, used, found + Lanes(builder, builder.shuffle_vector(start, start, spread)))

    return made


@inlined
def list_bits(bits: np.uint64, first: int, arena: AnyArray, used: int) -> int:
    """Append the places of the bits that are 1, `first` that of the lowest.

    Few of them five at a time, for the end of a loop that nobody can foresee takes longer than to write what
    is not used; many of them eight places of a table for every byte.

    Args:
        bits: A word.
        first: Place of its lowest bit.
        arena: Has room for all, and `SPARE` more.
        used: Spikes in the arena.

    Returns:
        Spikes in the arena now.
    """
    n: int = count(bits)
    if n < MANY:
        rest = _put_five(bits, first, arena, used)
        if n > 5:
            _put_five(rest, first, arena, used + 5)
    else:
        at = used
        for k in range(0, 64, 8):
            byte = (bits >> np.uint64(k)) & np.uint64(255)
            _put_places(_PLACES, np.int64(byte), np.int32(first + k), arena, at)
            at += count(byte)
    return used + n


@kernel
def take_raster(
    flags: AnyArray,
    words: AnyArray,
    source: int,
    arena: AnyArray,
    used: int,
    bounds: AnyArray,
    counted: AnyArray,
) -> tuple[AnyArray, int]:
    """Turn a raster of bytes into bits, and go on as `take_bits` does.

    One sample is read while the one before it is listed, so that neither memory nor the processor waits.

    Args:
        flags: ``(n_samples, n_ticks, n)``, contiguous, no longer than the run; what is not 0 is a spike.
        words: uint64, ``(n_samples, n_ticks * ceil(n / 64))``, written.
        source: As for `take_bits`, as the others.
        arena: Spikes so far.
        used: How many.
        bounds: Written.
        counted: Added to.
    """
    (n_samples, n_ticks, n), flat = flags.shape, flags.reshape(-1)
    planes, filled = np.zeros(((n + 63) // 64, PLANES), np.uint64), 0
    for sample in range(-1, n_samples):
        if sample >= 0:
            filled = tally_sample(words, sample, n_ticks, planes, filled, counted)
            arena = with_room(arena, used, count_bits(words, sample) + SPARE)
        for tick in range(bounds.shape[2]):
            if sample + 1 < n_samples and tick < n_ticks:
                pack_tick(flat, n, n_ticks, sample + 1, tick, words)
            if sample >= 0:
                used = list_tick(words, n_ticks, sample, tick, source, arena, used, bounds)
    empty(planes, counted)
    return arena, used


@kernel
def take_bits(
    words: AnyArray,
    n_ticks: int,
    source: int,
    arena: AnyArray,
    used: int,
    bounds: AnyArray,
    counted: AnyArray,
) -> tuple[AnyArray, int]:
    """Append the spikes of one population that bits hold to the arena, and count them.

    Args:
        words: Of each sample, tick by tick, each beginning with a word, uint64, ``(n_samples, n_words)``.
        n_ticks: Ticks that they hold; later ones of the run are silent.
        source: The population.
        arena: Spikes so far, int32.
        used: How many.
        bounds: See `run_component`; written for this population.
        counted: How often each of its places spiked; added to.

    Returns:
        The arena (another one if it had to grow) and how many spikes are in it.
    """
    planes, filled = np.zeros((words.shape[1] // max(n_ticks, 1), PLANES), np.uint64), 0
    for sample in range(words.shape[0]):
        filled = tally_sample(words, sample, n_ticks, planes, filled, counted)
        arena = with_room(arena, used, count_bits(words, sample) + SPARE)
        for tick in range(bounds.shape[2]):
            used = list_tick(words, n_ticks, sample, tick, source, arena, used, bounds)
    empty(planes, counted)
    return arena, used


@leaf
def pack_tick(flat: AnyArray, n: int, n_ticks: int, sample: int, tick: int, words: AnyArray) -> None:
    """Turn a tick of a raster into bits.

    Its last word is read as the 64 bytes that end with it, if there are so many before it.

    Args:
        flat: The raster, flat.
        n: Bytes of a tick.
        n_ticks: Ticks of a sample.
        sample: Which sample.
        tick: Which tick.
        words: As for `take_raster`.
    """
    begin, to = (sample * n_ticks + tick) * n, tick * ((n + 63) // 64)
    end, rest = begin + n, n % 64
    for k in range(n // 64):
        words[sample, to + k] = _flags_word(flat, begin + 64 * k)
    if rest > 0 and end >= 64:
        words[sample, to + n // 64] = _flags_word(flat, end - 64) >> np.uint64(64 - rest)
    elif rest > 0:
        word = np.uint64(0)
        for j in range(rest):
            word |= np.uint64(flat[end - rest + j] != 0) << np.uint64(j)
        words[sample, to + n // 64] = word


@leaf
def count_bits(words: AnyArray, sample: int) -> int:
    """How many bits of a sample are 1."""
    n = 0
    for k in range(words.shape[1]):
        n += count(words[sample, k])
    return n


@leaf
def list_tick(
    words: AnyArray,
    n_ticks: int,
    sample: int,
    tick: int,
    source: int,
    arena: AnyArray,
    used: int,
    bounds: AnyArray,
) -> int:
    """List a tick's spikes in an arena that has room for all; arguments as for `take_bits`."""
    n_words = words.shape[1] // max(n_ticks, 1)
    bounds[sample, source, tick, 0] = used
    for k in range(n_words if tick < n_ticks else 0):
        used = list_bits(words[sample, tick * n_words + k], 64 * k, arena, used)
    bounds[sample, source, tick, 1] = used
    return used


@leaf
def tally_sample(
    words: AnyArray, sample: int, n_ticks: int, planes: AnyArray, filled: int, counted: AnyArray
) -> int:
    """Count how often each bit of a tick is 1 in a sample.

    The counts of a word's 64 bits lie side by side in `PLANES` words, a digit each; four ticks are added to
    them at a time, and they to `counted` before they could overflow.

    Args:
        words: As for `take_bits`.
        sample: Which sample.
        n_ticks: Its ticks.
        planes: The digits, ``(n_words_of_a_tick, PLANES)``.
        filled: Ticks in them so far.
        counted: Of bit j of word k at ``64 k + j``, as many as neurons have a bit.

    Returns:
        Ticks in the planes now.
    """
    n = planes.shape[0]
    for tick in range(0, n_ticks, 4):
        if filled + 4 >= 1 << PLANES:
            empty(planes, counted)
            filled = 0
        for k in range(tick * n, tick * n + n):
            a, b, c, d = words[sample, k], np.uint64(0), np.uint64(0), np.uint64(0)
            if tick + 4 <= n_ticks:
                b, c, d = words[sample, k + n], words[sample, k + 2 * n], words[sample, k + 3 * n]
            elif tick + 1 < n_ticks:
                b = words[sample, k + n]
                c = words[sample, k + 2 * n] if tick + 2 < n_ticks else c
            add_four(a, b, c, d, planes, k - tick * n)
        filled += 4
    return filled


@leaf
def add_four(a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64, planes: AnyArray, k: int) -> None:
    """Add the bits of four words to 64 numbers, whose digits are the bits of ``planes[k]``."""
    one, two = planes[k, 0], planes[k, 1]
    ab, ab_carry = one ^ a ^ b, (one & a) | ((one ^ a) & b)
    cd_carry = (ab & c) | ((ab ^ c) & d)
    planes[k, 0] = ab ^ c ^ d
    planes[k, 1] = two ^ ab_carry ^ cd_carry
    carry = (two & ab_carry) | ((two ^ ab_carry) & cd_carry)
    for digit in range(2, PLANES):
        before = planes[k, digit]
        planes[k, digit] = before ^ carry
        carry &= before


@leaf
def empty(planes: AnyArray, counted: AnyArray) -> None:
    """Add the numbers that planes hold to counts, and begin anew."""
    for j in range(min(counted.size, 64 * planes.shape[0])):
        for digit in range(PLANES):
            one = (planes[j >> 6, digit] >> np.uint64(j & 63)) & np.uint64(1)
            counted[j] += np.int64(one << np.uint64(digit))
    for k in range(planes.shape[0]):
        for digit in range(PLANES):
            planes[k, digit] = 0


@kernel
def align(given: AnyArray, per_tick: int, words: AnyArray, n_ticks: int) -> None:
    """Copy bits so that ticks begin with a word.

    Args:
        given: Of each sample tick by tick, uint64, ``(n_samples, n_words)``.
        per_tick: Bits of a tick in them.
        words: ``(n_samples, n_ticks * ceil(per_tick / 64))``, written.
        n_ticks: How many.
    """
    n_words, n, rest = (per_tick + 63) // 64, per_tick // 8, per_tick // 8 % 8
    flat = given.reshape(-1).view(np.uint8)
    for sample in range(given.shape[0]):
        for tick in range(n_ticks):
            begin, to = 8 * sample * given.shape[1] + tick * n, tick * n_words
            for k in range(n // 8):
                words[sample, to + k] = _word_of_bytes(flat, begin + 8 * k)
            if rest > 0 and begin + n >= 8:
                words[sample, to + n // 8] = _word_of_bytes(flat, begin + n - 8) >> np.uint64(64 - 8 * rest)
            elif rest > 0:
                word = np.uint64(0)
                for j in range(rest):
                    word |= np.uint64(flat[begin + n - rest + j]) << np.uint64(8 * j)
                words[sample, to + n // 8] = word


@kernel
def lists_of(words: AnyArray, n_ticks: int) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Tick and neuron of all spikes, and how many each sample has.

    Args:
        words: Of each sample, tick by tick, each beginning with a word, ``(n_samples, n_words)``.
        n_ticks: How many.
    """
    n_samples, n_words = words.shape
    sizes, total = np.zeros(n_samples, np.int64), 0
    for sample in range(n_samples):
        for k in range(n_words):
            sizes[sample] += count(words[sample, k])
        total += sizes[sample]
    ticks, neurons = np.empty(total, np.int64), np.empty(total + SPARE, np.int32)
    used, per_tick = 0, n_words // max(n_ticks, 1)
    for sample in range(n_samples):
        for tick in range(n_ticks):
            begin = used
            for k in range(per_tick):
                used = list_bits(words[sample, tick * per_tick + k], 64 * k, neurons, used)
            ticks[begin:used] = tick
    return ticks, neurons[:total], sizes
