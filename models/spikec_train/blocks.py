"""A batch in a fixed number of blocks, which threads share: the result does not depend on how many there are.

Each block has sums of its own, which are added up in the blocks' order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from spikec.arrays import FloatArray

N_BLOCKS = 8
"""Blocks of a batch; more would cost memory and additions, fewer would leave threads idle."""

Part = TypeVar("Part")
Room = TypeVar("Room")


@dataclass(frozen=True, eq=False)
class Memory(Generic[Room]):
    """What blocks work in. To ask the system for it anew in every step takes a tenth of the time.

    Attributes:
        rooms: Of each block what its kernels work in, for one network.
        gradients: Of each block.
    """

    rooms: dict[int, Room] = field(default_factory=dict)
    gradients: dict[int, FloatArray] = field(default_factory=dict)

    def no_gradient_yet(self, k: int, shape: tuple[int, ...]) -> FloatArray:
        """Zeros for the gradient of a block, of the same shape in every call."""
        if k not in self.gradients:
            self.gradients[k] = np.empty(shape)
        self.gradients[k].fill(0.0)
        return self.gradients[k]


def in_blocks(n_samples: int, n_threads: int, work: Callable[[int, int, int], Part]) -> list[Part]:
    """Do some work for every block that has samples.

    Args:
        n_samples: Samples of the batch.
        n_threads: How many threads share the blocks.
        work: Gets a block's number, its first sample, and that after its last.

    Returns:
        What it returned, in the blocks' order.
    """
    ends = [k * n_samples // N_BLOCKS for k in range(N_BLOCKS + 1)]
    blocks = [(k, ends[k], ends[k + 1]) for k in range(N_BLOCKS) if ends[k] < ends[k + 1]]
    if n_threads == 1:
        return [work(*block) for block in blocks]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(lambda block: work(*block), blocks))


def processors() -> int:
    """How many this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
