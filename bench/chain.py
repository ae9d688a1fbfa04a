"""The chain on digits: accuracy, agreement of all engines, wall times, energy. One JSON object.

.venv/bin/python bench/chain.py
"""

from __future__ import annotations

import json
import os

from spikec.commands.demo import demo


def main() -> None:
    report = demo()
    found = report.to_json()
    assert report.identical
    kept = ("accuracy", "identical", "samples", "counters", "n_ticks", "seconds")
    energy = {name: e["per_inference"] for name, e in found["energy_pj"].items()}
    facts = {"bench": "chain", "cores": os.cpu_count(), "pj_per_inference": energy}
    print(json.dumps({**facts, **{k: found[k] for k in kept}}))


if __name__ == "__main__":
    main()
