"""Strict reading of one CSV file: UTF-8, RFC 4180, commas, a header (SPEC 1).

The file goes by in blocks of whole lines. A block in which every line is one record of the
header's width is passed on as it stands; any other goes record by record through Python's csv
module. Both ways write the same plain CSV for DuckDB, each record with its line number.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import BinaryIO

from salvage.errors import RefusedFileError

# A longer cell is `field_too_long` (SPEC 1); one character more is enough to show it.
KEPT_CHARACTERS = 10_001
# Beyond this an unterminated quote is swallowing the file.
_LONGEST_LINE = _LONGEST_CELL = 64 * 1024 * 1024

_OTHER_DELIMITERS = {
    ";": "semicolon",
    "\t": "tab",
    "|": "vertical bar",
    ":": "colon",
    "^": "caret",
}
_OTHER_FORMATS = {
    b"\x1f\x8b": "a gzip archive; unpack it.",
    b"PK\x03\x04": "a zip archive or an Excel workbook; save the sheet as CSV UTF-8.",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV UTF-8.",
    b"PAR1": "a Parquet file; its name must end in .parquet.",
    b"\xff\xfe": "not UTF-8 (it is UTF-16); save the file as CSV UTF-8.",
    b"\xfe\xff": "not UTF-8 (it is UTF-16); save the file as CSV UTF-8.",
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CELL = r'(?:"(?:[^"]|"")*+"|[^",\r\n]*+)'
_RECORD = re.compile(rf"{_CELL}(?:,{_CELL})*+(?:\r\n|\r|\n)?")
_LINE_END = re.compile(rb"\r\n|\r|\n")


class CsvFile:
    """One CSV file, read once from its beginning to its end.

    Args:
        chunks: the file's bytes, in pieces of any size.
        file_name: the file's name, for messages.
        known_columns: header names, one of which at least every header must hold; they tell a
            header with another delimiter.

    Attributes:
        header: the header's names, trimmed, ASCII letters in lower case.
        header_line: physical line on which the header starts.
        n_records: records written so far; blank lines and the header are none.

    Raises:
        RefusedFileError: no header, another format or delimiter; `write_records` raises it for
            what comes later: not UTF-8, NUL, faulty quotation marks.
    """

    def __init__(
        self, chunks: Iterable[bytes], file_name: str, known_columns: Collection[str]
    ) -> None:
        self.n_records = 0
        self._file_name = file_name
        self._blocks = self._whole_lines(chunks)
        # Lines of the block that is read record by record, the next one first.
        self._lines: deque[str] = deque()
        self._n_lines = 0  # lines of the file that are behind us
        self._record_lines: list[str] = []
        csv.field_size_limit(_LONGEST_CELL)
        self._reader = csv.reader(self._lines_of_record(), strict=True)
        self.header_line, self.header = self._read_header(known_columns)

    def write_records(self, kept: Collection[int], out: BinaryIO) -> None:
        r"""Write all records as CSV without header: line number, fault flag, the header's cells.

        Args:
            kept: positions in the header whose cells are wanted; others may come out empty.
            out: gets UTF-8, `\n` line ends, `"` quotes. The flag is t for a record whose
                number of fields is not the header's, all of whose cells are empty; else f.
        """
        n_cells = len(self.header)
        cell = rb'(?:"[^"\r\n]*+"|[^",\r\n]*+)'
        regular_lines = re.compile(rb"(?>%b(?:,%b){%d}\n)++" % (cell, cell, n_cells - 1))
        while True:
            if self._lines:
                self._write_one_by_one(kept, out)
            block = next(self._blocks, None)
            if block is None:
                return
            plain = block.replace(b"\r\n", b"\n") if b"\r" in block else block
            if not plain.endswith(b"\n"):
                plain += b"\n"
            # With one column a blank line looks like a record.
            if n_cells > 1 and regular_lines.fullmatch(plain):
                lines = plain.split(b"\n")
                lines.pop()
                if max(map(len, lines)) < KEPT_CHARACTERS:
                    self._decoded(block)
                    numbered = enumerate(lines, self._n_lines + 1)
                    out.write(b"\n".join(map(b"%d,f,%b".__mod__, numbered)) + b"\n")
                    self._n_lines += len(lines)
                    self.n_records += len(lines)
                    continue
            self._begin(block)

    def _write_one_by_one(self, kept: Collection[int], out: BinaryIO) -> None:
        n_cells = len(self.header)
        text = io.StringIO(newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        while (record := self._next_record()) is not None:
            line_number, cells = record
            self.n_records += 1
            if len(cells) == n_cells:
                cells = [
                    cell[:KEPT_CHARACTERS] if at in kept else "" for at, cell in enumerate(cells)
                ]
                writer.writerow([line_number, "f", *cells])
            else:
                writer.writerow([line_number, "t", *[""] * n_cells])
        out.write(text.getvalue().encode("utf-8"))

    def _read_header(self, known_columns: Collection[str]) -> tuple[int, list[str]]:
        block = next(self._blocks, b"")
        for magic, kind in _OTHER_FORMATS.items():
            if block.startswith(magic):
                raise RefusedFileError(self._file_name, kind, 1)
        self._begin(block.removeprefix(_BYTE_ORDER_MARK))
        while self._lines or (block := next(self._blocks, b"")):
            if not self._lines:
                self._begin(block)
            self._refuse_other_delimiter(known_columns)
            record = self._next_record()
            if record is not None:
                line_number, cells = record
                return line_number, [folded_heading(cell) for cell in cells]
        raise RefusedFileError(self._file_name, "the file is empty; a header line is needed.")

    def _refuse_other_delimiter(self, known_columns: Collection[str]) -> None:
        line = self._lines[0]
        if set(known_columns).intersection(_headings(line, ",")):
            return
        for delimiter, name in _OTHER_DELIMITERS.items():
            if set(known_columns).intersection(_headings(line, delimiter)):
                raise RefusedFileError(
                    self._file_name,
                    f"cells are parted by a {name}; a comma is needed.",
                    self._n_lines + 1,
                )

    def _begin(self, block: bytes) -> None:
        """Make a block's lines the next ones."""
        self._lines.extend(io.StringIO(self._decoded(block), newline=""))

    def _next_record(self) -> tuple[int, list[str]] | None:
        """Return line number and cells of the next record of this block, None where it ends.

        A record that is open at the block's end draws the next block in.
        """
        while self._lines:
            line_number = self._n_lines + 1
            self._record_lines.clear()
            try:
                cells = next(self._reader)
            except csv.Error as error:
                raise RefusedFileError(
                    self._file_name, _quoting_fault(error), line_number
                ) from error
            text = "".join(self._record_lines)
            if '"' in text and not _RECORD.fullmatch(text):
                raise RefusedFileError(
                    self._file_name,
                    "a quotation mark in a cell that does not begin with one; put the whole cell "
                    "into quotation marks and double those inside it.",
                    line_number,
                )
            if cells:
                return line_number, cells
        return None

    def _lines_of_record(self) -> Iterator[str]:
        """Yield physical lines; the csv reader asks at a block's end only inside a record."""
        while True:
            if not self._lines:
                block = next(self._blocks, None)
                if block is None:
                    return
                self._begin(block)
            line = self._lines.popleft()
            self._n_lines += 1
            self._record_lines.append(line)
            yield line

    def _whole_lines(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield blocks that end where a line does, the last one where the file does."""
        rest = b""
        for chunk in chunks:
            rest += chunk
            # A lone CR ends a line too, but the last one may be half of CR LF.
            end = rest.rfind(b"\n") + 1 or rest.rfind(b"\r", 0, -1) + 1
            if end:
                yield rest[:end]
                rest = rest[end:]
            elif len(rest) > _LONGEST_LINE:
                raise RefusedFileError(
                    self._file_name, "a line of more than 64 MiB.", self._n_lines + 1
                )
        if rest:
            yield rest

    def _decoded(self, block: bytes) -> str:
        """Return a block, which begins on the line after those behind us, as text."""
        if (at := block.find(b"\0")) >= 0:
            raise RefusedFileError(self._file_name, "a NUL character.", self._line_of(block, at))
        try:
            return block.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RefusedFileError(
                self._file_name,
                "not UTF-8; save the file as CSV UTF-8.",
                self._line_of(block, error.start),
            ) from error

    def _line_of(self, block: bytes, position: int) -> int:
        return self._n_lines + 1 + len(_LINE_END.findall(block, 0, position))


def folded_heading(cell: str) -> str:
    """Return a column's name as it is compared: trimmed, ASCII letters in lower case."""
    name = cell.strip()
    return name.lower() if name.isascii() else name


def _headings(line: str, delimiter: str) -> list[str]:
    return [folded_heading(cell.strip().strip('"')) for cell in line.split(delimiter)]


def _quoting_fault(error: csv.Error) -> str:
    message = str(error)
    if "field larger than" in message:
        return "a cell of more than 64 MiB; a quotation mark is probably not closed."
    if "unexpected end of data" in message:
        return "a quotation mark is opened and not closed before the end of the file."
    return "text after a closing quotation mark."
