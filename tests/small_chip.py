"""A chip that ships, with smaller cores."""

from pathlib import Path

import yaml

import spikec

TARGETS = Path(spikec.__file__).parent / "targets"


def small_chip(folder, like, neurons_per_core):
    """The YAML file of a chip like another, written into a folder."""
    chip = yaml.safe_load((TARGETS / f"{like}.yaml").read_text())
    chip["name"] = "small"
    chip["limits"]["neurons_per_core"]["value"] = neurons_per_core
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(chip))
    return path
