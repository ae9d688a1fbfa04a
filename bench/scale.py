"""Benchmark D: what synapses cost, up to a hundred million of them: memory, drawing them, and events.

Brunel's network at 1e6, 1e7 and 1e8 synapses. Of each, one case makes the network ready from its rule, and
one runs a fifth of a second. Bytes and nanoseconds a synapse, and nanoseconds an event, are to be the same
at all sizes.

    python bench/scale.py --only "D:brunel-1e8"
"""

from __future__ import annotations

from collections.abc import Callable

from harness import Case, Work, main
from large import TICKS_A_SECOND, Answer, answer_of, equals_reference, limit
from workloads import RECURRENT_CASES, Recurrent

NETWORKS = {
    **{name: k for name, k in RECURRENT_CASES.items() if k.model == "brunel"},
    "brunel-1e8": Recurrent("brunel", 100_000, 1000, (31.0, 36.5)),
}

QUICK = {"brunel-1e6": (10_000, 20), "brunel-1e7": (10_000, 100), "brunel-1e8": (50_000, 100)}
"""Neurons and synapses of each, of quick runs."""


def drawn(name: str, threads: int) -> Callable[[bool], Work]:
    """The making of a network from its rule."""

    def prepare(quick: bool) -> Work:
        from spikec.backend import find_backend
        from spikec.random.large import brunel

        n, k = QUICK[name] if quick else (NETWORKS[name].n, NETWORKS[name].k)
        program, backend = brunel(n, k), find_backend("cpu", threads=threads, precision=32)
        backend.prepare(brunel(100, 10))  # compiles

        def run() -> tuple[int, int]:
            parts = backend.prepare(program).parts  # type: ignore[attr-defined]
            tables = [table for part in parts for table in (part.posts, part.starts)]
            return sum(part.posts.size for part in parts), sum(table.nbytes for table in tables)

        return Work(
            run=run,
            check=lambda answer: {"answer_ok": answer[0] == n * k, "synapses": answer[0]},
            figures={
                "ns/synapse": lambda seconds, answer: 1e9 * seconds / answer[0],
                "B/synapse": lambda _, answer: answer[1] / answer[0],
            },
        )

    return prepare


def run_of(name: str, threads: int) -> Callable[[bool], Work]:
    """A fifth of a second of a network."""

    def prepare(quick: bool) -> Work:
        from spikec.backend import find_backend
        from spikec.random.large import brunel

        network = NETWORKS[name]
        n, k = QUICK[name] if quick else (network.n, network.k)
        executable = find_backend("cpu", threads=threads, precision=32).prepare(brunel(n, k))
        n_ticks = TICKS_A_SECOND // (50 if quick else 5)
        small = equals_reference(brunel(400, 100), 32, threads)
        seconds = limit(n, k, True, threads)

        def check(answer: Answer) -> dict[str, object]:
            found = {"answer_ok": answer[1] > 0} if quick else network.check(answer)
            return {**found, "answer_ok": bool(found["answer_ok"]) and small, "equals_reference": small}

        return Work(
            run=lambda: answer_of(executable.run({}, n_ticks)),
            check=check,
            figures={"ns/event": lambda s, answer: 1e9 * s / (answer[1] * k)},
            floor=lambda: seconds(n * n_ticks / TICKS_A_SECOND * sum(network.rates) / 2 * k, n * n_ticks),
            facts={"biological_s": n_ticks / TICKS_A_SECOND},
        )

    return prepare


CASES = [
    Case("D", f"{name} {what}", make(name, threads), threads)
    for name in NETWORKS
    for what, make in (("drawn", drawn), ("run", run_of))
    for threads in ((1, 2) if name == "brunel-1e8" else (1,))
]

if __name__ == "__main__":
    main(__doc__ or "", CASES)
