"""Strict reading of one CSV file: UTF-8, RFC 4180, commas, a header (SPEC 1).

The file goes by as a stream. A run of lines each of which is one record of the header's width is
passed on as it stands; any other record goes through Python's csv module, one at a time. Both
ways write the same plain CSV for DuckDB, each record with its line number.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable
from typing import BinaryIO

from salvage.errors import RefusedFileError
from salvage.text import WHITE_SPACE

# A longer cell is `field_too_long` (SPEC 1); one character more is enough to show it.
KEPT_CHARACTERS = 10_001
# Beyond this an unterminated quote is swallowing the file.
_LONGEST_RECORD = 64 * 1024 * 1024
_TOO_LONG = "a record of more than 64 MiB; is a quotation mark not closed?"

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

# RFC 4180, as bytes: UTF-8 has no comma, quotation mark or line end inside a character.
_QUOTED = rb'"(?:[^"]|"")*+"'
_CELL = rb'(?:%b|[^",\r\n]*+)' % _QUOTED
_RECORD = re.compile(rb"%b(?:,%b)*+(?:\r\n|\r|\n|\Z)" % (_CELL, _CELL))
_OPEN_RECORD = re.compile(rb'(?:%b,)*+"(?:[^"]|"")*+\Z' % _CELL)
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
        self._chunks = iter(chunks)
        # What has been read of the file and not yet passed on begins at _data[_at].
        self._data = b""
        self._at = 0
        self._n_lines = 0  # lines of the file that are behind us
        csv.field_size_limit(_LONGEST_RECORD)
        self._skip_signature()
        self.header_line, self.header = self._read_header(known_columns)

    def write_records(self, kept: Collection[int], out: BinaryIO) -> None:
        r"""Write all records as CSV without header: line number, fault flag, the header's cells.

        Args:
            kept: positions in the header whose cells are wanted; others may come out empty.
            out: gets UTF-8, `\n` line ends, `"` quotes. The flag is t for a record whose
                number of fields is not the header's, all of whose cells are empty; else f.
        """
        n_cells = len(self.header)
        cell = rb'(?:"[^"\r\n]{0,%d}+"|[^",\r\n]{0,%d}+)' % ((KEPT_CHARACTERS - 1,) * 2)
        regular_lines = re.compile(rb"(?>%b(?:,%b){%d}\r?\n)++" % (cell, cell, n_cells - 1))
        while self._at < len(self._data) or self._read_on():
            # With one column a blank line would look like a record.
            if n_cells > 1 and (lines := regular_lines.match(self._data, self._at)):
                self._write_as_they_stand(lines[0], out)
            elif (record := self._next_record()) is not None:
                self._write_one(*record, kept, out)

    def _write_as_they_stand(self, run: bytes, out: BinaryIO) -> None:
        self._decoded(run)
        self._at += len(run)
        lines = run.replace(b"\r\n", b"\n").split(b"\n")
        lines.pop()
        numbered = enumerate(lines, self._n_lines + 1)
        out.write(b"\n".join(map(b"%d,f,%b".__mod__, numbered)) + b"\n")
        self._n_lines += len(lines)
        self.n_records += len(lines)

    def _write_one(
        self, line_number: int, cells: list[str], kept: Collection[int], out: BinaryIO
    ) -> None:
        n_cells = len(self.header)
        row: list[object]
        if len(cells) == n_cells:
            row = [line_number, "f"]
            row += [cell[:KEPT_CHARACTERS] if at in kept else "" for at, cell in enumerate(cells)]
        else:
            row = [line_number, "t", *[""] * n_cells]
        text = io.StringIO(newline="")
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row)
        out.write(text.getvalue().encode("utf-8"))
        self.n_records += 1

    def _skip_signature(self) -> None:
        """Refuse what is another format, and pass over a byte order mark."""
        while len(self._data) < max(map(len, _OTHER_FORMATS)) and self._read_on():
            pass
        for signature, kind in _OTHER_FORMATS.items():
            if self._data.startswith(signature):
                raise RefusedFileError(self._file_name, kind, 1)
        self._data = self._data.removeprefix(_BYTE_ORDER_MARK)

    def _read_header(self, known_columns: Collection[str]) -> tuple[int, list[str]]:
        while self._at < len(self._data) or self._read_on():
            self._refuse_other_delimiter(known_columns)
            record = self._next_record()
            if record is not None:
                line_number, cells = record
                return line_number, [folded_heading(cell) for cell in cells]
        raise RefusedFileError(self._file_name, "the file is empty; a header line is needed.")

    def _refuse_other_delimiter(self, known_columns: Collection[str]) -> None:
        while not (end := _LINE_END.search(self._data, self._at)):
            if len(self._data) - self._at > _LONGEST_RECORD:
                raise self._refusal(_TOO_LONG)
            if not self._read_on():
                break
        line = self._decoded(self._data[self._at : end.start() if end else None])
        for delimiter in (",", *_OTHER_DELIMITERS):
            headings = {
                folded_heading(folded_heading(cell).strip('"')) for cell in line.split(delimiter)
            }
            if headings.intersection(known_columns):
                if delimiter == ",":
                    return
                raise self._refusal(
                    f"cells are parted by a {_OTHER_DELIMITERS[delimiter]}; a comma is needed."
                )

    def _next_record(self) -> tuple[int, list[str]] | None:
        """Take one record and return its line number and cells; None where a line is blank."""
        record = self._whole_record()
        text = self._decoded(record)
        line_number = self._n_lines + 1
        self._at += len(record)
        self._n_lines += len(_LINE_END.findall(record))
        cells = next(csv.reader([text], strict=True))
        return (line_number, cells) if cells else None

    def _whole_record(self) -> bytes:
        """Return the record that begins here, with its line end; read on until it is whole."""
        while True:
            record = _RECORD.match(self._data, self._at)
            if record and record.end() < len(self._data):
                break
            if not record and not _OPEN_RECORD.match(self._data, self._at):
                raise self._refusal(self._quoting_fault())
            if len(self._data) - self._at > _LONGEST_RECORD:
                raise self._refusal(_TOO_LONG)
            if not self._read_on():
                if record:
                    break
                raise self._refusal(self._quoting_fault())
        if len(record[0]) > _LONGEST_RECORD:
            raise self._refusal(_TOO_LONG)
        return record[0]

    def _refusal(self, cause: str) -> RefusedFileError:
        return RefusedFileError(self._file_name, cause, self._n_lines + 1)

    def _quoting_fault(self) -> str:
        rest = self._data[self._at :].decode("utf-8", "replace")
        try:
            next(csv.reader(io.StringIO(rest, newline=""), strict=True))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                return "a quotation mark is opened and not closed before the end of the file."
            return "text after a closing quotation mark."
        return (
            "a quotation mark in a cell that does not begin with one; put the whole cell into "
            "quotation marks and double those inside it."
        )

    def _read_on(self) -> bool:
        """Read more of the file, at least as much as waits already; False at its end."""
        waiting = self._data[self._at :]
        pieces = [waiting]
        n_new = 0
        while n_new <= len(waiting):
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            pieces.append(chunk)
            n_new += len(chunk)
        self._data, self._at = b"".join(pieces), 0
        return n_new > 0

    def _decoded(self, piece: bytes) -> str:
        """Return a piece, which begins on the line after those behind us, as text."""
        if (at := piece.find(b"\0")) >= 0:
            cause = "a NUL character."
        else:
            try:
                return piece.decode("utf-8")
            except UnicodeDecodeError as error:
                at, cause = error.start, "not UTF-8; save the file as CSV UTF-8."
        line_number = self._n_lines + 1 + len(_LINE_END.findall(piece, 0, at))
        raise RefusedFileError(self._file_name, cause, line_number)


def folded_heading(cell: str) -> str:
    """Return a column's name as it is compared: trimmed, ASCII letters in lower case."""
    name = cell.strip(WHITE_SPACE)
    return name.lower() if name.isascii() else name
