"""The formula by which the golden numbers' inputs and weights were made: no file holds them, and none is needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Array = np.ndarray[Any, Any]
_BLOCK = 1 << 22


def formula(shape: tuple[int, ...], seed: float, scale: float = 1.0, offset: float = 0.0) -> Array:
    """v[i] = offset + scale · sin(0.7 seed + 1.3 i + 0.01 (i² mod 997)) in float64, then float32, in C order."""
    values = np.empty(math.prod(shape), dtype=np.float32)
    for start in range(0, len(values), _BLOCK):
        i = np.arange(start, min(start + _BLOCK, len(values)))
        values[start : start + _BLOCK] = offset + scale * np.sin(0.7 * seed + 1.3 * i + 0.01 * (i * i % 997))
    return values.reshape(shape)


@torch.no_grad()
def fill(network: nn.Module, seed: int) -> nn.Module:
    """Set all weights and buffers, in the order of the state dict; integers become 0. Returns the network."""
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            tensor.zero_()
            continue
        scale, offset = _scale_and_offset(name, tensor)
        tensor.copy_(torch.from_numpy(formula(tuple(tensor.shape), seed, scale, offset)))
        seed += 1
    return network


def _scale_and_offset(name: str, tensor: Tensor) -> tuple[float, float]:
    if tensor.ndim >= 2:
        return math.sqrt(3 * len(tensor) / tensor.numel()), 0.0
    if name.endswith("running_var"):
        return 0.2, 1.0
    if name.endswith(("weight", "gamma")):
        return 0.1, 1.0
    return 0.05, 0.0
