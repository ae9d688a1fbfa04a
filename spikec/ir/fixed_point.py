r"""Numbers as a chip stores them: an integer mantissa and a format that says which mantissas exist.

The value of a weight is ``mantissa * 2**exponent`` in units of the chip's weight bit; Loihi then shifts
it left by six before it reaches the synaptic current.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, BoolArray, FloatArray, IntArray, read_only
from spikec.errors import NetworkError


class Sign(str, Enum):
    """Which signs the mantissas of one projection may have (Loihi's sign mode)."""

    MIXED = "mixed"
    EXCITATORY = "excitatory"
    INHIBITORY = "inhibitory"


@dataclass(frozen=True)
class FixedFormat:
    r"""The mantissas one projection can store, as Lava's ``weightutils`` clips and truncates them.

    With the stored width of 8 bits, ``n`` used bits and a sign that takes one of them, mantissas are
    multiples of :math:`2^{8 - n}` for one-signed weights and of :math:`2^{8 - n + 1}` for mixed signs,
    between -256 and 255: mixed 8-bit weights are even.

    Source: lava-nc 0.10.0, ``lava/utils/weightutils.py``, measured in the golden cases of the tests.

    Attributes:
        bits: Used bits of the mantissa, 1 to 8.
        sign: Which signs may occur.
        exponent: Power of two that every mantissa is multiplied with, -8 to 7.
    """

    bits: int = 8
    sign: Sign = Sign.MIXED
    exponent: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 8:
            raise NetworkError(f"a weight format has {self.bits} bits; 1 to 8 are possible")
        if not -8 <= self.exponent <= 7:
            raise NetworkError(f"a weight format has exponent {self.exponent}; -8 to 7 are possible")
        object.__setattr__(self, "sign", Sign(self.sign))

    @property
    def step(self) -> int:
        """Distance between neighbouring mantissas."""
        return 1 << (8 - self.bits + (self.sign is Sign.MIXED))

    @property
    def minimum(self) -> int:
        """Smallest mantissa."""
        if self.sign is Sign.EXCITATORY:
            return 0
        return -256 if self.sign is Sign.MIXED else -(255 // self.step) * self.step

    @property
    def maximum(self) -> int:
        """Largest mantissa."""
        return 0 if self.sign is Sign.INHIBITORY else (255 // self.step) * self.step

    def allows(self, mantissa: npt.ArrayLike) -> BoolArray:
        """Tell for each mantissa whether the format can store it unchanged."""
        m = np.asarray(mantissa)
        allowed: BoolArray = (m % self.step == 0) & (m >= self.minimum) & (m <= self.maximum)
        return allowed

    def nearest(self, value: npt.ArrayLike) -> IntArray:
        """Round values, given in units of the weight bit, to the nearest mantissas that exist."""
        scaled = np.asarray(value, np.float64) / 2.0**self.exponent
        rounded = np.rint(scaled / self.step) * self.step
        nearest: IntArray = np.clip(rounded, self.minimum, self.maximum).astype(np.int64)
        return nearest


@dataclass(frozen=True, eq=False)
class Fixed:
    """Mantissas in a format.

    Attributes:
        mantissa: Integers of any shape.
        format: The format that all of them obey.

    Raises:
        NetworkError: A mantissa does not exist in the format.
    """

    mantissa: IntArray
    format: FixedFormat = field(default_factory=FixedFormat)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mantissa", read_only(self.mantissa, np.int64))
        bad = np.flatnonzero(~self.format.allows(self.mantissa))
        if bad.size:
            f = self.format
            raise NetworkError(
                f"{bad.size} weight mantissas do not exist in the format, the first is "
                f"{int(self.mantissa.ravel()[bad[0]])}; allowed are multiples of {f.step} from {f.minimum} "
                f"to {f.maximum}: quantise the weights with `spikec compile`"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the mantissas."""
        return self.mantissa.shape

    @property
    def value(self) -> FloatArray:
        """The numbers meant, in units of the weight bit."""
        return np.ldexp(self.mantissa.astype(np.float64), self.format.exponent)


Weights = FloatArray | Fixed


def mantissas(weights: Weights) -> AnyArray:
    """The stored numbers of float or fixed weights: what is zero here is zero on the chip."""
    return weights.mantissa if isinstance(weights, Fixed) else weights
