"""A refresh gives what a full rebuild gives, on random edits of random CDMs and folders.

Everything but dbt's own start-up is the real thing: snapshots, comparison, extraction and merge,
on DuckDB files, with the project's compiled SQL. Two tests go through the command itself.
"""

import copy
import csv
import hashlib
import json
import os
import random
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from salvage import refresh as refreshing
from salvage.build import BuildResult, TestResult, parse_project, run_dbt
from salvage.cdm import Cdm, attach_cdm, cdm_tables
from salvage.cli import main
from salvage.duckdb_plugin import register_functions
from salvage.gate import load_folder
from salvage.project import public_marts
from salvage.refresh import (
    FullRebuildError,
    keep,
    note_persons,
    refresh,
    sort_models,
    take_snapshot,
)
from tests import harness, omop_export
from tests.expected_marts import named_as_published
from tests.harness import Project, seed_rows
from tests.oracle.folders import write_folder
from tests.oracle.oracle import TABLES
from tests.oracle.strategies import BAD_VALUES, seeded_cohort

pytestmark = pytest.mark.slow
# Marts of the literature and of the protocol alone: changed rules rebuild everybody.
WITHOUT_RECORDS = {"dim_protocol_arms", "dq_published_integrity"}

SCHEMAS = ("raw", "intermediate", "marts")
PERSON_TABLES = [name for name, table in cdm_tables().items() if "person_id" in table.types]
VARIABLES = {
    "input": "omop",
    "omop_database": "cdm",
    "omop_schema": "main",
    "data_cutoff_date": "",
}
FOLDER_VARIABLES = {"input": "files", "data_cutoff_date": ""}

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Dbt:
    """Stands in for dbt: builds the selected models from their compiled SQL.

    Attributes:
        project: the compiled project. manifest: the same, as dbt parsed it.
        calls: what was selected, of each build.
        failing: the test result that each build ends with, if any.
    """

    project: Project
    manifest: Any
    calls: list[tuple[str, ...]] = field(default_factory=list)
    failing: TestResult | None = None

    def build(
        self,
        warehouse: Path,
        output: Path,
        variables: dict[str, str],
        select: tuple[str, ...] = (),
        **options: Any,
    ) -> BuildResult:
        self.calls.append(select)
        with closing(duckdb.connect(str(warehouse))) as connection:
            register_functions(connection)
            if "omop" in variables:
                attach_cdm(connection, Cdm(variables["omop"], "cdm", "main"))
            for schema in ("staging", "reference", *SCHEMAS):
                connection.execute(f"create schema if not exists {schema}")
            if not select:
                self._load_seeds(connection)
            for model in self.project.models:
                if not select or model.name in select:
                    kind = "view" if model.is_view else "table"
                    connection.execute(f"create or replace {kind} {model.relation} as {model.sql}")
        return BuildResult([self.failing] if self.failing else [], [])

    def _load_seeds(self, connection: duckdb.DuckDBPyConnection) -> None:
        for seed in self.project.seeds:
            header, rows = seed_rows(seed)
            columns = ", ".join(f"{name} {seed.column_types[name]}" for name in header)
            connection.execute(f"create table {seed.relation} ({columns})")
            if rows:
                marks = ", ".join("?" for _ in header)
                connection.executemany(f"insert into {seed.relation} values ({marks})", rows)


def compiled(folder: Path, variables: dict[str, str]) -> tuple[Project, Any]:
    """The compiled project and dbt's manifest of it."""
    # The SQL reads the study's own rules only where there are such tables.
    with closing(duckdb.connect(str(folder / "warehouse.duckdb"))) as connection:
        harness._create_tables_of_the_gate(connection)
    command = ["--quiet", "--log-level", "none", "compile", "--vars", json.dumps(variables)]
    outcome = run_dbt(
        [*command, "--select", "resource_type:model"], folder / "warehouse.duckdb", folder
    )
    assert outcome.success, outcome.exception
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    parsed = parse_project(folder / "warehouse.duckdb", folder, variables)
    return harness._project(manifest, "omop" in variables), parsed


@pytest.fixture(scope="module")
def compiled_for_cdm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Any]:
    folder = tmp_path_factory.mktemp("cdm")
    omop_export.write_cdm_file({}, folder / "cdm.duckdb")
    return compiled(folder, {**VARIABLES, "omop": str(folder / "cdm.duckdb")})


@pytest.fixture(scope="module")
def compiled_for_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Any]:
    return compiled(tmp_path_factory.mktemp("folder"), FOLDER_VARIABLES)


def stand_in(dbt: Dbt, monkeypatch: pytest.MonkeyPatch) -> Dbt:
    monkeypatch.setattr(refreshing, "dbt_build", dbt.build)
    monkeypatch.setattr(refreshing, "parse_project", lambda *arguments: dbt.manifest)
    monkeypatch.setattr(refreshing, "LEAST_PERSONS", 1)
    monkeypatch.setattr(refreshing, "GREATEST_CHANGED_SHARE", 1.0)
    return dbt


@pytest.fixture
def dbt(compiled_for_cdm: tuple[Project, Any], monkeypatch: pytest.MonkeyPatch) -> Dbt:
    return stand_in(Dbt(*compiled_for_cdm), monkeypatch)


@pytest.fixture
def folder_dbt(compiled_for_folder: tuple[Project, Any], monkeypatch: pytest.MonkeyPatch) -> Dbt:
    return stand_in(Dbt(*compiled_for_folder), monkeypatch)


class Study:
    """A study that changes, with the build that each state of it leaves."""

    def __init__(self, dbt: Dbt, folder: Path, variables: dict[str, str]) -> None:
        self.dbt, self.folder = dbt, folder
        self.variables = dict(variables)
        self.n_states = 0
        self.kept = folder / "kept.duckdb" / "warehouse.duckdb"
        self.kept.parent.mkdir(parents=True)

    def write(self, place: Path) -> tuple[Path, Cdm | None]:
        """Write the present state; returns the folder with the rules, and the CDM."""
        raise NotImplementedError

    def load(self) -> tuple[Path, Cdm | None]:
        """A new warehouse with rules and snapshot of the present state, and the CDM."""
        self.n_states += 1
        place = self.folder / f"state_{self.n_states}"
        place.mkdir()
        rules, cdm = self.write(place)
        fresh = place / "warehouse.duckdb"
        with closing(duckdb.connect(str(fresh))) as connection:
            if cdm is not None:
                self.variables["omop"] = cdm.location
                attach_cdm(connection, cdm)
            load_folder(rules, connection, lambda _: None, False, only_reference=cdm is not None)
            assert take_snapshot(connection, cdm, self.variables)
        return fresh, cdm

    def build(self) -> Path:
        """A full rebuild of the present state."""
        fresh, cdm = self.load()
        self.dbt.build(fresh, fresh.parent, self.variables)
        if cdm is None:
            note_persons(fresh)
        return fresh

    def build_and_keep(self) -> None:
        self._keep(self.build())

    def _keep(self, fresh: Path) -> None:
        self.kept.write_bytes(fresh.read_bytes())
        keep(self.kept)

    def refresh(self) -> str:
        """Refresh, check against a full rebuild, and keep; returns the sentence."""
        fresh, cdm = self.load()
        sentence = self.refresh_alone(fresh, cdm)
        full = fresh.parent / "full" / "warehouse.duckdb"
        full.parent.mkdir()
        self.build().replace(full)
        assert differing_tables(full, fresh) == {}
        self._keep(fresh)
        return sentence

    def refresh_alone(self, fresh: Path, cdm: Cdm | None) -> str:
        self.dbt.calls.clear()
        _, sentence = refresh(
            self.kept,
            fresh,
            fresh.parent,
            fresh.parent,
            cdm,
            self.variables,
            show_progress=False,
        )
        return sentence


class CdmStudy(Study):
    def __init__(self, dbt: Dbt, folder: Path, seed: int, n_patients: int = 30) -> None:
        super().__init__(dbt, folder, VARIABLES)
        export = omop_export.export_cohort(
            named_as_published(seeded_cohort(seed, n_patients)), seed, damaged=True
        )
        self.rows: Rows = {table: [dict(row) for row in rows] for table, rows in export.cdm.items()}
        self.rules = omop_export.write_rules(export.rules, folder / "rules")

    def write(self, place: Path) -> tuple[Path, Cdm]:
        cdm = Cdm(str(omop_export.write_cdm_folder(self.rows, place / "cdm")), "cdm", "main")
        return self.rules, cdm

    def persons(self) -> list[int]:
        return sorted(row["person_id"] for row in self.rows["person"])


def differing_tables(expected: Path, found: Path) -> dict[str, tuple[int, int]]:
    """Rows that only one of two builds has, of every table that the models make."""
    with closing(duckdb.connect()) as connection:
        for name, path in (("expected", expected), ("found", found)):
            connection.execute(f"attach '{path}' as {name} (read_only)")
        tables = {
            name: connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables() "
                "where database_name = ? and schema_name in ?",
                [name, list(SCHEMAS)],
            ).fetchall()
            for name in ("expected", "found")
        }
        assert sorted(tables["expected"]) == sorted(tables["found"])
        assert len(tables["found"]) > 90
        counts = {}
        for (table,) in tables["expected"]:
            only = connection.execute(
                f"select (select count(*) from (from expected.{table} except all "
                f"from found.{table})), (select count(*) from (from found.{table} except all "
                f"from expected.{table}))"
            ).fetchone()
            assert only is not None
            counts[table] = only
    return {table: only for table, only in counts.items() if only != (0, 0)}


# ---- Edits of a CDM -----------------------------------------------------------------------------

KEYS = {
    table: next(iter(cdm_tables()[table].types))
    for table in PERSON_TABLES
    if next(iter(cdm_tables()[table].types)) != "person_id"
}


def edit(rows: Rows, generator: random.Random) -> set[int | None]:
    """Change, add or delete rows or persons; returns the persons whose records that touches."""
    filled = [table for table in PERSON_TABLES if rows.get(table)]
    table = generator.choice(filled)
    row = generator.choice(rows[table])
    kinds = ["shift", "delete", "copy", "move", "new person", "no person", "lose person", "shuffle"]
    kind = generator.choice(kinds)
    if kind == "shuffle":
        for name in filled:
            generator.shuffle(rows[name])
        return set()
    if kind == "new person":
        return {_add_person(rows, row["person_id"], generator)}
    if kind == "no person":
        return _remove_person(rows, row["person_id"], only_row=True)
    if kind == "lose person":
        return _remove_person(rows, row["person_id"], only_row=False)
    if kind == "delete":
        rows[table].remove(row)
        return {row["person_id"]}
    if kind == "copy":
        rows[table].append(dict(row))
        return {row["person_id"]}
    changed = dict(row)
    if kind == "move":
        changed["person_id"] = generator.choice(
            [person["person_id"] for person in rows["person"]] or [row["person_id"]]
        )
    else:
        dates = [name for name, value in row.items() if name.endswith("_date") and value]
        if not dates:
            return set()
        name = generator.choice(dates)
        changed[name] = omop_export._shifted(row[name], generator.choice([-40, -3, -1, 1, 2, 30]))
    rows[table][rows[table].index(row)] = changed
    return {row["person_id"], changed["person_id"]} if changed != row else set()


def _add_person(rows: Rows, model: int | None, generator: random.Random) -> int:
    """Add a person with copies of another one's records, under ids of their own."""
    new = 1 + max(row["person_id"] or 0 for table in PERSON_TABLES for row in rows.get(table, []))
    for table in PERSON_TABLES:
        key = KEYS.get(table)
        for row in [row for row in rows.get(table, []) if row["person_id"] == model]:
            copied = {**row, "person_id": new}
            if key and row[key] is not None:
                copied[key] = 1 + max(other[key] or 0 for other in rows[table])
            rows[table].append(copied)
    if not any(row["person_id"] == new for row in rows["person"]):
        rows["person"].append({**generator.choice(rows["person"]), "person_id": new})
    return new


def _remove_person(rows: Rows, person: int | None, *, only_row: bool) -> set[int | None]:
    for table in ["person"] if only_row else PERSON_TABLES:
        rows[table] = [row for row in rows.get(table, []) if row["person_id"] != person]
    return {person}


# ---- Proofs -------------------------------------------------------------------------------------

# More of them: SALVAGE_EDITED_STUDIES=50
edited_studies = pytest.mark.parametrize(
    "seed", range(int(os.environ.get("SALVAGE_EDITED_STUDIES", "2")))
)


@edited_studies
def test_random_edits_give_what_a_full_rebuild_gives(dbt: Dbt, tmp_path: Path, seed: int) -> None:
    study = CdmStudy(dbt, tmp_path, seed)
    generator = random.Random(f"edits {seed}")
    study.build_and_keep()
    n_refreshed = 0
    for _ in range(3):
        touched: set[int | None] = set()
        for _ in range(generator.choice([1, 1, 4])):
            touched |= edit(study.rows, generator)
        try:
            sentence = study.refresh()
        except FullRebuildError as error:
            assert "records of two persons" in str(error)
            study.build_and_keep()
            continue
        n_refreshed += 1
        (n_rebuilt, _, n_persons) = sentence.split()[1:4]
        assert int(n_rebuilt) <= len(touched)
        assert int(n_persons) >= len(study.persons())
    assert n_refreshed > 0


def test_one_changed_row_rebuilds_one_person(dbt: Dbt, tmp_path: Path) -> None:
    study = CdmStudy(dbt, tmp_path, 1)
    study.build_and_keep()
    changed = dict(study.rows["drug_exposure"][0])
    changed["drug_exposure_start_date"] = omop_export._shifted(
        changed["drug_exposure_start_date"] or changed["drug_exposure_end_date"], 1
    )
    study.rows["drug_exposure"][0] = changed
    fresh, cdm = study.load()
    assert study.refresh_alone(fresh, cdm).startswith("Rebuilt 1 of ")
    by_person, remade = dbt.calls
    assert {"int_drug_eras", "fct_drug_eras", "fct_decision_trace"} <= set(by_person)
    assert {"agg_remission_by_arm", "dq_row_ledger"} <= set(remade)
    # Each exposure by itself; the names' own tests ask all of them.
    assert {"mapped_exposures_are_in_one_era_each", "exposures_hold_together"} <= set(by_person)
    assert "not_null_int_drug_name_ingredients_ingredient" in remade
    assert not {"int_drug_eras", "fct_drug_eras", "fct_decision_trace"} & set(remade)


def test_rows_in_another_order_rebuild_nobody(dbt: Dbt, tmp_path: Path) -> None:
    study = CdmStudy(dbt, tmp_path, 2)
    study.build_and_keep()
    for rows in study.rows.values():
        rows.reverse()
    assert study.refresh().startswith("Rebuilt 0 of ")


def test_one_copy_more_of_a_row_is_a_change(dbt: Dbt, tmp_path: Path) -> None:
    study = CdmStudy(dbt, tmp_path, 2)
    study.build_and_keep()
    study.rows["drug_exposure"] += [dict(study.rows["drug_exposure"][0])] * 2
    assert study.refresh().startswith("Rebuilt 1 of ")


@pytest.mark.parametrize("is_mended", [False, True], ids=["comes", "goes"])
def test_a_key_shared_by_two_persons_rebuilds_everybody(
    dbt: Dbt, tmp_path: Path, is_mended: bool
) -> None:
    study = CdmStudy(dbt, tmp_path, 3)
    mended = copy.deepcopy(study.rows)
    # Two persons' records of procedures that have a name here; any other record has no key.
    study.build_and_keep()
    with closing(duckdb.connect(str(study.kept), read_only=True)) as connection:
        named = {
            key
            for (key,) in connection.execute(
                "select procedure_id from intermediate.int_procedures_accounted "
                "where disposition = 'accepted'"
            ).fetchall()
        }
    first, *others = [
        row for row in study.rows["procedure_occurrence"] if row["procedure_occurrence_id"] in named
    ]
    other = next(row for row in others if row["person_id"] != first["person_id"])
    other["procedure_occurrence_id"] = first["procedure_occurrence_id"]
    shared = study.rows
    study.rows = shared if is_mended else mended
    study.build_and_keep()
    study.rows = mended if is_mended else shared
    fresh, cdm = study.load()
    with pytest.raises(FullRebuildError, match="procedure_id stands in records of two persons"):
        study.refresh_alone(fresh, cdm)


def test_changed_rules_vocabulary_and_settings_rebuild_everybody(
    dbt: Dbt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = CdmStudy(dbt, tmp_path, 4)
    study.build_and_keep()

    def reason() -> str:
        fresh, cdm = study.load()
        with pytest.raises(FullRebuildError) as caught:
            study.refresh_alone(fresh, cdm)
        return str(caught.value)

    study.variables["data_cutoff_date"] = "2015-01-01"
    assert "(settings)" in reason()
    study.variables["data_cutoff_date"] = ""
    concept = study.rows["concept"][0]
    study.rows["concept"][0] = {**concept, "concept_name": "another name"}
    assert "(vocabulary)" in reason()
    study.rows["concept"][0] = concept
    protocols = study.rules / "protocols.csv"
    text = protocols.read_text(encoding="utf-8")
    header, first_row, *more = text.splitlines()
    *cells, days_per_month = first_row.split(",")
    changed_row = ",".join([*cells, str(float(days_per_month) + 1)])
    protocols.write_text("\n".join([header, changed_row, *more]) + "\n", encoding="utf-8")
    assert "(rules)" in reason()
    protocols.write_text(text, encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "_project_digest", lambda: "other SQL")
        assert "(project)" in reason()
    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "version", lambda package: "0.0.0")
        assert "(versions)" in reason()
    fresh, cdm = study.load()
    assert study.refresh_alone(fresh, cdm).startswith("Rebuilt 0 of ")


def test_a_fault_or_a_kill_leaves_the_kept_build_as_it_was(
    dbt: Dbt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = CdmStudy(dbt, tmp_path, 5)
    study.build_and_keep()
    before = hashlib.sha256(study.kept.read_bytes()).hexdigest()
    study.rows["drug_exposure"].pop()
    fresh, cdm = study.load()
    untouched = fresh.read_bytes()
    dbt.failing = TestResult("a_test", "", False, 1)
    with pytest.raises(FullRebuildError, match="failed"):
        study.refresh_alone(fresh, cdm)
    dbt.failing = None

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "_merge", killed)
        with pytest.raises(KeyboardInterrupt):
            study.refresh_alone(fresh, cdm)
    assert hashlib.sha256(study.kept.read_bytes()).hexdigest() == before
    # The snapshot alone: a full rebuild starts from here. The comparison was written into it.
    with closing(duckdb.connect(str(fresh), read_only=True)) as connection:
        built = connection.execute(
            "select table_name from duckdb_tables() where schema_name in ?", [list(SCHEMAS)]
        ).fetchall()
    assert built == []
    assert untouched
    assert study.refresh().startswith("Rebuilt 1 of ")


@pytest.mark.parametrize("meddling", ["written to", "replaced", "without a note", "gone"])
def test_a_build_that_somebody_touched_is_not_trusted(
    dbt: Dbt, tmp_path: Path, meddling: str
) -> None:
    study = CdmStudy(dbt, tmp_path, 6, n_patients=5)
    study.build_and_keep()
    if meddling == "written to":
        with closing(duckdb.connect(str(study.kept))) as connection:
            connection.execute("delete from marts.fct_drug_eras")
    elif meddling == "replaced":
        content = study.kept.read_bytes()
        study.kept.unlink()
        study.kept.write_bytes(content)
    elif meddling == "without a note":
        study.kept.with_name(".refresh_from").unlink()
    else:
        study.kept.unlink()
    fresh, cdm = study.load()
    with pytest.raises(FullRebuildError, match="earlier build"):
        study.refresh_alone(fresh, cdm)


# ---- A clinic's folder --------------------------------------------------------------------------

# Table -> its lines below the header, cells as they stand there; [] is a blank line.
Lines = dict[str, list[list[str]]]


class FolderStudy(Study):
    def __init__(self, dbt: Dbt, folder: Path, seed: int, n_patients: int = 30) -> None:
        super().__init__(dbt, folder, FOLDER_VARIABLES)
        cohort = named_as_published(seeded_cohort(seed, n_patients, dirty=True))
        self.rules = write_folder({}, cohort.reference, folder / "rules")
        self.lines: Lines = {
            table: [list(record.cells or ["?"]) for record in records]
            for table, records in cohort.tables.items()
        }

    def write(self, place: Path) -> tuple[Path, None]:
        study = place / "study"
        study.mkdir()
        for path in self.rules.iterdir():
            (study / path.name).write_bytes(path.read_bytes())
        write_lines(self.lines, study)
        return study, None

    def line_of(self, table: str, disposition: str = "accepted") -> list[str]:
        """A line of the kept build that became of it."""
        with closing(duckdb.connect(str(self.kept), read_only=True)) as connection:
            row = connection.execute(
                f"select min(line_number) from intermediate.int_{table}_accounted "
                "where disposition = ?",
                [disposition],
            ).fetchone()
        assert row is not None
        return self.lines[table][row[0] - 2]


def write_lines(lines: Lines, folder: Path) -> None:
    for table, rows in lines.items():
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([column.name for column in TABLES[table]])
            for cells in rows:
                if cells:
                    writer.writerow(cells)
                else:
                    file.write("\n")


def edit_lines(lines: Lines, generator: random.Random, damaged: list[Any]) -> bool:
    """Make one change; returns whether it only moves lines about.

    damaged: what was made bad so far, for mending: line and what it was.
    """
    table = generator.choice([table for table in TABLES if lines.get(table)])
    columns = [column.name for column in TABLES[table]]
    rows = lines[table]
    row, other = (generator.choice([cells for cells in rows if cells] or [[]]) for _ in range(2))
    at = generator.randrange(len(columns))
    kind = generator.choice(
        ["blank line", "move line", "shuffle", "pad"]
        + 2 * ["delete", "copy", "damage", "mend", "width", "no patient", "lose", "new"]
        + 4 * ["cell", "swap keys", "another patient"]
    )
    if kind == "blank line":
        rows.insert(generator.randrange(len(rows) + 1), [])
    elif kind == "move line":
        rows.insert(generator.randrange(len(rows)), rows.pop(generator.randrange(len(rows))))
    elif kind == "shuffle":
        generator.shuffle(rows)
    elif kind == "pad" and len(row) == len(columns) and len(row[at]) < 5_000:
        row[at] = f" {row[at]}\u00a0"
    elif kind == "delete":
        rows.remove(row)
    elif kind == "copy":
        rows.insert(generator.randrange(len(rows) + 1), list(row))
    elif kind == "mend" and damaged:
        cells, before = damaged.pop(generator.randrange(len(damaged)))
        cells[:] = before
    elif kind == "lose":
        _edit_patient(lines, generator, None)
    elif kind == "new":
        _edit_patient(lines, generator, f"new-{generator.randrange(10**9)}")
    elif len(row) == len(other) == len(columns):
        place = columns.index("patient_id")
        if kind == "damage":
            damaged.append((row, list(row)))
            row[at] = generator.choice(BAD_VALUES[TABLES[table][at].kind] or ["?"])
        elif kind == "width":
            damaged.append((row, list(row)))
            row[:] = generator.choice([[*row, "surplus"], row[:-1]])
        elif kind == "no patient":
            damaged.append((row, list(row)))
            row[place] = ""
        elif kind == "cell":
            row[at] = other[at]
        elif kind == "swap keys":
            row[0], other[0] = other[0], row[0]
        elif kind == "another patient":
            row[place] = other[place]
    return kind in ("blank line", "move line", "shuffle", "pad")


def _edit_patient(lines: Lines, generator: random.Random, new: str | None) -> None:
    """Take a patient's lines away or, where `new`, copy them under other ids."""

    def is_of(table: str, cells: list[str], patient: str) -> bool:
        place = [column.name for column in TABLES[table]].index("patient_id")
        return len(cells) > place and cells[place] == patient

    patient = generator.choice([cells[0] for cells in lines["patients"] if cells])
    for table, rows in lines.items():
        theirs = [cells for cells in rows if is_of(table, cells, patient)]
        if new is None:
            lines[table] = [cells for cells in rows if not is_of(table, cells, patient)]
            continue
        place = [column.name for column in TABLES[table]].index("patient_id")
        for number, cells in enumerate(theirs):
            copied = list(cells)
            copied[0], copied[place] = f"{new}-{number}", new
            rows.insert(generator.randrange(len(rows) + 1), copied)


@edited_studies
def test_random_edits_of_a_folder_give_what_a_full_rebuild_gives(
    folder_dbt: Dbt, tmp_path: Path, seed: int
) -> None:
    study = FolderStudy(folder_dbt, tmp_path, seed)
    generator = random.Random(f"edits of a folder {seed}")
    damaged: list[Any] = []
    study.build_and_keep()
    for _ in range(4):
        edits = range(generator.choice([1, 1, 4]))
        are_moves = [edit_lines(study.lines, generator, damaged) for _ in edits]
        n_rebuilt, _, n_persons = study.refresh().split()[1:4]
        if all(are_moves):
            assert int(n_rebuilt) == 0
        # Whose record it is, whose it was, and who has or had its key.
        assert int(n_rebuilt) <= 4 * len(edits) < int(n_persons)


def rebuilt(study: FolderStudy) -> int:
    """Refresh, compare with a full rebuild; how many persons were rebuilt?"""
    return int(study.refresh().split()[1])


def test_lines_that_move_rebuild_nobody_and_are_named_anew(folder_dbt: Dbt, tmp_path: Path) -> None:
    study = FolderStudy(folder_dbt, tmp_path, 1)
    study.build_and_keep()
    # Each table has a line more at its beginning: a quarantined record that is nobody's.
    for table, rows in study.lines.items():
        rows.insert(0, ["?"] * (1 + len(TABLES[table])))
    assert rebuilt(study) == 1
    for rows in study.lines.values():
        rows.insert(0, [])
        rows.reverse()
    assert rebuilt(study) == 0


def test_an_inserted_record_rebuilds_its_patient_alone(folder_dbt: Dbt, tmp_path: Path) -> None:
    study = FolderStudy(folder_dbt, tmp_path, 2)
    study.build_and_keep()
    record = list(study.line_of("drug_exposures"))
    record[0] = "one-more"
    study.lines["drug_exposures"].insert(0, record)
    assert rebuilt(study) == 1
    # Then comes the full rebuild that it was compared with.
    accounts, by_person, remade, _ = folder_dbt.calls
    assert set(refreshing.ACCOUNTS) <= set(accounts)
    assert {"int_drug_eras", "fct_drug_eras", "fct_decision_trace"} <= set(by_person)
    assert {"agg_remission_by_arm", "dq_row_ledger", "dq_quarantine"} <= set(remade)
    assert not set(refreshing.ACCOUNTS) & {*by_person, *remade}


def test_a_bad_record_and_its_mending_rebuild_its_patient(folder_dbt: Dbt, tmp_path: Path) -> None:
    study = FolderStudy(folder_dbt, tmp_path, 3)
    study.build_and_keep()
    record = study.line_of("drug_exposures")
    good = list(record)
    record[[column.name for column in TABLES["drug_exposures"]].index("start_date")] = "03/04/2008"
    assert rebuilt(study) == 1
    record[:] = good
    assert rebuilt(study) == 1
    # Of the wrong width it is nobody's record: it left its patient for them.
    record.append("surplus")
    assert rebuilt(study) == 2
    record[:] = good
    assert rebuilt(study) == 2


def test_a_key_that_two_patients_share_rebuilds_both(folder_dbt: Dbt, tmp_path: Path) -> None:
    study = FolderStudy(folder_dbt, tmp_path, 4)
    study.build_and_keep()
    place = [column.name for column in TABLES["drug_exposures"]].index("patient_id")
    record = study.line_of("drug_exposures")
    # Another patient's, accepted too, as the full rebuild of the state without it shows.
    with closing(duckdb.connect(str(study.kept), read_only=True)) as connection:
        row = connection.execute(
            "select min(line_number) from intermediate.int_drug_exposures_accounted "
            "where disposition = 'accepted' and patient_id <> ?",
            [record[place].strip()],
        ).fetchone()
    assert row is not None
    other = study.lines["drug_exposures"][row[0] - 2]
    own_key = record[0]
    record[0] = other[0]
    assert rebuilt(study) == 2
    record[0] = own_key
    assert rebuilt(study) == 2


def test_a_patient_who_goes_takes_the_records_out(folder_dbt: Dbt, tmp_path: Path) -> None:
    study = FolderStudy(folder_dbt, tmp_path, 5)
    study.build_and_keep()
    record = study.line_of("patients")
    study.lines["patients"].remove(record)
    assert rebuilt(study) == 1
    study.lines["patients"].append(record)
    assert rebuilt(study) == 1


def test_changed_rules_of_a_folder_rebuild_everybody(folder_dbt: Dbt, tmp_path: Path) -> None:
    study = FolderStudy(folder_dbt, tmp_path, 6, n_patients=5)
    study.build_and_keep()
    for name in ("drug_names.csv", "procedure_names.csv"):
        path = study.rules / name
        text = path.read_text(encoding="utf-8")
        # Whatever it says, a line less is another rule.
        path.write_text(text[: text.rstrip("\n").rindex("\n") + 1], encoding="utf-8")
        fresh, _ = study.load()
        with pytest.raises(FullRebuildError, match=r"\(rules\)"):
            study.refresh_alone(fresh, None)
        path.write_text(text, encoding="utf-8")
    fresh, _ = study.load()
    assert study.refresh_alone(fresh, None).startswith("Rebuilt 0 of ")


def test_what_lines_and_numbers_are_in_is_made_from_all_records(
    folder_dbt: Dbt, tmp_path: Path
) -> None:
    """A table of persons with another's place in it would keep a place that is no more."""
    study = FolderStudy(folder_dbt, tmp_path, 7, n_patients=5)
    study.build_and_keep()
    models = sort_models(folder_dbt.manifest, refreshing._person_relations(study.kept))
    assert set(refreshing.ACCOUNTS) <= set(models.accounts)
    assert not {*models.accounts} & {*models.by_person, *models.remade}
    with closing(duckdb.connect(str(study.kept), read_only=True)) as connection:
        numbered = {
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_columns() where column_name = 'patient_number'"
            ).fetchall()
        }
    assert numbered and not numbered & set(models.by_person)
    everything = {*models.accounts, *models.by_person, *models.remade, *models.shared}
    assert set(public_marts()) - everything <= WITHOUT_RECORDS


# ---- Guards of the graph ------------------------------------------------------------------------


def test_every_model_that_records_reach_is_by_person_or_remade(dbt: Dbt, tmp_path: Path) -> None:
    study = CdmStudy(dbt, tmp_path, 7, n_patients=5)
    study.build_and_keep()
    models = sort_models(dbt.manifest, refreshing._person_relations(study.kept))
    assert not set(models.by_person) & set(models.remade)
    everything = {*models.by_person, *models.remade, *models.shared}
    assert set(public_marts(True)) - everything <= WITHOUT_RECORDS
    assert {name for name in public_marts(True) if name.startswith("agg_")} <= set(models.remade)
    assert {name for name in public_marts(True) if name.startswith("fct_")} <= set(models.by_person)


def test_a_persons_table_that_reads_a_count_is_refused(
    dbt: Dbt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = CdmStudy(dbt, tmp_path, 7, n_patients=5)
    study.build_and_keep()
    monkeypatch.setattr(refreshing, "LOOKUPS", frozenset())
    with pytest.raises(FullRebuildError, match="int_drug_name_ingredients"):
        sort_models(dbt.manifest, refreshing._person_relations(study.kept))


# ---- The command --------------------------------------------------------------------------------


def test_the_command_refreshes_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refreshing, "LEAST_PERSONS", 1)
    export = omop_export.export_cohort(named_as_published(seeded_cohort(1, 30)), 1)
    rules = omop_export.write_rules(export.rules, tmp_path / "rules")
    output = tmp_path / "output"

    exposures = list(export.cdm["drug_exposure"])

    def run(*options: str) -> tuple[str, dict[str, list[tuple[Any, ...]]]]:
        cdm = {**export.cdm, "drug_exposure": exposures}
        omop_export.write_cdm_folder(cdm, tmp_path / "cdm")
        command = ["run", "--omop", str(tmp_path / "cdm"), "--protocol-dir", str(rules)]
        result = CliRunner().invoke(main, [*command, "--output", str(output), *options])
        assert result.exit_code == 0, result.output
        with closing(
            duckdb.connect(str(output / "published" / "salvage.duckdb"), read_only=True)
        ) as connection:
            return result.output, {
                mart: connection.execute(f"from marts.{mart}").fetchall()
                for mart in public_marts(True)
            }

    said, before = run()
    assert "Rebuilding every person: there is no earlier build." in said
    row = exposures.pop()
    assert row["person_id"] is not None
    said, refreshed = run()
    assert "Rebuilt 1 of " in said
    said, rebuilt = run("--full-refresh")
    assert "Rebuilt" not in said
    assert refreshed == rebuilt
    assert refreshed != before


def test_the_command_refreshes_a_folder_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = named_as_published(seeded_cohort(1, 30, dirty=True))
    folder = write_folder(cohort.tables, cohort.reference, tmp_path / "input")
    output = tmp_path / "output"

    def run(*options: str) -> tuple[str, dict[str, list[tuple[Any, ...]]]]:
        command = ["run", "--input", str(folder), "--output", str(output), *options]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
        with closing(
            duckdb.connect(str(output / "published" / "salvage.duckdb"), read_only=True)
        ) as connection:
            return result.output, {
                mart: connection.execute(f"from marts.{mart}").fetchall() for mart in public_marts()
            }

    monkeypatch.setattr(refreshing, "LEAST_PERSONS", 1)
    said, before = run()
    assert "Rebuilding every person: there is no earlier build." in said
    # A copy of the first record before it, so that all others move down.
    exposures = folder / "drug_exposures.csv"
    with exposures.open(encoding="utf-8", newline="") as file:
        header, *records = csv.reader(file)
    with exposures.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, records[0], *records])
    said, refreshed = run()
    assert "Rebuilt 1 of " in said
    said, rebuilt = run("--full-refresh")
    assert "Rebuilt" not in said
    assert refreshed == rebuilt
    assert refreshed["dq_quarantine"] != before["dq_quarantine"]
    # A folder of few patients is built whole, and nothing is said of it.
    monkeypatch.undo()
    said, small = run()
    assert "persons" not in said
    assert small == rebuilt
