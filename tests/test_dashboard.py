"""The dashboard in a real browser: what it asks for, says, draws and prints.

Every number of a page is compared with SQL written here, over the published file. The inputs are
the demo and, as so many protocols of one study, what may break a page (tests/awkward_study.py).
"""

import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader

from bench.hundred_thousand_patients import TABLES as TABLES_OF_MANY
from salvage.dashboard.page import write_dashboard
from salvage.project import DEMO_DIR, PROJECT_DIR
from salvage.publish import Provenance
from tests.awkward_study import awkward_study
from tests.browser import (
    CHARTS_FIT,
    CUT_TEXTS,
    DESKTOP,
    OVERLAPPING_TEXTS,
    PHONE,
    TOO_WIDE,
    WIDTHS,
    Visit,
    chromium,
    visit,
)
from tests.harness import Warehouse, named_rows

PROTOCOLS = tuple(str(row["protocol_id"]) for row in awkward_study().rows["protocols"])
CHARTS = (
    *("attrition", "remission", "remission_survival", "colectomy_free_survival"),
    *("adverse_events", "adverse_event_terms", "swimmer", "treatment_paths", "definitions"),
)
# More than are drawn, listed and searched; 100,000 in bench/dashboard_of_many.py.
MANY = 3000
SCREENSHOTS = PROJECT_DIR / "screenshots"

Row = dict[str, Any]


class Study:
    """A publication and the pages made from it."""

    def __init__(self, published: Path, folder: Path) -> None:
        self.database = published / "salvage.duckdb"
        self.folder = folder
        write_dashboard(published, folder)

    def rows(self, sql: str, **parameters: object) -> list[Row]:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return named_rows(connection.execute(sql, parameters or None))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def studies(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The demo, the awkward study and one of many patients."""
    folder = tmp_path_factory.mktemp("studies")
    awkward_study().write(folder / "awkward")
    (folder / "many").mkdir()
    for table, query in TABLES_OF_MANY.items():
        rows = duckdb.sql(query.replace("{n}", str(MANY)))
        rows.write_csv(str(folder / "many" / f"{table}.csv"))
    inputs = {
        "demo": (DEMO_DIR, Provenance("demo", None, 579)),
        "awkward": (folder / "awkward", Provenance("files", None, 579)),
        "many": (folder / "many", Provenance("files", None, 579)),
    }
    return {
        name: Study(
            warehouse.publish_folder(
                path, lambda sentence: None, folder / f"{name}_output", provenance
            ),
            folder / f"{name}_dashboard",
        )
        for name, (path, provenance) in inputs.items()
    }


# ---- Every page, at every width ------------------------------------------------------------------

PAGES = {
    "demo": ("demo", "index.html"),
    "index": ("awkward", "index.html"),
    "many": ("many", "index.html"),
    **{name: ("awkward", f"protocol-{n}.html") for n, name in enumerate(PROTOCOLS, 1)},
}


class Tabs:
    """The pages, each in a tab of its own that is opened on a phone and made wider after."""

    def __init__(self, browser: Browser, studies: dict[str, Study], stack: ExitStack) -> None:
        self.browser, self.studies, self.stack = browser, studies, stack
        self.visits: dict[str, Visit] = {}

    def path(self, page: str) -> Path:
        study, file = PAGES[page]
        return self.studies[study].folder / file

    def at(self, page: str, width: int) -> Visit:
        if page not in self.visits:
            seen = visit(self.browser, self.path(page), PHONE)
            self.visits[page] = self.stack.enter_context(seen)
        if self.visits[page].width != width:
            self.visits[page].resize(width)
        return self.visits[page]


@pytest.fixture(scope="module")
def tabs(browser: Browser, studies: dict[str, Study]) -> Iterator[Tabs]:
    with ExitStack() as stack:
        yield Tabs(browser, studies, stack)


@pytest.fixture(
    scope="module",
    params=[(page, width) for page in PAGES for width in WIDTHS],
    ids=lambda parameter: f"{parameter[0]}-{parameter[1]}",
)
def opened(request: pytest.FixtureRequest, tabs: Tabs) -> Visit:
    return tabs.at(*request.param)


def test_page_asks_for_nothing_but_itself(opened: Visit) -> None:
    assert opened.requests == [opened.page.url]


def test_page_names_no_other_address_but_in_links(opened: Visit) -> None:
    """A browser may resolve a name or open a connection without a request that tests can see."""
    outside = """
        () => [...document.querySelectorAll('[src], [href], [srcset], [action], [poster], [data]')]
            .filter(element => element.tagName !== 'A')
            .flatMap(element => ['src', 'href', 'srcset', 'action', 'poster', 'data']
                .map(name => element.getAttribute(name)))
            .filter(address => address && !/^(#|data:)/.test(address))
    """
    assert opened.js(outside) == []


def test_page_complains_of_nothing(opened: Visit) -> None:
    assert opened.complaints == []
    assert opened.js("() => window.broken") is None


def test_page_is_accessible(opened: Visit) -> None:
    assert opened.axe_violations() == []


def test_page_does_not_scroll_sideways(opened: Visit) -> None:
    assert opened.js(TOO_WIDE) == []
    assert opened.js("() => document.documentElement.scrollWidth - innerWidth") <= 0


def test_every_chart_is_drawn_whole_and_can_be_read_without_it(opened: Visit) -> None:
    for figure in opened.page.query_selector_all("figure.chart"):
        plot = figure.query_selector(".plot")
        assert plot is not None
        name = plot.get_attribute("id")
        drawn = plot.evaluate("plot => plot.querySelectorAll('path, text').length")
        assert drawn > 0, name
        assert plot.evaluate(CUT_TEXTS) == [], name
        assert plot.evaluate(OVERLAPPING_TEXTS) == [], name
        # No legend has to be scrolled.
        bars = "plot => [...plot.querySelectorAll('.scrollbar')].map(bar => bar.getBBox().height)"
        assert not any(plot.evaluate(bars)), name
        assert plot.get_attribute("role") == "img"
        assert len(plot.get_attribute("aria-label") or "") > 20, name
        caption = figure.query_selector("figcaption")
        assert caption is not None and caption.inner_text().strip(), name
        rows = "figure => figure.querySelectorAll('details.data table tbody tr').length"
        assert figure.evaluate(rows) > 0, name


# ---- Every number --------------------------------------------------------------------------------

NUMBER = re.compile(r"(<\s*)?(-?[\d,]+(?:\.\d+)?)(%?)")
# Cells of a table's body: text, and the values that stand behind its numbers.
CELLS = """
    table => [...table.tBodies].flatMap(body => [...body.rows]).map(row => [...row.cells].map(
        cell => ({
            text: cell.textContent.trim(),
            values: [cell, ...cell.querySelectorAll('data')]
                .map(element => element.dataset.value ?? element.getAttribute('value'))
                .filter(value => value !== null)
                .map(Number),
        })))
"""
# Each text that stands for a number, and the number.
SHOWN = """
    () => [...document.querySelectorAll('data, td[data-value], th[data-value]')].map(
        element => [element.textContent.trim(), element.dataset.value ?? element.value])
"""

# The course of each patient of the analysis set, in days since salvage; no input has a cut-off.
COURSES = """
    with courses as (
        select
            patient_id,
            arm_id,
            gap_days,
            [-datediff('day', failed_era_start_date, salvage_start_date), -gap_days] as first_drug,
            [0, datediff('day', salvage_start_date, salvage_end_date)] as second_drug,
            case when is_remission then [
                datediff('day', salvage_start_date, remission_start_date),
                datediff('day', salvage_start_date, remission_end_date)
            ] end as remission,
            [0, datediff(
                'day', salvage_start_date, greatest(observation_end_date, death_date)
            )] as observed,
            datediff('day', salvage_start_date, death_date) as died,
            datediff('day', salvage_start_date, colectomy_date) as colectomy,
            loss_reason
        from marts.fct_salvage_episodes
        join marts.fct_remissions using (protocol_id, arm_id, patient_id, salvage_start_date)
        join marts.dim_patients using (patient_id)
        where protocol_id = $protocol and is_in_analysis_set
    )
"""
# Table by table, from the marts: the name that leads a row, where it is one of the study's, and
# the row's numbers in their order. A bound or rate that there is not is left out of the page.
TABLES = {
    "attrition": """
        select null, [n_remaining, n_excluded]
        from marts.agg_cohort_attrition where protocol_id = $protocol order by step_number
    """,
    "remission": """
        select arm_label, [
            n_remissions, n_patients, remission_rate, wilson_low, wilson_high,
            exact_low, exact_high, mean_months, min_months, max_months
        ]
        from marts.agg_remission_by_arm where protocol_id = $protocol
        order by arm_id = 'all', arm_id
    """,
    **{
        table: f"""
            select arm_label, [
                horizon_months, n_at_risk, survival, ci_low, ci_high,
                restricted_mean_days, restricted_mean_low_days, restricted_mean_high_days
            ]
            from marts.agg_survival_at_horizons
            where protocol_id = $protocol and outcome = '{outcome}'
            order by arm_id = 'all', arm_id, horizon_months
        """
        for table, outcome in (
            ("remission_survival", "remission"),
            ("colectomy_free_survival", "colectomy_free"),
        )
    },
    "adverse_events": """
        select arm_label, [
            n_patients, n_patients_with_sae, sae_rate, wilson_low, wilson_high,
            exact_low, exact_high, n_sae_events, n_deaths,
            rate_per_100_person_years, rate_low, rate_high
        ]
        from marts.agg_adverse_events_by_arm where protocol_id = $protocol
        order by arm_id = 'all', arm_id
    """,
    "adverse_event_terms": """
        select event_term, [
            n_patients, n_patients_with_event, rate, wilson_low, wilson_high, n_events
        ]
        from marts.agg_adverse_events_by_term as by_term
        where protocol_id = $protocol
        order by
            (
                select n_patients_with_event from marts.agg_adverse_events_by_term as total
                where total.protocol_id = by_term.protocol_id and total.arm_id = 'all'
                    and total.event_term = by_term.event_term
            ) desc,
            event_term, arm_id = 'all', arm_id
    """,
    "swimmer": f"""
        {COURSES}
        select patient_id, [gap_days, remission[1], remission[2], colectomy, observed[2], died]
        from courses order by arm_id, observed[2] desc, patient_id
    """,
    "treatment_paths": """
        select array_to_string(path, ' → '), [n_patients]
        from marts.agg_treatment_paths order by n_patients desc, path, ended_by limit 25
    """,
    "definitions": """
        select null, [other.window_days, other.n_patients, other.n_remissions,
            other.remission_rate, other.wilson_low, other.wilson_high]
        from marts.agg_definition_sensitivity as own
        join marts.agg_definition_sensitivity as other on
            own.protocol_id = other.protocol_id
            and own.arm_id = other.arm_id
            and own.is_window_inclusive = other.is_window_inclusive
            and own.max_overlap_days = other.max_overlap_days
            and own.require_failure = other.require_failure
            and own.remission_within_days is not distinct from other.remission_within_days
        where own.protocol_id = $protocol and own.arm_id = 'all' and own.is_protocol_definition
            and (other.window_days is not null or other.is_protocol_definition)
        order by other.window_days nulls last
    """,
    "ledger": """
        select table_name, [
            n_records, n_accepted, n_collapsed, n_quarantined, n_quarantined / n_records
        ]
        from marts.dq_row_ledger order by table_name, file_name
    """,
    "quarantine": """
        select table_name, [count(*)] from marts.dq_quarantine
        group by table_name, reason, column_name
        order by count(*) desc, table_name, reason, column_name
    """,
    "unmapped": """
        select table_name, [count(*)] from marts.dq_unmapped_names
        group by table_name order by table_name
    """,
}


def protocol_of(page: str) -> str:
    return "uc_rescue" if page == "demo" else page


@pytest.fixture(scope="module", params=["demo", *PROTOCOLS])
def read(request: pytest.FixtureRequest, tabs: Tabs) -> tuple[str, Study, Visit]:
    """A protocol, its study and its page."""
    page = request.param
    return protocol_of(page), tabs.studies[PAGES[page][0]], tabs.at(page, DESKTOP)


def test_every_number_is_shown_as_its_value_rounded(read: tuple[str, Study, Visit]) -> None:
    shown = read[2].js(SHOWN)
    assert len(shown) > 50
    for text, value in shown:
        match = NUMBER.fullmatch(text)
        assert match, (text, value)
        is_below, digits, percent = match.groups()
        number, exact = float(digits.replace(",", "")), float(value) * (100 if percent else 1)
        half = 0.5 * 10.0 ** -len(digits.partition(".")[2])
        if is_below:
            assert exact < number, (text, value)
        else:
            assert abs(number - exact) <= half * (1 + 1e-9), (text, value)


def test_no_number_of_a_table_stands_without_its_value(read: tuple[str, Study, Visit]) -> None:
    for table in read[2].page.query_selector_all("table"):
        for cell in (cell for row in table.evaluate(CELLS) for cell in row):
            if re.fullmatch(r"[<\s]*[\d.,]+%?(\s*[-–]\s*[\d.,]+%?)?", cell["text"]):
                assert cell["values"], cell


def test_tables_say_what_the_marts_do(read: tuple[str, Study, Visit]) -> None:
    protocol, study, seen = read
    for name, sql in TABLES.items():
        parameters = {"protocol": protocol} if "$protocol" in sql else {}
        expected = [tuple(row.values()) for row in study.rows(sql, **parameters)]
        table = seen.page.query_selector(f"#table-{name}")
        if table is None:
            # Nothing to tell, and the section says so.
            assert expected == [], name
            continue
        rows = table.evaluate(CELLS)
        # Below the cohort's arms stand the published studies.
        if name == "remission":
            rows, published = rows[: len(expected)], rows[len(expected) :]
            assert_published_studies(protocol, study, published)
        assert len(rows) == len(expected), name
        for row, (label, numbers) in zip(rows, expected, strict=True):
            assert label is None or row[0]["text"] == " ".join(label.split()), name
            shown = [value for cell in row for value in cell["values"]]
            assert shown == [number for number in numbers if number is not None], (name, row)


def assert_published_studies(protocol: str, study: Study, rows: list[list[Row]]) -> None:
    """Each study's count of remissions where it prints one, else its percentage."""
    figures = study.rows(
        """
        select study_id, direction, measure, published_n, published_rate, published_low,
            published_high
        from marts.agg_published_comparison
        where protocol_id = $protocol and measure in ('n_remissions', 'remission_percent')
            and published_rate is not null and arm_id is not null
        order by study_id, direction, measure
        """,
        protocol=protocol,
    )
    first: dict[tuple[str, str], Row] = {}
    for figure in figures:
        first.setdefault((figure["study_id"], figure["direction"]), figure)
    assert len(rows) == len(first)
    for row, ((study_id, _), figure) in zip(rows, first.items(), strict=True):
        author, year = study_id.split("_")[0], study_id.split("_")[-1]
        assert author in row[0]["text"].lower() and year in row[0]["text"]
        numbers = [figure[f"published_{name}"] for name in ("n", "rate", "low", "high")]
        shown = [value for cell in row for value in cell["values"]]
        assert shown == [number for number in numbers if number is not None], row


# ---- What is said --------------------------------------------------------------------------------

# Section by section: the numbers that its finding has to give, and those that it may give too.
FINDINGS = {
    "cohort": (
        """
        select [last.n_remaining, first.n_remaining, last.n_remaining / first.n_remaining]
        from marts.agg_cohort_attrition as first
        join marts.agg_cohort_attrition as last using (protocol_id)
        where protocol_id = $protocol and first.step_number = 1
        order by last.step_number desc limit 1
        """,
        "select list(n_excluded) from marts.agg_cohort_attrition where protocol_id = $protocol",
    ),
    "arms": (
        """
        select case when n_patients > 0
            then [n_remissions, n_patients, remission_rate, wilson_low, wilson_high] else [] end
        from marts.agg_remission_by_arm where protocol_id = $protocol and arm_id = 'all'
        """,
        """
        select list(p_value) from marts.agg_arm_comparison
        where protocol_id = $protocol and outcome = 'remission'
        """,
    ),
    "duration": (
        """
        select case when n_remissions > 0
            then [n_remissions, km_median_months, km_median_low_months, km_median_high_months]
            else [] end
        from marts.agg_remission_by_arm where protocol_id = $protocol and arm_id = 'all'
        """,
        """
        select list(p_value) from marts.agg_arm_comparison
        where protocol_id = $protocol and outcome = 'remission_duration'
        """,
    ),
    "colectomy": (
        """
        select [horizon_months, survival, ci_low, ci_high, n_at_risk, n_patients]
        from marts.agg_survival_at_horizons
        where protocol_id = $protocol and outcome = 'colectomy_free' and arm_id = 'all'
            and survival is not null and horizon_months <= 12
        order by horizon_months desc limit 1
        """,
        """
        select list(p_value) from marts.agg_arm_comparison
        where protocol_id = $protocol and outcome = 'colectomy_free_survival'
        """,
    ),
    "safety": (
        """
        select case when n_patients > 0
            then [n_patients_with_sae, n_patients, sae_rate, wilson_low, wilson_high, n_deaths]
            else [] end
        from marts.agg_adverse_events_by_arm where protocol_id = $protocol and arm_id = 'all'
        """,
        """
        select list(p_value) from marts.agg_arm_comparison
        where protocol_id = $protocol and outcome = 'serious_adverse_event'
        """,
    ),
    "patients": (
        """
        select case when count(*) > 0 then [
            count(*) filter (where is_remission), count(*),
            count(*) filter (where is_remission and is_censored),
            count(*) filter (where death_date <= observation_end_date)
        ] else [] end
        from marts.fct_remissions join marts.dim_patients using (patient_id)
        where protocol_id = $protocol
        """,
        "select []",
    ),
    "paths": (
        """
        select [
            count(*), max(n_patients), sum(n_patients), max(n_patients) / sum(n_patients)
        ]
        from marts.agg_treatment_paths
        """,
        "select []",
    ),
    "definitions": (
        """
        select case when count(remission_rate) > 0 then [
            count(*), min(remission_rate), max(remission_rate),
            max(remission_rate) filter (where is_protocol_definition)
        ] else [] end
        from marts.agg_definition_sensitivity
        where protocol_id = $protocol and arm_id = 'all'
        """,
        "select []",
    ),
    "trace": (
        """
        select [n_remaining, (select count(*) from marts.dim_patients),
            (select count(*) from marts.dim_patients) - n_remaining]
        from marts.agg_cohort_attrition
        where protocol_id = $protocol order by step_number desc limit 1
        """,
        "select []",
    ),
    "quality": (
        """
        select [sum(n_records), sum(n_accepted), sum(n_collapsed), sum(n_quarantined)]
        from marts.dq_row_ledger
        """,
        # The checks of the audit.
        "select [n_checks] from publication.build",
    ),
}


def test_findings_say_what_the_marts_do(read: tuple[str, Study, Visit]) -> None:
    protocol, study, seen = read
    sections = seen.js("() => [...document.querySelectorAll('main section')].map(s => s.id)")
    assert sections == list(FINDINGS)
    for section, (must, may) in FINDINGS.items():
        finding = seen.page.query_selector(f"#{section} .finding")
        assert finding is not None, section
        shown = finding.evaluate("p => [...p.querySelectorAll('data')].map(d => Number(d.value))")
        needed, allowed = (numbers(study, sql, protocol) for sql in (must, may))
        assert set(needed) <= set(shown) <= set(needed) | set(allowed), (section, finding)
        # No number stands in a sentence without its value; 95% is the intervals' level.
        words = finding.evaluate(
            """p => {
                const copy = p.cloneNode(true);
                copy.querySelectorAll('data').forEach(data => data.remove());
                return copy.textContent;
            }"""
        )
        if section != "paths":  # It names drugs, as they are written.
            assert not re.search(r"\d", words.replace("95% interval", "")), words


def numbers(study: Study, sql: str, protocol: str) -> list[float]:
    """The numbers of a query's one row; none where it has no row."""
    parameters = {"protocol": protocol} if "$protocol" in sql else {}
    rows = [next(iter(row.values())) for row in study.rows(sql, **parameters)]
    return [float(number) for number in (rows[0] or [] if rows else []) if number is not None]


# ---- What is drawn -------------------------------------------------------------------------------

TRACES = """
    plot => plot.data.map(trace => ({
        meta: trace.meta,
        name: trace.name,
        dash: trace.line?.dash,
        shape: trace.line?.shape,
        symbol: trace.marker?.symbol,
        colour: trace.line?.color ?? trace.marker?.color,
        points: Array.from(trace.x ?? [], (x, place) => [x, trace.y[place]]),
        high: Array.from(trace.error_x?.array ?? trace.error_y?.array ?? []),
        low: Array.from(trace.error_x?.arrayminus ?? trace.error_y?.arrayminus ?? []),
        customdata: Array.from(trace.customdata ?? []),
        text: trace.text,
        link: trace.link && {
            source: Array.from(trace.link.source),
            target: Array.from(trace.link.target),
            value: Array.from(trace.link.value),
        },
        nodes: trace.node && Array.from(trace.node.label),
    }))
"""
CURVES = {
    "remission_survival": "agg_remission_survival",
    "colectomy_free_survival": "agg_colectomy_free_survival",
}


def traces(seen: Visit, chart: str) -> list[Row]:
    """Plotly's traces of a chart as they are in the page; none where there is no chart."""
    plot = seen.page.query_selector(f"#plot-{chart}")
    return [] if plot is None else list(plot.evaluate(TRACES))


def of_role(drawn: list[Row], role: str, arm_id: str) -> Row:
    (trace,) = (t for t in drawn if t["meta"] == {"role": role, "arm_id": arm_id})
    return trace


@pytest.mark.parametrize("chart", CURVES)
def test_curves_go_through_the_points_of_the_mart(
    read: tuple[str, Study, Visit], chart: str
) -> None:
    protocol, study, seen = read
    steps = study.rows(
        f"from marts.{CURVES[chart]} where protocol_id = $protocol order by duration_days",
        protocol=protocol,
    )
    arms = study.rows(
        "select arm_id from marts.agg_remission_by_arm "
        "where protocol_id = $protocol and arm_id != 'all'",
        protocol=protocol,
    )
    drawn = traces(seen, chart)
    assert drawn
    n_curves = len({step["arm_id"] for step in steps} - {"all"})
    for arm_id in (arm["arm_id"] for arm in arms):
        of_arm = [step for step in steps if step["arm_id"] == arm_id]
        curve = of_role(drawn, "curve", arm_id)
        points = [point for point in curve["points"] if point != [None, None]]
        assert points == [[step["duration_days"], step["survival"]] for step in of_arm]
        assert curve["shape"] == "hv"
        marks = of_role(drawn, "censored", arm_id)
        censored = [step for step in of_arm if step["n_censored"]]
        assert marks["points"] == [[step["duration_days"], step["survival"]] for step in censored]
        assert marks["customdata"] == [step["n_censored"] for step in censored]
        for role, bound in (("band_low", "ci_low"), ("band_high", "ci_high")):
            if n_curves > 3:  # More bands would hide each other.
                assert not [t for t in drawn if (t["meta"] or {}).get("role") == role]
                continue
            band = of_role(drawn, role, arm_id)["points"]
            known = [[step["duration_days"], step[bound]] for step in of_arm if step[bound]]
            # The last known bound may be drawn on, to the day from which it is not known.
            assert [point for point in band if point in known] == known
            assert {level for _, level in band} <= {level for _, level in known}


@pytest.mark.parametrize("chart", CURVES)
def test_numbers_at_risk_are_counted_from_the_patients(
    read: tuple[str, Study, Visit], chart: str
) -> None:
    """At each tick: those whose time under observation, without the event, reaches that day."""
    protocol, study, seen = read
    drawn = traces(seen, chart)
    for trace in (t for t in drawn if (t["meta"] or {}).get("role") == "at_risk"):
        times = study.rows(
            f"""
            select duration_days, n_events + n_censored as n
            from marts.{CURVES[chart]} where protocol_id = $protocol and arm_id = $arm
            """,
            protocol=protocol,
            arm=trace["meta"]["arm_id"],
        )
        assert trace["points"]
        for (day, _), text in zip(trace["points"], trace["text"], strict=True):
            n_at_risk = sum(time["n"] for time in times if time["duration_days"] >= day)
            assert text == f"{n_at_risk:,}", (trace["meta"], day)


FORESTS = {
    "remission": """
        select arm_id, remission_rate as share, wilson_low, wilson_high
        from marts.agg_remission_by_arm where protocol_id = $protocol
    """,
    "adverse_events": """
        select arm_id, sae_rate as share, wilson_low, wilson_high
        from marts.agg_adverse_events_by_arm where protocol_id = $protocol
    """,
}


@pytest.mark.parametrize("chart", FORESTS)
def test_forests_show_rates_and_intervals_of_the_mart(
    read: tuple[str, Study, Visit], chart: str
) -> None:
    protocol, study, seen = read
    drawn = traces(seen, chart)
    for arm in study.rows(FORESTS[chart], protocol=protocol):
        trace = of_role(drawn, "cohort", arm["arm_id"])
        ((share, _),) = trace["points"]
        assert share == arm["share"]
        if share is None:
            assert not trace["low"] and not trace["high"]
        else:
            assert share - trace["low"][0] == pytest.approx(arm["wilson_low"], abs=1e-12)
            assert share + trace["high"][0] == pytest.approx(arm["wilson_high"], abs=1e-12)


def test_attrition_shows_every_step(read: tuple[str, Study, Visit]) -> None:
    protocol, study, seen = read
    steps = study.rows(
        "from marts.agg_cohort_attrition where protocol_id = $protocol order by step_number",
        protocol=protocol,
    )
    remaining, excluded = traces(seen, "attrition")
    assert remaining["customdata"] == [step["n_remaining"] for step in steps]
    assert excluded["customdata"] == [step["n_excluded"] for step in steps[1:]]
    shown = seen.page.locator("#plot-attrition").text_content() or ""
    for step in steps[1:]:
        assert f"n = {step['n_remaining']:,}" in shown and f"n = {step['n_excluded']:,}" in shown


def test_lanes_show_each_course(read: tuple[str, Study, Visit]) -> None:
    protocol, study, seen = read
    courses = study.rows(f"{COURSES} from courses", protocol=protocol)
    events = study.rows(
        """
        select patient_id, datediff('day', salvage_start_date, onset_date) as day
        from marts.fct_adverse_events
        join marts.fct_remissions using (protocol_id, arm_id, patient_id)
        where protocol_id = $protocol and is_serious and attribution = 'treatment_emergent'
        """,
        protocol=protocol,
    )
    drawn = {trace["meta"]["role"]: trace for trace in traces(seen, "swimmer")}
    expected: dict[str, list[tuple[str, int]]] = {
        role: [(row["patient_id"], day) for row in courses for day in row[column] or []]
        for role, column in (
            ("observed", "observed"),
            ("first drug", "first_drug"),
            ("second drug", "second_drug"),
            ("remission", "remission"),
        )
    }
    expected["serious adverse event"] = [(row["patient_id"], row["day"]) for row in events]
    expected["death"] = [(r["patient_id"], r["died"]) for r in courses if r["died"] is not None]
    expected["end of observation"] = [
        (row["patient_id"], row["observed"][1]) for row in courses if row["died"] is None
    ]
    expected["colectomy"] = [
        (r["patient_id"], r["colectomy"]) for r in courses if r["colectomy"] is not None
    ]
    for role, reason in (("relapse", "relapse"), ("new rescue drug", "new_rescue_therapy")):
        expected[role] = [
            (row["patient_id"], row["remission"][1])
            for row in courses
            if row["loss_reason"] == reason
        ]
    assert set(drawn) <= set(expected)
    lanes = lanes_of(seen)
    for role, days in expected.items():
        trace = drawn.get(role, {"points": [], "customdata": []})
        points = [
            (patient, x, y)
            for patient, (x, y) in zip(trace["customdata"], trace["points"], strict=True)
            if x is not None
        ]
        assert sorted((patient, x) for patient, x, _ in points) == sorted(days), role
        # In the lane that bears the patient's name, shortened where it is long.
        assert all(lanes[y][-6:] == patient[-6:] for patient, _, y in points)


def test_every_patient_on_a_path_reaches_an_end(read: tuple[str, Study, Visit]) -> None:
    _, study, seen = read
    (sankey,) = traces(seen, "treatment_paths")
    link, nodes = sankey["link"], sankey["nodes"]
    flows = list(zip(link["source"], link["target"], link["value"], strict=True))
    into = [sum(n for _, target, n in flows if target == node) for node in range(len(nodes))]
    out_of = [sum(n for source, _, n in flows if source == node) for node in range(len(nodes))]
    ends = study.rows(
        "select ended_by, sum(n_patients) as n from marts.agg_treatment_paths group by all"
    )
    assert {
        re.sub(" |<br>", "_", nodes[node]): into[node]
        for node in range(len(nodes))
        if not out_of[node]
    } == {end["ended_by"]: end["n"] for end in ends}
    # What comes into a treatment goes on, but for the first line's, where the patients begin.
    first = [node for node in range(len(nodes)) if not into[node]]
    assert sum(out_of[node] for node in first) == sum(end["n"] for end in ends)
    assert all(into[n] == out_of[n] for n in range(len(nodes)) if into[n] and out_of[n])


def test_definitions_show_every_rate_and_mark_the_protocols_own(
    read: tuple[str, Study, Visit],
) -> None:
    protocol, study, seen = read
    definitions = study.rows(
        "from marts.agg_definition_sensitivity where protocol_id = $protocol and arm_id = 'all'",
        protocol=protocol,
    )
    drawn = {trace["meta"]["role"]: trace for trace in traces(seen, "definitions")}
    points = [*drawn["other"]["points"], *drawn["own_choices"]["points"]]
    shown = sorted(((x, y) for x, y in points if x is not None), key=str)
    expected = [(row["window_days"], row["remission_rate"]) for row in definitions]
    assert shown == sorted((point for point in expected if point[0] is not None), key=str)
    (own,) = (row for row in definitions if row["is_protocol_definition"])
    assert drawn["own"]["points"] == [[own["window_days"] or 0, own["remission_rate"]]]


@pytest.mark.parametrize("chart", ["remission", "remission_survival", "adverse_events"])
def test_names_of_arms_stand_in_the_charts_as_they_are(
    read: tuple[str, Study, Visit], chart: str
) -> None:
    """Cut where they are long, but neither mark-up nor a template nor a formula."""
    protocol, study, seen = read
    texts = seen.page.locator(f"#plot-{chart} svg text").all_text_contents()
    for arm in study.rows(
        "select arm_label from marts.agg_remission_by_arm "
        "where protocol_id = $protocol and arm_id != 'all'",
        protocol=protocol,
    ):
        beginning = arm["arm_label"][:12].strip()
        assert any(text.startswith(beginning) for text in texts), (arm, texts)


def test_arms_differ_by_more_than_colour(read: tuple[str, Study, Visit]) -> None:
    """By dash or, where there are more arms than dashes, by dash and colour."""
    _, _, seen = read
    for chart in CURVES:
        curves = [t for t in traces(seen, chart) if (t["meta"] or {}).get("role") == "curve"]
        looks = [curve["dash"] for curve in curves]
        if len(curves) > 6:
            looks = [(curve["dash"], curve["colour"]) for curve in curves]
        assert len(set(looks)) == len(curves)


# ---- The index -----------------------------------------------------------------------------------


def test_index_leads_to_every_protocol(tabs: Tabs) -> None:
    seen = tabs.at("index", PHONE)
    links = seen.page.locator("main a")
    assert links.all_text_contents() == sorted(PROTOCOLS)
    for number, protocol in enumerate(sorted(PROTOCOLS), 1):
        assert links.nth(number - 1).get_attribute("href") == f"protocol-{number}.html"
        assert tabs.path(protocol).name == f"protocol-{number}.html"
        of_protocol = tabs.at(protocol, PHONE).page
        assert of_protocol.locator("header strong").inner_text() == protocol
        back = of_protocol.get_by_role("link", name="All protocols")
        assert back.get_attribute("href") == "index.html"


# ---- The demo: every chart, filters, search, print -----------------------------------------------


@pytest.fixture(scope="module")
def demo(browser: Browser, tabs: Tabs) -> Iterator[Visit]:
    with visit(browser, tabs.path("demo"), DESKTOP, reduced_motion="reduce") as seen:
        yield seen


def test_demo_has_every_chart_and_says_that_it_is_synthetic(demo: Visit) -> None:
    charts = demo.js("() => [...document.querySelectorAll('figure.chart')].map(f => f.id)")
    assert sorted(charts) == sorted(f"figure-{chart}" for chart in CHARTS)
    assert "ynthetic" in demo.page.locator("header").inner_text()


def test_foot_names_the_build(demo: Visit, studies: dict[str, Study]) -> None:
    foot = demo.page.locator("footer#build").inner_text()
    ledger = studies["demo"].rows("from marts.dq_row_ledger")
    assert all(row["file_sha256"] in foot for row in ledger)
    (build,) = studies["demo"].rows(
        "select distinct comment from duckdb_tables() where schema_name = 'marts'"
    )
    assert build["comment"] in foot
    for word in ("28 days", "90 days", "30 days", "ulcerative colitis", "DuckDB 1.", "dbt 1."):
        assert word in foot, word


def lanes_of(seen: Visit) -> list[str]:
    """The patients whose lanes are to be seen, from top to bottom."""
    return seen.page.locator("#plot-swimmer .ytick text").all_text_contents()


def tab_to(seen: Visit, element_id: str) -> None:
    """Go on by the tabulator until the element has the focus."""
    seen.js("() => document.activeElement.blur()")
    for _ in range(200):
        seen.page.keyboard.press("Tab")
        if seen.js("() => document.activeElement.id") == element_id:
            return
    raise AssertionError(f"{element_id} cannot be reached by the keyboard")


LANES = """
    select patient_id from marts.fct_remissions
    where protocol_id = 'uc_rescue' and ($arm = '' or arm_id = $arm) and (
        $outcome = ''
        or $outcome = 'none' and not is_remission
        or $outcome = 'lost' and is_remission and not is_censored
        or $outcome = 'kept' and is_remission and is_censored
    )
"""


def test_lanes_are_filtered_by_keyboard(demo: Visit, studies: dict[str, Study]) -> None:
    page = demo.page

    def expected(arm: str, outcome: str) -> list[str]:
        return sorted(
            row["patient_id"] for row in studies["demo"].rows(LANES, arm=arm, outcome=outcome)
        )

    assert sorted(lanes_of(demo)) == expected("", "")
    seen = set()
    tab_to(demo, "swimmer-arm")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
        arm = page.locator("#swimmer-arm").input_value()
        assert sorted(lanes_of(demo)) == expected(arm, "") != expected("", "")
        seen.add(arm)
    assert len(seen) == 2
    tab_to(demo, "swimmer-outcome")
    outcomes = set()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
        outcome = page.locator("#swimmer-outcome").input_value()
        outcomes.add(outcome)
        assert sorted(lanes_of(demo)) == expected(arm, outcome)
        # What is drawn belongs to the lanes that are to be seen.
        drawn = {patient for t in traces(demo, "swimmer") for patient in t["customdata"]}
        assert drawn == set(expected(arm, outcome))
    assert outcomes == {"kept", "lost", "none"}
    for select in ("swimmer-outcome", "swimmer-arm"):
        tab_to(demo, select)
        page.keyboard.press("Home")
    assert sorted(lanes_of(demo)) == expected("", "")
    assert demo.complaints == []


def test_trace_is_searched_and_opened_by_keyboard(demo: Visit, studies: dict[str, Study]) -> None:
    patients = "() => [...document.querySelectorAll('#trace-list .patient')]"
    shown = patients + ".filter(item => item.checkVisibility()).map(item => item.dataset.patient)"
    everybody = [row["patient_id"] for row in studies["demo"].rows("from marts.dim_patients")]
    assert sorted(demo.js(shown)) == sorted(everybody)
    tab_to(demo, "trace-search")
    demo.page.keyboard.type("p02")
    assert sorted(demo.js(shown)) == [name for name in sorted(everybody) if "P02" in name]
    demo.page.keyboard.type("7")
    assert demo.js(shown) == ["P027"]
    demo.page.keyboard.press("Tab")
    demo.page.keyboard.press("Enter")
    opened = demo.page.locator("#trace-list .patient[open]")
    assert opened.get_attribute("data-patient") == "P027"
    said = " ".join((opened.inner_text()).split())
    for row in studies["demo"].rows(
        "select explanation from marts.fct_decision_trace where patient_id = 'P027'"
    ):
        assert row["explanation"] in said
    tab_to(demo, "trace-search")
    for _ in range(4):
        demo.page.keyboard.press("Backspace")
    assert sorted(demo.js(shown)) == sorted(everybody)


def test_nothing_moves_for_those_who_want_less_motion(demo: Visit) -> None:
    assert demo.js("() => getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert demo.js("() => document.getAnimations().length") == 0


A4 = (595.0, 842.0)  # points


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_demo_prints_on_at_most_eight_pages_and_whole(
    tabs: Tabs, tmp_path: Path, width: int
) -> None:
    seen = tabs.at("demo", width)
    texts = seen.js(
        "() => [...document.querySelectorAll('.plot')].map(plot => [plot.id, "
        "[...plot.querySelectorAll('svg text')].map(text => text.textContent.trim())])"
    )
    n_links = len(traces(seen, "treatment_paths")[0]["link"]["value"])
    seen.page.pdf(path=tmp_path / "demo.pdf", format="A4", print_background=True)
    assert seen.complaints == []
    # On the screen all is as it was before.
    seen.page.wait_for_function(CHARTS_FIT)
    assert seen.js(TOO_WIDE) == []
    pages = PdfReader(tmp_path / "demo.pdf").pages
    assert len(pages) <= 8
    printed = []
    for page in pages:
        positions: list[tuple[str, float, float]] = []
        text = page.extract_text(visitor_text=partial(_note_position, positions))
        assert [p for p in positions if not (0 < p[1] < A4[0] and 0 < p[2] < A4[1])] == []
        printed.append(letters(text))
    for name, words in texts:
        # A chart stands on one page, with all its words but those that another width changes.
        missing = [[word for word in words if letters(word) not in page] for page in printed]
        fewest = min(missing, key=len)
        assert [word for word in fewest if not word.replace(",", "").isdecimal()] == [], name
        if name == "plot-treatment_paths":
            contents = pages[missing.index(fewest)].get_contents()
            assert contents is not None
            # Each band from one treatment to the next has two curves.
            assert len(re.findall(rb"\bc\s", contents.get_data())) >= 2 * n_links


def letters(text: str) -> str:
    """A text without its spaces; fonts have one sign for some pairs of letters."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _note_position(
    positions: list[tuple[str, float, float]],
    text: str,
    cm: list[float],
    tm: list[float],
    font: object,
    size: float,
) -> None:
    """Note where on the page a text begins, in points."""
    if text.strip():
        x = cm[0] * tm[4] + cm[2] * tm[5] + cm[4]
        y = cm[1] * tm[4] + cm[3] * tm[5] + cm[5]
        positions.append((text, x, y))


# ---- Many patients -------------------------------------------------------------------------------


def test_page_of_many_patients_shows_a_sample_and_says_so(tabs: Tabs) -> None:
    assert tabs.path("many").stat().st_size <= 6_000_000
    seen, study = tabs.at("many", DESKTOP), tabs.studies["many"]
    (analysed,) = study.rows("select count(*) as n from marts.fct_remissions")
    n_lanes, n_listed = len(lanes_of(seen)), seen.page.locator("#trace-list .patient").count()
    assert 0 < n_lanes < analysed["n"] and 0 < n_listed < MANY
    sample = f"A sample: {n_lanes} of {analysed['n']:,} patients"
    assert sample in seen.page.locator("#figure-swimmer").inner_text()
    assert f"A sample: {n_listed} of {MANY:,} patients" in seen.page.locator("#trace").inner_text()


# ---- Screenshots, for eyes -----------------------------------------------------------------------


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_screenshots_are_written(tabs: Tabs, width: int) -> None:
    """Every part of the demo's page, into an ignored folder (make screenshots: of every page).

    That they look well no test can say: look at them.
    """
    for page in PAGES if os.environ.get("SALVAGE_SCREENSHOTS") == "all" else ["demo"]:
        folder = SCREENSHOTS / f"{page}-{width}"
        shutil.rmtree(folder, ignore_errors=True)
        parts = tabs.at(page, width).page.locator("header, main section, footer")
        for place in range(parts.count()):
            name = parts.nth(place).get_attribute("id") or f"part-{place}"
            parts.nth(place).screenshot(path=folder / f"{name}.png")
        assert len(list(folder.iterdir())) == parts.count() > 2


# ---- The guards bite -----------------------------------------------------------------------------


HARMLESS = "<!doctype html><html lang='en'><title>t</title><main><h1>t</h1>{}</main></html>"


@pytest.mark.parametrize(
    "harm",
    [
        "<script src='http://127.0.0.1:9/x.js'></script>",
        "<img alt='' src='picture.png'>",
        "<style>@import 'http://127.0.0.1:9/x.css';</style>",
        "<script>fetch('http://127.0.0.1:9/')</script>",
    ],
)
def test_request_is_seen(browser: Browser, tmp_path: Path, harm: str) -> None:
    assert len(requests_of(browser, tmp_path, "")) == 1
    assert len(requests_of(browser, tmp_path, harm)) == 2


def requests_of(browser: Browser, folder: Path, harm: str) -> list[str]:
    path = folder / "page.html"
    path.write_text(HARMLESS.format(harm), encoding="utf-8")
    with visit(browser, path, PHONE) as seen:
        seen.page.wait_for_load_state("networkidle")
        return seen.requests


@pytest.mark.parametrize(
    "harm",
    ["<script>throw new Error('x')</script>", "<script>console.error('x')</script>"],
)
def test_complaint_is_heard(browser: Browser, tmp_path: Path, harm: str) -> None:
    (tmp_path / "page.html").write_text(HARMLESS.format(harm), encoding="utf-8")
    with visit(browser, tmp_path / "page.html", PHONE) as seen:
        assert len(seen.complaints) == 1


def test_inaccessible_or_too_wide_page_is_seen(browser: Browser, tmp_path: Path) -> None:
    harm = "<img src='data:,'><p style='color: #ccc; width: 2000px'>pale and wide</p>"
    (tmp_path / "page.html").write_text(HARMLESS.format(harm), encoding="utf-8")
    with visit(browser, tmp_path / "page.html", PHONE) as seen:
        rules = {violation.partition(":")[0] for violation in seen.axe_violations()}
        assert {"image-alt", "color-contrast"} <= rules
        assert len(seen.js(TOO_WIDE)) == 1


def test_cut_and_covered_texts_are_seen(demo: Visit) -> None:
    plot = demo.page.query_selector("#plot-definitions")
    assert plot is not None
    assert plot.evaluate(CUT_TEXTS) == plot.evaluate(OVERLAPPING_TEXTS) == []
    spoil = """(plot, x) => Plotly.relayout(plot, {annotations: [
        {text: 'far too long'.repeat(9), x, xref: 'x', y: 0.5, showarrow: false},
        {text: 'another', x, xref: 'x', y: 0.5, showarrow: false},
    ]})"""
    demo.js(spoil.replace("(plot, x)", "([plot, x])"), [plot, 80])
    assert len(plot.evaluate(CUT_TEXTS)) == 1
    assert len(plot.evaluate(OVERLAPPING_TEXTS)) == 1
