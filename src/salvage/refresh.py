"""Incremental refresh: of a CDM that changed, only the persons whose records changed are rebuilt.

A person's records in all tables of the CDM have a content hash; everything else that the marts
depend on (rules, vocabulary, SQL, versions, settings) has a fingerprint. Where the fingerprint is
that of the kept build, the changed persons' records make a small CDM of their own. The same
models build it, its rows take the place of those persons' rows in a copy of the kept build, and
what is counted over persons is built anew: docs/incremental.md, docs/decisions/0023.
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
from salvage.cdm import attach_cdm, cdm_tables
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
# A key that two persons' records share puts both of them into quarantine (SPEC 1, step 5). Of
# the CDM's drug exposures none is: docs/decisions/0022.
_TABLES_WITH_KEYS = ("disease_assessments", "procedures", "adverse_events")

_FINGERPRINTED = ("dbt_project.yml", "profiles", "models", "macros", "seeds", "src/salvage")
_FINGERPRINTED_SUFFIXES = frozenset({".sql", ".yml", ".yaml", ".csv", ".py"})
_PACKAGES = ("duckdb", "dbt-core", "dbt-adapters", "dbt-duckdb", "salvage")


class FullRebuildError(Exception):
    """The refresh cannot be had from the changed persons alone; its text says why."""


@dataclass(frozen=True)
class Cdm:
    """A CDM as a run reads it.

    Attributes:
        location: as in `attach_cdm`.
        database: the name that it is attached by.
        schema: schema of its tables.
    """

    location: str
    database: str
    schema: str

    def relation(self, table: str) -> str:
        """Return the table's name in SQL."""
        return f'"{self.database}"."{self.schema}".{table}'


@dataclass(frozen=True)
class Models:
    """The models and seeds of the project by what a changed person means to them.

    Attributes:
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

    by_person: tuple[str, ...]
    shared: tuple[str, ...]
    remade: tuple[str, ...]
    needed_remade: tuple[str, ...]
    tests_by_person: tuple[str, ...]
    tests_of_all: tuple[str, ...]
    numbered: Mapping[str, Mapping[str, Sequence[str]]]


def take_snapshot(
    connection: duckdb.DuckDBPyConnection, cdm: Cdm, variables: Mapping[str, str]
) -> int | None:
    """Write what a later run compares itself with into schema `refresh` of a new warehouse.

    `refresh.basis` gets the fingerprint, `refresh.persons` a hash of each person's records: the
    sums of two 64-bit hashes of each row and the number of rows, so that neither order nor
    place counts, and copies do. Two different contents are taken for equal with a chance of
    about 2^-128.

    Args:
        connection: the new warehouse, with the study's own rules and the CDM attached.
        cdm: the CDM.
        variables: dbt vars of the build.

    Returns:
        The number of persons; None where they are too few for a refresh, and nothing is written.
    """
    found = _found_columns(connection, cdm)
    (n_persons,) = _row(connection, f"select count(*) from {cdm.relation('person')}")
    if n_persons < LEAST_PERSONS:
        return None
    person_tables = [table for table in found if "person_id" in found[table]]
    hashes = " union all ".join(
        f"select person_id, sum({_row_hash(table, found[table])}) as first_sum, "
        f"sum({_row_hash(table, found[table], is_second=True)}) as second_sum, "
        f"count(*) as n_records from {cdm.relation(table)} group by person_id"
        for table in person_tables
    )
    connection.execute("create schema if not exists refresh")
    connection.execute(
        "create or replace table refresh.persons as select person_id, "
        "sum(first_sum) as first_sum, sum(second_sum) as second_sum, "
        f"sum(n_records) as n_records from ({hashes}) group by person_id"
    )
    parts = {
        "settings": {key: value for key, value in variables.items() if key != "omop"},
        "versions": {package: version(package) for package in _PACKAGES},
        "project": _project_digest(),
        "columns": found,
        "rules": _rules_digest(connection),
        "vocabulary": {
            table: _row(
                connection,
                f"select count(*), sum({_row_hash(table, columns)}), "
                f"sum({_row_hash(table, columns, is_second=True)}) from {cdm.relation(table)}",
            )
            for table, columns in found.items()
            if table not in person_tables
        },
    }
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
    return int(n_persons)


def _found_columns(connection: duckdb.DuckDBPyConnection, cdm: Cdm) -> dict[str, dict[str, str]]:
    """Return the columns of the CDM that the warehouse reads, with their declared types."""
    rows = connection.execute(
        "select lower(table_name), lower(column_name) from duckdb_columns() "
        "where database_name = ? and schema_name = ?",
        [cdm.database, cdm.schema],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table in cdm_tables().values():
        columns = {
            name: data_type for name, data_type in table.types.items() if (table.name, name) in rows
        }
        if columns:
            found[table.name] = columns
    return found


def _row_hash(table: str, columns: Mapping[str, str], *, is_second: bool = False) -> str:
    """Return SQL for a 64-bit hash of a row; the second one is independent of the first."""
    cells = [f"cast({name} as {data_type})" for name, data_type in columns.items()]
    if is_second:
        cells = [*reversed(cells), "42"]
    return f"hash('{table}', {', '.join(cells)})"


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
    cdm: Cdm,
    variables: dict[str, str],
    *,
    show_progress: bool,
) -> tuple[BuildResult, str]:
    """Build the changed persons alone, on a copy of the kept build that takes `fresh`'s place.

    Args:
        kept: the build that an earlier run left; only read.
        fresh: the new warehouse, with the study's rules and a snapshot in it, and no models.
        private: folder of the run.
        output: folder that gets dbt's `target` and `logs`.
        cdm: the CDM.
        variables: dbt vars of the build.
        show_progress: draw progress bars on standard error.

    Returns:
        The outcome of building and testing, and a sentence on what was built.

    Raises:
        FullRebuildError: nothing was done to `fresh`; the models are to be built there.
    """
    merged, changed = private / "merged", private / "changed"
    try:
        return _refresh(
            kept, fresh, merged, changed, output, cdm, variables, show_progress=show_progress
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
    cdm: Cdm,
    variables: dict[str, str],
    *,
    show_progress: bool,
) -> tuple[BuildResult, str]:
    n_changed, n_persons = _compare(kept, fresh)
    manifest = parse_project(fresh, output, variables)
    for folder in (merged, changed):
        folder.mkdir(mode=0o700)
    shutil.copyfile(kept, merged / "warehouse.duckdb")
    (merged / "warehouse.duckdb").chmod(0o600)
    models = sort_models(manifest, _person_relations(merged / "warehouse.duckdb"))
    _refuse_shared_keys(merged / "warehouse.duckdb")
    if n_changed:
        small = Cdm(str(changed / "cdm.duckdb"), cdm.database, cdm.schema)
        _extract(fresh, merged, changed, cdm, models)
        _passed(
            dbt_build(
                changed / "warehouse.duckdb",
                output,
                {**variables, "omop": small.location},
                select=(*models.by_person, *models.needed_remade, *models.tests_by_person),
                indirect_selection="empty",
                show_progress=show_progress,
                manifest=manifest,
            )
        )
    _merge(fresh, merged, changed if n_changed else None, models)
    result = _passed(
        dbt_build(
            merged / "warehouse.duckdb",
            output,
            variables,
            select=(*models.remade, *models.tests_of_all),
            indirect_selection="empty",
            show_progress=show_progress,
            manifest=manifest,
        )
    )
    _refuse_shared_keys(merged / "warehouse.duckdb")
    (merged / "warehouse.duckdb").replace(fresh)
    return result, (f"Rebuilt {n_changed:,} of {n_persons:,} persons, those whose records changed.")


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


def _compare(kept: Path, fresh: Path) -> tuple[int, int]:
    """Write `refresh.changed` into `fresh`: the persons whose records are not those of `kept`."""
    if not kept.is_file():
        raise FullRebuildError("there is no earlier build")
    if not _is_as_it_was_kept(kept):
        raise FullRebuildError("the earlier build is not as a publication left it")
    with _connect(fresh) as connection:
        connection.execute(f"attach '{quoted(kept)}' as kept (read_only)")
        if not _has_table(connection, "basis", "kept"):
            raise FullRebuildError("the earlier build was not of so large a CDM")
        differing = connection.execute(
            "select coalesce(fresh.part, kept.part) from refresh.basis as fresh "
            "full join kept.refresh.basis as kept on fresh.part = kept.part "
            "where fresh.fingerprint is distinct from kept.fingerprint order by 1"
        ).fetchall()
        if differing:
            names = ", ".join(name for (name,) in differing)
            raise FullRebuildError(f"something that all persons depend on changed ({names})")
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
    records = {
        key
        for key, source in manifest.sources.items()
        if source.source_name == "omop" and "person_id" in source.columns
    }
    reached = _closure(records, _inverted(parents)) & parents.keys()
    reached_models, reached_tests = reached & models, reached - models
    persons = {key for key in reached_models if nodes[key].name in person_relations}
    tables = {key for key in reached_models if nodes[key].config.materialized == "table"}
    by_person = persons & tables

    def counted(keys: Iterable[str]) -> set[str]:
        """Return what is counted over persons among the models that these read."""
        read = _closure(keys, parents) & reached_models & tables
        return {nodes[key].name for key in read - by_person} - LOOKUPS

    if names_of_counted := counted(by_person):
        raise FullRebuildError(
            "persons' tables read what is counted over persons "
            f"({', '.join(sorted(names_of_counted))})"
        )
    tests_by_person = {
        key
        for key in reached_tests
        if parents[key] & reached_models <= persons
        and not counted({key})
        and not _is_uniqueness_of_all(nodes[key])
    }
    built = (_closure(by_person | tests_by_person, parents) & reached_models) - by_person
    readers = reached_models | tests_by_person
    read = {parent for key in readers for parent in parents[key]} & models

    def names(keys: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(nodes[key].name for key in keys))

    return Models(
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


def _extract(fresh: Path, merged: Path, changed: Path, cdm: Cdm, models: Models) -> None:
    """Make the changed persons' own CDM, and a warehouse with all else that their models read."""
    with _connect(changed / "warehouse.duckdb") as connection:
        (changed / "warehouse.duckdb").chmod(0o600)
        attach_cdm(connection, cdm.location, cdm.database, cdm.schema)
        connection.execute(f"attach '{quoted(fresh)}' as fresh (read_only)")
        connection.execute(f"attach '{quoted(merged / 'warehouse.duckdb')}' as kept (read_only)")
        connection.execute(f"attach '{quoted(changed / 'cdm.duckdb')}' as small")
        (changed / "cdm.duckdb").chmod(0o600)
        connection.execute(f'create schema if not exists small."{cdm.schema}"')
        for table, columns in _found_columns(connection, cdm).items():
            if "person_id" in columns:
                connection.execute(
                    f'create table small."{cdm.schema}".{table} as '
                    f"select {', '.join(columns)} from {cdm.relation(table)} as records "
                    "where exists (select 1 from fresh.refresh.changed as changed "
                    "where changed.person_id is not distinct from records.person_id)"
                )
        connection.execute("create schema raw_reference")
        for table in input_tables("own_reference"):
            if _has_table(connection, table, "fresh", "raw_reference"):
                connection.execute(
                    f"create table raw_reference.{table} as from fresh.raw_reference.{table}"
                )
        schemas = _schemas(connection, "kept")
        for name in models.shared:
            schema = schemas[name]
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {schema}.{name} as from kept.{schema}.{name}")


def _merge(fresh: Path, merged: Path, changed: Path | None, models: Models) -> None:
    """Put the changed persons' rows and the new snapshot into the copy of the kept build."""
    with _connect(merged / "warehouse.duckdb") as connection:
        connection.execute(f"attach '{quoted(fresh)}' as fresh (read_only)")
        connection.execute("begin")
        for table in ("persons", "basis"):
            connection.execute(
                f"create or replace table refresh.{table} as from fresh.refresh.{table}"
            )
        if changed is not None:
            connection.execute(
                f"attach '{quoted(changed / 'warehouse.duckdb')}' as changed (read_only)"
            )
            schemas = _schemas(connection, "changed")
            for name in models.by_person:
                table = f"{schemas[name]}.{name}"
                column, data_type = _person_column(connection, name)
                connection.execute(
                    f"delete from {table} as kept using fresh.refresh.changed as changed "
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
