"""Ours beside its peers: every peer that is installed does the same work in the same run, in turns.

A ratio of 10 says that ours is ten times as fast. `make bench-peers` installs the peers first; one that is
not there has a row that says so.

    python bench/peers/compare.py --only A:784-256-10/5% --peers snntorch,norse
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness import Case, Work, groups, parser, print_rows  # noqa: E402
from peers.install import ENVIRONMENTS  # noqa: E402
from run import cases  # noqa: E402
from workloads import RECURRENT_CASES, TICK_CASES  # noqa: E402

SMALL = "784-256-10/5%"
"""What slow ones do of benchmark A."""


@dataclass(frozen=True)
class Peer:
    """A script of another simulator, in its environment.

    Attributes:
        simulators: What its rows are called.
        script: In this folder.
        environment: Its name, or none for ours.
        bench: Letter of the benchmark.
        cases: Names of what it does.
    """

    simulators: tuple[str, ...]
    script: str
    environment: str | None
    bench: str
    cases: Collection[str]

    @property
    def python(self) -> str:
        """The interpreter."""
        return str(ENVIRONMENTS[self.environment].interpreter) if self.environment else sys.executable


PEERS = (
    Peer(("torch layers", "torch compiled", "torch exact"), "a_torch.py", "torch", "A", TICK_CASES),
    Peer(("snntorch",), "a_snntorch.py", "torch", "A", TICK_CASES),
    Peer(("norse",), "a_norse.py", "torch", "A", TICK_CASES),
    Peer(("spikingjelly",), "a_spikingjelly.py", "torch", "A", TICK_CASES),
    Peer(("nengo-loihi",), "a_nengo_loihi.py", "nengo", "A", (SMALL,)),
    Peer(("lava stock", "lava fused"), "a_lava.py", None, "A", (SMALL,)),
    Peer(("torch",), "b_torch.py", "torch", "B", ("784-400-10",)),
    Peer(("jaxsnn",), "b_jaxsnn.py", "jaxsnn", "B", ("784-400-10",)),
    Peer(("brian2",), "c_brian2.py", "brian2", "C", RECURRENT_CASES),
    Peer(("nest",), "c_nest.py", "nest", "C", RECURRENT_CASES),
)


def main() -> None:
    made = parser(__doc__ or "")
    made.add_argument("--peers", default="", help="only simulators with these names, comma between them")
    args = made.parse_args()
    wanted = [name for name in args.peers.split(",") if name]
    work = (
        [((sys.executable, str(script)), case), *peers]
        for script, ours in cases(args.only)
        for (case, *_) in groups([c for c in ours if c.threads == 1], args.only)
        if (peers := list(beside(case, wanted)))
    )
    raise SystemExit(0 if print_rows(work, args) else 1)


def beside(case: Case, wanted: list[str]) -> Iterator[tuple[tuple[str, str], Case]]:
    """The peers that do a case's work, with their commands."""
    for peer in PEERS:
        for name in peer.simulators:
            if case.bench == peer.bench and case.name in peer.cases and (name in wanted or not wanted):
                yield (peer.python, str(HERE / peer.script)), Case(case.bench, case.name, _elsewhere, 1, name)


def _elsewhere(quick: bool) -> Work:
    raise NotImplementedError("a peer's work is made ready in its own process")


if __name__ == "__main__":
    main()
