"""Readers of published marts, as BI tools are, that note what they see."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb

from salvage.project import public_marts
from tests.publication.checks import Digests, digest, parquet_build_id

# What docs/publication.md tells readers to open the published file with.
READER_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "access_mode": "READ_ONLY",
    "enable_external_access": "false",
    "lock_configuration": "true",
}
N_READERS = 8
MARTS_A_SNAPSHOT = 5
# The readers leave the machine to the builds, and do not rest while one is being published.
LONGEST_REST_SECONDS = 3.0
# More than are kept: the files are gone from the folder, not from under the reader.
PUBLICATIONS_A_CONNECTION = 5
TIME_LIMIT_SECONDS = 3 * 60 * 60

# Study, then mart, to the SHA-256 of its rows.
Expected = dict[str, Digests]


@dataclass(frozen=True)
class Snapshot:
    """What a reader saw at one time: the build ids that the tables state, and their rows."""

    build_ids: frozenset[str]
    digests: Digests


@dataclass
class Report:
    """What a reader saw.

    Attributes:
        n_snapshots: by the way of reading.
        n_during_publication: snapshots during which the link changed.
        studies: each build id that was seen, and the study whose rows it had.
        faults: one text for each snapshot that does not hold, or that failed.
    """

    n_snapshots: Counter[str] = field(default_factory=Counter)
    n_during_publication: int = 0
    studies: dict[tuple[str, str], str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Reader:
    """One reader of both folders' publications."""

    def __init__(self, number: int, outputs: Sequence[Path], expected: Expected) -> None:
        self.name = f"reader {number}"
        self.keeps_connection = number == N_READERS - 1
        self.reads_parquet = number == N_READERS - 2
        self.outputs, self.expected = outputs, expected
        self.random = random.Random(number)
        self.report = Report()
        self.kept: dict[Path, tuple[duckdb.DuckDBPyConnection, set[str], set[str]]] = {}

    def read_until(self, stop: Event, publishing: Event) -> Report:
        """Take snapshots until told to stop, and one after that."""
        deadline = time.monotonic() + TIME_LIMIT_SECONDS
        is_last = False
        while not is_last and time.monotonic() < deadline:
            is_last = stop.is_set()
            for output in self.outputs:
                before = (output / "published").readlink()
                try:
                    self._look(output)
                # An error is what must not occur: counted, whatever it is.
                except Exception as error:
                    self.report.faults.append(f"{self.name}: {type(error).__name__}: {error}")
                self.report.n_during_publication += before != (output / "published").readlink()
            publishing.wait(self.random.uniform(0, LONGEST_REST_SECONDS))
        return self.report

    def _look(self, output: Path) -> None:
        if self.keeps_connection:
            self._look_again(output)
        elif self.reads_parquet:
            # Whoever reads more than one file must follow the link once for all of them.
            release = (output / "published").resolve()
            snapshots = [_of_tables(release, self._marts()), _of_files(release, self._marts())]
            for way, snapshot in zip(("database", "parquet"), snapshots, strict=True):
                self._judge(output, way, snapshot)
            if snapshots[0].build_ids != snapshots[1].build_ids:
                self.report.faults.append(f"{self.name}: database and Parquet are of two builds")
        else:
            self._judge(output, "database", _of_tables(output / "published", self._marts()))

    def _look_again(self, output: Path) -> None:
        """Query a connection that outlives publications; it must stay with its release."""
        if output not in self.kept:
            self.kept[output] = (_open(output / "published"), set(), set())
        connection, seen, published = self.kept[output]
        snapshot = _query(connection, self._marts())
        self._judge(output, "kept connection", snapshot)
        seen |= snapshot.build_ids
        published.add((output / "published").readlink().name)
        if len(seen) != 1:
            self.report.faults.append(f"{self.name}: a kept connection shows {sorted(seen)}")
        if len(published) > PUBLICATIONS_A_CONNECTION:
            connection.close()
            del self.kept[output]
            newest = _of_tables(output / "published", self._marts())
            if min(newest.build_ids) <= max(seen):
                self.report.faults.append(f"{self.name}: opened again, it shows the old build")

    def _marts(self) -> list[str]:
        return self.random.sample(public_marts(), MARTS_A_SNAPSHOT)

    def _judge(self, output: Path, way: str, snapshot: Snapshot) -> None:
        self.report.n_snapshots[way] += 1
        studies = [
            study
            for study, digests in self.expected.items()
            if snapshot.digests.items() <= digests.items()
        ]
        if len(snapshot.build_ids) != 1 or len(studies) != 1:
            self.report.faults.append(
                f"{self.name}, {way}: build ids {sorted(snapshot.build_ids)}, studies {studies}"
            )
            return
        build = (output.name, min(snapshot.build_ids))
        if self.report.studies.setdefault(build, studies[0]) != studies[0]:
            self.report.faults.append(f"{self.name}, {way}: {build} shows two studies")


def _open(published: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(published / "salvage.duckdb"), config=READER_SETTINGS)


def _of_tables(published: Path, marts: Sequence[str]) -> Snapshot:
    with closing(_open(published)) as connection:
        return _query(connection, marts)


def _query(connection: duckdb.DuckDBPyConnection, marts: Sequence[str]) -> Snapshot:
    """The build ids of all tables, and the rows of some."""
    digests = {mart: digest(connection, f"marts.{mart}") for mart in marts}
    comments = connection.execute("select comment from duckdb_tables()").fetchall()
    return Snapshot(frozenset(str(comment) for (comment,) in comments), digests)


def _of_files(release: Path, marts: Sequence[str]) -> Snapshot:
    files = {mart: release / "parquet" / f"{mart}.parquet" for mart in marts}
    with duckdb.connect() as connection:
        return Snapshot(
            frozenset(parquet_build_id(connection, file) for file in files.values()),
            {mart: digest(connection, f"'{file}'") for mart, file in files.items()},
        )
