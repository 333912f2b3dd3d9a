"""A CSV file of SPEC section 1, read character by character: refused whole, or its records.

Written from the SPEC and from RFC 4180 beside the gate, with nothing of it and without the `csv`
module. A file is held in memory and a character is looked at once; speed does not matter here.

Where the SPEC is silent:

- Lines end with LF, CR LF or CR, also mixed; the last end may be missing. Line numbers count these
  three ends, inside quotation marks too, and nothing else (not U+2028, not a form feed).
- A blank line is one with nothing at all on it. A line of spaces or of `""` is a record.
- A byte order mark counts as one only at the very beginning of the file.
- Headings are trimmed and compared without regard to the case of ASCII letters. A heading may be
  empty; two equal ones that are not refuse the file, whether or not the column is known.
- Only required columns must be in the header; another one that is missing is empty.
- A fault of quoting is told with the line on which its record starts: there, most often, stands
  the mark that is not closed, and the reader stumbles over it some lines below.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from .oracle import TABLES, Record, trim

# gzip; zip (and so .xlsx); .xls; Parquet
MAGIC_BYTES = (b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
OTHER_DELIMITERS = ";\t|:^"
MAX_LINE_BYTES = 64 * 1024 * 1024
LINE_END = re.compile("\r\n|\r|\n")


class Cause(Enum):
    """Why a file is refused."""

    BINARY = auto()
    TOO_LONG = auto()
    NOT_UTF_8 = auto()
    NUL = auto()
    EMPTY = auto()
    QUOTE_INSIDE_CELL = auto()
    TEXT_AFTER_QUOTE = auto()
    QUOTE_NOT_CLOSED = auto()
    OTHER_DELIMITER = auto()
    COLUMN_MISSING = auto()
    COLUMN_TWICE = auto()
    NO_RECORD = auto()


@dataclass(frozen=True)
class Refusal:
    """Why a whole file is refused, and where: physical line and column, where there is one."""

    cause: Cause
    line_number: int | None = None
    column_name: str | None = None


class _RefusedError(Exception):
    """Carries a `Refusal` out of the reader."""

    def __init__(self, cause: Cause, line_number: int) -> None:
        self.refusal = Refusal(cause, line_number)


class _State(Enum):
    """Where in a record the reader stands."""

    AT_CELL_START = auto()
    IN_CELL = auto()
    IN_QUOTES = auto()
    AFTER_QUOTE = auto()


def read_csv(content: bytes, table: str) -> Refusal | list[Record]:
    """The records of the file `<table>.csv` with this content, or why it is refused.

    Cells are in the SPEC's column order, unquoted and else as they stand in the file. A record
    with another number of fields than the header has none (`cells` is None). Of several faults
    one of the bytes (UTF-8, NUL) is told before one of the header, that before one of the records.
    """
    if content.startswith(MAGIC_BYTES):
        return Refusal(Cause.BINARY, 1)
    too_long = _overlong_line(content)
    if too_long is not None:
        return Refusal(Cause.TOO_LONG, too_long)
    try:
        text = content.removeprefix(BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError:
        return Refusal(Cause.NOT_UTF_8, _line_of_first_bad_byte(content))
    if "\0" in text:
        return Refusal(Cause.NUL, _line_at(text, text.index("\0")))
    try:
        return _read_table(text, table)
    except _RefusedError as refused:
        return refused.refusal


def _overlong_line(content: bytes) -> int | None:
    if len(content) <= MAX_LINE_BYTES:
        return None
    for number, line in enumerate(re.split(b"\r\n|\r|\n", content), start=1):
        if len(line) > MAX_LINE_BYTES:
            return number
    return None


def _line_at(text: str, position: int) -> int:
    return 1 + len(LINE_END.findall(text[:position]))


def _line_of_first_bad_byte(content: bytes) -> int:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _line_at(content[: error.start].decode("utf-8"), error.start)
    raise ValueError("the content is UTF-8")


def _read_table(text: str, table: str) -> Refusal | list[Record]:
    columns = TABLES[table]
    records = _records(text)
    headings: list[str] = []
    header_line = _first_line(text)
    if header_line is None:
        return Refusal(Cause.EMPTY)
    try:
        _, header = next(records)
        headings = [_heading(cell) for cell in header]
        header_fault = _fault_in_headings(headings, table, header_line)
    except _RefusedError as refused:
        header_fault = refused.refusal
    if header_fault is not None:
        # What is no header with commas may be one with semicolons: that is the better answer.
        if _is_parted_otherwise(text, header_line, table):
            return Refusal(Cause.OTHER_DELIMITER, header_line)
        return header_fault
    places = [
        headings.index(column.name) if column.name in headings else None for column in columns
    ]
    found = []
    for line_number, cells in records:
        if len(cells) != len(headings):
            found.append(Record(line_number, None, has_wrong_field_count=True))
        else:
            own = ["" if place is None else cells[place] for place in places]
            found.append(Record(line_number, own))
    if not found and table == "patients":
        return Refusal(Cause.NO_RECORD)
    return found


def _first_line(text: str) -> int | None:
    """The line of the header, which is the first one that is not blank."""
    for number, line in enumerate(LINE_END.split(text), start=1):
        if line != "":
            return number
    return None


def _heading(cell: str) -> str:
    """A column's name as it is compared."""
    return "".join(char.lower() if char.isascii() else char for char in trim(cell))


def _fault_in_headings(headings: list[str], table: str, line_number: int) -> Refusal | None:
    """The first column, in the SPEC's order, that is named twice or must be and is not."""
    for column in TABLES[table]:
        if headings.count(column.name) > 1:
            return Refusal(Cause.COLUMN_TWICE, line_number, column.name)
        if column.required and column.name not in headings:
            return Refusal(Cause.COLUMN_MISSING, line_number, column.name)
    if any(name != "" and headings.count(name) > 1 for name in headings):
        return Refusal(Cause.COLUMN_TWICE, line_number)
    return None


def _is_parted_otherwise(text: str, line_number: int, table: str) -> bool:
    """Whether another delimiter makes a required column of a part of the line, and commas do not.

    Quotation marks around a part are no matter: other dialects may put them elsewhere.
    """
    line = LINE_END.split(text)[line_number - 1]
    required = {column.name for column in TABLES[table] if column.required}

    def names_a_column(delimiter: str) -> bool:
        parts = line.split(delimiter)
        return bool(required.intersection(_heading(trim(part).strip('"')) for part in parts))

    return not names_a_column(",") and any(map(names_a_column, OTHER_DELIMITERS))


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of each record, the header's first.

    Raises:
        _RefusedError: a quotation mark stands where RFC 4180 has none.
    """
    state = _State.AT_CELL_START
    cells: list[str] = []
    cell = ""
    line_number = started_at = 1
    # CR LF is one end of a line, hence one character to the reader.
    for char in re.findall("\r\n|.", text, re.DOTALL):
        is_line_end = char in ("\r\n", "\r", "\n")
        if state is _State.IN_QUOTES:
            if char == '"':
                state = _State.AFTER_QUOTE
            else:
                cell += char
        elif char == '"':
            if state is _State.IN_CELL:
                raise _RefusedError(Cause.QUOTE_INSIDE_CELL, started_at)
            if state is _State.AFTER_QUOTE:
                cell += char
            state = _State.IN_QUOTES
        elif char == ",":
            cells.append(cell)
            cell = ""
            state = _State.AT_CELL_START
        elif is_line_end:
            if cells or state is not _State.AT_CELL_START:
                yield started_at, [*cells, cell]
            cells, cell = [], ""
            state = _State.AT_CELL_START
        elif state is _State.AFTER_QUOTE:
            raise _RefusedError(Cause.TEXT_AFTER_QUOTE, started_at)
        else:
            cell += char
            state = _State.IN_CELL
        if is_line_end:
            line_number += 1
            if state is _State.AT_CELL_START:
                started_at = line_number
    if state is _State.IN_QUOTES:
        raise _RefusedError(Cause.QUOTE_NOT_CLOSED, started_at)
    if cells or state is not _State.AT_CELL_START:
        yield started_at, [*cells, cell]
