"""A hint to the processor to fetch what a loop will read soon; it changes no result."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_READ, _KEEP, _DATA = 0, 3, 1
"""Arguments of LLVM's ``llvm.prefetch``."""


def _prefetch(_typing: Any, array: Any, place: Any) -> Any:
    """Fetch the line of the cache that holds an element of a flat array, should there be one."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        helpers: Any = cgutils
        held = context.make_array(signature.args[0])(context, builder, given[0])
        at = builder.bitcast(builder.gep(held.data, [given[1]]), helpers.voidptr_t)
        form = ir.FunctionType(ir.VoidType(), [helpers.voidptr_t, *[ir.IntType(32)] * 3])
        hint = helpers.get_or_insert_function(builder.module, form, "llvm.prefetch.p0i8")
        builder.call(hint, [at, *(ir.Constant(ir.IntType(32), k) for k in (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.none(array, types.uint64), generate


_made: Any = intrinsic
prefetch: Any = _made(_prefetch)
"""Fetch the line of the cache that holds element `place` of a flat array."""
