r"""Neurons that go from arrival to arrival side by side, until one of them may spike.

They follow `membrane`, their rates are the same for all, and their states stay in registers. With
:math:`u^+ = \max(u, 0)`, and because no factor of `membrane` is below zero, until the next arrival

.. math:: u(t) \le u_0^+ + I_0^+ \max_{s \le t} K(s) + b^+ E(t, a)

so that a slice in which this stays below all thresholds is done with after some ten operations a neuron.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types

from spikec_cpu.kernels.lanes import WORD, code, instructions, variable
from spikec_cpu.lower_cells import REST, B
from spikec_cpu.lower_exact import GLIDING

KEEP, LEFT, DRIVEN, BIASED, PEAK, N_SHARES = 1, 2, 3, 4, 5, 6
"""Columns of `slices.steps_of`; the first holds seconds."""

_NUMBER = ir.DoubleType()
_NUMBERS = ir.VectorType(_NUMBER, GLIDING)


@instructions
def glide(
    _typing: Any,
    p: Any,
    limit: Any,
    steps: Any,
    row: Any,
    weights: Any,
    x: Any,
    after: Any,
    excess: Any,
    k: Any,
    end: Any,
) -> Any:
    """Bring `GLIDING` neurons from arrival to arrival; gives the arrival after which one may spike, or `end`.

    Args:
        p: `Cells.values`, ``(START + 3, GLIDING)``.
        limit: Thresholds, infinite for those that cannot spike.
        steps: From each arrival to the next, as `slices.steps_of` gives them.
        row: Which row of weights arrives.
        weights: One row a presynaptic neuron.
        x: Membranes and currents right after the arrival that is given (before it, if that is `end`),
            ``(3, GLIDING)``, written.
        after: Those before arrival `k`; then those before the next arrival after the one that is given, if
            none spikes until then (not written if that is `end`).
        excess: Above zero for neurons that may spike until then, written likewise.
        k: The first arrival.
        end: The last, which is left.
    """
    place = types.int64

    @code(place, p, limit, steps, row, weights, x, after, excess, place, place)
    def made(
        builder: Any,
        p: Any,
        limit: Any,
        steps: Any,
        row: Any,
        weights: Any,
        x: Any,
        after: Any,
        excess: Any,
        k: Any,
        end: Any,
    ) -> Any:
        rest, bias = _load(builder, p, REST), _load(builder, p, B)
        goal = builder.fsub(_load(builder, limit, 0), rest)
        u = variable(builder, builder.fsub(_load(builder, after, 0), rest))
        i, at = variable(builder, _load(builder, after, 1)), variable(builder, k)
        zero = builder.fsub(rest, rest)  # no constant: of that LLVM would make two instructions for a maximum
        course = _Course(builder, steps, row, weights, after, excess, rest, goal, bias, zero, u, i, at, end)
        has_bias = _any_above_zero(builder, builder.fmul(bias, bias))
        with builder.if_else(has_bias) as (with_bias, without):
            with with_bias:
                _go(course, True)
            with without:
                _go(course, False)
        _store(builder, x, 0, builder.fadd(builder.load(u), rest))
        _store(builder, x, 1, builder.load(i))
        return builder.load(at)

    return made


@dataclass(frozen=True)
class _Course:
    """What the loop works on: arrays and numbers as `glide` has them, and pointers to what changes."""

    builder: Any
    steps: Any
    row: Any
    weights: Any
    after: Any
    excess: Any
    rest: Any
    goal: Any
    bias: Any
    zero: Any
    u: Any
    i: Any
    k: Any
    end: Any


def _go(c: _Course, biased: bool) -> None:
    """The loop; it ends at the arrival after which a neuron may spike, or before the last."""
    b = c.builder
    test, step, on, tell, out = (b.append_basic_block(name) for name in ("test", "step", "on", "tell", "out"))
    b.branch(test)
    b.position_at_end(test)
    k = b.load(c.k)
    b.cbranch(b.icmp_signed("<", k, c.end), step, out)

    b.position_at_end(step)
    keep, left, driven, peak = (_share(c, k, column) for column in (KEEP, LEFT, DRIVEN, PEAK))
    u, i = b.load(c.u), b.fadd(b.load(c.i), _load(b, c.weights, b.load(b.gep(c.row, [k]))))
    u_after, i_after = b.fadd(b.fmul(u, keep), b.fmul(i, driven)), b.fmul(i, left)
    bound = b.fadd(_larger(b, u, c.zero), b.fmul(_larger(b, i, c.zero), peak))
    if biased:
        more = b.fmul(c.bias, _share(c, k, BIASED))
        u_after, bound = b.fadd(u_after, more), b.fadd(bound, _larger(b, more, c.zero))
    excess = b.fsub(bound, c.goal)
    b.cbranch(_any_above_zero(b, excess), tell, on)

    b.position_at_end(on)
    b.store(u_after, c.u)
    b.store(i_after, c.i)
    b.store(b.add(k, WORD(1)), c.k)
    b.branch(test)

    b.position_at_end(tell)
    b.store(i, c.i)
    _store(b, c.after, 0, b.fadd(u_after, c.rest))
    _store(b, c.after, 1, i_after)
    _store(b, c.excess, 0, excess)
    b.branch(out)
    b.position_at_end(out)


def _share(c: _Course, k: Any, column: int) -> Any:
    """A number of step `k`, the same for all neurons."""
    b = c.builder
    number = b.load(b.gep(c.steps, [b.add(b.mul(k, WORD(N_SHARES)), WORD(column))]))
    one = b.insert_element(ir.Constant(_NUMBERS, ir.Undefined), number, ir.IntType(32)(0))
    return b.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), GLIDING), None))


def _larger(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


def _any_above_zero(builder: Any, x: Any) -> Any:
    """Whether any number is; the larger of both halves first, for which no bits have to be put together."""
    half, nothing = GLIDING // 2, ir.Constant(_NUMBERS, ir.Undefined)
    low, high = (
        builder.shuffle_vector(
            x, nothing, ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(first, first + half)))
        )
        for first in (0, half)
    )
    most = _larger(builder, low, high)
    bits = builder.bitcast(builder.fcmp_ordered(">", most, ir.Constant(most.type, None)), ir.IntType(half))
    return builder.icmp_unsigned("!=", bits, ir.IntType(half)(0))


def _row(builder: Any, data: Any, row: Any) -> Any:
    at = builder.mul(row if isinstance(row, ir.Value) else WORD(row), WORD(GLIDING))
    return builder.bitcast(builder.gep(data, [at]), _NUMBERS.as_pointer())


def _load(builder: Any, data: Any, row: Any) -> Any:
    """A row of a matrix that is as wide as there are neurons."""
    numbers = builder.load(_row(builder, data, row))
    numbers.align = 8
    return numbers


def _store(builder: Any, data: Any, row: int, numbers: Any) -> None:
    builder.store(numbers, _row(builder, data, row)).align = 8
