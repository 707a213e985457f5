"""The report in a real browser: charts drawn, nothing requested, nothing cut off, models brought forward."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, report_path):
    """Open the report; what it requests and what goes wrong is collected."""
    contexts = []

    def open_page(width=1200, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        requests, problems = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None
        )
        page.goto(report_path.as_uri())
        page.wait_for_function("document.querySelectorAll('.plot svg').length === 4")
        return page, requests, problems

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (900, "dark"), (1600, "light")])
def test_drawn_without_requests_or_overflow(opened, report_path, width, scheme):
    page, requests, problems = opened(width, scheme)
    assert requests == [report_path.as_uri()]
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_charts_follow_the_scheme(opened):
    page, _, _ = opened(scheme="light")
    label = page.locator(".plot svg .role-axis-label text").first
    colours = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours.append(label.evaluate("element => getComputedStyle(element).fill"))
    page.emulate_media(media="print", color_scheme="dark")
    assert colours[0] != colours[1]
    assert label.evaluate("element => getComputedStyle(element).fill") == colours[0]


def test_a_model_is_brought_forward_by_keyboard(opened):
    page, _, problems = opened()
    button = page.locator("#category [data-model]").first
    marks = "[...document.querySelectorAll('#category .mark-symbol path')]"
    faint = f"{marks}.filter(one => one.getAttribute('opacity') < .5).length"
    assert page.evaluate(faint) == 0
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"{faint} === 22")
    page.keyboard.press("Enter")
    page.wait_for_function(f"{faint} === 0")
    assert problems == []


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_chart_is_saved_with_its_colours(opened, tmp_path, suffix):
    page, requests, problems = opened()
    with page.expect_download() as download:
        page.locator(f"#category [data-save={suffix}]").first.click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"precision-image-to-text.{suffix}"
    content = path.read_bytes()
    assert content.startswith(b"<svg" if suffix == "svg" else b"\x89PNG")
    assert b"var(" not in content
    assert problems == []
    assert all(not request.startswith("http") for request in requests)
