"""Every benchmark of ours: one JSON line a figure, each with its roofline beside it.

    python bench/run.py --quick                   every row at a smaller size, in under a minute
    python bench/run.py --only A --clock cpu      benchmark A, while others use the machine
    python bench/run.py | python bench/table.py   as Markdown

Quick runs have one process for all cases on so many threads. The studies of this folder, which measure
accuracy, are not among them (README.md).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from harness import Case, groups, parser, print_rows, serve

SCRIPTS = {
    "cpu_ticks": "A",
    "curves": "A",
    "exact": "B",
    "recurrent": "C",
    "scale": "D",
    "convolution": "E",
    "train": "F",
    "startup": "G",
    "streaming": "H",
}
"""Modules of this folder, and their benchmarks."""


def main() -> None:
    args = parser(__doc__ or "").parse_args()
    if args.worker is not None:
        serve((case for _, found in cases(args.only) for case in found), args)
        return
    all_of_them = (sys.executable, __file__, "--only", args.only)
    work = (
        [(all_of_them if args.quick else (sys.executable, str(script)), case) for case in group]
        for script, found in cases(args.only)
        for group in groups(found, args.only)
    )
    raise SystemExit(0 if print_rows(work, args) else 1)


def cases(only: str) -> Iterator[tuple[Path, list[Case]]]:
    """The cases of every script whose benchmark may be meant; other scripts are not imported."""
    for name, bench in SCRIPTS.items():
        if only[:1].upper() in ("", bench):
            module = import_module(name)
            yield Path(str(module.__file__)), module.CASES


if __name__ == "__main__":
    main()
