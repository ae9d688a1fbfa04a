"""Benchmark B: samples a second of a network that answers with its first spikes, on the exact engine.

The work is that of `workloads.first_spikes`, from an array of times. An answer is right if the output times
of the first 20 samples are those of the reference interpreter to 1e-9 and add up to 189.334912, as an
independent solver's did. A synaptic event is a synapse touched by a spike; once-only neurons are touched
after their spike too, for their membrane goes on.

    python bench/exact.py --only B:784-400-10:1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from harness import Case, Work, main, per_second
from workloads import CHECKSUM, CHECKSUM_SAMPLES, checksum, first_spikes

if TYPE_CHECKING:
    from spikec.program import Program

UNTIL = 60.0
"""Seconds, of the network's time."""


def prepared(threads: int) -> Callable[[bool], Work]:
    def prepare(quick: bool) -> Work:
        from rooflines import causes_floor

        from spikec.backend import find_backend
        from spikec.events import from_dense_times

        weights, times = first_spikes(100 if quick else 1000)
        program = program_of(weights)
        few = {"l0": from_dense_times(times[: 2 if quick else CHECKSUM_SAMPLES])}
        reference = find_backend("reference").prepare(program).run(few, UNTIL)
        expected = reference.spikes["l2"].first_times()
        executable = find_backend("cpu", threads=threads).prepare(program)

        def check(result: Any) -> dict[str, Any]:
            got = result.spikes["l2"].first_times()
            total = checksum(got)
            near = np.allclose(got[: len(expected)], expected, rtol=1e-9, atol=0)
            return {"answer_ok": bool(near and abs(total - CHECKSUM) < 1e-5), "checksum": total}

        def events(result: Any) -> float:
            return sum(result.spikes[f"l{k}"].n_events * w.shape[1] for k, w in enumerate(weights))

        return Work(
            run=lambda: executable.run({"l0": from_dense_times(times)}, UNTIL),
            check=check,
            figures={
                "samples/s": per_second(len(times)),
                "ns/event": lambda seconds, result: 1e9 * seconds / events(result),
            },
            floor=causes_floor(weights[0], len(times) * sum(w.size for w in weights)),
            facts={"samples": len(times)},
        )

    return prepare


def program_of(weights: tuple[np.ndarray, ...]) -> Program:
    """The network as the engine takes it."""
    from spikec.ir.connectivity import Dense
    from spikec.ir.network import Continuous, Network, Population, Projection
    from spikec.ir.neurons import CubaLif, Source
    from spikec.program import Program
    from spikec.targets.target import load_target

    neuron = CubaLif(2.0, 1.0, 1.0, one_spike=True)
    populations = [Population("l0", Source(one_spike=True), (len(weights[0]),))]
    populations += [Population(f"l{k}", neuron, (w.shape[1],)) for k, w in enumerate(weights, start=1)]
    projections = [Projection(f"q{k}", f"l{k}", f"l{k + 1}", Dense(w.T)) for k, w in enumerate(weights)]
    network = Network(tuple(populations), tuple(projections), ("l0",), ("l2",), Continuous())
    return Program(network, load_target("ideal"))


CASES = [Case("B", "784-400-10", prepared(threads), threads) for threads in (1, 2)]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
