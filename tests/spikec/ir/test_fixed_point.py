"""Mantissas: which exist, against the table of Lava's formats, and how real numbers are rounded to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikec.errors import NetworkError
from spikec.ir.fixed_point import Fixed, FixedFormat, Sign, mantissas

formats = st.builds(FixedFormat, st.integers(1, 8), st.sampled_from(list(Sign)), st.integers(-8, 7))


def _mantissas_of_lava(form):
    """All mantissas that pass Lava's clip and truncate unchanged (lava-nc 0.10.0, utils/weightutils.py)."""
    mixed = form.sign is Sign.MIXED
    k = 8 - form.bits + mixed
    if mixed:
        return {w for w in range(-256, 256) if (w >> k) << k == w}
    magnitudes = {w for w in range(256) if (w >> k) << k == w}
    return magnitudes if form.sign is Sign.EXCITATORY else {-w for w in magnitudes}


@pytest.mark.parametrize("sign", list(Sign))
@pytest.mark.parametrize("bits", range(1, 9))
def test_a_format_allows_what_lava_keeps_and_nothing_else(bits, sign):
    form = FixedFormat(bits, sign)
    candidates = np.arange(-300, 301)
    allowed = set(candidates[form.allows(candidates)].tolist())
    assert allowed == _mantissas_of_lava(form)
    assert (min(allowed), max(allowed)) == (form.minimum, form.maximum)


@given(formats, st.floats(-1e5, 1e5))
def test_rounding_finds_the_nearest_mantissa_that_exists(form, value):
    got = int(form.nearest(value))
    distances = {m: abs(m * 2.0**form.exponent - value) for m in _mantissas_of_lava(form)}
    assert got in distances
    assert distances[got] == min(distances.values())


@given(formats, st.floats(0, 1))
def test_within_the_range_rounding_is_off_by_half_a_step_at_most(form, share):
    unit = 2.0**form.exponent
    value = unit * (form.minimum + share * (form.maximum - form.minimum))
    assert abs(int(form.nearest(value)) * unit - value) <= form.step * unit / 2


@pytest.mark.parametrize("sign", list(Sign))
def test_numbers_beyond_all_integers_are_rounded_to_the_ends(sign):
    form = FixedFormat(8, sign)
    assert form.nearest([1e300, -1e300]).tolist() == [form.maximum, form.minimum]


@given(formats, st.data())
def test_a_value_is_mantissa_times_power_of_two(form, data):
    mantissa = data.draw(st.lists(st.sampled_from(sorted(_mantissas_of_lava(form))), min_size=1))
    fixed = Fixed(np.array(mantissa), form)
    assert fixed.value.tolist() == [m * 2.0**form.exponent for m in mantissa]
    assert mantissas(fixed).tolist() == mantissa
    assert form.nearest(fixed.value).tolist() == mantissa


@pytest.mark.parametrize(
    ("mantissa", "form"),
    [([2, 3], FixedFormat()), ([256], FixedFormat()), ([-1], FixedFormat(sign=Sign.EXCITATORY)),
     ([1], FixedFormat(sign=Sign.INHIBITORY)), ([3], FixedFormat(7, Sign.EXCITATORY))],
)  # fmt: skip
def test_mantissas_outside_the_format_are_refused_with_the_first_of_them(mantissa, form):
    with pytest.raises(
        NetworkError, match=f"the first is {mantissa[-1]}; allowed are multiples of {form.step}"
    ):
        Fixed(np.array(mantissa), form)


def test_fractions_are_no_mantissas():
    with pytest.raises(NetworkError, match="whole numbers"):
        Fixed(np.array([0.5]), FixedFormat())


@pytest.mark.parametrize("options", [{"bits": 0}, {"bits": 9}, {"exponent": -9}, {"exponent": 8}])
def test_formats_no_chip_has_are_refused(options):
    with pytest.raises(NetworkError, match="possible"):
        FixedFormat(**options)
