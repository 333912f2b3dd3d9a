"""Random bytes into valid folders: never a traceback, a lost record or one that SPEC 1 forbids.

`SALVAGE_FUZZ_RUNS=100000` tries more mutations than the usual 2,000, and `SALVAGE_FUZZ_SEED=7`
others. A failure says which example it was: `SALVAGE_FUZZ_FIRST=<example>` with the same seed
begins there.
"""

import csv
import io
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from salvage.errors import RefusedFileError
from salvage.project import DEMO_DIR
from tests.expected_marts import difference
from tests.harness import Marts, Warehouse
from tests.oracle.csv_bytes import Cause, Refusal, read_csv
from tests.oracle.oracle import TABLES, Record, account_for_rows
from tests.oracle.strategies import BAD_VALUES, seeded_cohort

N_MUTATIONS = int(os.environ.get("SALVAGE_FUZZ_RUNS", "2000"))
SEED = os.environ.get("SALVAGE_FUZZ_SEED", "1")
FIRST_EXAMPLE = int(os.environ.get("SALVAGE_FUZZ_FIRST", "0"))

# Table -> content of its file
Folder = Mapping[str, bytes]

ACCOUNTED = {table: f"int_{table}_accounted" for table in TABLES}
WANTED = ["dq_row_ledger", "dq_quarantine", *ACCOUNTED.values()]


# ---- Valid folders -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """How a file's bytes are written."""

    quote_all: bool = False
    line_end: str = "\n"
    bom: bool = False

    def written(self, rows: list[list[str]]) -> bytes:
        buffer = io.StringIO(newline="")
        writer = csv.writer(
            buffer,
            quoting=csv.QUOTE_ALL if self.quote_all else csv.QUOTE_MINIMAL,
            lineterminator=self.line_end,
        )
        writer.writerows(rows)
        return buffer.getvalue().encode("utf-8-sig" if self.bom else "utf-8")


def cohort_rows(seed: int) -> dict[str, list[list[str]]]:
    """Header and records of each file of a small cohort."""
    tables = seeded_cohort(seed, 3).tables
    return {
        table: [[column.name for column in columns]]
        + [record.cells for record in tables[table] if record.cells is not None]
        for table, columns in TABLES.items()
    }


def demo_rows() -> dict[str, list[list[str]]]:
    """Header and records of some of the demo's patients."""
    patient_ids = {"P001", "P004", "P005"}
    tables = {}
    for table in TABLES:
        with (DEMO_DIR / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            header, *records = csv.reader(file)
        place = header.index("patient_id")
        tables[table] = [header, *(row for row in records if row[place] in patient_ids)]
    return tables


@cache
def valid_folders() -> list[Folder]:
    studies = [
        (demo_rows(), Style()),
        (cohort_rows(1), Style()),
        (cohort_rows(2), Style(line_end="\r\n")),
        (cohort_rows(3), Style(quote_all=True)),
        (cohort_rows(4), Style(bom=True)),
        (cohort_rows(5), Style(line_end="\r")),
        (demo_rows(), Style(quote_all=True, line_end="\r\n", bom=True)),
        (cohort_rows(6), Style()),
    ]
    return [
        {table: style.written(rows) for table, rows in tables.items()} for tables, style in studies
    ]


# ---- Mutations -----------------------------------------------------------------------------------

SIGNIFICANT = [
    b'"',
    b'""',
    b",",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b" ",
    b";",
]
SIGNIFICANT += [b"0", b"1", b"9", b"-", b".", b"e", b"\t", b"\x1a", b"\xc2\xa0", b"\xe2\x80\xa8"]
SIGNIFICANT += [
    b"\xe2\x80\x8b",
    b"\xc2\x85",
    b"\xc3",
    b"\x1c",
    b"'",
    b"=",
    b"\\",
    b"\xf0\x9f\x98\x80",
]
BAD_CELLS = sorted({value.encode() for values in BAD_VALUES.values() for value in values})
Mutation = Callable[[random.Random, bytes], bytes]


def flip_bit(generator: random.Random, content: bytes) -> bytes:
    at = generator.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << generator.randrange(8)]) + content[at + 1 :]


def insert_significant(generator: random.Random, content: bytes) -> bytes:
    at = generator.randrange(len(content) + 1)
    return content[:at] + generator.choice(SIGNIFICANT) + content[at:]


def overwrite_with_significant(generator: random.Random, content: bytes) -> bytes:
    at = generator.randrange(len(content))
    new = generator.choice(SIGNIFICANT)
    return content[:at] + new + content[at + len(new) :]


def change_digit(generator: random.Random, content: bytes) -> bytes:
    """Mostly another day of the calendar, or another id."""
    places = [at for at, byte in enumerate(content) if byte in b"0123456789"]
    if not places:
        return content
    at = generator.choice(places)
    return content[:at] + generator.choice(b"0123456789").to_bytes() + content[at + 1 :]


def delete(generator: random.Random, content: bytes) -> bytes:
    start = generator.randrange(len(content))
    return content[:start] + content[start + generator.choice([1, 1, 1, 2, 3, 10, 100]) :]


def duplicate(generator: random.Random, content: bytes) -> bytes:
    start = generator.randrange(len(content))
    end = start + generator.choice([1, 2, 10, 100])
    return content[:end] + content[start:end] + content[end:]


def truncate(generator: random.Random, content: bytes) -> bytes:
    return content[: generator.randrange(len(content))]


def lines_of(content: bytes) -> list[bytes]:
    return re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", content)


def duplicate_line(generator: random.Random, content: bytes) -> bytes:
    lines = lines_of(content)
    lines.insert(generator.randrange(len(lines) + 1), generator.choice(lines))
    return b"".join(lines)


def drop_line(generator: random.Random, content: bytes) -> bytes:
    lines = lines_of(content)
    del lines[generator.randrange(len(lines))]
    return b"".join(lines)


def swap_lines(generator: random.Random, content: bytes) -> bytes:
    lines = lines_of(content)
    one, other = generator.randrange(len(lines)), generator.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def splice_cells(generator: random.Random, content: bytes) -> bytes:
    """A cell in the place of another one, most often of the same column."""
    lines = [re.split(b"(,|\r\n|\r|\n)", line) for line in lines_of(content)]
    source, target = generator.choice(lines), generator.choice(lines)
    at = 2 * generator.randrange((len(target) + 1) // 2)
    from_column = generator.choice([at, at, 2 * generator.randrange((len(source) + 1) // 2)])
    target[at] = source[min(from_column, len(source) - 1)]
    return b"".join(part for line in lines for part in line)


def put_bad_cell(generator: random.Random, content: bytes) -> bytes:
    lines = [re.split(b"(,|\r\n|\r|\n)", line) for line in lines_of(content)]
    target = generator.choice(lines)
    target[2 * generator.randrange((len(target) + 1) // 2)] = generator.choice(BAD_CELLS)
    return b"".join(part for line in lines for part in line)


MUTATIONS: list[Mutation] = [flip_bit, flip_bit, insert_significant, insert_significant]
MUTATIONS += [overwrite_with_significant, change_digit, change_digit, change_digit, delete]
MUTATIONS += [duplicate, truncate, duplicate_line, duplicate_line, drop_line, swap_lines]
MUTATIONS += [splice_cells, splice_cells, splice_cells, put_bad_cell]


def mutated(generator: random.Random, content: bytes) -> tuple[str, bytes]:
    """A mutation's name and its result; most often the header, if there is one, stays as it is."""
    mutation = generator.choice(MUTATIONS)
    header, *rest = lines_of(content)
    body = b"".join(rest)
    if body and generator.random() < 0.85:
        return mutation.__name__, header + mutation(generator, body)
    return f"{mutation.__name__} anywhere", mutation(generator, content)


@dataclass(frozen=True)
class Example:
    """A valid folder, and what became of some of its files."""

    number: int
    valid: Folder
    mutated: Folder
    mutations: Mapping[str, list[str]]

    def __str__(self) -> str:
        lines = [f"SALVAGE_FUZZ_SEED={SEED} SALVAGE_FUZZ_FIRST={self.number}"]
        for table, names in self.mutations.items():
            lines.append(f"{table}: {', '.join(names)}: {self.mutated[table]!r}")
        return "\n".join(lines)


def examples() -> Iterator[Example]:
    """Examples without end, each of its seed and number alone."""
    number = FIRST_EXAMPLE
    while True:
        generator = random.Random(f"{SEED}:{number}")
        valid = valid_folders()[number // 20 % len(valid_folders())]
        contents: dict[str, bytes] = {}
        mutations: dict[str, list[str]] = {}
        for table in TABLES:
            # A fault in a patient hides those of the patient's records: not in every example.
            if table == "patients" and generator.random() < 0.5:
                continue
            contents[table], mutations[table] = valid[table], []
            for _ in range(generator.choice([1, 1, 2])):
                if contents[table]:
                    name, contents[table] = mutated(generator, contents[table])
                    mutations[table].append(name)
        yield Example(number, valid, contents, mutations)
        number += 1


# ---- What must hold ------------------------------------------------------------------------------


@pytest.mark.slow
def test_mutations_of_valid_folders(warehouse: Warehouse, tmp_path: Path) -> None:
    study = Study(warehouse, tmp_path)
    n_mutations = 0
    for example in examples():
        try:
            check(study, example)
        except Exception as fault:
            raise AssertionError(str(example)) from fault
        n_mutations += sum(len(names) for names in example.mutations.values())
        if n_mutations >= N_MUTATIONS:
            break


@dataclass
class Study:
    """The folder of one example after another; a file is written where it changes."""

    warehouse: Warehouse
    path: Path
    written: dict[str, bytes] = field(default_factory=dict)

    def build(self, folder: Folder) -> Marts:
        for table, content in folder.items():
            if self.written.get(table) != content:
                (self.path / f"{table}.csv").write_bytes(content)
                self.written[table] = content
        return self.warehouse.build_from_folder(self.path, lambda sentence: None, wanted=WANTED)


def check(study: Study, example: Example) -> None:
    """Each file that is refused, one by one; then all others together."""
    read: dict[str, list[Record]] = {}
    folder = {**example.valid, **example.mutated}
    for table, content in example.mutated.items():
        result = read_csv(content, table)
        if isinstance(result, Refusal):
            check_refusal(study, {**example.valid, table: content}, table, result)
            folder[table] = example.valid[table]
        else:
            read[table] = result
    tables = {
        table: read[table] if table in read else read_valid(folder[table], table)
        for table in TABLES
    }
    check_account(tables, study.build(folder))


@cache
def read_valid(content: bytes, table: str) -> list[Record]:
    result = read_csv(content, table)
    assert isinstance(result, list)
    return result


def check_refusal(study: Study, folder: Folder, table: str, refusal: Refusal) -> None:
    try:
        study.build(folder)
    except RefusedFileError as error:
        assert error.file_name == f"{table}.csv"
        assert error.cause.endswith(".") and "\n" not in str(error)
        # Which of two faults is met first is the reader's affair where one is in the bytes.
        if refusal.cause not in (Cause.NOT_UTF_8, Cause.NUL):
            place = (error.line_number, error.column_name)
            assert place == (refusal.line_number, refusal.column_name)
    else:
        raise AssertionError(f"{table}.csv is let in: {refusal}")


def check_account(tables: dict[str, list[Record]], found: Marts) -> None:
    accepted, ledger, quarantine = account_for_rows(tables, None)
    for expected, name in ((ledger, "dq_row_ledger"), (quarantine, "dq_quarantine")):
        # The oracle leaves out the SHA-256 and what other tests compare.
        columns = expected[0].keys() if expected else ()
        rows = [{column: row[column] for column in columns} for row in found[name]]
        assert difference(expected, rows) is None, name
    for row in found["dq_row_ledger"]:
        assert row["n_records"] == row["n_accepted"] + row["n_collapsed"] + row["n_quarantined"]
    for table, name in ACCOUNTED.items():
        rows = [
            {column.name: row[column.name] for column in TABLES[table]}
            for row in found[name]
            if row["disposition"] == "accepted"
        ]
        assert difference(accepted[table], rows) is None, name
