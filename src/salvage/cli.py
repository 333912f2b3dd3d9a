"""The command `salvage` (SPEC 8)."""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Literal, NoReturn

import click
import duckdb

from salvage.build import BuildResult, dbt_build
from salvage.cdm import Cdm, attach_cdm, check_cdm, default_schema, refuse_password
from salvage.errors import FULL_DISK, NotPublishedError, SalvageError, first_line
from salvage.gate import load_folder
from salvage.project import CHECK_REPORTS, DEMO_DIR, public_marts
from salvage.publish import (
    KEPT_RELEASES,
    InputKind,
    Provenance,
    publish,
    refuse_foreign_publication,
)
from salvage.refresh import FullRebuildError, keep, note_persons, refresh, take_snapshot
from salvage.resources import (
    MEMORY_LIMIT,
    SPILL_FOLDER,
    THREADS,
    Resources,
    default_memory_limit,
    default_threads,
    duckdb_config,
)

_REFUSED = 2
_NOT_PUBLISHED = 1
_SHOWN_FAILURES = 20
_SHOWN_RECORDS = 50


_cutoff_option = click.option(
    "--data-cutoff-date",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Last day of data, YYYY-MM-DD; nothing after it is used.",
)


_output_option = click.option(
    "--output",
    "output_folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("output"),
    show_default=True,
    help="Folder with the results.",
)


@dataclass(frozen=True)
class _Study:
    """Where a study's records and rules come from.

    Attributes:
        folder: the study's folder; with a CDM, the folder of its rules, or None.
        cdm: the CDM; None: the folder holds the records.
        data_cutoff_date: last day of data, None: no cut-off.
    """

    folder: Path | None
    cdm: Cdm | None
    data_cutoff_date: datetime | None

    @property
    def input(self) -> InputKind:
        """What the records are, in the word that the publication says it with."""
        if self.cdm is not None:
            return "omop"
        is_demo = self.folder is not None and self.folder.resolve() == DEMO_DIR
        return "demo" if is_demo else "files"

    @property
    def variables(self) -> dict[str, str]:
        """The dbt vars that say so."""
        cutoff = f"{self.data_cutoff_date:%F}" if self.data_cutoff_date else ""
        if self.cdm is None:
            return {"input": "files", "data_cutoff_date": cutoff}
        return {
            "input": "omop",
            "omop": self.cdm.location,
            "omop_database": self.cdm.database,
            "omop_schema": self.cdm.schema,
            "data_cutoff_date": cutoff,
        }


def _memory_limit(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """Check a memory limit in DuckDB's words; none given: half of the machine's."""
    limit = value or default_memory_limit()
    try:
        duckdb.connect(config={"memory_limit": limit}).close()
    except duckdb.Error as error:
        raise click.BadParameter("write it as DuckDB does, e.g. 8GB or 512MiB.") from error
    return limit


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="salvage")
def main() -> None:
    """When the first rescue drug fails, what happens on the second?"""


@main.command()
@click.option(
    "--input",
    "input_folder",
    type=click.Path(path_type=Path),
    help="Folder with the study's files. Left out: the synthetic demo.",
)
@click.option(
    "--omop",
    help="OMOP CDM to read instead: a DuckDB file, a folder of Parquet files or a PostgreSQL "
    "address.",
)
@click.option(
    "--omop-database",
    default="cdm",
    show_default=True,
    help="Name by which the CDM is attached: the catalog of its tables.",
)
@click.option(
    "--omop-schema",
    help="Schema of the CDM's tables (of a folder of Parquet files: as it is).  "
    "[default: main; at a PostgreSQL address public]",
)
@click.option(
    "--protocol-dir",
    type=click.Path(path_type=Path),
    help="Folder with the study's own protocol, concept sets and rules, for --omop.",
)
@_output_option
@_cutoff_option
@click.option(
    "--full-refresh",
    is_flag=True,
    help="Rebuild every person, whether or not the records changed since the last run.",
)
@click.option(
    "--memory-limit",
    envvar=MEMORY_LIMIT,
    callback=_memory_limit,
    help="Most memory that DuckDB takes, e.g. 8GB; what does not fit goes to the disk.  "
    "[default: half of the machine's]",
)
@click.option(
    "--threads",
    envvar=THREADS,
    type=click.IntRange(min=1),
    help="Threads at work at once.  [default: one for each processor]",
)
@click.option(
    "--spill-folder",
    envvar=SPILL_FOLDER,
    type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
    help="Folder for what does not fit into memory.  [default: beside the private build]",
)
@click.option(
    "--strict", is_flag=True, help="Publish nothing where a record is quarantined (status 1)."
)
@click.option(
    "--keep",
    "n_kept",
    type=click.IntRange(min=1),
    default=KEPT_RELEASES,
    show_default=True,
    help="How many publications to keep, the new one included.",
)
def run(
    input_folder: Path | None,
    omop: str | None,
    omop_database: str,
    omop_schema: str | None,
    protocol_dir: Path | None,
    output_folder: Path,
    data_cutoff_date: datetime | None,
    full_refresh: bool,
    memory_limit: str,
    threads: int | None,
    spill_folder: Path | None,
    strict: bool,
    n_kept: int,
) -> None:
    """Build, audit and publish.

    Exit status: 0 published; 1 the audit failed and nothing was published; 2 wrong usage or
    a file refused.
    """
    if omop is not None and input_folder is not None:
        raise click.UsageError("--input and --omop exclude each other: one study, one source.")
    if omop is None and protocol_dir is not None:
        raise click.UsageError("--protocol-dir goes with --omop; a folder brings its own rules.")
    resources = Resources(memory_limit, threads or default_threads(), spill_folder)
    folder = protocol_dir if omop is not None else input_folder or DEMO_DIR
    cdm = None if omop is None else Cdm(omop, omop_database, omop_schema or default_schema(omop))
    study = _Study(folder, cdm, data_cutoff_date)
    with _sentences(), resources.in_force():
        _refuse_unusable_output(output_folder)
        refuse_foreign_publication(output_folder)
        with _one_run_at_a_time(output_folder):
            _run(study, output_folder, full_refresh, strict, n_kept)


def _run(study: _Study, output: Path, full_refresh: bool, strict: bool, n_kept: int) -> None:
    # In a folder of its own: a program that still has the last build open cannot reach this one.
    with _private_folder(output / ".build") as private:
        warehouse = private / "warehouse.duckdb"
        is_comparable = _load(study, warehouse)
        result = None
        if is_comparable and not full_refresh:
            result = _refreshed(study, warehouse, private, output)
        if result is None:
            result = _build(study, warehouse, output)
            if is_comparable and study.cdm is None and result.passed:
                note_persons(warehouse)
        try:
            _audit_and_publish(study, warehouse, result, output, strict, n_kept)
        finally:
            (output / "warehouse.duckdb.wal").unlink(missing_ok=True)
            warehouse.replace(output / "warehouse.duckdb")
        if is_comparable:
            keep(output / "warehouse.duckdb")


def _audit_and_publish(
    study: _Study,
    warehouse: Path,
    result: BuildResult,
    output: Path,
    strict: bool,
    n_kept: int,
) -> None:
    # Imported here: they cost seconds, and a refused file should not wait for them.
    from salvage import report
    from salvage.audit import run_audit
    from salvage.dashboard.page import write_dashboard

    audit = run_audit(warehouse, result, output / "data_docs")
    if result.passed:
        click.echo(report.ledger_table(warehouse))
        for sentence in report.unmapped_names(warehouse):
            _warn(sentence)
        if n_quarantined := report.n_quarantined(warehouse):
            _warn(f"{n_quarantined} records are kept out; {_list_of_quarantined(study)}.")
            if strict:
                raise NotPublishedError(
                    "Nothing was published, since records are kept out and --strict was given."
                )
    if not audit.passed:
        for failure in audit.failures[:_SHOWN_FAILURES]:
            click.echo(f"audit: {failure}", err=True)
        if (n_more := len(audit.failures) - _SHOWN_FAILURES) > 0:
            click.echo(f"audit: ... and {n_more} more.", err=True)
        raise NotPublishedError(
            f"The audit failed and nothing was published; see {output}/data_docs/index.html."
        )
    cutoff = study.data_cutoff_date.date() if study.data_cutoff_date else None
    published = publish(
        warehouse,
        output,
        Provenance(study.input, cutoff, audit.n_checks),
        n_kept,
        public_marts(study.cdm is not None),
    )
    database = published / "salvage.duckdb"
    click.echo("\n" + report.arms_table(database))
    if study.input == "demo":
        click.echo(
            "\nBeside the published study (Maser 2008; matches: prints as published):\n"
            + report.comparison_table(database)
            + "\n\nThe demo's patients are synthetic: a reconstruction, not the study's data."
        )
    try:
        dashboard = write_dashboard(published, output / "dashboard")
    except OSError as error:
        raise SalvageError(
            f"The marts are published, but {output}/dashboard could not be written "
            f"({error.strerror}); what it shows is of an earlier build, if anything."
        ) from error
    click.echo(
        f"\nPublished: {database} (schema marts) and {published}/parquet/\n"
        f"Dashboard: {dashboard}\n"
        f"Audit:     {output}/data_docs/index.html"
    )


def _list_of_quarantined(study: _Study) -> str:
    if study.cdm is not None:
        return "the mart dq_quarantine lists them"
    cutoff = f" --data-cutoff-date {study.data_cutoff_date:%F}" if study.data_cutoff_date else ""
    return f"`salvage check --input {study.folder}{cutoff}` and the mart dq_quarantine list them"


@main.command()
@click.option(
    "--input",
    "input_folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder with the study's files.",
)
@_output_option
@_cutoff_option
def check(input_folder: Path, output_folder: Path, data_cutoff_date: datetime | None) -> None:
    """Say what would become of each record; build and publish nothing.

    Writes check/row_ledger.csv, check/quarantine.csv and check/unmapped_names.csv into the
    output folder.

    Exit status: 0 every record is accepted or a copy of one; 1 some are quarantined; 2 wrong
    usage or a file refused.
    """
    with _sentences():
        _refuse_unusable_output(output_folder)
        with _one_run_at_a_time(output_folder):
            reports = output_folder / "check"
            _clear_reports(reports)
            with _private_folder(output_folder / ".check") as folder:
                _check(input_folder, reports, folder, data_cutoff_date)


def _check(
    input_folder: Path, reports: Path, private: Path, data_cutoff_date: datetime | None
) -> None:
    warehouse = private / "warehouse.duckdb"
    study = _Study(input_folder, None, data_cutoff_date)
    _load(study, warehouse)
    result = _build(
        study,
        warehouse,
        private,
        select=(
            "+dq_row_ledger",
            "+dq_quarantine",
            "+dq_unmapped_names",
            "+int_reference_problems",
        ),
    )
    if not result.passed:
        failed = [test.name for test in result.tests if not test.passed]
        raise SalvageError("The ledger does not hold: " + "; ".join(result.errors + failed))

    from salvage import report

    click.echo(report.ledger_table(warehouse))
    for sentence in report.unmapped_names(warehouse):
        _warn(sentence)
    n_quarantined = report.n_quarantined(warehouse)
    if n_quarantined:
        click.echo("\nQuarantined records (the value is never shown):")
        click.echo(report.quarantine_table(warehouse, _SHOWN_RECORDS))
        if n_quarantined > _SHOWN_RECORDS:
            click.echo(f"... and {n_quarantined - _SHOWN_RECORDS} more.")
    report.write_check(warehouse, reports)
    click.echo(f"\nAll of it, with how to mend it: {reports}/")
    if n_quarantined:
        sys.exit(1)


@main.command()
@click.argument("patient_id")
@_output_option
@click.option("--protocol", "protocol_id", help="Only this protocol. Left out: all of them.")
def explain(patient_id: str, output_folder: Path, protocol_id: str | None) -> None:
    """Say why a patient is in the analysis set or out of it, rule by rule.

    Reads what is published in the output folder, and writes nothing.

    Exit status: 0; 2 nothing is published there, or the patient or the protocol is not known.
    """
    from salvage.explain import explain_patient

    with _sentences():
        click.echo(explain_patient(output_folder, patient_id, protocol_id))


@main.command()
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["svg", "png", "pdf"]),
    required=True,
    help="What the files are; a PNG has 600 dots an inch.",
)
@_output_option
@click.option("--protocol", "protocol_id", help="Only this protocol. Left out: all of them.")
@click.option(
    "--width",
    type=click.Choice(["single", "double"]),
    default="double",
    show_default=True,
    help="A journal's column of 89 mm, or two columns, 183 mm.",
)
def figures(
    file_format: Literal["svg", "png", "pdf"],
    output_folder: Path,
    protocol_id: str | None,
    width: Literal["single", "double"],
) -> None:
    """Draw the dashboard's charts for a paper.

    Reads what is published in the output folder and writes figures/<chart>.<format> into it; where
    several protocols are published, figures/<protocol>/<chart>.<format>. Needs Chromium, Chrome
    or Edge.

    Exit status: 0; 2 nothing is published there, the protocol is not known, or no browser draws.
    """
    from salvage.dashboard.figures import PAGE_HEIGHT, draw, drawings, place

    started = monotonic()
    with _sentences():
        drawn = drawings(output_folder / "published", width, protocol_id)
        _refuse_unusable_output(output_folder)
        with (
            _one_run_at_a_time(output_folder),
            _private_folder(output_folder / ".figures") as private,
        ):
            draw(drawn, file_format, private)
            place(private, output_folder / "figures", is_all=protocol_id is None)
    for drawing in drawn:
        wide, high = drawing.millimetres
        click.echo(f"{drawing.path}.{file_format}: {wide:.0f} x {high:.0f} mm")
        if drawing.width != width:
            _warn(f"{drawing.path} cannot be read in one column and has two.")
        if high > PAGE_HEIGHT:
            _warn(f"{drawing.path} is higher than a page ({PAGE_HEIGHT} mm).")
    click.echo(
        f"\n{len(drawn)} figures in {output_folder}/figures/, "
        f"drawn in {monotonic() - started:.0f} s."
    )


def _clear_reports(folder: Path) -> None:
    """Remove the reports of an earlier check, which are not those of a file refused now."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise SalvageError(f"{folder} is not a folder; move it away and check again.")
    for name in CHECK_REPORTS:
        (folder / name).unlink(missing_ok=True)


@contextmanager
def _private_folder(folder: Path) -> Iterator[Path]:
    """A folder that its owner alone can enter, cleared of what a killed run left there."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise SalvageError(f"{folder} cannot be used ({error.strerror}).") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _load(study: _Study, warehouse: Path) -> bool:
    """Fill a new warehouse by the gate; return whether a later run can be a refresh of it."""
    if study.cdm is not None:
        refuse_password(study.cdm.location)
    click.echo(f"Reading {study.cdm.location if study.cdm else study.folder} ...", err=True)
    with duckdb.connect(str(warehouse), config=duckdb_config()) as connection:
        # It holds every cell of the input.
        warehouse.chmod(0o600)
        if study.cdm is not None:
            attach_cdm(connection, study.cdm)
            for sentence in check_cdm(connection, study.cdm):
                _warn(sentence)
        if study.folder is not None:
            load_folder(
                study.folder,
                connection,
                _warn,
                sys.stderr.isatty(),
                only_reference=study.cdm is not None,
            )
        return take_snapshot(connection, study.cdm, study.variables)


def _refreshed(study: _Study, warehouse: Path, private: Path, output: Path) -> BuildResult | None:
    """Build the changed persons alone; None, with a sentence why, where all are to be built."""
    click.echo("Comparing with the last build ...", err=True)
    try:
        result, sentence = refresh(
            output / "warehouse.duckdb",
            warehouse,
            private,
            output,
            study.cdm,
            study.variables,
            show_progress=sys.stderr.isatty(),
        )
    except FullRebuildError as error:
        click.echo(f"Rebuilding every person: {error}.", err=True)
        return None
    click.echo(sentence, err=True)
    return result


def _build(
    study: _Study, warehouse: Path, output: Path, select: tuple[str, ...] = ()
) -> BuildResult:
    """Run dbt build; refuse the run where a reference file of the study is bad."""
    click.echo("Building and testing ...", err=True)
    result = dbt_build(
        warehouse, output, study.variables, select=select, show_progress=sys.stderr.isatty()
    )
    if not result.passed and study.folder is not None:
        from salvage.report import reference_problems

        problems = reference_problems(warehouse, study.folder)
        if problems:
            raise SalvageError(
                "The study's own reference files are refused:\n  " + "\n  ".join(problems)
            )
    return result


def _warn(sentence: str) -> None:
    click.echo(f"warning: {sentence}", err=True)


def _refuse_unusable_output(output: Path) -> None:
    """Say before any work is done that nothing can be written there."""
    try:
        str(output).encode("utf-8")
        output.mkdir(parents=True, exist_ok=True)
        (output / ".lock").touch()
    except (OSError, UnicodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "its name is not Unicode text"
        raise SalvageError(
            f"The output folder {str(output)!r} cannot be used ({cause})."
        ) from error


@contextmanager
def _one_run_at_a_time(output: Path) -> Iterator[None]:
    with (output / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SalvageError(f"Another run is writing to {output}; wait for its end.") from error
        yield


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn errors into a sentence on standard error and an exit status."""
    try:
        yield
    except NotPublishedError as error:
        click.echo(str(error), err=True)
        sys.exit(_NOT_PUBLISHED)
    except SalvageError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(_REFUSED)
    # DuckDB's own words may quote a cell; those of an input or output fault do not.
    except duckdb.Error as error:
        is_quotable = isinstance(error, duckdb.IOException) or FULL_DISK in str(error)
        _end_unpublished(
            first_line(error)
            if is_quotable
            else f"DuckDB could not go on ({type(error).__name__})."
        )
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _end_unpublished(f"{first_line(error.strerror or error)}{where}")


def _end_unpublished(sentence: str) -> NoReturn:
    click.echo(f"error: {sentence}", err=True)
    sys.exit(_NOT_PUBLISHED)
