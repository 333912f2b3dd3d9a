"""The project's own compiled SQL, run in memory on a cohort in milliseconds.

dbt compiles the project once; its SQL then runs unchanged, in dependency order, in an in-memory
DuckDB that is attached under the name the SQL says. Two things differ from a dbt build, and
`test_oracle_agreement` compares the outcome with a real run: the tables are filled by prepared
`insert into <model> <SQL>` statements instead of being created, and a data cut-off takes the
place of the one that was compiled in (see `at_cutoff`).
"""

import csv
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import duckdb

from salvage.build import run_dbt
from salvage.cdm import cdm_tables
from salvage.duckdb_plugin import register_functions
from salvage.gate import Warn, load_folder
from salvage.project import PROJECT_DIR, InputTable, input_tables, public_marts
from salvage.publish import Provenance, publish
from salvage.sql import quoted
from tests.oracle.oracle import Record, Reference, Row, Tables

Marts = dict[str, list[Row]]
# Rows of an OMOP CDM's tables, by table name, columns by name.
Cdm = Mapping[str, Sequence[Mapping[str, Any]]]
Taken = TypeVar("Taken")
# Compiles SQL under some settings; returns it, or None, and everything that dbt said.
Compile = Callable[..., tuple[str | None, str]]

# Where the CDM's tables stand, with `input: omop`: a schema of the warehouse itself, since one
# transaction writes to one database. In `salvage run` it is another one, attached read only.
CDM_SCHEMA = "cdm"
# Compiled in as data_cutoff_date; no other date of the project.
SENTINEL_DAY = "1912-06-23"
# The gate reads no more of a cell than shows that it is too long.
KEPT_CHARACTERS = 10_001


@dataclass(frozen=True)
class Model:
    """One dbt model as compiled."""

    name: str
    relation: str
    is_view: bool
    sql: str
    reads: tuple[str, ...]

    @property
    def depends_on_cutoff(self) -> bool:
        return SENTINEL_DAY in self.sql


def at_cutoff(sql: str, data_cutoff_date: date | None) -> str:
    """A model's SQL as dbt compiles it with this setting of `data_cutoff_date`."""
    day = "null" if data_cutoff_date is None else f"'{data_cutoff_date.isoformat()}'"
    return sql.replace(f"'{SENTINEL_DAY}'", day)


@dataclass(frozen=True)
class Seed:
    """One reference seed: its file and declared column types."""

    name: str
    relation: str
    path: Path
    column_types: dict[str, str]


@dataclass(frozen=True)
class Project:
    """The compiled project: models in dependency order, and the seeds that they read.

    is_omop: compiled with `input: omop`; else with `input: files`.
    """

    models: tuple[Model, ...]
    seeds: tuple[Seed, ...]
    is_omop: bool = False

    def model(self, name: str) -> Model:
        return next(model for model in self.models if model.name == name)

    def needed_for(self, names: Collection[str]) -> list[Model]:
        """These models and all that they read, in dependency order."""
        needed = set(names)
        for model in reversed(self.models):
            if model.name in needed:
                needed.update(model.reads)
        return [model for model in self.models if model.name in needed]

    def descendants(self, name: str) -> list[Model]:
        """The models that read this one, directly or not, in dependency order."""
        found = {name}
        for model in self.models:
            if found.intersection(model.reads):
                found.add(model.name)
        return [model for model in self.models if model.name in found - {name}]


def compile_project(
    folder: Path,
    data_cutoff_date: str = SENTINEL_DAY,
    *,
    is_omop: bool = False,
    **settings: str,
) -> Project:
    """Compile the dbt project in this process; `folder` gets dbt's target and logs.

    is_omop: for a CDM as input, which holds every table and column that is read.
    settings: dbt's variables; the database that they speak of may hold tables already.
    """
    variables = {"input": "files", "data_cutoff_date": data_cutoff_date, **settings}
    if is_omop:
        variables |= {"input": "omop", "omop_database": "warehouse", "omop_schema": CDM_SCHEMA}
        # The SQL depends on which tables and columns are there.
        with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
            _create_tables_of_the_gate(connection)
            _create_tables_of_the_cdm(connection)
    command = ["--quiet", "--log-level", "none", "compile", "--vars", json.dumps(variables)]
    command += ["--select", "resource_type:model"]
    # The file's stem is the database's name in the compiled SQL, here as in `salvage run`.
    outcome = run_dbt(command, folder / "warehouse.duckdb", folder)
    if not outcome.success:
        raise RuntimeError(f"the project does not compile: {outcome.exception}")
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    return _project(manifest, is_omop)


def _project(manifest: Mapping[str, Any], is_omop: bool) -> Project:
    nodes = manifest["nodes"].values()
    compiled = {node["name"]: node for node in nodes if node["resource_type"] == "model"}
    reads = {
        name: [
            other["name"]
            for other in compiled.values()
            # A relation named in a comment (`depends_on`) only orders a dbt run.
            if other["relation_name"] in re.sub("--.*", "", node["compiled_code"])
        ]
        for name, node in sorted(compiled.items())
    }
    models = tuple(
        Model(
            name,
            compiled[name]["relation_name"],
            compiled[name]["config"]["materialized"] == "view",
            compiled[name]["compiled_code"],
            tuple(reads[name]),
        )
        for name in TopologicalSorter(reads).static_order()
    )
    seeds = tuple(
        Seed(
            node["name"],
            node["relation_name"],
            PROJECT_DIR / node["original_file_path"],
            node["config"]["column_types"],
        )
        for node in nodes
        if node["resource_type"] == "seed" and node["schema"] == "reference"
    )
    return Project(models, seeds, is_omop)


def _create_tables_of_the_gate(connection: duckdb.DuckDBPyConnection) -> None:
    for table in _tables_of_the_gate():
        columns = ", ".join(f"{column} varchar" for column in table.columns)
        connection.execute(f"create schema if not exists {table.schema}")
        connection.execute(
            f"create table {table.schema}.{table.name} "
            f"(line_number bigint, has_wrong_field_count boolean, {columns})"
        )


def _create_tables_of_the_cdm(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"create schema {CDM_SCHEMA}")
    for table in cdm_tables().values():
        columns = ", ".join(f"{name} {kind}" for name, kind in table.types.items())
        connection.execute(f"create table {CDM_SCHEMA}.{table.name} ({columns})")


def seed_rows(seed: Seed) -> tuple[list[str], list[list[str | None]]]:
    """Header and cells of a seed's file; an empty cell is None."""
    with seed.path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, [[cell or None for cell in row] for row in rows]


def named_rows(result: duckdb.DuckDBPyConnection) -> list[Row]:
    """What a query gave, each row with its columns by name."""
    columns = [column[0] for column in result.description or []]
    return [dict(zip(columns, values, strict=True)) for values in result.fetchall()]


def file_sha256(table: str) -> str:
    """What stands for the SHA-256 of a file that is never written."""
    return hashlib.sha256(table.encode()).hexdigest()


@dataclass
class Warehouse:
    """An in-memory warehouse with the project's tables, empty between builds.

    threads, preserve_insertion_order: DuckDB's settings. split_scans: hand out a table's rows
    to the threads in small lots, as in a large table.
    """

    project: Project
    threads: int = 1
    preserve_insertion_order: bool = False
    split_scans: bool = False
    connection: duckdb.DuckDBPyConnection = field(init=False)
    # The gate commits what it loads: it gets a database of its own, which is copied from.
    _gate: duckdb.DuckDBPyConnection = field(init=False)
    _prepared_at: date | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.connection = duckdb.connect(":memory:")
        execute = self.connection.execute
        execute("attach ':memory:' as warehouse")
        execute("use warehouse")
        execute(f"set threads = {self.threads}")
        execute(f"set preserve_insertion_order = {self.preserve_insertion_order}")
        # Plans are made once, over empty tables: they must not be fitted to them.
        execute("set disabled_optimizers = 'statistics_propagation'")
        if self.split_scans:
            execute("pragma verify_parallelism")
        register_functions(self.connection)
        relations = [seed.relation for seed in self.project.seeds]
        relations += [model.relation for model in self.project.models]
        schemas = {relation.split(".")[1] for relation in relations}
        for schema in sorted(schemas):
            execute(f"create schema {schema}")
        self._load_seeds()
        _create_tables_of_the_gate(self.connection)
        if self.project.is_omop:
            _create_tables_of_the_cdm(self.connection)
        execute(
            "create table raw.input_files (table_name varchar, file_name varchar,"
            " file_sha256 varchar, n_records bigint)"
        )
        for model in self.project.models:
            sql = at_cutoff(model.sql, None)
            if model.is_view:
                execute(f"create view {model.relation} as {sql}")
            else:
                execute(f"create table {model.relation} as {sql} with no data")
        # Last: a statement prepared before a change of the catalog is planned anew at each run.
        for model in self.project.models:
            if not model.is_view:
                self._prepare(model, None)
        execute("attach ':memory:' as gate")
        self._gate = self.connection.cursor()
        self._gate.execute("use gate")

    def _load_seeds(self) -> None:
        for seed in self.project.seeds:
            header, rows = seed_rows(seed)
            columns = ", ".join(f"{name} {seed.column_types[name]}" for name in header)
            self.connection.execute(f"create table {seed.relation} ({columns})")
            self._insert(seed.relation, [seed.column_types[name] for name in header], rows)

    def _insert(
        self, relation: str, types: Sequence[str], rows: Sequence[Sequence[str | None]]
    ) -> None:
        if rows:
            cells = ", ".join(f"cast(cells[{n}] as {kind})" for n, kind in enumerate(types, 1))
            self.connection.execute(
                f"insert into {relation} select {cells} "
                "from (select unnest(cast(? as varchar[][])) as cells)",
                [rows],
            )

    def _prepare(self, model: Model, data_cutoff_date: date | None) -> None:
        self.connection.execute(
            f"prepare build_{model.name} as "
            f"insert into {model.relation} {at_cutoff(model.sql, data_cutoff_date)}"
        )

    def load(self, tables: Tables, own_reference: Reference | None) -> None:
        """Fill the raw tables as the gate does; a table that is not named has no file."""
        for table in input_tables("clinic").values():
            rows = [_raw_row(record, len(table.columns)) for record in tables.get(table.name, [])]
            self._insert_raw(table.schema, table.name, len(table.columns), rows)
        files = [
            [name, f"{name}.csv", file_sha256(name), str(len(tables[name]))] for name in tables
        ]
        self._insert("raw.input_files", ["varchar"] * 3 + ["bigint"], files)
        if own_reference is not None:
            self._load_reference(own_reference)

    def _load_reference(self, own_reference: Reference) -> None:
        for table in input_tables("own_reference").values():
            rows = [
                [str(line), "false", *(_as_cell(row.get(name)) for name in table.columns)]
                for line, row in enumerate(own_reference.get(table.name, []), start=2)
            ]
            self._insert_raw(table.schema, table.name, len(table.columns), rows)

    def load_cdm(self, cdm: Cdm, own_reference: Reference | None) -> None:
        """Fill the CDM's tables, and those of the study's own rules."""
        for table in cdm_tables().values():
            rows = [
                [None if row[name] is None else str(row[name]) for name in table.types]
                for row in cdm.get(table.name, [])
            ]
            self._insert(f"{CDM_SCHEMA}.{table.name}", list(table.types.values()), rows)
        if own_reference is not None:
            self._load_reference(own_reference)

    def _insert_raw(
        self, schema: str, table: str, n_columns: int, rows: Sequence[Sequence[str]]
    ) -> None:
        self._insert(f"{schema}.{table}", ["bigint", "boolean"] + ["varchar"] * n_columns, rows)

    def run(self, models: Iterable[Model], data_cutoff_date: date | None) -> None:
        """Fill the tables of these models, which are empty, from those before them."""
        if data_cutoff_date != self._prepared_at:
            for model in self.project.models:
                if model.depends_on_cutoff:
                    self.connection.execute(f"deallocate build_{model.name}")
                    self._prepare(model, data_cutoff_date)
            self._prepared_at = data_cutoff_date
        for model in models:
            if not model.is_view:
                self.connection.execute(f"execute build_{model.name}")

    def rows(self, name: str) -> list[Row]:
        """The rows of a model's table, in no particular order."""
        return named_rows(self.connection.execute(f"from {self.project.model(name).relation}"))

    def build(
        self,
        tables: Tables,
        own_reference: Reference | None = None,
        data_cutoff_date: date | None = None,
        wanted: Collection[str] = (),
    ) -> Marts:
        """Build from these files and return the rows of the models wanted.

        tables, own_reference: records and rows by table name; no `own_reference`: the shipped
        protocol and names. wanted: names of models; empty is all public marts. The warehouse
        is empty again afterwards.
        """
        load = partial(self.load, tables, own_reference)
        return self._build(load, data_cutoff_date, wanted, self.rows)

    def build_from_cdm(
        self,
        cdm: Cdm,
        own_reference: Reference | None = None,
        data_cutoff_date: date | None = None,
        wanted: Collection[str] = (),
    ) -> Marts:
        """Build in the same way from a CDM's rows, by table name; for a project `is_omop`."""
        load = partial(self.load_cdm, cdm, own_reference)
        return self._build(load, data_cutoff_date, wanted, self.rows)

    def build_from_folder(
        self,
        folder: Path,
        warn: Warn,
        data_cutoff_date: date | None = None,
        wanted: Collection[str] = (),
    ) -> Marts:
        """Build in the same way from a folder, through the gate.

        Raises what `load_folder` does, and nothing is built then.
        """
        load_folder(folder, self._gate, warn, show_progress=False)
        return self._build(self._copy_from_gate, data_cutoff_date, wanted, self.rows)

    def publish_folder(
        self, folder: Path, warn: Warn, output: Path, provenance: Provenance
    ) -> Path:
        """Build in the same way and publish into `output`; returns `output/published`."""
        load_folder(folder, self._gate, warn, show_progress=False)
        output.mkdir(parents=True)
        private = output / "warehouse.duckdb"
        # Another file cannot be written to within the build's transaction.
        with TemporaryDirectory(dir=output) as copies, duckdb.connect(str(private)) as connection:

            def copy_out(name: str) -> Path:
                path = Path(copies) / f"{name}.parquet"
                relation = self.project.model(name).relation
                self.connection.execute(f"copy {relation} to '{quoted(path)}'")
                return path

            connection.execute("create schema marts")
            copies_made = self._build(self._copy_from_gate, None, (), copy_out)
            for name, path in copies_made.items():
                connection.execute(f"create table marts.{name} as from '{quoted(path)}'")
        return publish(private, output, provenance)

    def _build(
        self,
        load: Callable[[], None],
        data_cutoff_date: date | None,
        wanted: Collection[str],
        take: Callable[[str], Taken],
    ) -> dict[str, Taken]:
        """Build, and return what `take` makes of each of these models' names."""
        names = wanted or public_marts(self.project.is_omop)
        self.connection.execute("begin")
        try:
            load()
            self.run(self.project.needed_for(names), data_cutoff_date)
            return {name: take(name) for name in names}
        finally:
            self.connection.execute("rollback")

    def _copy_from_gate(self) -> None:
        relations = [f"{table.schema}.{table.name}" for table in _tables_of_the_gate()]
        for relation in [*relations, "raw.input_files"]:
            self.connection.execute(f"insert into warehouse.{relation} from gate.{relation}")


def _tables_of_the_gate() -> list[InputTable]:
    return [
        table for source in ("clinic", "own_reference") for table in input_tables(source).values()
    ]


def _raw_row(record: Record, n_columns: int) -> list[str]:
    cells = record.cells
    is_wrong = record.has_wrong_field_count or cells is None or len(cells) != n_columns
    kept = [""] * n_columns if is_wrong or cells is None else cells
    return [
        str(record.line_number),
        str(is_wrong).lower(),
        *(cell[:KEPT_CHARACTERS] for cell in kept),
    ]


def _as_cell(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
