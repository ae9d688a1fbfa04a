"""The table of docs/imports.md, row by row, against its files, which lie beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikec.errors import SpikecError
from spikec.frontends import open_network

ROOT = Path(__file__).resolve().parents[3]
NETS = ROOT.parent / "shared" / "nets"
pytestmark = pytest.mark.skipif(not NETS.is_dir(), reason=f"the shared networks are not at {NETS}")


def _rows():
    lines = (ROOT / "docs" / "imports.md").read_text(encoding="utf-8").splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return [(name.strip("`"), dt, *rest) for name, _, dt, *rest in cells]


def _population(p):
    kind = "" if p.is_source else f" {type(p.neuron).__name__}"
    return f"{p.name}{kind} {'x'.join(map(str, p.shape))}"


@pytest.mark.parametrize(
    ("name", "dt", "populations", "convention", "told"), _rows(), ids=lambda v: v if "/" in v else ""
)
def test_a_file_is_read_as_the_table_says(name, dt, populations, convention, told):
    path, step = NETS / f"{name}.nir", float(dt) if dt else None
    if populations == "refused":
        with pytest.raises(SpikecError) as caught:
            open_network(path, dt=step)
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)
        return
    network = open_network(path, dt=step)
    assert ", ".join(_population(p) for p in network.populations) == populations
    preset, why = convention.split(", ")
    (note,) = [n for n in network.notes if n.startswith("the convention is")]
    assert note.startswith(f"the convention is {preset} ")
    assert f"as {why}" in note
    assert any(told in n for n in network.notes)


def test_every_file_has_its_row():
    listed = {name for name, *_ in _rows()}
    there = {
        f"{f.parent.name}/{f.stem}" for folder in ("exports", "broken") for f in NETS.glob(f"{folder}/*.nir")
    }
    assert listed == there
