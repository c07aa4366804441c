"""The page in a real browser: no error, nothing fetched, nothing cut off, and it can be read and sorted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Browser, executable

from poseport.bench.record import Result
from poseport.bench.report.pictures import heatmaps
from poseport.bench.report.report import write_report

pytestmark = pytest.mark.skipif(executable() is None, reason="no chromium here; Debian: apt-get install chromium")
WIDTHS = (390, 820, 1440)
COMPLAINTS = {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"}
# Of every text: its contrast (WCAG 2, 1.4.3) with the next background below it, where that is less than 4.5.
PALE = """(() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const below = element => {
    for (; element; element = element.parentElement) {
      const colour = channels(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || element.closest("script, style, title")) continue;
    const style = getComputedStyle(element);
    const pair = [light(channels(element.closest("svg") ? style.fill : style.color)), light(below(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (!(ratio >= 4.5)) found.push([walk.currentNode.data.trim(), ratio]);
  }
  return found;
})()"""
COLUMN = """[...document.querySelectorAll("table.numeric")[0].tBodies[0].rows].map(row => row.cells[3].textContent)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


def load(browser: Browser, page: Path, width: int, *, dark: bool = False, scripts: bool = True) -> None:
    """Load the page in a window of some width, and wait until it is there."""
    browser.resize((width, 900), dark)
    browser.call("Emulation.setScriptExecutionDisabled", value=not scripts)
    browser.events.clear()
    browser.open(page.absolute().as_uri())
    browser.wait_until_loaded()


@pytest.fixture(scope="module")
def page(records: list[Result], tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "report.html"
    write_report(records, out, files=heatmaps.find_files(tiny_models.values()))
    return out


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_fetched_and_nothing_fails(browser: Browser, page: Path, width: int) -> None:
    load(browser, page, width)
    assert [event for event in browser.events if event["method"] in COMPLAINTS] == []
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert asked[0] == page.as_uri()
    assert all(url.startswith("data:") for url in asked[1:])


@pytest.mark.parametrize("width", WIDTHS)
def test_it_never_scrolls_sideways(browser: Browser, page: Path, width: int) -> None:
    load(browser, page, width)
    assert browser.run("document.documentElement.scrollWidth") <= width
    # on a phone no table does either
    wide = browser.run('[...document.querySelectorAll(".wide")].filter(e => e.scrollWidth > e.clientWidth).length')
    assert width > 390 or wide == 0


def test_paper_cuts_nothing_off(browser: Browser, page: Path) -> None:
    load(browser, page, 688)  # A4 less its margins, in CSS pixels
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("document.documentElement.scrollWidth") <= 688
    browser.call("Emulation.setEmulatedMedia", media="")
    assert browser.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_has_contrast(browser: Browser, page: Path, dark: bool) -> None:
    load(browser, page, 820, dark=dark)
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (ground != "rgb(255, 255, 255)") == dark
    assert browser.run(PALE) == []


def test_a_heading_sorts_by_mouse_and_by_keyboard(browser: Browser, page: Path) -> None:
    load(browser, page, 1440)
    first = browser.run(COLUMN)
    rising = sorted(first, key=float)
    assert len(set(first)) > 1
    heading = 'document.querySelectorAll("table.numeric")[0].tHead.rows[0].cells[3]'
    browser.run(f'{heading}.querySelector("button").click()')
    assert browser.run(COLUMN) == rising
    assert browser.run(f'{heading}.getAttribute("aria-sort")') == "ascending"
    browser.run(f'{heading}.querySelector("button").focus()')
    browser.press("Enter", 13)
    assert browser.run(COLUMN) == rising[::-1]
    assert browser.run(f'{heading}.getAttribute("aria-sort")') == "descending"
    sorts = 'document.querySelectorAll("[aria-sort=ascending], [aria-sort=descending]").length'
    assert browser.run(sorts) == 1


def test_without_scripts_it_is_a_plain_page(browser: Browser, page: Path) -> None:
    load(browser, page, 1440, scripts=False)
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    counts = [
        len(browser.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"])
        for selector in ("td", "button", "[aria-sort]")
    ]
    assert counts[0] > 100
    assert counts[1:] == [0, 0]


def test_every_picture_says_what_it_shows(browser: Browser, page: Path) -> None:
    load(browser, page, 1440)
    assert browser.run("document.images.length") == 6
    assert browser.run("[...document.images].every(i => i.alt && i.complete && i.naturalWidth)")
    assert browser.run('[...document.querySelectorAll("svg")].every(s => s.getAttribute("aria-label"))')
