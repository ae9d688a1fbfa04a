"""Benchmark C: how long a second of a large recurrent network takes, on the CPU engine.

The networks are `workloads.RECURRENT_CASES`, drawn by rule; the work is one biological second from rest, its
spikes kept. An answer is right if the rate is that of other simulators, and every spike of a network of 400
neurons of the same kind is that of the reference interpreter. Float32 as the prototype; two rows say what
float64 takes.

    python bench/recurrent.py --only C:brunel-1e7
"""

from __future__ import annotations

from collections.abc import Callable

from harness import Case, Work, main
from large import TICKS_A_SECOND, Answer, answer_of, equals_reference, limit
from workloads import RECURRENT_CASES


def prepared(name: str, threads: int, precision: int = 32) -> Callable[[bool], Work]:
    """A case of `RECURRENT_CASES`."""

    def prepare(quick: bool) -> Work:
        from spikec.backend import find_backend
        from spikec.random.large import brunel, vogels_abbott

        network = RECURRENT_CASES[name]
        make = vogels_abbott if network.model == "vogels-abbott" else brunel
        executable = find_backend("cpu", threads=threads, precision=precision).prepare(
            make(network.n, network.k)
        )
        n_ticks = TICKS_A_SECOND // 5 if quick else TICKS_A_SECOND
        small = equals_reference(make(400, min(network.k, 200)), precision, threads)
        seconds = limit(network.n, network.k, network.model == "brunel", threads)
        events = network.n * n_ticks / TICKS_A_SECOND * sum(network.rates) / 2 * network.k

        def check(answer: Answer) -> dict[str, object]:
            found = network.check(answer)
            return {**found, "answer_ok": bool(found["answer_ok"]) and small, "equals_reference": small}

        return Work(
            run=lambda: answer_of(executable.run({}, n_ticks)),
            check=check,
            figures=network.figures(),
            floor=lambda: seconds(events, network.n * n_ticks),
            facts={"biological_s": n_ticks / TICKS_A_SECOND, "precision": precision},
        )

    return prepare


CASES = [
    *(Case("C", name, prepared(name, 1)) for name in RECURRENT_CASES),
    Case("C", "brunel-1e7", prepared("brunel-1e7", 2), 2),
    *(Case("C", f"{name} float64", prepared(name, 1, 64)) for name in ("vogels-abbott-4000", "brunel-1e7")),
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
