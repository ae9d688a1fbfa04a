"""Share thresholds: scale every neuron so that a population needs one threshold only.

A neuron that resets to 0 does not notice if its weights, its bias and its threshold are all multiplied by one
number. Chips store few thresholds, so each row is scaled to its population's common one. In real numbers this
costs nothing; once weights have few bits, rows scaled less use less of their range: the log says how much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import FloatArray
from spikec.ir.network import Population, scaled_rows
from spikec.ir.neurons import CubaTicks
from spikec.program import LogEntry, Program
from spikec.units import several


@dataclass(frozen=True)
class ShareThresholds:
    """Give each population with more thresholds than the target allows a single one."""

    name: ClassVar[str] = "share-thresholds"
    lossless: ClassVar[bool] = True

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network, limit = program.network, program.target.limits.thresholds_per_population
        figures: dict[str, object] = {}
        scales = dict(program.scales)
        for p in network.populations:
            factor = row_factors(p) if limit and n_thresholds(p) > limit.value else None
            if factor is None:
                continue
            assert isinstance(p.neuron, CubaTicks)
            common = float(np.max(np.asarray(p.neuron.threshold)))
            neuron = replace(
                p.neuron,
                threshold=common,
                bias=np.asarray(p.neuron.bias) * factor,
                current_bias=np.asarray(p.neuron.current_bias) * factor,
            )
            network = network.with_populations({p.name: replace(p, neuron=neuron)}).with_projections(
                {q.name: scaled_rows(q, factor) for q in network.incoming(p.name)}
            )
            scales[p.name] = scales.get(p.name, np.ones(())) * factor
            figures[f"{p.name}.thresholds_before"] = n_thresholds(p)
            figures[f"{p.name}.bits_of_range"] = float(np.log2(factor.max() / factor.min()))
        worst = max((float(str(v)) for k, v in figures.items() if k.endswith("bits_of_range")), default=0.0)
        scaled = several(len(figures) // 2, "population")
        summary = f"{scaled} scaled to one threshold, rows by up to {worst:.2g} bits"
        entry = LogEntry(self.name, True, summary, figures)
        return program.logged(entry, network=network, scales=scales)


def n_thresholds(population: Population) -> int:
    """How many different thresholds a population has."""
    k = population.neuron
    return int(np.unique(np.asarray(k.threshold)).size) if isinstance(k, CubaTicks) else 0


def row_factors(population: Population) -> FloatArray | None:
    """Factors that lift each neuron to the largest threshold; None if some has no positive one."""
    assert isinstance(population.neuron, CubaTicks)
    threshold = np.broadcast_to(population.neuron.threshold, (population.n,))
    if not np.all(np.isfinite(threshold)) or threshold.min() <= 0:
        return None
    factors: FloatArray = threshold.max() / threshold
    return factors
