"""The audit: expectations over the private build, and a page that says what came of them.

The suites are data: `expectations/*.yml`, one file each. A suite's query makes a small table of
facts, without ids or dates, and Great Expectations checks what must be true of it. The page
replaces Great Expectations' own, which loads from the network: docs/decisions/0004-data-docs.md.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import jinja2
import yaml

from salvage.build import BuildResult, TestResult
from salvage.project import PROJECT_DIR

if TYPE_CHECKING:
    import pandas

EXPECTATIONS_DIR = PROJECT_DIR / "expectations"
_TEMPLATES_DIR = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Expectation:
    """One thing that must be true of a suite's rows.

    Attributes:
        name: the guard's name, unique among all suites.
        type: Great Expectations' name of the check.
        kwargs: its arguments.
        where: a column and the value that it has in the rows asked; empty asks every row.
        meaning: one sentence for a clinical reader.
    """

    name: str
    type: str
    kwargs: dict[str, Any]
    where: dict[str, Any]
    meaning: str


@dataclass(frozen=True)
class Suite:
    """Expectations over the rows of one query on the private warehouse.

    Attributes:
        name: the suite's name.
        description: what its rows are, for a clinical reader.
        query: SQL (DuckDB) over schema `marts` and the protocol's rules in `intermediate`.
        expectations: what must be true of the rows.
    """

    name: str
    description: str
    query: str
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of one expectation.

    Attributes:
        expectation: the expectation.
        n_checked: rows that it was asked of, without those whose value is NULL; None where it
            could not be checked.
        n_wrong: rows that break it; None where it could not be checked.
    """

    expectation: Expectation
    n_checked: int | None = None
    n_wrong: int | None = None

    @property
    def passed(self) -> bool:
        """Was it checked, and does every row keep it? Without rows it holds."""
        return self.n_wrong == 0


@dataclass(frozen=True)
class SuiteResult:
    """What came of one suite.

    Attributes:
        suite: the suite.
        outcomes: one for each expectation, in the suite's order.
        problem: why its expectations could not be checked; empty where they could.
    """

    suite: Suite
    outcomes: tuple[Outcome, ...]
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Was every expectation checked, and does each hold?"""
        return all(outcome.passed for outcome in self.outcomes)

    @property
    def failures(self) -> list[str]:
        """A sentence for each expectation that does not hold; one if none was checked."""
        if self.problem:
            return [f"{self.suite.name}: {self.problem}"]
        return [
            f"{self.suite.name}: {outcome.expectation.name} "
            + (
                "could not be checked. "
                if outcome.n_wrong is None
                else f"does not hold in {outcome.n_wrong} of {outcome.n_checked} rows. "
            )
            + outcome.expectation.meaning
            for outcome in self.outcomes
            if not outcome.passed
        ]


@dataclass(frozen=True)
class AuditResult:
    """The audit's verdict.

    Attributes:
        passed: may the marts be published?
        failures: a sentence for each guard that does not hold or was not checked; it names the
            guard and never a patient's value.
        n_checks: how many guards there are: data tests and expectations.
    """

    passed: bool
    failures: list[str]
    n_checks: int


def run_audit(warehouse: Path, build: BuildResult, data_docs: Path) -> AuditResult:
    """Audit the private build and write `data_docs/index.html`.

    Args:
        warehouse: the private DuckDB file; only read.
        build: outcome of the dbt build and its data tests, which are part of the verdict.
        data_docs: folder of the page; created where absent.
    """
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            results = run_suites(connection, load_suites())
    except duckdb.IOException:
        problem = "not checked, since there is no warehouse to read."
        results = [_unchecked(suite, problem) for suite in load_suites()]
    failures = [
        *(f"dbt: {error}" for error in build.errors),
        *(_test_failure(test) for test in build.tests if not test.passed),
        *(failure for result in results for failure in result.failures),
    ]
    data_docs.mkdir(parents=True, exist_ok=True)
    page = _page(results, build, failures)
    (data_docs / "index.html").write_text(page, encoding="utf-8")
    n_checks = len(build.tests) + sum(len(result.outcomes) for result in results)
    return AuditResult(passed=not failures, failures=failures, n_checks=n_checks)


def load_suites(folder: Path = EXPECTATIONS_DIR) -> list[Suite]:
    """Return the suites of a folder, sorted by file name."""
    return [
        _suite(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("*.yml"))
    ]


def _suite(content: dict[str, Any]) -> Suite:
    return Suite(
        name=content["name"],
        description=content["description"].strip(),
        query=content["query"],
        expectations=tuple(
            Expectation(
                name=entry["name"],
                type=entry["type"],
                kwargs=entry["kwargs"],
                where=entry.get("where", {}),
                meaning=entry["meaning"].strip(),
            )
            for entry in content["expectations"]
        ),
    )


def run_suites(connection: duckdb.DuckDBPyConnection, suites: Sequence[Suite]) -> list[SuiteResult]:
    """Run suites, in one Great Expectations context, on an open private warehouse.

    Peak memory is that of the largest suite's rows: one each analysis episode or event.
    """
    return list(_run_each(connection, suites))


def _run_each(
    connection: duckdb.DuckDBPyConnection, suites: Sequence[Suite]
) -> Iterator[SuiteResult]:
    validator = None
    for suite in suites:
        try:
            frame = _frame(connection, suite.query)
        # DuckDB's own words are not repeated: they may hold a value.
        except duckdb.CatalogException:
            yield _unchecked(suite, "not checked, since a table that it reads was not built.")
            continue
        except duckdb.Error as error:
            kind = type(error).__name__
            yield _unchecked(suite, f"not checked, since its query failed ({kind}).")
            continue
        validator = validator or _Validator()
        yield SuiteResult(suite, validator.outcomes(suite, frame))


def _unchecked(suite: Suite, problem: str) -> SuiteResult:
    return SuiteResult(suite, tuple(map(Outcome, suite.expectations)), problem)


def _frame(connection: duckdb.DuckDBPyConnection, query: str) -> "pandas.DataFrame":
    """Return a query's rows with plain column types: NULL is NaN or None.

    With pandas' own nullable types a comparison with NULL is neither true nor false, and
    Great Expectations lets it pass.
    """
    frame = connection.execute(query).df()
    masked = frame.select_dtypes(["boolean", "Int8", "Int16", "Int32", "Int64"])
    return frame.astype(dict.fromkeys(masked.columns, "float64"))


class _Validator:
    """One Great Expectations context; it keeps nothing and asks the network for nothing."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        # Imported here: it costs six seconds, and a broken build should not wait for it.
        import great_expectations
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from great_expectations.expectations.row_conditions import Column

        self._column = Column
        # The module sets its own level at import, and would tell of a temporary folder.
        logging.getLogger(ProgressBarsConfig.__module__).setLevel(logging.WARNING)
        self._suite_of = great_expectations.ExpectationSuite
        context = great_expectations.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self._frames = context.data_sources.add_pandas("private warehouse")

    def outcomes(self, suite: Suite, frame: "pandas.DataFrame") -> tuple[Outcome, ...]:
        """Check a suite's rows; the results hold counts, never a row's value."""
        asset = self._frames.add_dataframe_asset(suite.name)
        batch = asset.add_batch_definition_whole_dataframe(suite.name).get_batch(
            {"dataframe": frame}
        )
        report = batch.validate(
            self._suite_of(
                name=suite.name,
                expectations=[self._configuration(entry) for entry in suite.expectations],
            ),
            result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
        )
        results = {result.expectation_config.meta["name"]: result for result in report.results}
        self._frames.delete_asset(suite.name)
        return tuple(_outcome(entry, results[entry.name]) for entry in suite.expectations)

    def _configuration(self, expectation: Expectation) -> dict[str, Any]:
        kwargs = dict(expectation.kwargs)
        for column, value in expectation.where.items():
            kwargs["row_condition"] = self._column(column) == value
        return {"type": expectation.type, "kwargs": kwargs, "meta": {"name": expectation.name}}


def _outcome(expectation: Expectation, result: Any) -> Outcome:
    counts = result.result
    if "unexpected_count" not in counts:
        return Outcome(expectation)
    n_asked = int(counts["element_count"]) - int(counts.get("missing_count", 0))
    return Outcome(expectation, n_asked, int(counts["unexpected_count"]))


def _test_failure(test: TestResult) -> str:
    return (
        f"dbt test {test.name} does not hold ({test.n_failures} rows). {test.description}".strip()
    )


def _page(results: Sequence[SuiteResult], build: BuildResult, failures: Sequence[str]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES_DIR),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["in_words"] = _in_words
    return environment.get_template("data_docs.html.j2").render(
        results=results,
        outcomes=[outcome for result in results for outcome in result.outcomes],
        tests=sorted(build.tests, key=lambda test: (test.passed, test.name)),
        errors=build.errors,
        failures=failures,
        audited_at=datetime.now(UTC),
    )


def _in_words(name: str) -> str:
    words = " ".join(name.replace("_", " ").split())
    return words[:1].upper() + words[1:] + "."
