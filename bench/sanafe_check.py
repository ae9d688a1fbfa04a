"""Our counts and prices of placed programs against SANA-FE's own simulator, term by term.

SANA-FE (PyPI `sanafe`, GPL-3) is run by another Python, never imported here. The digits network is compiled
for Loihi 1 with smaller cores, so that it takes several, and with a smaller mesh, so that it takes several
chips, placed by the search, and run; then SANA-FE replays the spikes of some samples on the same cores, with
the same prices. Rows hold picojoules of synapses, somas and the network of both, and hops. Prints one JSON
object.

    python -m venv .venv-sanafe && .venv-sanafe/bin/pip install sanafe
    python bench/sanafe_check.py --python .venv-sanafe/bin/python --json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from spikec.commands.files import read_inputs
from spikec.counting import count
from spikec.energy import estimate, seconds_of
from spikec.energy_tables.table import load_table
from spikec.execute import execute
from spikec.exporters.sanafe import export_sanafe
from spikec.passes.pipelines import compile_network
from spikec.placement.ledger import STORAGE, count_cores
from spikec.placement.place import place_program
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.shards import in_parts
from spikec.targets.target import Target, load_target
from spikec_train.recipes import load_recipe, train

TABLE = "loihi1-sanafe"
CHIPS = ((128, 8, 4), (64, 8, 4), (64, 2, 1), (16, 2, 2))
"""Neurons a core, and columns and rows of tiles: Loihi 1's mesh, then smaller ones."""

THEIRS = """
import json, sys
import sanafe
arch = sanafe.load_arch("arch.yaml")
chip = sanafe.SpikingChip(arch)
chip.load(sanafe.load_net("network.yaml", arch))
found = chip.sim(int(sys.argv[1]), perf_trace=True, timing_model="simple")
hops = sum(found["perf_trace"]["hops"])
print("FOUND" + json.dumps({"pj": {k: 1e12 * v for k, v in found["energy"].items()}, "hops": hops,
                            "seconds": found["sim_time"]}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for symmetry with the command line: always so")
    parser.add_argument("--python", required=True, help="a Python that has sanafe")
    parser.add_argument("--samples", type=int, default=3)
    args = parser.parse_args()
    rows = []
    for neurons_per_core, columns, mesh_rows in CHIPS:
        program = placed(chip(neurons_per_core, columns, mesh_rows))
        inputs, _ = read_inputs(program.network, "digits:test", None)
        some = {name: e.select(0, args.samples) for name, e in inputs.items()}
        result = execute(program, ReferenceBackend(), some)
        assert result.counters is not None
        for sample in range(args.samples):
            spikes = {
                name: e.select(sample, sample + 1) for name, e in in_parts(program, result.spikes).items()
            }
            rows.append(
                compared(program, spikes, result.counters.n_ticks, args.python)
                | {"neurons_per_core": neurons_per_core, "sample": sample}
            )
    print(json.dumps({"benchmark": "SANA-FE", "table": TABLE, "rows": rows}))


def placed(target: Target) -> Program:
    """The digits network on a chip's cores."""
    network = train(load_recipe("digits-sampled"), 0).network
    return place_program(compile_network(network, target))


def chip(neurons_per_core: int, columns: int, rows: int) -> Target:
    """Loihi 1 with other cores and another mesh."""
    target = load_target("loihi1")
    most, mesh = target.limits.neurons_per_core, target.mesh
    assert most is not None
    assert mesh is not None
    return replace(
        target,
        limits=replace(target.limits, neurons_per_core=replace(most, value=neurons_per_core)),
        mesh=replace(mesh, columns=replace(mesh.columns, value=columns), rows=replace(mesh.rows, value=rows)),
    )


def compared(program: Program, spikes: dict[str, Any], n_ticks: int, python: str) -> dict[str, Any]:
    """Both sides of one sample, and the largest difference of a term, a share."""
    table = load_table(TABLE)
    files = export_sanafe(program, spikes, 0, n_ticks, table)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "arch.yaml").write_text(files.architecture)
        Path(folder, "network.yaml").write_text(files.network)
        ran = subprocess.run([str(Path(python).absolute()), "-c", THEIRS, str(n_ticks)], cwd=folder,
                             capture_output=True, text=True, check=True)  # fmt: skip
    theirs = json.loads(ran.stdout.split("FOUND")[1])
    cores = count_cores(program, spikes, n_ticks)
    pj = {
        t.name: t.total_pj or 0.0
        for t in estimate(count(program.network, spikes, 1, n_ticks), table, cores=cores).terms
    }
    ours = {
        "synapse": sum(pj[f"{kind}_events"] for kind in STORAGE),
        "soma": pj["neuron_updates"] + pj["spikes"],
        "network": pj["messages"] + pj["hops_east_west"] + pj["hops_north_south"],
    }
    apart = {name: abs(ours[name] / theirs["pj"][name] - 1) for name in ours}
    return {
        "chips": cores.mesh["chips"],
        "chip_crossings": cores.chip_crossings,
        "cores": cores.n_cores,
        "ours_pj": ours,
        "theirs_pj": {name: theirs["pj"][name] for name in ours},
        "apart": apart,
        "hops": [sum(cores.hops.values()), theirs["hops"]],
        "seconds": [seconds_of(cores), theirs["seconds"]],
    }


if __name__ == "__main__":
    main()
