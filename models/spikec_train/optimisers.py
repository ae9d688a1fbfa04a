r"""Gradient descent: Adam and AdaBelief, with a step of its own for each parameter, and plain descent.

The first two keep a running mean :math:`m` of the gradient :math:`g`, and a running square :math:`v`: Adam of
the gradient, AdaBelief of its distance from the mean before. With bias-corrected values,

.. math:: \hat m = \frac{m}{1 - \beta_1^n}, \qquad \hat v = \frac{v}{1 - \beta_2^n}, \qquad
          \theta \leftarrow \theta - \eta_n \frac{\hat m}{\sqrt{\hat v} + \epsilon}

after :math:`n` steps. AdaBelief adds :math:`\epsilon_r` to :math:`v` in every step and keeps it there. This
is what optax does, with which the published networks were trained. Plain descent (`Sgd`) is
:math:`\theta \leftarrow \theta - \eta_n g` with each g clipped to an interval around 0.

Sources: D. Kingma and J. Ba, Adam, ICLR 2015; J. Zhuang et al., AdaBelief optimizer, NeurIPS 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf
from typing import Literal

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from spikec.arrays import FloatArray
from spikec.errors import UsageError

_CHECKED = ConfigDict(extra="forbid")


@checked_dataclass(frozen=True, config=_CHECKED)
class _Rate:
    r"""What all have.

    Attributes:
        rate: :math:`\eta` of the first step.
        decay_steps: Steps in which the rate falls to 1/e of itself, :math:`\eta_n = \eta e^{-n / d}`.
    """

    rate: float = 1e-3
    decay_steps: float = inf

    def __post_init__(self) -> None:
        if not (0 < self.rate < inf and self.decay_steps > 0):
            raise UsageError(
                f"the optimiser has rate {self.rate} and decay_steps {self.decay_steps}; "
                "both must be positive"
            )


@checked_dataclass(frozen=True, config=_CHECKED)
class Sgd(_Rate):
    r"""Plain descent.

    Attributes:
        method: What a recipe calls this.
        clip: The largest size of a derivative; larger ones are taken to be of this size.
    """

    method: Literal["sgd"] = "sgd"
    clip: float = inf

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.clip > 0:
            raise UsageError(f"the optimiser has clip {self.clip}; it must be positive")


@checked_dataclass(frozen=True, config=_CHECKED)
class _Steps(_Rate):
    r"""What Adam and AdaBelief have.

    Attributes:
        b1: :math:`\beta_1`.
        b2: :math:`\beta_2`.
        eps: :math:`\epsilon`.
    """

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 <= self.b1 < 1 and 0 <= self.b2 < 1 and self.eps >= 0):
            raise UsageError(
                f"the optimiser has b1 {self.b1}, b2 {self.b2}, eps {self.eps}; "
                "b1 and b2 lie from 0 to below 1, and eps is not negative"
            )


@checked_dataclass(frozen=True, config=_CHECKED)
class Adam(_Steps):
    r"""Adam.

    Attributes:
        method: What a recipe calls this.
    """

    method: Literal["adam"] = "adam"


@checked_dataclass(frozen=True, config=_CHECKED)
class AdaBelief(_Steps):
    r"""AdaBelief.

    Attributes:
        method: What a recipe calls this.
        eps_root: :math:`\epsilon_r`.
    """

    method: Literal["adabelief"] = "adabelief"
    eps: float = 1e-16
    eps_root: float = 1e-16


Optimiser = Adam | AdaBelief | Sgd


@dataclass(frozen=True, eq=False)
class Moments:
    """What an optimiser remembers.

    Attributes:
        step: Steps done, n.
        mean: m, as the parameters.
        square: v.
    """

    step: int
    mean: FloatArray
    square: FloatArray


def no_moments(n: int) -> Moments:
    """The memory of an optimiser that has done nothing, for n parameters."""
    return Moments(0, np.zeros(n), np.zeros(n))


def learning_rate(options: Optimiser, step: int) -> float:
    """The rate after `step` steps."""
    return options.rate * exp(-step / options.decay_steps)


def descend(
    options: Optimiser, moments: Moments, parameters: FloatArray, gradient: FloatArray
) -> tuple[FloatArray, Moments]:
    """Do one step.

    Args:
        options: The method and its constants.
        moments: What it remembers.
        parameters: As they are, ``(n,)``.
        gradient: Of the loss at them.

    Returns:
        New parameters, and new moments.
    """
    step, rate = moments.step + 1, learning_rate(options, moments.step)
    if isinstance(options, Sgd):
        moved = parameters - rate * np.clip(gradient, -options.clip, options.clip)
        return moved, Moments(step, moments.mean, moments.square)
    mean = options.b1 * moments.mean + (1.0 - options.b1) * gradient
    if isinstance(options, AdaBelief):
        square = options.b2 * moments.square + (1.0 - options.b2) * (gradient - moments.mean) ** 2
        square += options.eps_root
    else:
        square = options.b2 * moments.square + (1.0 - options.b2) * gradient**2
    mean_hat = mean / (1.0 - options.b1**step)
    square_hat = square / (1.0 - options.b2**step)
    return parameters - rate * mean_hat / (np.sqrt(square_hat) + options.eps), Moments(step, mean, square)
