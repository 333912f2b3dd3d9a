"""Canaries: values that cannot occur by chance, and the search for them.

A canary stands for what a clinic must not find in what others may read. Its kind is that of its
cell: a text with a person's name, an id, a record number in a numeric column, a day of a year in
which nothing happens. All kinds share a few secrets, and the search is for the secrets, in every
form in which programs write text.

The mark is drawn anew for each session, so that what other sessions leave on the machine is not
taken for a leak. It has letters and digits only and so reads the same with JSON's, HTML's or
SQL's escapes around it. Doubles are searched as DuckDB stores them, eight bytes. Days are not: a
day is stored as four bytes, two of them alike for centuries, and would be found by chance; their
values are read through SQL instead, which sees through compression too.
"""

import base64
import re
import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb

MARK = f"Zyx{secrets.token_hex(4)}Q"
SURNAME = f"Quixotl{secrets.token_hex(2)}"
_DIGITS = "450359962700"
_YEARS = {"early": 1861, "late": 2191}
# January to September; the first of October is not reached.
_N_DAYS = 273
_SECRETS = (MARK, SURNAME, _DIGITS, *(f"{year}-0" for year in _YEARS.values()))


@dataclass(frozen=True)
class Canary:
    """One planted value.

    Attributes:
        place: where it was planted, in words.
        text: the cell.
        core: the part of it that no quotation changes.
        reaches_private: is it loaded into the private build?
    """

    place: str
    text: str
    core: str
    reaches_private: bool


@dataclass
class Canaries:
    """Makes canaries and remembers where they were planted."""

    planted: list[Canary] = field(default_factory=list)

    def text(self, place: str, reaches_private: bool = True) -> str:
        """A person's name and record number; with what JSON, HTML and CSV have to escape."""
        core = self._core()
        name = f'{core} Zoë "{SURNAME}" <Roe> & Söhne'
        return self._planted(place, name, core, reaches_private)

    def id(self, place: str, reaches_private: bool = True) -> str:
        """A good id."""
        core = self._core()
        return self._planted(place, f"{core}-{SURNAME}", core, reaches_private)

    def number(self, place: str, reaches_private: bool = True) -> str:
        """A good number that a double holds exactly."""
        number = f"{_DIGITS}{len(self.planted):04}.5"
        return self._planted(place, number, number, reaches_private)

    def day(self, place: str, when: str, reaches_private: bool = True) -> str:
        """A day before (`early`) or after (`late`) everything that happens in the study."""
        first = date(_YEARS[when], 1, 1)
        day = (first + timedelta(days=len(self.planted) % _N_DAYS)).isoformat()
        return self._planted(place, day, day, reaches_private)

    def missing_in(self, text: str, private: bool = False) -> list[Canary]:
        """The canaries that a text does not hold; `private`: of those that are loaded."""
        return [
            canary
            for canary in self.planted
            if (canary.reaches_private or not private) and canary.core not in text
        ]

    def _core(self) -> str:
        return f"{MARK}{len(self.planted):04}"

    def _planted(self, place: str, text: str, core: str, reaches_private: bool) -> str:
        self.planted.append(Canary(place, text, core, reaches_private))
        return text


def found_in_bytes(data: bytes) -> list[str]:
    """Say which secret is in the bytes and in what form; empty where none is."""
    lower = data.lower()
    found = [form for form, needle in _FORMS_IN_ANY_CASE if needle in lower]
    found += [form for form, needle in _FORMS if needle in data]
    # Decoding is slow, and only needed to say which one it is.
    if found:
        text = lower.decode("utf-8", "replace").replace("\0", "")
        found += sorted({match[0] for match in _WHICH.finditer(text)})[:10]
    return found


def found_in_text(text: str) -> list[str]:
    """The same for text."""
    return found_in_bytes(text.encode("utf-8", "surrogatepass"))


def found_in_values(path: Path) -> list[str]:
    """Search all values, names and comments of a DuckDB or Parquet file."""
    return found_in_text(values_of(path))


def values_of(path: Path) -> str:
    """All values, names and comments of a DuckDB or Parquet file, as text."""
    if _is_parquet(path):
        with duckdb.connect() as connection:
            connection.execute(f"create view parquet as from read_parquet('{path}')")
            return "\n".join(
                (*_lines(connection), *_rows(connection, f"from parquet_kv_metadata('{path}')"))
            )
    with duckdb.connect(str(path), read_only=True) as connection:
        return "\n".join(_lines(connection))


def found_under(folder: Path, private: Iterable[Path] = ()) -> list[str]:
    """Search every file under a folder, its name, bytes and values, but the private ones."""
    return [
        f"{path}: {form}"
        for path in sorted(folder.rglob("*"))
        if path not in private
        for form in (*found_in_text(path.relative_to(folder).as_posix()), *_found_in_file(path))
    ]


def _found_in_file(path: Path) -> list[str]:
    if not path.is_file() or path.is_symlink():
        return []
    found = found_in_bytes(path.read_bytes())
    if _is_parquet(path) or _is_duckdb(path):
        found += [f"value {form}" for form in found_in_values(path)]
    return found


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _is_duckdb(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[8:] == b"DUCK"


def _lines(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    tables = connection.execute(
        'select format(\'"{}"."{}"\', schema_name, table_name) from duckdb_tables()'
        " union all select view_name from duckdb_views() where view_name = 'parquet'"
    ).fetchall()
    for (table,) in tables:
        yield from _rows(connection, f"from {table}")
    for facts in ("tables", "columns", "views", "schemas", "databases"):
        yield from _rows(connection, f"from duckdb_{facts}()")


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[str]:
    for row in connection.execute(f"select columns(*)::varchar {query}").fetchall():
        yield "\t".join(cell for cell in row if cell is not None)


def _base64_forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """What base64 makes of a secret, wherever in a longer text it begins."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret.encode() + b"\0\0")
        first = offset + 1 if offset else 0
        yield f"base64, offset {offset}", encoded[first : (offset + len(secret)) * 8 // 6]


def _forms() -> Iterator[tuple[str, bytes]]:
    """Forms of the secrets in which case matters."""
    for secret in _SECRETS:
        for written in sorted({secret, secret.lower(), secret.upper()}):
            for form, needle in _base64_forms(written):
                yield f"{written} in {form}", needle


def _forms_in_any_case() -> Iterator[tuple[str, bytes]]:
    """Forms of the secrets, in lower case."""
    for secret in _SECRETS:
        yield f"{secret} in UTF-8", secret.lower().encode()
        yield f"{secret} in UTF-16LE", secret.lower().encode("utf-16-le")
        yield f"{secret} in UTF-16BE", secret.lower().encode("utf-16-be")
        for written in sorted({secret, secret.lower(), secret.upper()}):
            yield f"{written} in hexadecimal", written.encode().hex().encode()


_FORMS = tuple(_forms())
_FORMS_IN_ANY_CASE = tuple(_forms_in_any_case())
_WHICH = re.compile("|".join(f"{secret.lower()}[0-9-]*" for secret in _SECRETS))


def found_doubles(data: bytes, planted: Iterable[Canary]) -> list[str]:
    """The numbers among the canaries whose eight bytes, least first, are in the data."""
    return [
        canary.core
        for canary in planted
        if canary.core.startswith(_DIGITS) and struct.pack("<d", float(canary.core)) in data
    ]
