"""Note calibration: what the float network does on sample data goes into the log. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spikec.calibration import Calibration
from spikec.program import LogEntry, Program


@dataclass(frozen=True, eq=False)
class NoteCalibration:
    """Write down activity, accuracy and margins of the float network; change nothing.

    Attributes:
        calibration: The samples and the float network's run on them.
    """

    calibration: Calibration

    name: ClassVar[str] = "note-calibration"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        found = self.calibration
        figures: dict[str, object] = {"samples": found.n_samples, "labels": found.labels is not None}
        for p in program.network.populations:
            if p.is_source or not p.neuron.spikes:
                continue
            rates, first = found.rates(p.name), found.first_times(p.name)
            figures[f"{p.name}.spikes_per_neuron"] = float(rates.mean())
            figures[f"{p.name}.silent_neurons"] = int(np.count_nonzero(rates == 0))
            if np.isfinite(first).any():
                figures[f"{p.name}.median_first_spike_s"] = float(np.median(first[np.isfinite(first)]))
        summary = f"{found.n_samples} samples run on the float network"
        if found.labels is not None and found.predictions is not None:
            accuracy = float(np.mean(found.predictions == found.labels))
            figures["accuracy"] = accuracy
            summary += f", {100 * accuracy:.4g} % of its answers right"
        margins = found.margins()
        if margins is not None:
            figures["margin.median"] = float(np.median(margins))
            figures["margin.lowest_percent"] = float(np.percentile(margins, 1))
        return program.logged(LogEntry(self.name, True, summary, figures))
