"""A real browser, and what it says of a page.

Chromium is the system's (`tests/browser.sh install`); Playwright brings the driver alone. A
developer without it gets a skip; with SALVAGE_NEEDS_BROWSER set, as in `.ci/run`, a failure.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

PHONE, TABLET, DESKTOP = 360, 768, 1280
WIDTHS = (PHONE, TABLET, DESKTOP)
HEIGHT = 800

# Texts of a drawing that stand out of its frame, by more than a pixel.
CUT_TEXTS = """
    plot => {
        const frame = plot.querySelector('svg.main-svg').getBoundingClientRect();
        return [...plot.querySelectorAll('svg text')].filter(text => {
            const box = text.getBoundingClientRect();
            return text.textContent.trim() && box.width && (
                box.left < frame.left - 1 || box.right > frame.right + 1
                || box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
        }).map(text => text.textContent);
    }
"""
# Pairs of texts of a drawing that cover each other by more than two pixels either way.
OVERLAPPING_TEXTS = """
    plot => {
        const texts = [...plot.querySelectorAll('svg text')]
            .filter(text => text.textContent.trim())
            .map(text => [text.textContent, text.getBoundingClientRect()])
            .filter(([, box]) => box.width);
        const pairs = [];
        texts.forEach(([one, a], place) => texts.slice(place + 1).forEach(([other, b]) => {
            const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (width > 2 && height > 2) pairs.push([one, other]);
        }));
        return pairs;
    }
"""
# What stands out of the viewport, and in no frame that scrolls.
TOO_WIDE = """
    () => {
        const width = document.documentElement.clientWidth;
        return [...document.body.querySelectorAll('*')].filter(element => {
            for (let e = element; e && e !== document.body; e = e.parentElement)
                if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(e).overflowX))
                    return false;
            return element.getBoundingClientRect().right > width + 1;
        }).map(element => element.outerHTML.slice(0, 120));
    }
"""


def chromium_path() -> str:
    """Where Chromium is; skips or fails the test where there is none."""
    path = shutil.which("chromium")
    if path is None:
        reason = "Chromium is not installed (tests/browser.sh install)"
        if os.environ.get("SALVAGE_NEEDS_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


# Is each drawing as wide as its place?
CHARTS_FIT = """
    () => [...document.querySelectorAll('.plot')].every(plot => {
        const drawing = plot.querySelector('svg.main-svg');
        return drawing && Math.abs(drawing.getBoundingClientRect().width - plot.clientWidth) < 2;
    })
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window; skips or fails the test where there is none."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page as opened in the browser, and what it did there.

    requests: addresses asked for. complaints: errors and warnings of the console, and what
    was thrown and not caught.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def js(self, script: str, argument: object = None) -> Any:
        """What a script gives in the page."""
        return self.page.evaluate(script, argument)

    @property
    def width(self) -> int:
        """How wide the window is."""
        size = self.page.viewport_size
        assert size is not None
        return size["width"]

    def resize(self, width: int) -> None:
        """Make the window so wide and wait until the charts have followed."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.wait_for_function(CHARTS_FIT)

    def axe_violations(self) -> list[str]:
        """Every violation of axe-core's rules, best practices too, with the element."""
        response = Axe().run(self.page).response
        return [
            f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in response["violations"]
            for node in violation["nodes"]
        ]


@contextmanager
def visit(browser: Browser, path: Path, width: int, **context: Any) -> Iterator[Visit]:
    """Open a file in a tab of its own, `width` pixels wide, and wait until it is drawn."""
    with browser.new_context(viewport={"width": width, "height": HEIGHT}, **context) as tab:
        tab.set_default_timeout(20_000)
        page = tab.new_page()
        seen = Visit(page)
        tab.on("request", lambda request: seen.requests.append(request.url))
        page.on("pageerror", lambda error: seen.complaints.append(f"thrown: {error}"))
        page.on("dialog", lambda dialog: seen.complaints.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda message: (
                seen.complaints.append(f"{message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.goto(path.as_uri())
        page.wait_for_function(CHARTS_FIT)
        yield seen
