"""The command line of a deployed network: parse, run in Lava, write, say what happened."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from spikec_lava import compat
from spikec_lava.deployed.errors import UserError
from spikec_lava.deployed.files import Spikes, read_events, write_result
from spikec_lava.deployed.fused import run_fused
from spikec_lava.deployed.network import Array, Network, load
from spikec_lava.deployed.runtime import TOKEN, leave
from spikec_lava.deployed.stock import check_hardware, run_stock


def main(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Run the network in a folder as the command line says.

    Returns:
        The exit code: 0 if all went well, 2 if the user can put something right. If Lava fails, the program
        ends here with exit code 1.
    """
    options = _parser().parse_args(arguments)
    try:
        reason = compat.importable()
        if reason is not None:
            raise UserError(reason)
        _run(load(folder), options)
    except UserError as error:
        print(f"{TOKEN}{error}", file=sys.stderr)
        return 2
    except Exception as error:
        traceback.print_exc()
        leave(f"Lava failed with {type(error).__name__}: {error}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py", description="Run this network in Lava.")
    parser.add_argument("--input", type=Path, required=True, help="spikec events file with the input spikes")
    parser.add_argument("--output", type=Path, help="write spikes, membranes and counts to this file")
    parser.add_argument("--ticks", type=int, help="length of a sample in ticks")
    parser.add_argument(
        "--record", action="append", default=[], metavar="NAME.v.last", help="membrane to write, too"
    )
    parser.add_argument("--hardware", action="store_true", help="run on Loihi 2 instead of simulating it")
    parser.add_argument("--ledger", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--owner", type=int, help=argparse.SUPPRESS)
    return parser


def _run(network: Network, options: argparse.Namespace) -> None:
    inputs = read_events(options.input, network.inputs, network.dt)
    n_samples = next((s.n_samples for s in inputs.values()), 1)
    n_ticks = _n_ticks(network, inputs, options.ticks)
    _check_record(network, options.record)
    if options.hardware:
        check_hardware(network)
    inputs = {name: s.before(n_ticks) for name, s in inputs.items()}
    began = time.perf_counter()
    spikes, traces, counters = _result(network, inputs, n_samples, n_ticks, options)
    seconds = time.perf_counter() - began
    for name, s in spikes.items():
        print(f"{name}: {s.ticks.size} spikes in {n_samples} samples of {n_ticks} ticks")
    if options.output is not None:
        meta = {
            "backend": "lava",
            "flavour": network.flavour,
            "hardware": options.hardware,
            "lava": version("lava-nc"),
            "seconds": seconds,
        }
        write_result(options.output, spikes, traces, counters, meta)


def _result(
    network: Network,
    inputs: Mapping[str, Spikes],
    n_samples: int,
    n_ticks: int,
    options: argparse.Namespace,
) -> tuple[dict[str, Spikes], dict[str, Array], dict[str, Any] | None]:
    if n_samples == 0 or n_ticks == 0 or len(network.inputs) == len(network.populations):
        return _nothing(network, inputs, n_samples, n_ticks, options.record)
    compat.install()
    supervision = {"ledger": options.ledger, "owner": options.owner}
    sizes = (n_samples, n_ticks)
    if network.flavour == "fused":
        return run_fused(network, inputs, *sizes, options.record, **supervision)
    spikes, traces = run_stock(
        network, inputs, *sizes, options.record, hardware=options.hardware, **supervision
    )
    return spikes, traces, None


def _nothing(
    network: Network, inputs: Mapping[str, Spikes], n_samples: int, n_ticks: int, record: Sequence[str]
) -> tuple[dict[str, Spikes], dict[str, Array], None]:
    """The result of a run without ticks, samples or neurons: Lava is not needed."""
    none = np.zeros(0, np.int64)
    spikes = dict(inputs)
    for p in network.populations:
        spikes.setdefault(p.name, Spikes(none, none, none, n_samples, p.n))
    traces = {}
    for key in record:
        n = network.population(key.removesuffix(".last").removesuffix(".v")).n
        shape = (n_samples, n) if key.endswith(".last") else (n_samples, n_ticks, n)
        traces[key] = np.zeros(shape, np.int64)
    return spikes, traces, None


def _n_ticks(network: Network, inputs: Mapping[str, Spikes], asked: int | None) -> int:
    last = max((int(s.ticks.max(initial=-1)) for s in inputs.values()), default=-1)
    n_ticks = next(n for n in (asked, network.n_ticks, last + 1) if n is not None)
    if n_ticks < 0:
        raise UserError(f"a sample of {n_ticks} ticks is impossible; give --ticks 0 or more")
    return n_ticks


def _check_record(network: Network, record: Sequence[str]) -> None:
    names = {p.name for p in network.populations if not p.is_input}
    for key in record:
        name = key.removesuffix(".last").removesuffix(".v")
        if name not in names or key not in (f"{name}.v", f"{name}.v.last"):
            raise UserError(f"cannot record {key!r}; give NAME.v.last with a name of {sorted(names)}")
        if network.flavour == "stock" and not key.endswith(".last"):
            raise UserError(f"stock Lava gives membranes at the end of a sample only; record {key}.last")
