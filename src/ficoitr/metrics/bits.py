"""Bits in compiled code: counting them, and reading them as a number."""

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


@intrinsic
def _float32_from_bits(_typing_context: Any, _bits: Any) -> Any:
    """The number whose bits an int32 holds."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def _float64_from_bits(_typing_context: Any, _bits: Any) -> Any:
    """The number whose bits an int64 holds."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


float32_from_bits: Callable[..., Any] = _float32_from_bits
float64_from_bits: Callable[..., Any] = _float64_from_bits
