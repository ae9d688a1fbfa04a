"""What loops are made of that must be vector instructions: LLVM's own, which every processor translates.

The compiler turns a plain loop into vectors only if it can prove enough about its arrays, checks at run time
whether they overlap, and never makes one word of 64 comparisons. So the loops on which the speed of a tick
hangs (`rows`, `cuba_fixed`) are written in vectors. `Lanes` are numbers side by side, with Python's
operators; while numba compiles, an operator appends its instruction to the code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
"""32-bit numbers that are worked on together; states lie in multiples of it."""

BYTE, HALF, INT, WORD = (ir.IntType(bits) for bits in (8, 16, 32, 64))


class Lanes:
    """Numbers side by side while code is made: operators become instructions.

    Args:
        builder: Where instructions go.
        value: A vector of LLVM.
    """

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    @property
    def kind(self) -> Any:
        """Type of the vector."""
        return self.value.type

    def constant(self, number: int) -> Lanes:
        """The same number in as many lanes."""
        return Lanes(self.builder, ir.Constant(self.kind, [number] * self.kind.count))

    def splat(self, number: Any) -> Lanes:
        """A number that is known when the code runs, in as many lanes."""
        one = self.builder.insert_element(ir.Constant(self.kind, ir.Undefined), number, INT(0))
        places = ir.Constant(ir.VectorType(INT, self.kind.count), None)
        return Lanes(self.builder, self.builder.shuffle_vector(one, one, places))

    def __add__(self, other: Lanes | int) -> Lanes:
        return self._with("add", other)

    def __sub__(self, other: Lanes | int) -> Lanes:
        return self._with("sub", other)

    def __mul__(self, other: Lanes | int) -> Lanes:
        return self._with("mul", other)

    def __and__(self, other: Lanes | int) -> Lanes:
        return self._with("and_", other)

    def __or__(self, other: Lanes | int) -> Lanes:
        return self._with("or_", other)

    def __xor__(self, other: Lanes | int) -> Lanes:
        return self._with("xor", other)

    def __lshift__(self, bits: int) -> Lanes:
        return self._with("shl", bits)

    def __rshift__(self, bits: int) -> Lanes:
        return self._with("ashr", bits)

    def cut(self, bits: int) -> Lanes:
        """Shifted to the right, zeros from the left."""
        return self._with("lshr", bits)

    def part(self, first: int, n: int) -> Lanes:
        """Some lanes, side by side."""
        places = ir.Constant(ir.VectorType(INT, n), list(range(first, first + n)))
        return Lanes(self.builder, self.builder.shuffle_vector(self.value, self.value, places))

    def widened(self) -> Lanes:
        """As 32 bits, zeros in front."""
        return Lanes(self.builder, self.builder.zext(self.value, ir.VectorType(INT, self.kind.count)))

    def compared(self, how: str, other: Lanes | int) -> Lanes:
        """A bit each, 1 where a comparison holds."""
        return Lanes(self.builder, self.builder.icmp_signed(how, self.value, self._like(other).value))

    def where(self, bits: Lanes, other: Lanes | int) -> Lanes:
        """These where a bit is 1, others elsewhere."""
        return Lanes(self.builder, self.builder.select(bits.value, self.value, self._like(other).value))

    def at_least(self, number: int) -> Lanes:
        """The larger of each and a number."""
        return self.where(self.compared(">", number), number)

    def at_most(self, number: int) -> Lanes:
        """The smaller of each and a number."""
        return self.where(self.compared("<", number), number)

    def word(self) -> Any:
        """Bits as one number of 64, lane 0 the lowest."""
        return self.builder.zext(self.builder.bitcast(self.value, ir.IntType(self.kind.count)), WORD)

    def _like(self, other: Lanes | int) -> Lanes:
        return other if isinstance(other, Lanes) else self.constant(other)

    def _with(self, instruction: str, other: Lanes | int) -> Lanes:
        made = getattr(self.builder, instruction)(self.value, self._like(other).value)
        return Lanes(self.builder, made)


def load(builder: Any, data: Any, at: Any, bits: int, lanes: int) -> Lanes:
    """Numbers side by side in memory, from place `at` on; they may lie anywhere."""
    kind = ir.VectorType(ir.IntType(bits), lanes)
    value = builder.load(builder.bitcast(builder.gep(data, [at]), kind.as_pointer()))
    value.align = bits // 8
    return Lanes(builder, value)


def variable(builder: Any, value: Any) -> Any:
    """Something that changes in a loop, with its first value; a pointer to it."""
    helpers: Any = cgutils
    return helpers.alloca_once_value(builder, value)


def store(data: Any, at: Any, lanes: Lanes) -> None:
    """Put numbers side by side into memory, from place `at` on."""
    builder, kind = lanes.builder, lanes.kind
    stored = builder.store(lanes.value, builder.bitcast(builder.gep(data, [at]), kind.as_pointer()))
    stored.align = kind.element.width // 8


Generator = Callable[..., Any]
"""Makes code from a builder and the arguments: numbers, and for arrays pointers to theirs."""


def code(result: Any, *arguments: Any) -> Callable[[Generator], Any]:
    """Turn a generator into what numba asks of an intrinsic: a signature, and how to make code."""

    def complete(generate: Generator) -> Any:
        def make(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
            made = generate(
                builder, *(_plain(context, builder, *a) for a in zip(signature.args, values, strict=True))
            )
            return context.get_dummy_value() if made is None else made

        return result(*arguments), make

    return complete


def instructions(function: Callable[..., Any]) -> Callable[..., Any]:
    """What kernels may call: a function of numba's typing context and argument types that gives `code`."""
    made: Any = intrinsic
    return cast(Callable[..., Any], made(function))


@instructions
def lowest(_typing: Any, bits: Any) -> Any:
    """The place of the lowest 1 in a word; 64 if there is none."""

    @code(types.int64, types.uint64)
    def made(builder: Any, bits: Any) -> Any:
        return builder.cttz(bits, ir.Constant(ir.IntType(1), 0))

    return made


@instructions
def count(_typing: Any, bits: Any) -> Any:
    """How many bits of a word are 1."""

    @code(types.int64, types.uint64)
    def made(builder: Any, bits: Any) -> Any:
        return builder.ctpop(bits)

    return made


def _plain(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    is_array = isinstance(kind, types.Array)
    return context.make_array(kind)(context, builder, value).data if is_array else value
