"""The dashboard's charts as files, drawn for the columns of a journal."""

import asyncio
import logging
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from choreographer.browsers.chromium import Chromium
from kaleido import Kaleido
from kaleido.errors import (
    BrowserClosedError,
    BrowserFailedError,
    ChromeNotFoundError,
    JavascriptError,
    KaleidoError,
)

from salvage.dashboard.chart import Chart
from salvage.dashboard.page import sections
from salvage.dashboard.protocol import protocols
from salvage.errors import SalvageError
from salvage.published import published_marts

Format = Literal["svg", "png", "pdf"]
Width = Literal["single", "double"]

# Every chart there can be: a file of one of them that is not drawn again is of an earlier build.
CHART_IDS = (
    "attrition",
    "remission",
    "remission_survival",
    "colectomy_free_survival",
    "adverse_events",
    "adverse_event_terms",
    "swimmer",
    "treatment_paths",
    "definitions",
)
# One column and two, and the height of a page that is left beside a legend, in millimetres: what
# most journals print.
WIDTHS: dict[Width, float] = {"single": 89, "double": 183}
PAGE_HEIGHT = 230
DOTS_PER_INCH = 600
_PIXELS_PER_INCH, _POINTS_PER_INCH, _MM_PER_INCH = 96, 72, 25.4
# Of the page's pixels one is so many on paper: text of 13 pixels is text of 8 points, a line of 1
# pixel one of 0.6 points. The smallest text is 7 points.
_SCALE = 8 * _PIXELS_PER_INCH / _POINTS_PER_INCH / 13
_LEAST_TEXT = 7 * _PIXELS_PER_INCH / _POINTS_PER_INCH / _SCALE
_FONTS = "Arial, Helvetica, 'Liberation Sans', sans-serif"
# In pixels; a lane of a swimmer plot still holds its text.
_MARGIN, _LEAST_LANE = 8, 13
# The discard port: nothing answers there.
_NOWHERE = "127.0.0.1:9"
_NO_BROWSER = (
    "Figures are drawn by a browser, and none was found: install Chromium, Chrome or Edge "
    "(Debian, Ubuntu: `apt install chromium`), or say where one is with BROWSER_PATH."
)


@dataclass(frozen=True)
class Drawing:
    """A figure as it is to be printed.

    Attributes:
        path: where it goes, relative to the folder of figures, without suffix.
        width: "single" or "double".
        figure: what Plotly draws.
        size: width and height in the page's pixels.
    """

    path: Path
    width: Width
    figure: dict[str, Any]
    size: tuple[float, float]

    @property
    def millimetres(self) -> tuple[float, float]:
        """Width and height on paper."""
        width, height = (pixels * _SCALE * _MM_PER_INCH / _PIXELS_PER_INCH for pixels in self.size)
        return width, height


def drawings(published: Path, width: Width, protocol_id: str | None = None) -> list[Drawing]:
    """Return the figures of a publication, in the page's order.

    Args:
        published: folder with `salvage.duckdb`; only read.
        width: what they are as wide as; a chart that cannot be read in one column gets two.
        protocol_id: only this protocol's; None: those of all. Where several are published, the
            figures of each have a folder.

    Raises:
        SalvageError: nothing is published there, an older version published it, or there is no
            such protocol.
    """
    with published_marts(published) as marts:
        studies = protocols(marts)
        folders = _folders([study.protocol_id for study in studies])
        if protocol_id is not None and protocol_id not in folders:
            raise SalvageError(
                f"No protocol {protocol_id!r} is published; there is {', '.join(folders)}."
            )
        return [
            drawing
            for study in studies
            if protocol_id in (None, study.protocol_id)
            for section in sections(marts, study)
            for chart in section.charts
            for drawing in _drawings(chart, folders[study.protocol_id], width)
        ]


def _folders(protocol_ids: Sequence[str]) -> dict[str, Path]:
    """Give each protocol a folder whose name every file system takes; the only one has none."""
    if len(protocol_ids) == 1:
        return {protocol_ids[0]: Path()}
    names = {protocol_id: quote(protocol_id, safe="") for protocol_id in protocol_ids}
    # Some file systems do not tell capital letters from small ones.
    if len({name.casefold() for name in names.values()}) < len(names):
        names = {
            protocol_id: f"{number}-{name}"
            for number, (protocol_id, name) in enumerate(names.items(), start=1)
        }
    return {protocol_id: Path(name) for protocol_id, name in names.items()}


def _drawings(chart: Chart, folder: Path, width: Width) -> list[Drawing]:
    """Fit a chart for paper: a drawing, or several where it can be cut into pages."""
    if _pixels(width) < chart.min_width:
        width = "double"
    figure = chart.figure.to_dict()
    layout = figure["layout"]
    layout["font"]["family"] = _FONTS
    for font in _fonts(figure):
        font["size"] = max(font["size"], _LEAST_TEXT)
    if layout["legend"]["orientation"] == "h" and layout.get("showlegend", True):
        # Plotly makes as much room as the legend needs at this width.
        layout["margin"]["t"] = _MARGIN
    for trace in figure["data"]:
        if trace["type"] == "sankey":
            # Plotly's own line is too thin for print.
            trace["node"]["line"] = {"width": 0}
    pages = _pages(figure)
    return [
        Drawing(
            folder / (chart.id if len(pages) == 1 else f"{chart.id}-{number}"),
            width,
            page,
            (_pixels(width), page["layout"]["height"]),
        )
        for number, page in enumerate(pages, start=1)
    ]


def _pages(figure: dict[str, Any]) -> list[dict[str, Any]]:
    """Make a figure fit the height of a page, if it can: by narrower lanes, or in parts."""
    layout = figure["layout"]
    meta = layout.get("meta", {})
    page = PAGE_HEIGHT / _MM_PER_INCH * _PIXELS_PER_INCH / _SCALE
    too_high = layout["height"] - page
    if too_high > 0 and "lanes" in meta:
        narrower = meta["laneHeight"] - _LEAST_LANE
        layout["height"] -= min(too_high, narrower * len(meta["lanes"]))
    if too_high <= 0 or "cuts" not in meta:
        return [figure]
    # One unit of a forest's vertical axis is a pixel.
    bottom, _ = layout["yaxis"]["range"]
    around = layout["height"] - bottom
    bounds = [0]
    for cut, after in pairwise([*meta["cuts"], bottom]):
        if after - bounds[-1] > page - around:
            bounds.append(cut)
    return [
        {
            **figure,
            "layout": {
                **layout,
                "height": end - start + around,
                "yaxis": {**layout["yaxis"], "range": [end, start]},
            },
        }
        for start, end in pairwise([*bounds, bottom])
    ]


def _pixels(width: Width) -> float:
    return WIDTHS[width] / _MM_PER_INCH * _PIXELS_PER_INCH / _SCALE


def _fonts(part: Any) -> Iterator[dict[str, Any]]:
    """Find every font of a figure that has a size."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name.endswith("font") and "size" in value:
                yield value
            yield from _fonts(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _fonts(value)


def draw(figures: Sequence[Drawing], file_format: Format, folder: Path) -> None:
    """Draw figures with one browser into files `<path>.<format>` of a folder.

    Text stays text in SVG and PDF; a PNG has 600 dots an inch. No request leaves the machine.

    Raises:
        SalvageError: there is no browser, or it cannot draw.
    """
    # What it tells of its browser's end is no sentence for a reader.
    logging.getLogger("choreographer").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_draw(figures, file_format, folder))
    except ChromeNotFoundError as error:
        raise SalvageError(_NO_BROWSER) from error
    except (BrowserFailedError, BrowserClosedError) as error:
        raise SalvageError(
            f"The browser {Chromium.find_browser(skip_local=False)} did not start, or ended; "
            "does it run by itself? Its sandbox needs user namespaces, which some containers "
            "allow to root alone."
        ) from error
    except (KaleidoError, JavascriptError, TimeoutError) as error:
        raise SalvageError(f"The browser could not draw a figure: {error}") from error


async def _draw(figures: Sequence[Drawing], file_format: Format, folder: Path) -> None:
    scale = _SCALE
    if file_format == "png":
        scale *= DOTS_PER_INCH / _PIXELS_PER_INCH
    async with Kaleido(
        # Else its page asks a server for it.
        mathjax=False,
        # What the browser itself may want from the network ends there, too.
        proxy_server=_NOWHERE,
        # Chromium has no sandbox for root.
        enable_sandbox=os.geteuid() != 0,
    ) as browser:
        for drawing in figures:
            width, height = drawing.size
            content = await browser.calc_fig(
                drawing.figure,
                {"format": file_format, "width": width, "height": height, "scale": scale},
            )
            if file_format == "svg":
                content = _sized_svg(content, *drawing.millimetres)
            elif file_format == "png":
                content = _sized_png(content)
            path = folder / f"{drawing.path}.{file_format}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)


def _sized_svg(content: bytes, width: float, height: float) -> bytes:
    """Say the size of an SVG in millimetres, which a program for layout takes as it is."""
    root, rest = content.split(b">", 1)
    for name, size in (("width", width), ("height", height)):
        root = re.sub(rf' {name}="[^"]*"'.encode(), f' {name}="{size:.2f}mm"'.encode(), root)
    return root + b">" + rest


def _sized_png(content: bytes) -> bytes:
    """Say in a PNG how many dots an inch has: a chunk pHYs after the header (PNG 1.2, 4.2.4.2)."""
    header_end = 8 + 4 + 4 + 13 + 4
    per_metre = round(DOTS_PER_INCH / _MM_PER_INCH * 1000)
    chunk = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    return (
        content[:header_end]
        + struct.pack(">I", len(chunk) - 4)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + content[header_end:]
    )


def place(drawn: Path, folder: Path, is_all: bool) -> None:
    """Move drawn files into their folder, over those of an earlier call.

    Args:
        drawn: folder with the files, on the same file system; is left without files.
        folder: gets them.
        is_all: are all figures of the publication among them? Then a chart's file in this format
            that is not is of an earlier publication, and removed.
    """
    paths = [path.relative_to(drawn) for path in drawn.rglob("*") if path.is_file()]
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (drawn / path).replace(folder / path)
    if is_all:
        for suffix in {path.suffix for path in paths}:
            for path in [*folder.glob(f"*{suffix}"), *folder.glob(f"*/*{suffix}")]:
                is_chart = re.sub(r"-\d+$", "", path.stem) in CHART_IDS
                if is_chart and path.relative_to(folder) not in paths:
                    path.unlink()
