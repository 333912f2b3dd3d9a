"""`salvage run` and `salvage check` as a user meets them (SPEC 8)."""

import csv
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from salvage import report
from salvage.cli import main
from salvage.project import DEMO_DIR, PROJECT_DIR, public_marts
from tests.harness import named_rows


def salvage(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def mart(database: Path, name: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(f"select * from marts.{name} order by all").fetchall()


def named_mart(database: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a mart, with their columns by name."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return named_rows(connection.execute(f"from marts.{name}"))


def by_arm(database: Path, name: str) -> dict[str, dict[str, Any]]:
    """Rows of a mart by their arm, with their columns by name."""
    return {row["arm_id"]: row for row in named_mart(database, name)}


def all_marts(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {name: mart(database, name) for name in public_marts()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Result]]:
    """The demo, run once from a folder that is not the project's, and what it printed."""
    output = tmp_path_factory.mktemp("demo") / "output"
    here = Path.cwd()
    os.chdir(output.parent)
    try:
        yield output, salvage("run")
    finally:
        os.chdir(here)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder that a clinic could bring: the demo's five files."""
    folder = tmp_path / "study"
    folder.mkdir()
    for path in DEMO_DIR.glob("*.csv"):
        if not path.stem.startswith("demo_"):
            shutil.copy(path, folder)
    return folder


def test_demo_publishes_and_prints_its_table_beside_the_published_one(
    demo: tuple[Path, Result],
) -> None:
    output, result = demo
    assert result.exit_code == 0, result.output
    assert "4 (40%)" in result.output
    assert "3 (33%)" in result.output
    assert "10.4 (4.4-17.0)" in result.output
    assert "Maser" in result.output
    assert " no\n" not in result.output
    assert "synthetic" in result.output
    for path in ("warehouse.duckdb", "published/salvage.duckdb", "data_docs/index.html"):
        assert (output / path).is_file()


def test_every_published_figure_is_reproduced(demo: tuple[Path, Result]) -> None:
    """The figures come from the seed file, the comparison is made here, not in SQL."""
    output, _ = demo
    database = output / "published" / "salvage.duckdb"
    remission = by_arm(database, "agg_remission_by_arm")
    safety = by_arm(database, "agg_adverse_events_by_arm")
    events = mart(database, "fct_adverse_events")
    columns: dict[str, Callable[[str], float]] = {
        "n_patients": lambda arm: remission[arm]["n_patients"],
        "n_remissions": lambda arm: remission[arm]["n_remissions"],
        "remission_percent": lambda arm: 100 * remission[arm]["remission_rate"],
        "mean_months": lambda arm: remission[arm]["mean_months"],
        "min_months": lambda arm: remission[arm]["min_months"],
        "max_months": lambda arm: remission[arm]["max_months"],
        "n_patients_with_sae": lambda arm: safety[arm]["n_patients_with_sae"],
        "sae_percent": lambda arm: 100 * safety[arm]["sae_rate"],
        "n_deaths": lambda arm: safety[arm]["n_deaths"],
    }
    with (DEMO_DIR.parent / "reference" / "published_outcomes.csv").open(newline="") as file:
        published = [row for row in csv.DictReader(file) if row["study_id"] == "maser_2008"]
    assert len(published) == 23
    for figure in published:
        arm = "all" if figure["direction"] == "both" else figure["direction"]
        observed: float
        if figure["measure"] == "n_patients_with_sae_term":
            observed = len(
                {
                    row[2]
                    for row in events
                    if (row[1], row[4], row[7], row[9])
                    == (arm, figure["event_term"], True, "treatment_emergent")
                }
            )
        else:
            observed = columns[figure["measure"]](arm)
        printed = f"{observed:.{figure['printed_decimals']}f}"
        assert printed == figure["published_value"], figure


def test_every_demo_patient_ends_as_worked_out_by_hand(demo: tuple[Path, Result]) -> None:
    output, _ = demo
    with (DEMO_DIR / "demo_cases.csv").open(newline="") as file:
        golden = list(csv.DictReader(file))
    with duckdb.connect(str(output / "warehouse.duckdb"), read_only=True) as connection:
        steps = dict(
            connection.execute(
                "select patient_id, step from intermediate.int_patient_attrition "
                "inner join reference.attrition_steps on last_step_number = step_number"
            ).fetchall()
        )
    database = output / "published" / "salvage.duckdb"
    remissions = {row[2]: row for row in mart(database, "fct_remissions")}
    episodes = mart(database, "fct_salvage_episodes")
    for case in golden:
        patient = case["patient_id"]
        assert steps[patient] == case["last_attrition_step"], case
        remission = remissions.get(patient)
        assert (remission[1] if remission else "") == case["arm_id"], case
        if remission:
            assert remission[4] == (case["is_remission"] == "true"), case
            assert (remission[7] or "") == case["loss_reason"], case
            assert str("" if remission[9] is None else remission[9]) == case["duration_days"], case
        of_patient = {(row[8], str(row[7])) for row in episodes if row[2] == patient}
        shown = (case["salvage_class"], case["gap_days"])
        assert shown in of_patient if case["salvage_class"] else not of_patient, case


def test_published_file_holds_the_marts_and_where_they_come_from(demo: tuple[Path, Result]) -> None:
    output, _ = demo
    published = output / "published"
    with duckdb.connect(str(published / "salvage.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
        ).fetchall()
        tags = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where database_name = 'salvage'"
        ).fetchone()
    assert sorted(table for (table,) in tables) == [
        *(f"marts.{name}" for name in public_marts()),
        "publication.build",
    ]
    assert tags is not None and "v1.0.0" in str(tags[0])
    parquet = {path.stem for path in (published / "parquet").iterdir()}
    assert parquet == set(public_marts())
    for name in public_marts():
        rows = duckdb.sql(f"select * from '{published}/parquet/{name}.parquet' order by all")
        assert rows.fetchall() == mart(published / "salvage.duckdb", name)
        assert not (published / "salvage.duckdb").stat().st_mode & stat.S_IWOTH


def test_demo_is_published_as_synthetic_with_its_checks(demo: tuple[Path, Result]) -> None:
    """As many as the audit's page says."""
    output, _ = demo
    with duckdb.connect(str(output / "published" / "salvage.duckdb"), read_only=True) as connection:
        said = connection.execute(
            "select input, is_synthetic, data_cutoff_date, n_checks from publication.build"
        ).fetchall()
    page = (output / "data_docs" / "index.html").read_text(encoding="utf-8")
    verdict = re.search(r"all (\d+) expectations and all (\d+) data tests hold", page)
    assert verdict is not None
    assert said == [("demo", True, None, int(verdict[1]) + int(verdict[2]))]


@pytest.mark.parametrize(
    "query", sorted((PROJECT_DIR / "analyses").glob("*.sql")), ids=lambda path: path.stem
)
def test_analysis_runs_on_the_published_file(demo: tuple[Path, Result], query: Path) -> None:
    output, _ = demo
    with duckdb.connect(str(output / "published" / "salvage.duckdb"), read_only=True) as connection:
        assert connection.execute(query.read_text()).fetchall()


@pytest.mark.slow
def test_own_folder_of_parquet_files_gives_the_demo_s_marts(
    demo: tuple[Path, Result], study: Path, tmp_path: Path
) -> None:
    """Every column that can be is typed, as DuckDB guesses it from the CSV file."""
    for path in study.glob("*.csv"):
        duckdb.read_csv(str(path)).write_parquet(str(path.with_suffix(".parquet")))
        path.unlink()
    result = salvage("run", "--input", study, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "arm" in result.output and str(tmp_path / "out") in result.output
    found = all_marts(tmp_path / "out/published/salvage.duckdb")
    expected = all_marts(demo[0] / "published/salvage.duckdb")
    ledger, ledger_of_csv = found.pop("dq_row_ledger"), expected.pop("dq_row_ledger")
    assert [row[:1] + row[3:] for row in ledger] == [row[:1] + row[3:] for row in ledger_of_csv]
    for row in ledger:
        content = (study / str(row[1])).read_bytes()
        assert row[1:3] == (f"{row[0]}.parquet", hashlib.sha256(content).hexdigest())
    unmapped, unmapped_of_csv = found.pop("dq_unmapped_names"), expected.pop("dq_unmapped_names")
    assert [row[:1] + row[2:] for row in unmapped] == [row[:1] + row[2:] for row in unmapped_of_csv]
    assert found == expected


def test_own_protocol_with_other_drugs_and_arm_windows(study: Path, tmp_path: Path) -> None:
    """P038: last infliximab on 7 February 2006, tacrolimus from 13 February on: gap 6."""
    (study / "protocols.csv").write_text(
        "protocol_id,diagnosis,require_steroid_refractory,require_failure,window_days,"
        "max_overlap_days,remission_within_days,ae_risk_window_days,days_per_month\n"
        "any_disease,,no,no,28,0,,30,30\n"
    )
    (study / "protocol_arms.csv").write_text(
        "protocol_id,arm_id,arm_label,failed_ingredient,salvage_ingredient,window_days\n"
        "any_disease,wide,tacrolimus after infliximab,Infliximab,TACROLIMUS,6\n"
        "any_disease,narrow,the same one day narrower,infliximab,tacrolimus,5\n"
    )
    (study / "drug_names.csv").write_text(
        "drug_name,ingredient\nblinded study infusion 17,infliximab\n"
    )
    result = salvage("run", "--input", study, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    database = tmp_path / "out/published/salvage.duckdb"
    classes = {row[1]: row[8] for row in mart(database, "fct_salvage_episodes") if row[2] == "P038"}
    assert classes == {"wide": "acute_salvage", "narrow": "delayed_switch"}
    comparison = named_mart(database, "agg_published_comparison")
    assert {row["not_compared_reason"] for row in comparison} == {"direction_not_in_protocol"}
    assert {row["observed_value"] for row in comparison} == {None}
    assert report.comparison_table(database) == ""
    unmapped = mart(database, "dq_unmapped_names")
    assert [row[0] for row in unmapped] == ["procedures"]


def test_failed_audit_publishes_nothing_and_leaves_what_stood_there(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    assert salvage("run", "--input", study, "--output", output).exit_code == 0
    before = {
        path.name: path.read_bytes() for path in (output / "published").rglob("*") if path.is_file()
    }

    from salvage import build

    def corrupted(warehouse: Path, *arguments: Any, **options: Any) -> build.BuildResult:
        result = build.dbt_build(warehouse, *arguments, **options)
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("update marts.fct_remissions set duration_days = duration_days + 1")
        return result

    monkeypatch.setattr("salvage.cli.dbt_build", corrupted)
    result = salvage("run", "--input", study, "--output", output)
    assert result.exit_code == 1, result.output
    assert "nothing was published" in result.output
    after = {
        path.name: path.read_bytes() for path in (output / "published").rglob("*") if path.is_file()
    }
    assert before == after
    assert len(list((output / "releases").iterdir())) == 1


def test_refused_file_ends_with_status_2_and_no_publication(study: Path, tmp_path: Path) -> None:
    (study / "drug_exposures.csv").write_text("exposure_id;patient_id\n")
    result = salvage("run", "--input", study, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "drug_exposures.csv, line 1: cells are parted by a semicolon" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out" / "published").exists()


def test_bad_own_reference_row_refuses_the_run(study: Path, tmp_path: Path) -> None:
    (study / "drug_names.csv").write_text("drug_name,ingredient\nx,zzdrug\n")
    result = salvage("run", "--input", study, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "drug_names.csv, line 2, column ingredient" in result.output
    assert "zzdrug" not in result.output
    assert not (tmp_path / "out" / "published").exists()


@pytest.mark.parametrize(
    "arguments",
    [("run", "--input"), ("run", "--nonsense"), ("check",), ("run", "--data-cutoff-date", "2008")],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...]) -> None:
    assert salvage(*arguments).exit_code == 2


def check_report(output: Path, name: str) -> list[dict[str, str]]:
    with (output / "check" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_check_accepts_the_demo(study: Path, tmp_path: Path) -> None:
    result = salvage("check", "--input", study, "--output", tmp_path)
    assert result.exit_code == 0, result.output
    assert check_report(tmp_path, "quarantine.csv") == []
    for row in check_report(tmp_path, "row_ledger.csv"):
        with (study / row["file"]).open(newline="") as file:
            assert row["records"] == row["accepted"] == str(len(list(csv.DictReader(file))))
    unmapped = check_report(tmp_path, "unmapped_names.csv")
    assert ("drug_exposures.csv", "173", "drug_name") in {
        (row["file"], row["line"], row["column"]) for row in unmapped
    }


def test_check_names_file_line_column_and_reason_but_never_the_value(
    study: Path, tmp_path: Path
) -> None:
    lines = (study / "patients.csv").read_text().splitlines()
    lines[1] = lines[1].replace(lines[1].split(",")[1], "31/12/1970-secret")
    lines[2] = lines[2].replace(",M,", ",secret,")
    (study / "patients.csv").write_text("\n".join(lines) + "\n")
    result = salvage("check", "--input", study, "--output", tmp_path)
    assert result.exit_code == 1, result.output
    assert ["patients.csv", "2", "birth_date", "bad_date"] in [
        line.split() for line in result.output.splitlines()
    ]
    quarantine = check_report(tmp_path, "quarantine.csv")
    of_patients = [row for row in quarantine if row["file"] == "patients.csv"]
    assert [(row["line"], row["column"], row["reason"]) for row in of_patients] == [
        ("2", "birth_date", "bad_date"),
        ("3", "sex", "bad_code"),
    ]
    assert "YYYY-MM-DD" in of_patients[0]["how_to_mend"]
    assert of_patients[1]["how_to_mend"] == "Write one of: F, M, O, U."
    assert {row["reason"] for row in quarantine} == {"bad_date", "bad_code", "orphan_patient"}
    reports = "".join(path.read_text() for path in (tmp_path / "check").iterdir())
    assert "secret" not in result.output + reports


def test_refused_file_leaves_no_report_of_an_earlier_check(study: Path, tmp_path: Path) -> None:
    reports = tmp_path / "check"
    reports.mkdir()
    for name in ("quarantine.csv", "somebody_s_own.txt"):
        (reports / name).touch()
    (study / "patients.csv").write_text("")
    result = salvage("check", "--input", study, "--output", tmp_path)
    assert result.exit_code == 2
    assert [path.name for path in reports.iterdir()] == ["somebody_s_own.txt"]


def test_reports_are_not_written_through_a_link(study: Path, tmp_path: Path) -> None:
    (tmp_path / "check").symlink_to(study, target_is_directory=True)
    result = salvage("check", "--input", study, "--output", tmp_path)
    assert result.exit_code == 2
    assert "is not a folder" in result.output


def test_every_reason_has_a_remedy() -> None:
    path = PROJECT_DIR / "models" / "marts" / "quality" / "_quality__models.yml"
    (reasons,) = re.findall(r"values:((?:\s+- \w+$)+)", path.read_text(), re.MULTILINE)
    assert set(reasons.replace("-", " ").split()) == set(report._REMEDIES)
    documented = (PROJECT_DIR / "docs" / "input.md").read_text()
    assert [reason for reason in report._REMEDIES if f"`{reason}`" not in documented] == []


def test_two_runs_into_one_folder_are_kept_apart(study: Path, tmp_path: Path) -> None:
    import fcntl

    output = tmp_path / "out"
    output.mkdir()
    with (output / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = salvage("run", "--input", study, "--output", output)
    assert result.exit_code == 2
    assert "Another run is writing" in result.output


def test_unknown_names_and_records_kept_out_are_told(study: Path, tmp_path: Path) -> None:
    exposures = (study / "drug_exposures.csv").read_text().splitlines()
    exposures[1] = exposures[1].replace(exposures[1].split(",")[2], "zzdrug", 1)
    exposures[2] = exposures[2].replace(exposures[2].split(",")[0], "bad id", 1)
    (study / "drug_exposures.csv").write_text("\n".join(exposures) + "\n")
    result = salvage("run", "--input", study, "--output", tmp_path / "out", "--strict")
    assert result.exit_code == 1, result.output
    assert "--strict" in result.output
    assert not (tmp_path / "out" / "published").exists()
    cutoff = ("--data-cutoff-date", "2024-12-31")
    result = salvage("run", "--input", study, "--output", tmp_path / "out", *cutoff)
    assert result.exit_code == 0, result.output
    assert f"salvage check --input {study} {' '.join(cutoff)}`" in result.output
    assert "3 accepted records have a drug_name that is not known" in result.output
    assert "(line 2, 173, 174)" in result.output
    assert "1 records are kept out" in result.output
    assert "zzdrug" not in result.output


def test_empty_rescue_flag_of_an_own_ingredient_is_told(study: Path) -> None:
    (study / "ingredients.csv").write_text("ingredient,era_gap_days,is_rescue\ninfliximab,60,\n")
    result = salvage("check", "--input", study, "--output", study)
    assert result.exit_code == 0, result.output
    assert "ingredients.csv, line 2: is_rescue is empty" in result.output


@pytest.mark.parametrize("name", ["a_file", "a_file/below", "no\udcff"])
def test_unusable_output_is_wrong_usage(study: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "a_file").touch()
    result = salvage("run", "--input", study, "--output", tmp_path / name)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "PosixPath" not in result.output


@pytest.mark.parametrize("step", ["Reading", "Building"])
def test_interrupted_run_ends_without_traceback_and_publishes_nothing(
    tmp_path: Path, step: str
) -> None:
    salvage_command = str(Path(sys.executable).with_name("salvage"))
    command = [salvage_command, "run", "--output", str(tmp_path / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr
        while step not in run.stderr.readline():
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        said = run.stderr.read()
    assert run.returncode == 1
    assert "Traceback" not in said
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {".lock", "logs", "target"}


@pytest.mark.parametrize(("command", "name"), [("run", ".build"), ("check", ".check")])
def test_file_in_the_way_of_the_private_build_is_wrong_usage(
    study: Path, tmp_path: Path, command: str, name: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).touch()
    result = salvage(command, "--input", study, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert f"{name} cannot be used" in result.output


@pytest.mark.parametrize("is_link", [False, True])
def test_foreign_publication_is_left_alone_and_told_before_any_work(
    study: Path, tmp_path: Path, is_link: bool
) -> None:
    (tmp_path / "out").mkdir()
    if is_link:
        (tmp_path / "out" / "published").symlink_to(study, target_is_directory=True)
    else:
        (tmp_path / "out" / "published").mkdir()
    result = salvage("run", "--input", study, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "was not made by salvage" in result.output
    assert not (tmp_path / "out" / "warehouse.duckdb").exists()
