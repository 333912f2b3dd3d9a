"""What a clinic's files hold and nobody publishes is found nowhere but in the private build.

Canaries (tests/canaries.py) stand in every cell that no public mart carries
(tests/canary_study.py). After `salvage run` and `salvage check`, after a failed audit and after
refusals, everything that they wrote or printed is searched for them.
"""

import base64
import csv
import gzip
import html
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from salvage.cli import main
from salvage.project import PROJECT_DIR, input_tables, public_marts
from tests.canaries import (
    MARK,
    SURNAME,
    Canaries,
    found_doubles,
    found_in_bytes,
    found_in_text,
    found_in_values,
    found_under,
    values_of,
)
from tests.canary_study import (
    CLOSED_KINDS,
    PUBLISHED,
    REFERENCE_KINDS,
    CanaryStudy,
    write_canary_study,
)
from tests.oracle.folders import REFERENCE_COLUMNS
from tests.oracle.oracle import TABLES

pytestmark = pytest.mark.slow

SALVAGE = Path(sys.executable).with_name("salvage")


@dataclass(frozen=True)
class Ended:
    """One command that has ended.

    Attributes:
        status: its exit status.
        printed: what it wrote on standard output and standard error.
        home: the folder that it was given to work in: `output/`, and its own home and temporary
            folder.
    """

    status: int
    printed: str
    home: Path

    @property
    def output(self) -> Path:
        """The folder that got the results."""
        return self.home / "output"

    @property
    def private(self) -> list[Path]:
        """The only files that may hold canaries."""
        return [self.output / "warehouse.duckdb", self.output / "warehouse.duckdb.wal"]

    def found(self) -> list[str]:
        """All canaries in what it printed and left, but for the private build."""
        printed = [f"printed: {form}" for form in found_in_text(self.printed)]
        return [*printed, *found_under(self.home, self.private)]


@dataclass(frozen=True)
class Started:
    """One command that is running."""

    process: "subprocess.Popen[str]"
    home: Path

    def ended(self) -> Ended:
        """Wait for its end."""
        printed, _ = self.process.communicate()
        return Ended(self.process.returncode, printed, self.home)


def start(home: Path, command: list[str | Path], **environment: str) -> Started:
    """Start a command that knows no other folder to write to than `home`."""
    for name in ("home", "tmp", "cwd"):
        (home / name).mkdir(parents=True)
    process = subprocess.Popen(
        [*command, "--output", home / "output"],
        cwd=home / "cwd",
        env={
            **os.environ,
            "HOME": str(home / "home"),
            "TMPDIR": str(home / "tmp"),
            "XDG_CACHE_HOME": str(home / "home"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Started(process, home)


@dataclass(frozen=True)
class Commands:
    """The commands on the canary study, all ended, and what lay in /tmp before them."""

    study: CanaryStudy
    run: Ended
    check: Ended
    failed_audit: Ended
    bad_reference: Ended
    started_at: float
    temporary_before: frozenset[Path]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Run them, two at a time."""
    folder = tmp_path_factory.mktemp("leaks")
    study = write_canary_study(folder / "study")
    started_at, temporary_before = time.time(), frozenset(Path("/tmp").iterdir())
    run = start(folder / "run", [SALVAGE, "run", "--input", study.folder])
    check = start(folder / "check", [SALVAGE, "check", "--input", study.folder])
    run_ended, check_ended = run.ended(), check.ended()
    in_python = [sys.executable, "-c", "from salvage.cli import main; main()"]
    broken = broken_project(folder / "project")
    failed_audit = start(
        folder / "failed_audit",
        [*in_python, "run", "--input", study.folder],
        PYTHONPATH=str(broken / "src"),
    )
    bad_reference = start(
        folder / "bad_reference",
        [SALVAGE, "run", "--input", with_bad_reference(study, folder / "bad")],
    )
    return Commands(
        study=study,
        run=run_ended,
        check=check_ended,
        failed_audit=failed_audit.ended(),
        bad_reference=bad_reference.ended(),
        started_at=started_at,
        temporary_before=temporary_before,
    )


def broken_project(folder: Path) -> Path:
    """A copy of the project with three faults, each of which meets a canary.

    One model fails on a value that is no number; two marts take values into columns that hold
    one of a few, so that the audit has to say that they are wrong.
    """
    for name in ("src", "models", "macros", "seeds", "expectations", "profiles", "analyses"):
        shutil.copytree(PROJECT_DIR / name, folder / name)
    shutil.copytree(PROJECT_DIR / "tests" / "dbt", folder / "tests" / "dbt")
    shutil.copy(PROJECT_DIR / "dbt_project.yml", folder)
    outcome = "(select max(outcome) from {{ ref('stg_clinic__adverse_events') }})"
    marts = folder / "models" / "marts"
    for path, sound, faulty in (
        ("quality/dq_unmapped_names", "'drug_name'", "cast(cast(exposure_id as int) as varchar)"),
        (
            "safety/fct_adverse_events",
            "        attribution\n",
            f"        {outcome} as attribution\n",
        ),
        (
            "remission/fct_remissions",
            "        remissions.loss_reason,",
            f"        {outcome} as loss_reason,",
        ),
    ):
        model = marts / f"{path}.sql"
        text = model.read_text()
        assert text.count(sound) == 1, path
        model.write_text(text.replace(sound, faulty))
    return folder


def with_bad_reference(study: CanaryStudy, folder: Path) -> Path:
    """The study with its own reference files bad in every way, a canary in each bad row."""
    shutil.copytree(study.folder, folder)
    canaries = study.canaries

    def text() -> str:
        return canaries.text("bad reference file", reaches_private=False)

    def good_id() -> str:
        return canaries.id("bad reference file", reaches_private=False)

    repeated, alone, name = good_id(), good_id(), text()
    rules = ["1", "1", "28", "0", "", "30", "30"]
    rows = {
        "protocols": [
            [text(), text(), *rules],
            [repeated, "", *rules],
            [repeated, "", *rules],
            [alone, "", *rules],
            [good_id(), "", text(), *rules[1:]],
            [good_id(), "", *rules[:-1], text()],
            [good_id(), "", *rules[:2], text(), *rules[3:]],
            [good_id(), "", *rules, text()],
        ],
        "protocol_arms": [
            [repeated, good_id(), text(), text(), "infliximab", ""],
            [repeated, "all", text(), text(), text(), ""],
            [repeated, good_id(), text(), "infliximab", "infliximab", text()],
            [good_id(), good_id(), text(), "cyclosporine", "infliximab", ""],
            [good_id(), text(), "", "cyclosporine", "infliximab", ""],
        ],
        "ingredients": [[text(), text(), text(), text(), text(), text()]],
        "drug_names": [
            [name, "infliximab"],
            [name, "cyclosporine"],
            [text(), text()],
            [text(), ""],
            [text().ljust(10_001, "x"), "infliximab"],
        ],
        "procedure_names": [[name, text()], [name, text()], [text(), ""]],
    }
    for table, records in rows.items():
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([REFERENCE_COLUMNS[table], *records])
    return folder


# ---- Nothing is found ---------------------------------------------------------------------------


def test_run_publishes_and_leaks_nothing(commands: Commands) -> None:
    run = commands.run
    assert run.status == 0, run.printed
    for name in ("published/salvage.duckdb", "data_docs/index.html"):
        assert (run.output / name).is_file()
    assert run.found() == []


def test_published_bytes_hold_no_unpublished_number(commands: Commands) -> None:
    files = [path for path in (commands.run.output / "releases").rglob("*") if path.is_file()]
    assert len(files) > len(public_marts())
    for path in files:
        assert found_doubles(path.read_bytes(), commands.study.canaries.planted) == [], path


def test_check_reports_and_leaks_nothing(commands: Commands) -> None:
    check = commands.check
    assert check.status == 1, check.printed
    names = {path.name for path in (check.output / "check").iterdir()}
    assert names >= {"row_ledger.csv", "quarantine.csv", "unmapped_names.csv"}
    assert check.found() == []


def test_failed_audit_leaks_nothing(commands: Commands) -> None:
    """Neither DuckDB's own words on a failing cast, nor a failing test or expectation."""
    failed = commands.failed_audit
    assert failed.status == 1, failed.printed
    page = (failed.output / "data_docs" / "index.html").read_text()
    for guard in (
        *("dq_unmapped_names: Runtime Error", "dbt test adverse_event_is_attributed"),
        *("dbt test remission_is_lost_for_a_known_reason", "attribution_is_one_of_five does not"),
        "loss_has_a_known_reason does not hold",
    ):
        assert guard in page
    assert not (failed.output / "published").exists()
    assert failed.found() == []


def test_refused_reference_files_leak_nothing(commands: Commands) -> None:
    refused = commands.bad_reference
    assert refused.status == 2, refused.printed
    for table in REFERENCE_COLUMNS:
        assert f"{table}.csv, line 2" in refused.printed
    assert refused.found() == []


def test_nothing_lies_in_the_temporary_folder_or_in_the_project(commands: Commands) -> None:
    """Those who ask for the temporary folder get one of their own; here is who does not ask."""
    for ended in (commands.run, commands.check, commands.failed_audit, commands.bad_reference):
        assert list((ended.home / "tmp").iterdir()) == []
    ours = {parent for parent in commands.study.folder.parents}
    found = []
    for path in Path("/tmp").iterdir():
        if path not in commands.temporary_before and path not in ours:
            found += [
                place for file in files_since(path, commands.started_at) for place in mark_in(file)
            ]
    for path in PROJECT_DIR.iterdir():
        if path.name not in (".git", ".venv"):
            for file in files_since(path, commands.started_at):
                found += mark_in(file)
    assert found == []


def files_since(path: Path, started_at: float) -> Iterator[Path]:
    """Files that were written since then; others may remove them meanwhile."""
    for file in (path, *path.rglob("*")) if path.is_dir() else (path,):
        try:
            if file.is_file() and not file.is_symlink() and file.stat().st_mtime >= started_at:
                yield file
        except OSError:
            continue


def mark_in(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            while piece := file.read(2**24):
                if MARK.lower().encode() in piece.lower():
                    return [str(path)]
    except OSError:
        pass
    return []


# ---- Refused files ------------------------------------------------------------------------------

HEADER = b"exposure_id,patient_id,drug_name,start_date,route\n"


def _parquet(query: str) -> Callable[[bytes], bytes]:
    """A Parquet file; `{}` in the query is the canary as an SQL literal."""

    def content(canary: bytes) -> bytes:
        literal = "'" + canary.decode().replace('"', "").replace("'", "''") + "'"
        path = Path(os.environ["PYTEST_CANARY_FOLDER"]) / "made.parquet"
        duckdb.sql(f"copy ({query.format(literal)}) to '{path}' (format parquet)")
        return path.read_bytes()

    return content


# The canary that each of them gets is a name without quotation marks.
REFUSED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "not UTF-8": ("csv", lambda canary: HEADER + b"E1,P1," + canary + b"\xff,2001-01-01,iv\n"),
    "NUL": ("csv", lambda canary: HEADER + b"E1,P1," + canary + b"\0,2001-01-01,iv\n"),
    "open quote": ("csv", lambda canary: HEADER + b'E1,P1,"' + canary + b",2001-01-01,iv\n"),
    "text after quote": ("csv", lambda canary: HEADER + b'E1,P1,"x"' + canary + b",2001-01-01,\n"),
    "stray quote": ("csv", lambda canary: HEADER + b"E1,P1," + canary + b'"x",2001-01-01,iv\n'),
    "no header": ("csv", lambda canary: b"E1,P1," + canary + b",2001-01-01,iv\n"),
    "preamble": ("csv", lambda canary: b"Export of " + canary + b"\n" + HEADER),
    "unknown heading twice": (
        "csv",
        lambda canary: (
            HEADER.strip() + b"," + canary + b"," + canary + b"\nE1,P1,x,2001-01-01,,,\n"
        ),
    ),
    "known heading twice": (
        "csv",
        lambda canary: HEADER.strip() + b",route," + canary + b"\nE1,P1,x,2001-01-01,,,\n",
    ),
    "missing column": (
        "csv",
        lambda canary: HEADER.replace(b"drug_name", canary) + b"E1,P1,x,2001-01-01,iv\n",
    ),
    "semicolon": (
        "csv",
        lambda canary: HEADER.replace(b",", b";").replace(b"route", canary) + canary,
    ),
    "tab": ("csv", lambda canary: HEADER.replace(b",", b"\t").replace(b"route", canary) + canary),
    "gzip": ("csv", lambda canary: gzip.compress(HEADER + canary)),
    "workbook": ("csv", lambda canary: b"PK\x03\x04" + canary),
    "UTF-16": ("csv", lambda canary: (HEADER + canary).decode().encode("utf-16")),
    "Parquet named csv": ("csv", lambda canary: b"PAR1" + canary),
    "text named parquet": ("parquet", lambda canary: HEADER + canary),
    "torn parquet": ("parquet", lambda canary: b"PAR1" + canary + b"PAR1"),
    "parquet without a column": (
        "parquet",
        _parquet("select 'E1' as exposure_id, {0} as patient_id, {0} as \"Jane\""),
    ),
    "parquet with a list": (
        "parquet",
        _parquet(
            "select {0} as exposure_id, 'P1' as patient_id, [{0}] as drug_name,"
            " '2001-01-01' as start_date"
        ),
    ),
    "parquet with NUL": (
        "parquet",
        _parquet(
            "select 'E1' as exposure_id, 'P1' as patient_id, {0} || chr(0) as drug_name,"
            " '2001-01-01' as start_date"
        ),
    ),
}


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("cause", REFUSED)
def test_refused_file_leaks_nothing(
    cause: str,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYTEST_CANARY_FOLDER", str(tmp_path))
    study, output = tmp_path / "study", tmp_path / "output"
    study.mkdir()
    canary = Canaries().text(cause).replace('"', "'").encode()
    (study / "patients.csv").write_bytes(
        b"patient_id,last_follow_up_date,diagnosis\nP1,2005-01-01," + canary + b"\n"
    )
    suffix, content = REFUSED[cause]
    (study / f"drug_exposures.{suffix}").write_bytes(content(canary))
    result = CliRunner().invoke(main, [command, "--input", str(study), "--output", str(output)])
    assert result.exit_code == 2, result.output
    assert f"error: drug_exposures.{suffix}" in result.output
    assert found_in_text(result.output + "".join(capfd.readouterr())) == []
    assert found_under(output, [output / "warehouse.duckdb"]) == []


# ---- The tests are not vacuous ------------------------------------------------------------------


def test_every_column_is_published_or_has_a_canary(commands: Commands) -> None:
    """Asked of the published file itself, so that a new column of a mart is seen."""
    database = commands.run.output / "published" / "salvage.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        carried = set(
            connection.execute(
                "select table_name, column_name from information_schema.columns"
            ).fetchall()
        )
    assert set(PUBLISHED.values()) <= carried
    kinds = {table: {column.name: column.kind for column in TABLES[table]} for table in TABLES}
    # A rule's outcome and an adverse event's are two things.
    namesakes = {("adverse_events", "outcome"), ("drug_names", "ingredient")}
    namesakes |= {("ingredients", "ingredient")}
    for source in ("clinic", "own_reference"):
        for table, contract in input_tables(source).items():
            if table == "concept_sets" or table.startswith("omop_"):
                continue  # A CDM's rules: a study of files has none.
            for column in contract.columns:
                if (table, column) in PUBLISHED:
                    continue
                if (table, column) not in namesakes:
                    assert column not in {name for _, name in carried}, (table, column)
                kind = kinds.get(table, REFERENCE_KINDS).get(column, "text")
                if kind not in CLOSED_KINDS:
                    assert (table, column) in commands.study.columns, (table, column)


def test_canaries_are_in_the_input_and_in_the_private_build(commands: Commands) -> None:
    study = commands.study
    texts = [path.read_text() for path in (*study.folder.iterdir(), *bad_reference(commands))]
    assert study.canaries.missing_in("\n".join(texts)) == []
    private = values_of(commands.run.output / "warehouse.duckdb")
    assert study.canaries.missing_in(private, private=True) == []


def bad_reference(commands: Commands) -> Iterator[Path]:
    return (commands.study.folder.parent / "bad").iterdir()


def test_records_meant_to_be_kept_out_are_kept_out_for_their_reason(commands: Commands) -> None:
    with (commands.check.output / "check" / "quarantine.csv").open(newline="") as file:
        kept_out = {
            (row["file"], int(row["line"])): (row["reason"], row["column"])
            for row in csv.DictReader(file)
        }
    assert kept_out == commands.study.kept_out


FORMS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "upper case": lambda text: text.upper().encode(),
    "lower case": lambda text: text.lower().encode(),
    "UTF-16LE": lambda text: text.encode("utf-16-le"),
    "UTF-16BE": lambda text: text.encode("utf-16-be"),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "hexadecimal of upper case": lambda text: text.upper().encode().hex().upper().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 of lower case, 1 byte on": lambda text: base64.b64encode(b"x" + text.lower().encode()),
    "base64 of upper case, 2 bytes on": lambda text: base64.b64encode(
        b"xx" + text.upper().encode()
    ),
    "JSON": lambda text: json.dumps({"key": text}).encode(),
    "HTML": lambda text: html.escape(text).encode(),
    "repr": lambda text: repr(text).encode(),
    "first word": lambda text: text.split()[0].encode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["text", "id", "number", "early", "late"])
def test_search_finds_a_canary_in_any_form(kind: str, form: str) -> None:
    canaries = Canaries()
    make = {"text": canaries.text, "id": canaries.id, "number": canaries.number}
    text = make[kind]("here") if kind in make else canaries.day("here", kind)
    for around in (b"", b"before", b"some more "):
        assert found_in_bytes(around + FORMS[form](text) + around)


def test_search_finds_half_a_canary_and_its_eight_bytes() -> None:
    assert found_in_text(f"no mark, but {SURNAME.upper()}")
    canaries = Canaries()
    number = canaries.number("here")
    data = b"12345" + struct.pack("<d", float(number)) + b"1234"
    assert found_doubles(data, canaries.planted) == [number]
    assert found_in_text("nothing, not even in 1861 or 2191") == []


@pytest.fixture
def release(commands: Commands, tmp_path: Path) -> Path:
    """A copy of what was published, to be written to."""
    folder = tmp_path / "published"
    shutil.copytree(commands.run.output / "published", folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert found_under(folder) == []
    return folder


def test_search_finds_one_value_in_a_published_table(release: Path) -> None:
    with duckdb.connect(str(release / "salvage.duckdb")) as connection:
        connection.execute(
            "update marts.dim_patients set diagnosis = ? where patient_id = 'P001'",
            [Canaries().text("dim_patients.diagnosis")],
        )
    assert found_in_values(release / "salvage.duckdb")
    assert found_in_bytes((release / "salvage.duckdb").read_bytes())


def test_search_finds_compressed_values(release: Path) -> None:
    """DuckDB's and Parquet's compression hide a value from a search of the bytes."""
    query = f"select '{MARK}' || hash(i) as value from range(100000) as numbers (i)"
    with duckdb.connect(str(release / "salvage.duckdb")) as connection:
        connection.execute(f"create table marts.planted as {query}")
        connection.execute(
            f"copy ({query}) to '{release}/parquet/planted.parquet'"
            " (format parquet, compression zstd)"
        )
    for path in (release / "salvage.duckdb", release / "parquet" / "planted.parquet"):
        assert found_in_values(path), path


def test_search_finds_what_a_deleted_row_left(release: Path) -> None:
    """Which is why publication writes a fresh file: no query shows it, the bytes do."""
    path = release / "salvage.duckdb"
    values = [("before",), (Canaries().text("deleted"),), ("after",)]
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table marts.planted (value varchar)")
        connection.executemany("insert into marts.planted values (?)", values)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"delete from marts.planted where value like '{MARK}%'")
    assert found_in_values(path) == []
    assert found_in_bytes(path.read_bytes())


def test_search_finds_names_and_comments(release: Path) -> None:
    for statement in (
        f"comment on table marts.dim_patients is '{MARK}'",
        f"comment on column marts.dim_patients.sex is '{MARK}'",
        f'alter table marts.dim_patients rename sex to "{MARK}"',
    ):
        copy = release / "copy.duckdb"
        shutil.copy(release / "salvage.duckdb", copy)
        with duckdb.connect(str(copy)) as connection:
            connection.execute(statement)
        assert found_in_values(copy), statement


def test_search_reads_file_names(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / f"{MARK}.txt").touch()
    assert found_under(tmp_path)
