"""The pages: one for each protocol, and an index where there are several."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from salvage.dashboard import (
    cohort,
    definitions,
    paths,
    patients,
    quality,
    remission,
    safety,
    survival,
)
from salvage.dashboard.chart import Section
from salvage.dashboard.protocol import Protocol, protocols
from salvage.published import Marts, Row, published_marts

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_BUILD = "select * from publication.build"
_FILES = "select file_name, file_sha256 from marts.dq_row_ledger order by file_name"


def write_dashboard(published: Path, folder: Path) -> Path:
    """Write the pages of a publication and return the first one, `index.html`.

    Several protocols have a page each, `protocol-<number>.html` in the order of their ids, and
    the index leads to them. Every page is whole in itself: it asks for no other file.

    Args:
        published: folder with `salvage.duckdb`; only read.
        folder: gets the pages; pages of an earlier build in it are replaced.

    Raises:
        SalvageError: nothing is published there, or an older version published it.
    """
    with published_marts(published) as marts:
        build = marts.row(_BUILD)
        studies = protocols(marts)
        pages = {}
        if len(studies) == 1:
            (protocol,) = studies
            pages["index.html"] = _page(marts, protocol, sections(marts, protocol), build)
        else:
            findings = []
            for number, protocol in enumerate(studies, start=1):
                name = f"protocol-{number}.html"
                parts = sections(marts, protocol)
                pages[name] = _page(marts, protocol, parts, build, has_index=True)
                (arms,) = (part for part in parts if part.id == "arms")
                findings.append((name, protocol, arms.finding))
            pages["index.html"] = _render("dashboard_index.html.j2", studies=findings, build=build)
    folder.mkdir(parents=True, exist_ok=True)
    # The index comes last: it never leads to a page that is not there.
    for name, text in pages.items():
        unfinished = folder / f".{name}"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(folder / name)
    for stale in folder.glob("*.html"):
        if stale.name not in pages:
            stale.unlink()
    return folder / "index.html"


def sections(marts: Marts, protocol: Protocol) -> list[Section]:
    """Return the sections with charts, in the page's order."""
    return [
        cohort.section(marts, protocol),
        remission.section(marts, protocol),
        survival.remission_section(marts, protocol),
        survival.colectomy_section(marts, protocol),
        safety.section(marts, protocol),
        patients.section(marts, protocol),
        paths.section(marts),
        definitions.section(marts, protocol),
    ]


def _page(
    marts: Marts,
    protocol: Protocol,
    parts: Sequence[Section],
    build: Row,
    has_index: bool = False,
) -> str:
    traces = quality.traces(marts, protocol)
    return _render(
        "dashboard.html.j2",
        protocol=protocol,
        sections=parts,
        figures={
            chart.id: chart.figure.to_plotly_json() for part in parts for chart in part.charts
        },
        outcomes=patients.OUTCOMES,
        trace_section=quality.trace_section(marts, protocol, len(traces)),
        traces=traces,
        quality_section=quality.quality_section(marts, build),
        build=build,
        input_files=marts.rows(_FILES),
        has_index=has_index,
    )


def _render(template: str, **context: Any) -> str:
    return _environment().get_template(template).render(**context)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["markup"] = lambda cell: isinstance(cell, Markup)
    environment.globals["plotly_js"] = _plotly_js
    return environment


def _plotly_js() -> Markup:
    """Return plotly.js as the wheel carries it, fit for a script element."""
    text = (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    return Markup(text.replace("</script", "<\\/script"))
