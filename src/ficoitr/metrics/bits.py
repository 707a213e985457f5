"""Counting bits in compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def _popcount(_typing_context: Any, _word: Any) -> Any:
    """Count the set bits of a uint64: LLVM's ``ctpop``, one instruction where the processor has it."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.IntType(64)
        function = builder.module.declare_intrinsic("llvm.ctpop", [kind])
        return builder.call(function, arguments)

    return types.uint64(types.uint64), generate


# Compiled code calls it with the word alone; the typing context is the compiler's.
popcount: Callable[..., Any] = _popcount
