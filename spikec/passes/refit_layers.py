"""Refit layers: fit the rows of layers behind others to the spikes that the integers before them really give.

The weights pass fits a row to the moments at which its inputs spike in the float network
(`spikec.passes.row_fit`). Behind a layer that is in integers they spike at others, and what rounding did to
them follows a rule that weights and a bias can make up for in part. So layers go in the order in which spikes
flow: the program is run on the samples, and the least squares of a row are those of the spikes that reach it
now, for the crossings that its neuron has in the float network. Neither labels nor training take part.

Which scale a row has, and whether it is changed, is decided as in the weights pass, by the ticks in which it
really crosses on samples that were held out. The whole layer is kept if on these its spikes, from the program
that runs, come clearly nearer to the float network's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.backend import Backend
from spikec.calibration import Calibration
from spikec.ir.network import Population
from spikec.ir.neurons import CubaTicks, Source
from spikec.passes.crossings import crossings
from spikec.passes.excitation import first_ticks
from spikec.passes.replay import CLEARLY, Replay, held_out, leads, on_clock, replay
from spikec.passes.row_fit import with_fitted_rows
from spikec.program import LogEntry, Program
from spikec.targets.rules import check_all
from spikec.units import several


@dataclass(frozen=True, eq=False)
class RefitLayers:
    """Fit the rows of layers behind others anew, from the first such layer on.

    Attributes:
        real: The program before its weights became integers.
        calibration: Samples and the float network's run on them.
        backend: What runs the program in integers.
    """

    real: Program
    calibration: Calibration
    backend: Backend

    name: ClassVar[str] = "refit-layers"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        behind = [p for p in self._in_order() if self._is_behind(p)]
        figures: dict[str, object] = {}
        taken, spans, run = list[str](), list[str](), None
        for p in behind:
            run = run or replay(program, on_clock(program, self.calibration), self.backend)
            found = self._refitted(program, p, run)
            if found is None:
                continue
            trial, then, n = found
            before, after = (self._error(p, r) for r in (run, then))
            figures |= {f"{p.name}.error_before": before, f"{p.name}.error_after": after}
            if after < CLEARLY * before and len(check_all(trial)) <= len(check_all(program)):
                program, run = trial, then
                figures[f"{p.name}.rows_refitted"] = n
                taken.append(p.name)
                spans.append(f"{before:.3g} -> {after:.3g}")
        summary = f"{several(len(taken), 'layer')} behind others refitted to the spikes that integers give"
        if taken:
            summary += f": error of {', '.join(taken)} on held-out samples {', '.join(spans)}"
        return program.logged(LogEntry(self.name, not taken, summary, figures))

    def _in_order(self) -> list[Population]:
        network = self.real.network
        return [network.population(name) for component in network.components() for name in component]

    def _is_behind(self, p: Population) -> bool:
        """Whether a population is reached by another one that is in integers."""
        network = self.real.network
        before = {q.pre for q in network.incoming(p.name)} - {p.name}
        return any(not isinstance(network.population(name).neuron, Source) for name in before)

    def _refitted(self, program: Program, p: Population, run: Replay) -> tuple[Program, Replay, int] | None:
        """The program with rows of one population fitted anew, its run, and how many; None if none are."""
        formats = program.target.formats
        if formats is None or not isinstance(p.neuron, CubaTicks):
            return None
        found = crossings(self.real, p, self.calibration, run.spikes)
        if found is None:
            return None
        units = np.asarray(program.scales[p.name]) / np.asarray(self.real.scales.get(p.name, 1.0)) / 64
        network, n = with_fitted_rows(
            self.real, program.network, p, float(np.ravel(units)[0]), found, formats
        )
        if not n:
            return None
        trial = replace(program, network=network)
        return trial, replay(trial, on_clock(trial, self.calibration), self.backend), n

    def _error(self, p: Population, run: Replay) -> float:
        """By how many ticks a population's spikes miss on held-out samples, root mean square."""
        wanted = first_ticks(self.real, p.name, self.calibration)
        assert wanted is not None
        decides = held_out(len(wanted))
        miss = leads(run.spikes[p.name].first_times(), run.n_ticks) - leads(wanted, run.n_ticks)
        return float(np.sqrt(np.mean(miss[decides] ** 2)))
