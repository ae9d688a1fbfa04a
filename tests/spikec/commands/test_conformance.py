"""The command `conformance`: what it prints, and how it ends."""

import json

import nir
import numpy as np
import pytest
from typer.testing import CliRunner

from spikec.cli import app
from spikec.errors import UsageError

RUNNER = CliRunner()

ROWS = """
shared: {{network: net.nir, dt: 1, input: {{kind: raster, file: in.npy}}}}
rows:
  - {{against: right, expected: {{kind: count, spikes: 3}}}}
  - {{against: explained, expected: {{kind: count, spikes: 5}}, allowed: 2, explained: two were dropped}}
  - {{against: missing, expected: {{kind: raster, file: gone.npy}}}}
{0}
"""
WRONG = "  - {against: wrong, expected: {kind: raster, file: in.npy}}"
FAILED = "  - {against: failed, expected: {kind: raster, file: in.npy}, population: nobody}"


@pytest.fixture
def folder(tmp_path):
    one = np.ones(1)
    nodes = [nir.Input(np.array([1])), nir.Linear(0.75 * np.eye(1)), nir.IF(r=one, v_threshold=one)]
    nir.write(tmp_path / "net.nir", nir.NIRGraph.from_list(*nodes, nir.Output(np.array([1]))))
    nir.write(tmp_path / "forgotten.nir", nir.read(tmp_path / "net.nir"))
    np.save(tmp_path / "in.npy", np.ones((6, 1), np.uint8))
    return tmp_path


def _run(folder, rows, *words):
    (folder / "net.conformance.yaml").write_text(ROWS.format(rows))
    return RUNNER.invoke(app, ["conformance", str(folder), *words], catch_exceptions=False)


@pytest.mark.parametrize(
    ("rows", "code", "status"),
    [("", 0, None), (WRONG, 1, "wrong"), (f"{WRONG}\n{FAILED}", 2, "failed")],
)
def test_it_ends_by_the_worst_row_and_prints_all(folder, rows, code, status):
    result = _run(folder, rows, "--json")
    assert result.exit_code == code
    found = json.loads(result.stdout)
    listed = [(row["against"], row["status"]) for row in found["rows"]]
    assert listed[:3] == [("right", "same"), ("explained", "explained"), ("missing", "skipped")]
    assert status is None or listed[-1][1] == status
    assert found["without_case"] == ["forgotten.nir"]
    assert {"network", "against", "convention", "wrong", "of", "explained", "first"} <= set(found["rows"][0])
    assert (found["same"], found["explained"], found["skipped"]) == (1, 1, 1)
    assert "beside the networks" in found["cases"]


def test_the_table_names_the_first_difference_and_the_reasons(folder):
    shown = " ".join(_run(folder, f"{WRONG}\n{FAILED}").stdout.split())
    for words in (
        "lif:0" if "lif:0" in shown else ":0",
        "two were dropped",
        "1 wrong",
        "no population 'nobody'",
    ):
        assert words in shown
    assert "1 network without a case" in shown


def test_rows_can_be_chosen_and_nothing_to_compare_is_an_error(folder):
    assert _run(folder, WRONG, "--only", "right").exit_code == 0
    with pytest.raises(UsageError, match="nothing could be compared"):
        _run(folder, "", "--only", "missing")
    with pytest.raises(UsageError, match=r"no row of .* has 'nobody' in its names"):
        _run(folder, "", "--only", "nobody")
    with pytest.raises(UsageError, match="no backend 'nowhere'"):
        _run(folder, "", "--backend", "nowhere")


def test_a_backend_for_all_rows(folder):
    found = json.loads(_run(folder, "", "--backend", "reference", "--json").stdout)
    assert {row["backend"] for row in found["rows"]} == {"reference"}
