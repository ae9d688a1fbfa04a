"""The whole chain on real digits: train, compile, place, run everywhere, compare, count, price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from spikec.backend import Backend, find_backend
from spikec.commands.files import read_inputs
from spikec.compare import Comparison, compare
from spikec.container import write_atomically
from spikec.events import Events
from spikec.execute import execute
from spikec.ir.network import Network
from spikec.passes.pipelines import compile_network
from spikec.placing import placed
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.report.beside import beside
from spikec.report.html import page
from spikec.report.shown import Shown
from spikec.report.summary import Summary, summarise
from spikec.result import RunResult
from spikec.targets.target import load_target

RECIPE, DATA, TARGET, PLACE = "digits-sampled", "digits:test", "loihi2", "hilbert"
"""The network fits one core; `hilbert` finds that without the search's kernels to compile."""

AS_IF = ("loihi1-davies2018", "loihi1-sanafe")
"""Price tables shown for the demo; Loihi 2 has none, so its events are priced as if they were Loihi 1's."""


@dataclass(frozen=True, eq=False)
class DemoReport:
    """What the demo found.

    Attributes:
        trained: Accuracy of each seed's float network, exact spike times.
        compiled: Accuracy of each seed's program in integers.
        comparisons: Of the first seed's runs on different backends, by name.
        summary: Of the first seed's CPU run.
        seconds: Wall time of each stage over all seeds; of the training, for one, data loaded before.
        n_ticks: Ticks of an inference.
        runs: The first seed's run in exact time, and that of its program.
    """

    trained: tuple[float, ...]
    compiled: tuple[float, ...]
    comparisons: dict[str, Comparison]
    summary: Summary
    seconds: dict[str, float]
    n_ticks: int
    runs: tuple[RunResult, RunResult]

    @property
    def identical(self) -> bool:
        """Whether all backends agreed, spike for spike and count for count."""
        return all(c.identical for c in self.comparisons.values())

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        priced = {
            p.estimate.table: {
                "per_inference": p.estimate.per_inference_pj,
                "terms": {t.name: t.total_pj for t in p.estimate.terms},
                "as_if": p.as_if,
                "is_estimate": True,
            }
            for p in self.summary.energy
        }
        return {
            "accuracy": {
                "trained": float(np.mean(self.trained)),
                "compiled": float(np.mean(self.compiled)),
                "trained_by_seed": list(self.trained),
                "compiled_by_seed": list(self.compiled),
            },
            "identical": {name: c.identical for name, c in self.comparisons.items()},
            "samples": {name: c.n_samples for name, c in self.comparisons.items()},
            "counters": dict(self.summary.totals),
            "energy_pj": priced,
            "dense_baseline": self.summary.to_json()["dense_baseline"],
            "seconds": self.seconds,
            "n_ticks": self.n_ticks,
            "recipe": RECIPE,
            "target": TARGET,
        }


@dataclass
class _Watch:
    """Wall time by stage."""

    tell: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)

    def stage(self, name: str, sentence: str, work: Callable[[], Any]) -> Any:
        """Announce, do and time one stage; stages of one name add up."""
        self.tell(sentence)
        began = perf_counter()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began
        return result


def demo(
    seeds: tuple[int, ...] = (0, 1, 2),
    n_stock: int = 20,
    progress: Callable[[str], None] = lambda sentence: None,
    command: str | None = None,
) -> DemoReport:
    """Train, compile, place, run and compare.

    Args:
        seeds: One network is trained for each; the first is compared on all backends.
        n_stock: Samples for Lava's stock processes, which are slow.
        progress: Told what happens next.
        command: The line that asked for it, for the page's provenance.
    """
    from spikec_train.recipes import load_recipe, train

    watch = _Watch(progress)
    recipe, target = load_recipe(RECIPE), load_target(TARGET)
    cpu = find_backend("cpu")
    exact: list[RunResult] = []
    runs: list[tuple[Program, Mapping[str, Events], RunResult]] = []
    for seed in seeds:
        made = watch.stage("train", f"training, seed {seed}", partial(train, recipe, seed))
        in_real_times = partial(_float, made.network, cpu)
        exact.append(watch.stage("float", f"real spike times, seed {seed}", in_real_times))
        source = {"recipe": RECIPE, "training seed": str(seed)}
        compiling = partial(compile_network, made.network, target, source=source)
        unplaced = watch.stage("compile", "compiling", compiling)
        program = watch.stage("place", "placing", partial(placed, unplaced, PLACE))
        inputs, data = read_inputs(program.network, DATA, None)
        labels = None if data is None else data.labels
        result = watch.stage("cpu", "running on the CPU", partial(execute, program, cpu, inputs, labels))
        runs.append((program, inputs, result))
    program, inputs, result = runs[0]
    few = {name: e.select(0, n_stock) for name, e in inputs.items()}
    reference = watch.stage(
        "reference", "running the reference", partial(execute, program, ReferenceBackend(), inputs)
    )
    fused, stock = (find_backend("lava", flavour=flavour) for flavour in ("fused", "stock"))
    on_fused = watch.stage("lava_fused", "running in Lava, fused", partial(execute, program, fused, inputs))
    on_stock = watch.stage(
        "lava_stock", f"running in Lava, stock, {n_stock} samples", partial(execute, program, stock, few)
    )
    return DemoReport(
        trained=tuple(r.meta["accuracy"] for r in exact),
        compiled=tuple(r.meta["accuracy"] for _, _, r in runs),
        comparisons={
            "reference_cpu": compare(reference, result),
            "cpu_lava_fused": compare(result, on_fused),
            "cpu_lava_stock": compare(execute(program, cpu, few), on_stock),
        },
        summary=summarise(result, AS_IF, beside(result, exact[0], "the exact network"), command),
        seconds={**watch.seconds, "train": watch.seconds["train"] / len(seeds)},
        n_ticks=int(result.meta["until"]),
        runs=(exact[0], result),
    )


def write_page(report: DemoReport, path: Path) -> None:
    """Write what the demo found of the first seed as a page."""
    exact, compiled = report.runs
    other = Shown(exact, "the exact network")
    text = page(compiled, report.summary, title="spikec demo: handwritten digits", beside=other)
    write_atomically(path, text.encode())


def _float(network: Network, backend: Backend) -> RunResult:
    program = Program(network, load_target("ideal"))
    inputs, data = read_inputs(network, DATA, None)
    assert data is not None
    return execute(program, backend, inputs, data.labels)
