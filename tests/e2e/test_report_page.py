"""The report in a real browser: it opens from a file, asks no network for anything, and reads in light and dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright

from e2e.conftest import Run

OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium is installed, and CI=true")
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(folder: Path, run: Run) -> Path:
    words = (
        "--images",
        "images.npy",
        "--texts",
        "texts.npy",
        "--captions-per-image",
        "3",
        "--categories",
        "labels.npy",
    )
    done = run(
        "evaluate", *words, "--category-k", "10,N", "--resamples", "100", "--name", "ours", "--report", "report.html"
    )
    assert done.returncode == 0, done.stderr
    assert "Wrote report.html" in done.stderr
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "telephone"])
def test_report_opens_whole(browser: Browser, report: Path, scheme: str, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("request", lambda request: asked.append(request.url))
    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []
    tables = page.locator("table")
    assert tables.count() >= 2
    assert tables.first.is_visible()
    text = page.locator("body").inner_text()
    for said in ("ours", "R@10", "mAP@N", "fico"):
        assert said in text
    assert page.locator("svg, canvas").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
    context.close()


def test_light_and_dark_differ_and_can_be_read(browser: Browser, report: Path) -> None:
    """Text against its background has at least the contrast that WCAG 2 asks for, 4.5 to 1."""
    backgrounds = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(report.as_uri())
        colours = page.evaluate(
            """() => {
              const luminance = colour => {
                const [r, g, b] = colour.match(/[\\d.]+/g).map(Number)
                  .map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const canvas = getComputedStyle(document.body).backgroundColor === 'rgba(0, 0, 0, 0)'
                ? getComputedStyle(document.documentElement) : getComputedStyle(document.body);
              const cell = getComputedStyle(document.querySelector('table td'));
              return [luminance(canvas.backgroundColor), luminance(cell.color)];
            }"""
        )
        low, high = sorted(colours)
        assert (high + 0.05) / (low + 0.05) >= 4.5, scheme
        backgrounds.append(colours[0])
        context.close()
    assert backgrounds[0] > 0.5 > backgrounds[1]
