"""The page in a browser: no errors, no requests, every figure there, numbers as in the JSON report."""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import spikec
from spikec import cli
from spikec.container import save
from spikec.frontends import open_network
from spikec.program import Program
from spikec.targets.target import Figure, load_target
from tests.chromium import Chromium, find_chromium

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on the path; install one to test pages"),
]

NETS = Path(__file__).parents[3] / "models" / "nets"
SAMPLE = 3
TABLES = ("loihi1-davies2018", "loihi1-sanafe")


def digits():
    """The demo's network on chips of 64 neurons a core, and its exact run."""
    from spikec_train.datasets import load_dataset
    from spikec_train.recipes import load_recipe, train

    net, data = train(load_recipe("digits-sampled"), 0).network, load_dataset("digits:test:40")
    chip = load_target("loihi1")
    chip = replace(chip, limits=replace(chip.limits, neurons_per_core=Figure(64, "a test")))
    program = spikec.compile(net, chip, place="search")
    exact = Program(net, load_target("ideal"))
    return program.run(data.samples, data.labels), exact.run(data.samples, data.labels)


def mnist():
    """The shipped network, on random images of half black pixels; every label is 0."""
    net = open_network(NETS / "mnist-theta.npz")
    images = np.random.default_rng(0).integers(0, 2, (20, 784)) * 255.0
    program = spikec.compile(net, "loihi2", dt=5e-4, place="search")
    labels = np.zeros(20, np.int64)
    return program.run(images, labels), Program(net, load_target("ideal")).run(images, labels)


@pytest.fixture(scope="module", params=[digits, mnist], ids=["digits", "mnist"])
def report(request, tmp_path_factory):
    """A page, the JSON report of the same command, and the run itself."""
    folder = tmp_path_factory.mktemp(request.param.__name__)
    run, exact = request.param()
    save(run, folder / "run.npz")
    save(exact, folder / "exact.npz")
    told = []
    with pytest.MonkeyPatch.context() as patch:
        words = ["report", folder / "run.npz", "--beside", folder / "exact.npz", "--sample", SAMPLE]
        words += [w for table in TABLES for w in ("--table", table)]
        words += ["--json", "--html", folder / "page.html"]
        patch.setattr(sys, "argv", ["spikec", *map(str, words)])
        patch.setattr(sys, "stdout", SimpleNamespace(write=told.append, flush=lambda: None))
        with pytest.raises(SystemExit) as stop:
            cli.main()
    assert not stop.value.code
    return SimpleNamespace(path=folder / "page.html", json=json.loads("".join(told)), run=run, exact=exact)


@pytest.fixture(scope="module")
def browser():
    found = Chromium(str(find_chromium()))
    yield found
    found.close()


@pytest.fixture
def page(browser, report):
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=1100, height=900, deviceScaleFactor=1, mobile=False
    )
    browser.open(report.path)
    return browser


def scheme(page, name):
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])


def test_it_opens_without_errors_and_asks_for_nothing(page, report):
    methods = [e["method"] for e in page.events]
    assert not {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"} & set(methods)
    asked = [e["params"]["request"]["url"] for e in page.events if e["method"] == "Network.requestWillBeSent"]
    assert asked == [report.path.as_uri()]
    assert report.path.stat().st_size < 3_000_000


def test_every_figure_is_there_and_has_a_size(page, report):
    headings = page.value("[...document.querySelectorAll('h2')].map(h => h.textContent)")
    assert headings == ["Result", "Network", "Passes", "Accuracy and spikes", "Cores", "Energy", "NeuroBench",
                        "Provenance"]  # fmt: skip
    drawn = page.value("[...document.querySelectorAll('figure svg')].map(s => [s.getAttribute('aria-label'),"
                       "s.getBoundingClientRect().width, s.getBoundingClientRect().height])")  # fmt: skip
    assert len(drawn) == 7  # graph, accuracy, spikes, three maps, the busiest core
    assert all(label and width > 100 and height > 30 for label, width, height in drawn)
    assert page.value("document.querySelectorAll('.bars').length") == (3 if report.json["standing"] else 2)
    contents = page.value(
        "[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))"
    )
    assert contents is True


def test_no_two_words_of_a_drawing_lie_on_each_other(page):
    overlaps = page.value("""
      [...document.querySelectorAll('figure svg')].flatMap(svg => {
        const boxes = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
        return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([b, q]) =>
          p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 2 && q.top < p.bottom - 2
        ).map(([b]) => [a, b]));
      })""")
    assert overlaps == []


def test_drawings_hold_the_numbers_of_the_json_report(page, report):
    def values(selector):
        script = f"[...document.querySelectorAll('{selector}')].map(e => [e.dataset.name, +e.dataset.value])"
        return [(name, value) for name, value in page.value(script)]

    told, n = report.json, report.json["n_samples"]
    populations = {name: p["n"] for name, p in told["populations"].items()}
    assert dict(values("g[data-name]:has(.box)")) == populations
    assert [v for _, v in values(".dot")] == [told["accuracy"]["value"], told["beside"]["accuracy"]["value"]]
    spikes = [
        int(e.select(SAMPLE, SAMPLE + 1).n_events)
        for run in (report.exact, report.run)
        for e in run.spikes.values()
    ]
    assert sorted(v for _, v in values(".spikes[data-value]")) == sorted(spikes)
    maps = page.value("[...document.querySelectorAll('figure.half')].map(f => "
                      "[...f.querySelectorAll('g[data-name]')].map(g => +g.dataset.value))")  # fmt: skip
    cores = told["cores"]
    use = [100 * np.array(u["use"]) / u["limit"] for u in told["core_use"] if u["limit"]]
    expected = [np.max(use, axis=0), np.sum(cores["work"], axis=0) / n,
                (np.array(cores["messages_in"]) + cores["messages_out"]) / n]  # fmt: skip
    for found, wanted in zip(maps, expected, strict=True):
        assert found == pytest.approx(wanted.tolist())
    totals = [told["energy"][table]["per_inference_pj"] for table in TABLES]
    base = [term["total_pj"] for term in told["dense_baseline"]["terms"]]
    standing = [s["total_pj"] / n for s in told["standing"]]
    assert [v for _, v in values(".value[data-value]")] == pytest.approx([*totals, *base, *standing])
    parts = page.value("[...document.querySelectorAll('.bars:first-child .bar')].map(b => "
                       "[...b.querySelectorAll('.part')].map(p => +p.dataset.value))")  # fmt: skip
    assert [sum(p) for p in parts] == pytest.approx([*totals, *base])
    assert values(".part.range")[-1][1] == pytest.approx(totals[1] - totals[0])


def test_tables_hold_the_numbers_of_the_json_report(page, report):
    rows = page.value("""Object.fromEntries([...document.querySelectorAll('.wide')].map(w => [w.ariaLabel,
      [...w.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))]))""")
    told = report.json

    def whole(cell):
        return int(cell.replace(",", ""))

    found = {r[0]: (whole(r[1]), whole(r[2]), whole(r[4])) for r in rows["Populations"]}
    assert found == {k: (p["n"], p["spikes"], p["neuron_updates"]) for k, p in told["populations"].items()}
    keys = ("synaptic_events", "zero_weight_events", "messages", "delay_writes")
    found = {r[0]: (whole(r[1]), *(whole(c) for c in r[5:])) for r in rows["Projections"]}
    assert found == {k: (q["n_synapses"], *(q[key] for key in keys)) for k, q in told["projections"].items()}
    assert [r[0] for r in rows["What each pass did"]] == [p["step"] for p in told["passes"]]
    assert [r[2] for r in rows["What each pass did"]] == [p["summary"] for p in told["passes"]]
    provenance = {r[0]: r[1] for r in rows["Provenance"]}
    assert provenance == told["provenance"]
    value, low, high = (100 * x for x in (told["accuracy"]["value"], *told["accuracy"]["interval"]))
    accuracy = rows["Result"][0][1]
    assert accuracy == f"{value:.2f} % of {told['n_samples']} (95 % interval {low:.2f} to {high:.2f} %)"


def test_the_keyboard_reaches_every_part_in_order_and_prices_tell_their_source(page):
    n_parts = page.value("document.querySelectorAll('.part').length")
    n_stops = page.value("document.querySelectorAll('a[href], summary, [tabindex=\"0\"]').length")
    seen, last = [], -1
    for _ in range(n_stops + 1):
        page.press("Tab", 9)
        name, place, tip, seen_tip, told = page.value("""(() => {
          const e = document.activeElement, tip = e.querySelector('.tip');
          const all = [...document.querySelectorAll('*')];
          e.scrollIntoView({block: 'center'});
          const r = tip ? tip.getBoundingClientRect() : null;
          const on_top = tip ? document.elementFromPoint(r.left + r.width / 2, r.bottom - 4) : null;
          return [e.className || e.tagName, all.indexOf(e), tip ? tip.textContent : null,
                  on_top !== null && on_top === tip, e.ariaLabel]; })()""")
        if place <= last:
            break
        last = place
        seen.append(name)
        if name.startswith("part"):
            assert seen_tip, name
            assert told == tip
            assert "range" in name or re.search(r"Source: \w+", told)
    assert seen[0] == "skip"
    assert sum(name.startswith("part") for name in seen) == n_parts > 5
    assert sum(name == "SUMMARY" for name in seen) == page.value(
        "document.querySelectorAll('summary:not(details:not([open]) details summary)').length"
    )


def test_the_skip_link_is_seen_with_the_focus_and_leads_past_the_contents(page):
    page.press("Tab", 9)
    assert page.value("document.activeElement.getBoundingClientRect().left") >= 0
    page.press("Enter", 13)
    assert page.value("document.activeElement.id") == "begin"
    assert page.value("document.querySelector('details.more').open") is False
    page.value("document.querySelector('details.more summary').focus()")
    page.press("Enter", 13)
    assert page.value("document.querySelector('details.more').open") is True


@pytest.mark.parametrize("name", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them_in_light_and_dark(page, name):
    scheme(page, name)
    found = page.value("""(() => {
      const rgb = c => c.match(/[\\d.]+/g).map(Number);
      const light = c => { const [r, g, b] = rgb(c).slice(0, 3).map(v => v / 255).map(
        v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const behind = e => { for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor; if (rgb(c).length < 4 || rgb(c)[3] > 0) return c; }
        return 'rgb(255, 255, 255)'; };
      const words = [...document.querySelectorAll('body *')].filter(e =>
        [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && e.tagName !== 'TITLE' &&
        getComputedStyle(e).display !== 'none' && !e.closest('.halo'));
      return words.map(e => { const s = getComputedStyle(e), svg = e.tagName === 'text';
        const a = light(svg ? s.fill : s.color), b = light(behind(e));
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent.slice(0, 40)]; }); })()""")
    assert len(found) > 100
    assert min(found)[0] >= 4.5, min(found)
    dark = page.value("getComputedStyle(document.body).backgroundColor").startswith("rgb(17,")
    assert dark is (name == "dark")


def test_a_narrow_screen_scrolls_pictures_and_tables_but_not_the_page(page):
    page.call("Emulation.setDeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=False)
    assert page.value("document.documentElement.scrollWidth") <= 400
    assert page.value("Math.min(...[...document.querySelectorAll('svg text')].map("
                      "t => t.getBoundingClientRect().height))") >= 5.5  # fmt: skip


def test_paper_shows_what_is_folded_and_neither_links_nor_scroll_bars(page):
    page.call("Emulation.setEmulatedMedia", media="print")
    hidden = page.value("[...document.querySelectorAll('details :is(li, td)')].filter("
                        "e => !e.getBoundingClientRect().height).length")  # fmt: skip
    assert hidden == 0
    assert page.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    scheme(page, "dark")
    pdf = base64.b64decode(page.call("Page.printToPDF", printBackground=False)["data"])
    assert pdf.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 20


def test_the_page_of_a_compilation_has_every_picture_in_light_and_dark(
    browser, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "page.html"
    options = "--calibrate yinyang:train:20 --budget spike-time=5ms --bits auto --data yinyang:test:15 --html"
    words = ["compile", NETS / "yinyang-ttfs.npz", "-o", tmp_path / "p.npz", *options.split(), path]
    monkeypatch.setattr(sys, "argv", ["spikec", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code, capsys.readouterr().err
    sources = []
    for name in ("light", "dark"):
        scheme(browser, name)
        browser.open(path)
        told = {e["method"] for e in browser.events}
        assert not {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"} & told
        requests = [
            e["params"]["request"]["url"]
            for e in browser.events
            if e["method"] == "Network.requestWillBeSent"
        ]
        assert all(url == path.as_uri() or url.startswith("data:image/png") for url in requests)
        assert browser.value("[...document.images].every(i => i.complete && i.naturalWidth > 300 && i.alt)")
        sources.append(browser.value("[...document.images].map(i => i.currentSrc)"))
    light, dark = sources
    assert len(light) == len(dark) == 4
    assert all(a != b for a, b in zip(light, dark, strict=True))
