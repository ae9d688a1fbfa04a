"""Run this network in Lava: ``python run.py --input events.npz``. README.md tells more."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    from spikec_lava.deployed.command import main

    sys.exit(main(HERE))
