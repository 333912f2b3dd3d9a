"""Reads the corpus (see README.md) and writes a case's folder."""

import gzip
import io
import os
import re
import socket
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.oracle.oracle import TABLES

# What YAML gives: texts, lists and mappings of them
Node = Any
# Table -> records of the base with the case's changes, as fields
Records = dict[str, list[list[str]]]
# Table -> (line, reason, column) of its quarantined records
Quarantine = dict[str, list[tuple[int, str, str | None]]]
# Table -> records, accepted, collapsed, quarantined
Counts = dict[str, tuple[int, int, int, int]]

KEYS = {"name", "change", "add", "files", "cutoff", "refused", "stopped", "expect", "unmapped"}
KEYS |= {"reference_problems", "warned", "order", "mended"}
FILE_KEYS = {"kind", "hex", "text", "replace", "line_end", "edit", "prefix", "suffix"}
FILE_KEYS |= {"encoding", "bom", "compress", "query"}


@dataclass(frozen=True)
class Refused:
    """The file that is refused whole, and how."""

    file_name: str
    cause: str
    line_number: int | None
    column_name: str | None


@dataclass(frozen=True)
class Case:
    """One case; where it is not refused or stopped, `counts` and `quarantine` name every file."""

    name: str
    records: Records
    files: Mapping[str, Mapping[str, Node]]
    cutoff: date | None
    refused: Refused | None
    stopped: str | None
    counts: Counts
    quarantine: Quarantine
    unmapped: list[tuple[str, int]]
    reference_problems: list[tuple[str, int, str, str | None]]
    warned: list[str]
    order: tuple[str, str] | None = None
    mended: "Case | None" = None

    @property
    def is_about_records(self) -> bool:
        """Whether the case only changes records, which could stand in any file."""
        return not self.files and self.cutoff is None

    @property
    def reasons(self) -> list[str]:
        return [reason for faults in self.quarantine.values() for _, reason, _ in faults]

    def places_of(self, reason: str) -> set[tuple[str, int]]:
        """Table and line of the records that are quarantined for a reason."""
        return {
            (table, line)
            for table, faults in self.quarantine.items()
            for line, its_reason, _ in faults
            if its_reason == reason
        }


@cache
def base() -> Mapping[str, str]:
    """The text of each file of the base study."""
    path = Path(__file__).with_name("base.yml")
    texts: Mapping[str, str] = _read_yaml(path)
    return texts


@cache
def all_cases() -> list[Case]:
    paths = sorted(Path(__file__).parent.glob("*.yml"))
    return [_case(node) for path in paths if path.name != "base.yml" for node in _read_yaml(path)]


def _read_yaml(path: Path) -> Node:
    # The base loader makes no dates, numbers or booleans of what a case says.
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


# ---- A case of its node --------------------------------------------------------------------------


def _case(node: Node, **more: Node) -> Case:
    name = node["name"]
    if unknown := node.keys() - KEYS:
        raise ValueError(f"{name}: unknown keys {unknown}")
    files = node.get("files", {})
    for spec in files.values():
        if unknown := spec.keys() - FILE_KEYS:
            raise ValueError(f"{name}: unknown keys {unknown}")
    if "mended" in node:
        shared = {key: node[key] for key in ("name", "cutoff") if key in node}
        more = {"order": tuple(node["order"]), "mended": _case(shared | node["mended"])}
    refused = node.get("refused")
    absent = [file.split(".")[0] for file, spec in files.items() if spec.get("kind") == "absent"]
    present = [table for table in TABLES if table not in absent or f"{table}.parquet" in files]
    counts, quarantine = _accounts(node.get("expect", {}), present)
    return Case(
        name,
        _records(node.get("change", {}), node.get("add", {})),
        files,
        date.fromisoformat(node["cutoff"]) if "cutoff" in node else None,
        _refused(refused) if refused else None,
        node.get("stopped"),
        counts,
        quarantine,
        [(table, int(line)) for table, lines in node.get("unmapped", {}).items() for line in lines],
        [
            (table, int(line), reason, column or None)
            for table, line, reason, column in node.get("reference_problems", [])
        ],
        node.get("warned", []),
        **more,
    )


def _refused(node: Node) -> Refused:
    line = node.get("line")
    return Refused(node["file"], node["cause"], int(line) if line else None, node.get("column"))


def _accounts(node: Node, tables: list[str]) -> tuple[Counts, Quarantine]:
    """Counts and quarantine of each of these tables; where none are stated, as in the base."""
    counts: Counts = {}
    quarantine: Quarantine = {}
    for table in tables:
        n_base = base()[table].count("\n") - 1
        account = node.get(table, {"counts": [n_base, n_base, 0, 0]})
        n_records, n_accepted, n_collapsed, n_quarantined = map(int, account["counts"])
        counts[table] = (n_records, n_accepted, n_collapsed, n_quarantined)
        quarantine[table] = [
            (int(line), reason, column[0] if column else None)
            for line, reason, *column in account.get("quarantined", [])
        ]
    return counts, quarantine


def _records(changes: Node, additions: Node) -> Records:
    records = {}
    for table, text in base().items():
        rows = [line.split(",") for line in text.splitlines()[1:]]
        for line, cells in changes.get(table, {}).items():
            rows[int(line) - 2] = _changed(table, rows[int(line) - 2], cells)
        for cells in additions.get(table, []):
            like = rows[int(cells["like"]) - 2] if "like" in cells else [""] * len(TABLES[table])
            own = {column: cell for column, cell in cells.items() if column != "like"}
            rows.append(_changed(table, like, own))
        records[table] = rows
    return records


def _changed(table: str, fields: list[str], cells: Mapping[str, Node]) -> list[str]:
    names = [column.name for column in TABLES[table]]
    changed = list(fields)
    for column, cell in cells.items():
        if column == "+":
            changed.append(text_of(cell))
        elif column == "-":
            del changed[-int(cell) :]
        else:
            changed[names.index(column)] = text_of(cell)
    return changed


def text_of(node: Node) -> str:
    """The text of a node: itself, a repeated text, or the texts of a list."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return "".join(map(text_of, node))
    return str(node["repeat"]) * int(node["times"])


# ---- A folder of a case --------------------------------------------------------------------------


def csv_text(table: str, records: list[list[str]]) -> str:
    """A file of the base's header and these records."""
    header, _, _ = base()[table].partition("\n")
    lines = [",".join(map(_field, fields)) for fields in records]
    return "".join(f"{line}\n" for line in [header, *lines])


def _field(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if re.search('[",\r\n]', cell) else cell


def line_numbers(records: list[list[str]]) -> list[int]:
    """The line on which each of these records starts below a header."""
    numbers = []
    line_number = 2
    for fields in records:
        numbers.append(line_number)
        line_number += 1 + sum(len(re.findall("\r\n|\r|\n", cell)) for cell in fields)
    return numbers


def contents(case: Case) -> dict[str, bytes]:
    """The bytes of each file of the case that is a regular one and no Parquet file of a query."""
    files = {f"{table}.csv": csv_text(table, rows).encode() for table, rows in case.records.items()}
    for name, spec in case.files.items():
        if "kind" in spec:
            files.pop(name, None)
        elif "query" in spec:
            files.pop(name.replace(".parquet", ".csv"))
        else:
            table = name.removesuffix(".csv")
            text = csv_text(table, case.records[table]) if table in case.records else ""
            files[name] = _content(text, spec)
    return files


def _content(text: str, spec: Mapping[str, Node]) -> bytes:
    if "hex" in spec:
        return bytes.fromhex(spec["hex"])
    if "text" in spec:
        text = text_of(spec["text"])
    if "replace" in spec:
        text = text.replace(*spec["replace"])
    text = text.replace("\n", spec.get("line_end", "\n"))
    for old, new in spec.get("edit", []):
        if text.count(old) != 1:
            raise ValueError(f"{old!r} occurs {text.count(old)} times")
        text = text.replace(old, text_of(new))
    text = text_of(spec.get("prefix", "")) + text + text_of(spec.get("suffix", ""))
    content = text.encode(spec.get("encoding", "utf-8"))
    if "bom" in spec:
        content = b"\xef\xbb\xbf" + content
    return _COMPRESSED[spec["compress"]](content) if "compress" in spec else content


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("patients.csv", content)
    return file.getvalue()


_COMPRESSED = {"gzip": lambda content: gzip.compress(content, mtime=0), "zip": _zipped}


def write_case(case: Case, folder: Path) -> Path:
    """Write the case's folder, beside which links may point; return it."""
    study = folder / "study"
    study.mkdir()
    for name, content in contents(case).items():
        (study / name).write_bytes(content)
    for name, spec in case.files.items():
        table = name.split(".")[0]
        if "query" in spec:
            _write_parquet(study / name, csv_text(table, case.records[table]), spec["query"])
        elif "kind" in spec:
            text = csv_text(table, case.records[table])
            _write_special(study / name, spec["kind"], text.encode())
    return study


def _write_parquet(path: Path, text: str, query: str) -> None:
    source = path.parent.parent / "source.csv"
    source.write_text(text, encoding="utf-8", newline="")
    with duckdb.connect() as connection:
        connection.execute(
            f"create view source as from read_csv('{source}', all_varchar = true, header = true)"
        )
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")


def _write_special(path: Path, kind: str, content: bytes) -> None:
    """Put something under the path that is no ordinary file, or leave it empty."""
    outside = path.parent.parent / "outside.csv"
    outside.write_bytes(content)
    if kind == "directory":
        path.mkdir()
    elif kind == "link_out_of_the_folder":
        path.symlink_to(outside)
    elif kind == "link_within_the_folder":
        inside = path.with_name("data.csv")
        inside.write_bytes(content)
        path.symlink_to(inside.name)
    elif kind == "link_to_nowhere":
        path.symlink_to("nowhere.csv")
    elif kind == "link_to_a_device":
        path.symlink_to("/dev/zero")
    elif kind == "hard_link":
        path.hardlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        _make_socket(path)
    elif kind == "unreadable":
        path.write_bytes(content)
        path.chmod(0)
    elif kind != "absent":
        raise ValueError(kind)


def _make_socket(path: Path) -> None:
    # A socket's path may be about 100 characters long: name it from within its folder.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


# ---- Many cases in one folder --------------------------------------------------------------------


def study_of(cases: list[Case]) -> Case:
    """One study of the records of many cases, which must be about records alone.

    The ids of each case get a suffix of their own.
    """
    records: Records = {table: [] for table in TABLES}
    counts = dict.fromkeys(TABLES, (0, 0, 0, 0))
    places: list[tuple[Case, Records, dict[str, int]]] = []
    for number, case in enumerate(cases):
        starts = {table: len(rows) for table, rows in records.items()}
        for table, rows in case.records.items():
            records[table] += [_renamed(table, fields, f".{number}") for fields in rows]
            counts[table] = _sum(counts[table], case.counts[table])
        places.append((case, case.records, starts))
    lines = {table: line_numbers(rows) for table, rows in records.items()}
    quarantine: Quarantine = {table: [] for table in TABLES}
    unmapped = []
    for case, rows_by_table, starts in places:
        for table, rows in rows_by_table.items():
            own = dict(zip(line_numbers(rows), lines[table][starts[table] :], strict=False))
            quarantine[table] += [
                (own[line], reason, column) for line, reason, column in case.quarantine[table]
            ]
            unmapped += [(table, own[line]) for name, line in case.unmapped if name == table]
    return Case("many_cases", records, {}, None, None, None, counts, quarantine, unmapped, [], [])


def _sum(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> tuple[int, int, int, int]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def _renamed(table: str, fields: list[str], suffix: str) -> list[str]:
    """The record with a suffix to its ids, where they are some and it leaves them some."""
    kinds = [column.kind for column in TABLES[table]]
    ids = re.compile(r"(\s*)([A-Za-z0-9][A-Za-z0-9_.:-]{,54})(\s*)")
    return [
        f"{found[1]}{found[2]}{suffix}{found[3]}"
        if place < len(kinds) and kinds[place] == "id" and (found := ids.fullmatch(field))
        else field
        for place, field in enumerate(fields)
    ]
