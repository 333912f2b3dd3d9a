"""Incremental refresh: of records that changed, only the persons whose they are are rebuilt.

A person's records in all tables have a content hash; everything else that the marts depend on
(rules, vocabulary, SQL, versions, settings) has a fingerprint. Where the fingerprint is that of
the kept build, the changed persons' records make a small study of their own. The same models
build it, its rows take the place of those persons' rows in a copy of the kept build, and what is
counted over persons is built anew: docs/incremental.md, docs/decisions/0023.

A CDM's records are compared as they stand there. Those of a clinic's folder are compared once
they are accounted for, which is done for all of them at each run: there the line of a record and
a key that two patients share have found their answer.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from salvage.build import BuildResult, dbt_build, parse_project
from salvage.cdm import Cdm, attach_cdm, columns_read
from salvage.errors import FULL_DISK
from salvage.project import PROJECT_DIR, input_tables
from salvage.resources import duckdb_config
from salvage.sql import quoted

# Fewer persons are rebuilt sooner than compared: starting dbt a second time costs more.
LEAST_PERSONS = 20_000
# Above this share of changed persons a full rebuild costs less.
GREATEST_CHANGED_SHARE = 0.2

# A table with one of these columns holds rows of single persons.
PERSON_COLUMNS = ("patient_id", "person_id")
# What a name means depends on the reference data alone, whoever's record it stands in: these
# tables are read by persons' tables, though they are made from the records of all of them.
LOOKUPS = frozenset(
    {"int_drug_name_ingredients", "int_omop_stop_reason_codes", "int_procedure_name_groups"}
)
# Of a folder these are made from all records at each run: they name lines, number patients, and
# say which keys two patients share.
ACCOUNTS = (
    *("int_patients_accounted", "int_patients", "int_drug_exposures_accounted"),
    *("int_disease_assessments_accounted", "int_procedures_accounted"),
    *("int_adverse_events_accounted", "int_drug_exposures"),
)
# What other records can change about one of them.
_PLACES = ("line_number", "patient_number")
# A key that two persons' records share puts both of them into quarantine (SPEC 1, step 5). Of
# the CDM's drug exposures none is: docs/decisions/0022.
_TABLES_WITH_KEYS = ("disease_assessments", "procedures", "adverse_events")

_FINGERPRINTED = ("dbt_project.yml", "profiles", "models", "macros", "seeds", "src/salvage")
_FINGERPRINTED_SUFFIXES = frozenset({".sql", ".yml", ".yaml", ".csv", ".py"})
_PACKAGES = ("duckdb", "dbt-core", "dbt-adapters", "dbt-duckdb", "salvage")


class FullRebuildError(Exception):
    """The refresh cannot be had from the changed persons alone; its text says why."""


@dataclass(frozen=True)
class Models:
    """The models and seeds of the project by what a changed person means to them.

    Attributes:
        accounts: of a folder, what is made from all records before persons are compared; of a
            CDM nothing.
        tests_of_accounts: the data tests of nothing else.
        by_person: tables of single persons' rows: of those only the changed ones are built.
        shared: what is read by models of the other kinds, and by no record touched.
        remade: everything else that records reach: counts, names, views.
        needed_remade: those of `remade` that the persons' tables and their tests read.
        tests_by_person: data tests that judge each person's rows by themselves: what passed
            of the kept persons passes still.
        tests_of_all: the other data tests of what records reach.
        numbered: of a persons' table, the columns that number the rows of all persons, each with
            the columns by whose order it does.
    """

    accounts: tuple[str, ...]
    tests_of_accounts: tuple[str, ...]
    by_person: tuple[str, ...]
    shared: tuple[str, ...]
    remade: tuple[str, ...]
    needed_remade: tuple[str, ...]
    tests_by_person: tuple[str, ...]
    tests_of_all: tuple[str, ...]
    numbered: Mapping[str, Mapping[str, Sequence[str]]]


def take_snapshot(
    connection: duckdb.DuckDBPyConnection, cdm: Cdm | None, variables: Mapping[str, str]
) -> bool:
    """Write what a later run compares itself with into schema `refresh` of a new warehouse.

    `refresh.basis` gets the fingerprint and, of a CDM, `refresh.persons` what `note_persons`
    writes of a folder once its records are accounted for.

    Args:
        connection: the new warehouse, with what the gate loaded, and the CDM attached.
        cdm: the CDM; None: schema `raw` holds the records of a folder.
        variables: dbt vars of the build.

    Returns:
        False where persons are too few for a refresh, and nothing is written.
    """
    persons = "raw.patients" if cdm is None else cdm.relation("person")
    (n_persons,) = _row(connection, f"select count(*) from {persons}")
    if n_persons < LEAST_PERSONS:
        return False
    connection.execute("create schema if not exists refresh")
    parts: dict[str, object] = {
        "settings": {key: value for key, value in variables.items() if key != "omop"},
        "versions": {package: version(package) for package in _PACKAGES},
        "project": _project_digest(),
        "rules": _rules_digest(connection),
    }
    if cdm is not None:
        found = columns_read(connection, cdm)
        cells = {table: _cast_cells(columns) for table, columns in found.items()}
        parts["columns"] = found
        parts["vocabulary"] = {
            table: _row(
                connection,
                "select count(*), sum(first_hash), sum(second_hash) "
                f"from (select {_hashes(table, cells[table])} from {cdm.relation(table)})",
            )
            for table in found
            if "person_id" not in found[table]
        }
        _write_persons(
            connection,
            [
                f"select person_id, {_hashes(table, cells[table])} from {cdm.relation(table)}"
                for table in found
                if "person_id" in found[table]
            ],
        )
    connection.execute("create or replace table refresh.basis (part varchar, fingerprint varchar)")
    connection.executemany(
        "insert into refresh.basis values (?, ?)",
        [
            (
                name,
                hashlib.sha256(json.dumps(part, sort_keys=True, default=str).encode()).hexdigest(),
            )
            for name, part in parts.items()
        ],
    )
    return True


def note_persons(warehouse: Path) -> None:
    """Write `refresh.persons` into the warehouse of a folder whose records are accounted for.

    A record's line is no part of its content: a line that comes in moves all those below it.
    """
    with _connect(warehouse) as connection:
        queries = []
        for table in ACCOUNTS:
            if table.endswith("_accounted"):
                cells = [name for name in _columns(connection, table) if name not in _PLACES]
                queries.append(
                    f"select patient_id as person_id, {_hashes(table, cells)} "
                    f"from intermediate.{table}"
                )
        _write_persons(connection, queries)


def _write_persons(connection: duckdb.DuckDBPyConnection, queries: Sequence[str]) -> None:
    """Write what is compared of each person into `refresh.persons`.

    The sums of two 64-bit hashes of each record and the number of records, so that neither
    order nor place counts, and copies do. Two different contents are taken for equal with a
    chance of about 2^-128.

    Args:
        connection: the warehouse.
        queries: each gives person_id, first_hash and second_hash of a table's records.
    """
    connection.execute(
        "create or replace table refresh.persons as select person_id, "
        "sum(first_hash) as first_sum, sum(second_hash) as second_sum, count(*) as n_records "
        f"from ({' union all '.join(queries)}) group by person_id"
    )


def _hashes(table: str, cells: Sequence[str]) -> str:
    """Return SQL for two hashes of each row of a table, independent of each other."""
    return (
        f"hash('{table}', {', '.join(cells)}) as first_hash, "
        f"hash('{table}', {', '.join(reversed(cells))}, 42) as second_hash"
    )


def _cast_cells(columns: Mapping[str, str]) -> list[str]:
    return [f"cast({name} as {data_type})" for name, data_type in columns.items()]


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Return the columns of one of the warehouse's own tables, in order."""
    rows = connection.execute(
        "select column_name from duckdb_columns() where database_name = current_database() "
        "and table_name = ? order by column_index",
        [table],
    ).fetchall()
    return [name for (name,) in rows]


def _project_digest() -> str:
    """Return a digest of everything in the project that can change a mart."""
    digest = hashlib.sha256()
    for name in _FINGERPRINTED:
        root = PROJECT_DIR / name
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.is_file() and path.suffix in _FINGERPRINTED_SUFFIXES:
                digest.update(f"{path.relative_to(PROJECT_DIR)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _rules_digest(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a digest of the study's own rules, as the gate loaded them."""
    digest = hashlib.sha256()
    for table in sorted(input_tables("own_reference")):
        if _has_table(connection, table, schema="raw_reference"):
            rows = connection.execute(f"select * from raw_reference.{table} order by all")
            digest.update(f"{table}\0{rows.fetchall()!r}\0".encode())
    return digest.hexdigest()


def refresh(
    kept: Path,
    fresh: Path,
    private: Path,
    output: Path,
    cdm: Cdm | None,
    variables: dict[str, str],
    *,
    show_progress: bool,
) -> tuple[BuildResult, str]:
    """Build the changed persons alone, on a copy of the kept build that takes `fresh`'s place.

    Args:
        kept: the build that an earlier run left; only read.
        fresh: the new warehouse, with what the gate loaded and a snapshot, and no models; only
            read until its place is taken.
        private: folder of the run.
        output: folder that gets dbt's `target` and `logs`.
        cdm: the CDM; None: `fresh` holds the records of a folder.
        variables: dbt vars of the build.
        show_progress: draw progress bars on standard error.

    Returns:
        The outcome of building and testing, and a sentence on what was built.

    Raises:
        FullRebuildError: nothing was done to `fresh`; the models are to be built there.
    """
    merged, changed = private / "merged", private / "changed"
    try:
        for folder in (merged, changed):
            folder.mkdir(mode=0o700)
        return _refresh(
            kept,
            fresh,
            merged / "warehouse.duckdb",
            changed,
            output,
            cdm,
            variables,
            show_progress=show_progress,
        )
    except duckdb.Error as error:
        if FULL_DISK in str(error):
            raise
        raise FullRebuildError("the earlier build could not be used") from error
    finally:
        for folder in (merged, changed):
            shutil.rmtree(folder, ignore_errors=True)


def _refresh(
    kept: Path,
    fresh: Path,
    merged: Path,
    changed: Path,
    output: Path,
    cdm: Cdm | None,
    variables: dict[str, str],
    *,
    show_progress: bool,
) -> tuple[BuildResult, str]:
    _refuse_other_basis(kept, fresh)
    manifest = parse_project(fresh, output, variables)

    def build(warehouse: Path, select: Sequence[str], **settings: str) -> BuildResult:
        return _passed(
            dbt_build(
                warehouse,
                output,
                {**variables, **settings},
                select=select,
                indirect_selection="empty",
                show_progress=show_progress,
                manifest=manifest,
            )
        )

    shutil.copyfile(kept, merged)
    merged.chmod(0o600)
    models = sort_models(manifest, _person_relations(merged))
    results = []
    if cdm is None:
        _copy_tables(fresh, merged, "raw", (*input_tables("clinic"), "input_files"))
        results.append(build(merged, (*models.accounts, *models.tests_of_accounts)))
        note_persons(merged)
    else:
        _copy_tables(fresh, merged, "refresh", ("persons",))
        _refuse_shared_keys(merged)
    n_changed, n_persons = _compare(kept, merged)
    if n_changed:
        _extract(merged, changed, cdm, models)
        settings = {} if cdm is None else {"omop": str(changed / "cdm.duckdb")}
        select = (*models.by_person, *models.needed_remade, *models.tests_by_person)
        build(changed / "warehouse.duckdb", select, **settings)
        _merge(merged, changed / "warehouse.duckdb", models)
    results.append(build(merged, (*models.remade, *models.tests_of_all)))
    if cdm is not None:
        _refuse_shared_keys(merged)
    merged.replace(fresh)
    result = BuildResult([test for result in results for test in result.tests], [])
    return result, f"Rebuilt {n_changed:,} of {n_persons:,} persons, those whose records changed."


def keep(warehouse: Path) -> None:
    """Note beside a build that was published that a later run may start from it as it is."""
    _note(warehouse).write_text(_state(warehouse), encoding="utf-8")


def _note(warehouse: Path) -> Path:
    return warehouse.with_name(".refresh_from")


def _state(warehouse: Path) -> str:
    """Return what changes whenever somebody writes to the file or puts another in its place."""
    status = warehouse.stat()
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _is_as_it_was_kept(warehouse: Path) -> bool:
    try:
        return _note(warehouse).read_text(encoding="utf-8") == _state(warehouse)
    except OSError:
        return False


def _refuse_other_basis(kept: Path, fresh: Path) -> None:
    """Refuse a kept build that is none to start from, or that depends on something else."""
    if not kept.is_file():
        raise FullRebuildError("there is no earlier build")
    if not _is_as_it_was_kept(kept):
        raise FullRebuildError("the earlier build is not as a publication left it")
    with _connect(fresh, read_only=True) as connection:
        connection.execute(f"attach '{quoted(kept)}' as kept (read_only)")
        if not _has_table(connection, "persons", "kept"):
            raise FullRebuildError("the earlier build was not of so many persons")
        differing = connection.execute(
            "select coalesce(fresh.part, kept.part) from refresh.basis as fresh "
            "full join kept.refresh.basis as kept on fresh.part = kept.part "
            "where fresh.fingerprint is distinct from kept.fingerprint order by 1"
        ).fetchall()
    if differing:
        names = ", ".join(name for (name,) in differing)
        raise FullRebuildError(f"something that all persons depend on changed ({names})")


def _copy_tables(source: Path, target: Path, schema: str, tables: Iterable[str]) -> None:
    with _connect(target) as connection:
        connection.execute(f"attach '{quoted(source)}' as source (read_only)")
        for table in tables:
            connection.execute(
                f"create or replace table {schema}.{table} as from source.{schema}.{table}"
            )


def _compare(kept: Path, merged: Path) -> tuple[int, int]:
    """Write `refresh.changed` into `merged`: the persons whose records are not those of `kept`."""
    with _connect(merged) as connection:
        connection.execute(f"attach '{quoted(kept)}' as kept (read_only)")
        connection.execute(
            "create or replace table refresh.changed as "
            "select coalesce(fresh.person_id, kept.person_id) as person_id "
            "from refresh.persons as fresh full join kept.refresh.persons as kept "
            "on fresh.person_id is not distinct from kept.person_id "
            "where (fresh.first_sum, fresh.second_sum, fresh.n_records) is distinct from "
            "(kept.first_sum, kept.second_sum, kept.n_records)"
        )
        n_changed, n_persons = _row(
            connection,
            "select (select count(*) from refresh.changed), (select count(*) from refresh.persons)",
        )
    if n_changed > GREATEST_CHANGED_SHARE * n_persons:
        raise FullRebuildError(f"the records of {n_changed:,} of {n_persons:,} persons changed")
    return n_changed, n_persons


def _person_relations(warehouse: Path) -> frozenset[str]:
    """Return the tables and views of a build that hold rows of single persons."""
    with _connect(warehouse, read_only=True) as connection:
        rows = connection.execute(
            "select distinct table_name from duckdb_columns() "
            "where database_name = current_database() and column_name in (?, ?)",
            list(PERSON_COLUMNS),
        ).fetchall()
    return frozenset(name for (name,) in rows)


def sort_models(manifest: Any, person_relations: Collection[str]) -> Models:
    """Sort the enabled models, seeds and data tests of a parsed project.

    Args:
        manifest: the project, as dbt parsed it.
        person_relations: names of the tables and views that hold rows of single persons.

    Raises:
        FullRebuildError: a persons' table reads what is counted over persons.
    """
    nodes = manifest.nodes
    parents = {
        key: set(node.depends_on_nodes)
        for key, node in nodes.items()
        if node.resource_type in ("model", "seed", "test")
    }
    models = {key for key in parents if nodes[key].resource_type != "test"}
    children = _inverted(parents)

    def reached_from(source_name: str) -> set[str]:
        records = {
            key
            for key, source in manifest.sources.items()
            if source.source_name == source_name
            and (source_name == "clinic" or "person_id" in source.columns)
        }
        return _closure(records, children) & parents.keys()

    of_files = reached_from("clinic")
    named = {key for key in of_files & models if nodes[key].name in ACCOUNTS}
    accounts = _closure(named, parents) & of_files
    reached = (of_files | reached_from("omop")) - accounts
    reached_models, reached_tests = reached & models, reached - models
    tests_of_accounts = {key for key in reached_tests if not parents[key] & reached_models}
    reached_tests -= tests_of_accounts
    persons = {key for key in reached_models if nodes[key].name in person_relations}
    tables = {key for key in reached_models if nodes[key].config.materialized == "table"}
    lookups = {key for key in reached_models if nodes[key].name in LOOKUPS}
    by_person = persons & tables

    def counted(keys: Iterable[str]) -> set[str]:
        """Return what is counted over persons among the models that these read."""
        read = _closure(keys, parents) & reached_models & tables
        return {nodes[key].name for key in read - by_person - lookups}

    if names_of_counted := counted(by_person):
        raise FullRebuildError(
            "persons' tables read what is counted over persons "
            f"({', '.join(sorted(names_of_counted))})"
        )
    tests_by_person = {
        key
        for key in reached_tests
        if parents[key] & persons
        and parents[key] & reached_models <= persons | lookups
        and not counted({key})
        and not _is_uniqueness_of_all(nodes[key])
    }
    built = (_closure(by_person | tests_by_person, parents) & reached_models) - by_person
    readers = reached_models | tests_by_person
    read = {parent for key in readers for parent in parents[key]} & models

    def names(keys: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(nodes[key].name for key in keys))

    return Models(
        accounts=names(accounts),
        tests_of_accounts=names(tests_of_accounts),
        by_person=names(by_person),
        shared=names(read - reached_models),
        remade=names(reached_models - by_person),
        needed_remade=names(built),
        tests_by_person=names(tests_by_person),
        tests_of_all=names(reached_tests - tests_by_person),
        numbered={
            nodes[key].name: nodes[key].config.meta["numbered_by"]
            for key in by_person
            if "numbered_by" in nodes[key].config.meta
        },
    )


def _is_uniqueness_of_all(test: Any) -> bool:
    """Does a data test say that a key is unique among all persons' rows?"""
    metadata = getattr(test, "test_metadata", None)
    if metadata is None or not metadata.name.startswith("unique"):
        return False
    arguments = metadata.kwargs.get("columns") or metadata.kwargs.get("arguments") or ()
    return not any(column in json.dumps(arguments) for column in PERSON_COLUMNS)


def _inverted(parents: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    children: dict[str, set[str]] = {}
    for key, its_parents in parents.items():
        for parent in its_parents:
            children.setdefault(parent, set()).add(key)
    return children


def _closure(keys: Iterable[str], neighbours: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting.extend(neighbours.get(key, ()))
    return found


def _refuse_shared_keys(warehouse: Path) -> None:
    """Refuse a build where one key stands in records of two persons, accepted or not."""
    tables = input_tables("clinic")
    with _connect(warehouse, read_only=True) as connection:
        for table in _TABLES_WITH_KEYS:
            key = tables[table].columns[0]
            (is_shared,) = _row(
                connection,
                f"select count(*) > 0 from (select 1 from intermediate.int_{table}_accounted "
                f"where {key} is not null group by {key} "
                "having count(distinct patient_id) + max(cast(patient_id is null as integer)) > 1)",
            )
            if is_shared:
                raise FullRebuildError(f"a {key} stands in records of two persons")


def _extract(merged: Path, changed: Path, cdm: Cdm | None, models: Models) -> None:
    """Make the changed persons' own study, and a warehouse with all else that their models read."""

    def is_changed(relation: str, column: str) -> str:
        return (
            "exists (select 1 from kept.refresh.changed as changed "
            f"where changed.person_id is not distinct from {relation}.{column})"
        )

    with _connect(changed / "warehouse.duckdb") as connection:
        (changed / "warehouse.duckdb").chmod(0o600)
        connection.execute(f"attach '{quoted(merged)}' as kept (read_only)")
        if cdm is not None:
            attach_cdm(connection, cdm)
            connection.execute(f"attach '{quoted(changed / 'cdm.duckdb')}' as small")
            (changed / "cdm.duckdb").chmod(0o600)
            connection.execute(f'create schema if not exists small."{cdm.schema}"')
            for table, columns in columns_read(connection, cdm).items():
                if "person_id" in columns:
                    connection.execute(
                        f'create table small."{cdm.schema}".{table} as '
                        f"select {', '.join(columns)} from {cdm.relation(table)} as records "
                        f"where {is_changed('records', 'person_id')}"
                    )
        schemas = _schemas(connection, "kept")
        for name in models.shared:
            schema = schemas[name]
            connection.execute(f"create schema if not exists {schema}")
            is_records = name in ACCOUNTS and name in models.accounts
            connection.execute(
                f"create table {schema}.{name} as from kept.{schema}.{name} as records "
                f"where {is_changed('records', 'patient_id') if is_records else 'true'}"
            )


def _merge(merged: Path, changed: Path, models: Models) -> None:
    """Put the changed persons' rows into the copy of the kept build."""
    with _connect(merged) as connection:
        connection.execute(f"attach '{quoted(changed)}' as changed (read_only)")
        connection.execute("begin")
        schemas = _schemas(connection, "changed")
        for name in models.by_person:
            table = f"{schemas[name]}.{name}"
            column, data_type = _person_column(connection, name)
            connection.execute(
                f"delete from {table} as kept using refresh.changed as changed "
                f"where kept.{column} is not distinct from "
                f"cast(changed.person_id as {data_type})"
            )
            connection.execute(f"insert into {table} by name from changed.{table}")
            for number, order in models.numbered.get(name, {}).items():
                connection.execute(
                    f"create or replace table {table} as select * replace (row_number() over "
                    f"(order by {', '.join(order)}) as {number}) from {table}"
                )
        connection.execute("commit")


def _person_column(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[str, str]:
    """Return the name and the type of the column that says whose row it is."""
    column, data_type = _row(
        connection,
        "select column_name, data_type from duckdb_columns() "
        "where database_name = current_database() and table_name = ? "
        "and column_name in (?, ?) order by column_name limit 1",
        [table, *PERSON_COLUMNS],
    )
    return column, data_type


def _passed(result: BuildResult) -> BuildResult:
    """Return an outcome without faults: a fault's verdict has to be that of a full rebuild."""
    if not result.passed:
        raise FullRebuildError("building or testing the changed persons alone failed")
    return result


def _schemas(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """Return the schema of each table and view of an attached database."""
    return dict(
        connection.execute(
            "select distinct table_name, schema_name from duckdb_columns() "
            "where database_name = ? and schema_name in "
            "('staging', 'intermediate', 'marts', 'reference')",
            [database],
        ).fetchall()
    )


def _has_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    database: str | None = None,
    schema: str = "refresh",
) -> bool:
    (n_tables,) = _row(
        connection,
        "select count(*) from duckdb_tables() where schema_name = ? and table_name = ? "
        "and database_name = coalesce(?, current_database())",
        [schema, table, database],
    )
    return bool(n_tables)


def _connect(file: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(file), read_only=read_only, config=duckdb_config())


def _row(connection: duckdb.DuckDBPyConnection, query: str, values: Any = None) -> Any:
    return connection.execute(query, values).fetchone()
