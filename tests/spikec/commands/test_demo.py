"""The demo's report and page, on ten samples and with the CPU engine in Lava's place."""

import spikec.commands.demo as module
from spikec.backend import find_backend


def test_the_demos_page_has_a_map_of_cores_and_the_command_that_makes_it(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "DATA", "digits:test:10")
    monkeypatch.setattr(module, "find_backend", lambda name, **options: find_backend("cpu"))
    report = module.demo((0, 1), 2, command="spikec demo --html page.html")
    assert report.identical
    assert report.to_json()["samples"] == {"reference_cpu": 10, "cpu_lava_fused": 10, "cpu_lava_stock": 2}
    assert report.summary.cores.n_cores == 1
    told = report.summary.provenance
    assert (told["recipe"], told["training seed"]) == ("digits-sampled", "0")
    assert told["to make it again"] == "spikec demo --html page.html"
    module.write_page(report, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "1 core in use; 8 times 4 tiles of 4 cores on 1 chip" in text
    assert "spikec demo --html page.html" in text
