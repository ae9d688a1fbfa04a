"""What rounding to a chip's numbers does to a network, in figures for a pass's log."""

from __future__ import annotations

import numpy as np

from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.ir.network import Population, Projection
from spikec.ir.neurons import CubaTicks


def parameter_errors(real: Population, p: Population, scale: float) -> dict[str, object]:
    """A population's scale, and what rounding did to its thresholds and biases, relative to the largest."""
    assert isinstance(real.neuron, CubaTicks)
    assert isinstance(p.neuron, CubaFixed)
    threshold = np.asarray(real.neuron.threshold)
    finite = np.isfinite(threshold)
    bias = np.ldexp(np.asarray(p.neuron.bias_mant, np.float64), np.asarray(p.neuron.bias_exp)) / (64 * scale)
    figures: dict[str, object] = {f"{p.name}.scale": scale}
    for name, wanted, got in (
        ("threshold", threshold[finite], (np.asarray(p.neuron.vth) / scale)[finite]),
        ("bias", np.asarray(real.neuron.bias), bias),
    ):
        largest = float(np.max(np.abs(wanted), initial=0.0))
        if largest > 0:
            figures[f"{p.name}.{name}_error"] = float(np.max(np.abs(got - wanted))) / largest
    return figures


def weight_errors(q: Projection, real: Projection, scale: float) -> dict[str, object]:
    """What rounding did to a projection's weights, relative to their own size."""
    assert isinstance(q.connectivity.weights, Fixed)
    wanted = np.asarray(real.connectivity.weights, np.float64) * scale
    got = q.connectivity.weights.value
    rms = float(np.sqrt(np.mean(wanted**2))) if wanted.size else 0.0
    error = float(np.sqrt(np.mean((got - wanted) ** 2))) / rms if rms else 0.0
    form = q.connectivity.weights.format
    figures: dict[str, object] = {
        f"{q.name}.rms_error": error,
        f"{q.name}.exponent": form.exponent,
        f"{q.name}.sign": form.sign.value,
    }
    if form.exponent < 0 and rms:
        # A tick's sum of mantissas is shifted right, toward minus infinity, and loses up to this much.
        figures[f"{q.name}.cut_off"] = (1 - 2.0**form.exponent) / rms
    return figures
