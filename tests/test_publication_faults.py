"""A full disk or a locked file ends a run in one sentence, and readers see nothing of it (SPEC 8).

The output folder lies on a small file system of its own, which is filled just before a step of
the run. Only one run builds for real; the others copy what it built.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

import salvage.audit
import salvage.cli
import salvage.publish
from salvage.build import BuildResult, dbt_build
from salvage.cli import main
from salvage.project import public_marts
from tests.publication.checks import OUTPUT_NAMES

pytestmark = pytest.mark.slow

KIB = 1024
# A run of the demo leaves 60 MiB with three publications, and needs as much while it builds.
DISK_MIB = 192


@dataclass(frozen=True)
class Disk:
    """A small file system with an output folder in which the demo is published.

    Attributes:
        output: the output folder.
        warehouse: a copy of what the run built, elsewhere.
        result: what the build said of itself.
    """

    output: Path
    warehouse: Path
    result: BuildResult

    def fill(self, room: int) -> None:
        """Leave this many bytes to write."""
        filling = self.output.parent / "filling"
        with filling.open("wb") as file:
            free = os.statvfs(self.output)
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - room)

    def empty(self) -> None:
        (self.output.parent / "filling").unlink(missing_ok=True)

    def build(self, warehouse: Path, *_: object, **__: object) -> BuildResult:
        """Stand in for dbt_build where the build is not what is tested."""
        shutil.copy(self.warehouse, warehouse)
        return self.result


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "salvage-test", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system of a test's own needs the right to mount one")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def built_disk(mounted: Path, tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """The demo, built and published for real."""
    results: list[BuildResult] = []

    def build(*arguments: Any, **options: Any) -> BuildResult:
        results.append(dbt_build(*arguments, **options))
        return results[-1]

    output = mounted / "output"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(salvage.cli, "dbt_build", build)
        outcome = run(output)
    assert outcome.exit_code == 0, outcome.output
    warehouse = tmp_path_factory.mktemp("built") / "warehouse.duckdb"
    shutil.copy(output / "warehouse.duckdb", warehouse)
    return Disk(output, warehouse, results[0])


@pytest.fixture
def disk(built_disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """The same, where a run takes a copy for the build."""
    monkeypatch.setattr(salvage.cli, "dbt_build", built_disk.build)
    yield built_disk
    built_disk.empty()


def run(output: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["run", "--output", str(output), *options])


def published_bytes(output: Path) -> dict[str, bytes]:
    """All that readers see: the link, and every file's bytes."""
    published = output / "published"
    files = [path for path in published.rglob("*") if path.is_file()]
    return {
        "": os.fsencode(published.readlink()),
        **{str(path.relative_to(published)): path.read_bytes() for path in files},
    }


def before(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, act: Callable[[], object]
) -> None:
    """Let something happen just before a step of the run."""
    step = getattr(owner, name)

    def with_fault(*arguments: Any, **options: Any) -> Any:
        act()
        return step(*arguments, **options)

    monkeypatch.setattr(owner, name, with_fault)


@contextmanager
def unpublished(disk: Disk) -> Iterator[None]:
    """What is published stays as it is to the byte, and the next run is published."""
    standing = published_bytes(disk.output)
    yield
    assert published_bytes(disk.output) == standing
    disk.empty()
    outcome = run(disk.output)
    assert outcome.exit_code == 0, outcome.output
    assert published_bytes(disk.output)[""] != standing[""]
    names = {path.name for path in disk.output.iterdir()}
    assert names == OUTPUT_NAMES
    assert all(path.name.endswith("Z") for path in (disk.output / "releases").iterdir())


def errors_of(outcome: Result) -> list[str]:
    """The lines of standard error that are neither progress nor a warning of the input."""
    return [
        line
        for line in outcome.stderr.splitlines()
        if not line.startswith(("Reading ", "Building ", "building: ", "warning: "))
    ]


def assert_ends_in_a_sentence(outcome: Result, cause: str) -> None:
    """Status 1 and one line that says the cause in words."""
    assert outcome.exit_code == 1, outcome.output
    assert isinstance(outcome.exception, SystemExit)
    assert "Traceback" not in outcome.output
    assert len(errors_of(outcome)) == 1, outcome.stderr
    assert re.search(cause, errors_of(outcome)[0]), outcome.stderr


FULL = "No space left on device|disk .*is full"
LOCKED = "warehouse.duckdb.*(lock|another program)"

# The step before which the disk is filled, and the room that is left to it.
FULL_AT = {
    "gate": (salvage.cli, "load_folder", 8 * KIB),
    "audit": (salvage.audit, "run_audit", 0),
    "marts": (salvage.publish, "_write_marts", 512 * KIB),
    "checksums": (salvage.publish, "_write_checksums", 0),
}


@pytest.mark.parametrize("step", FULL_AT)
def test_full_disk(disk: Disk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    owner, name, room = FULL_AT[step]

    def fill() -> None:
        # The audit's page takes the room of the one before.
        shutil.rmtree(disk.output / "data_docs", ignore_errors=True)
        disk.fill(room)

    with unpublished(disk), monkeypatch.context() as patch:
        before(patch, owner, name, fill)
        assert_ends_in_a_sentence(run(disk.output), FULL)


@pytest.mark.parametrize("room", [0, 8 * KIB * KIB], ids=["no_file_of_dbt", "not_all_tables"])
def test_full_disk_in_the_build(disk: Disk, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """That hundreds of tables and tests were not built is not the cause."""
    with unpublished(disk), monkeypatch.context() as patch:
        patch.setattr(salvage.cli, "dbt_build", dbt_build)
        before(patch, salvage.cli, "dbt_build", lambda: disk.fill(room))
        assert_ends_in_a_sentence(run(disk.output), FULL)


@contextmanager
def other_program(code: str, *arguments: str | Path) -> Iterator[None]:
    """Run Python code in another process until it prints a line; end it when done."""
    command = [sys.executable, "-c", f"{code}; print('ready', flush=True); input()"]
    with subprocess.Popen(
        [*command, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
        process.communicate("\n")


HOLD_OPEN = "import sys, duckdb; connection = duckdb.connect(sys.argv[1])"
HOLD_LOCK = "import sys, fcntl; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX)"


@pytest.mark.parametrize("step", ["dbt_build", "publish"])
def test_private_build_is_open_elsewhere(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with unpublished(disk), monkeypatch.context() as patch, ExitStack() as others:
        if step == "dbt_build":
            patch.setattr(salvage.cli, "dbt_build", dbt_build)
        warehouse = disk.output / ".build" / "warehouse.duckdb"
        before(
            patch,
            salvage.cli,
            step,
            lambda: others.enter_context(other_program(HOLD_OPEN, warehouse)),
        )
        assert_ends_in_a_sentence(run(disk.output), LOCKED)


def test_run_that_holds_the_folder_elsewhere(disk: Disk) -> None:
    with unpublished(disk), other_program(HOLD_LOCK, disk.output / ".lock"):
        outcome = run(disk.output)
        assert outcome.exit_code == 2, outcome.output
        assert errors_of(outcome) == [
            f"error: Another run is writing to {disk.output}; wait for its end."
        ]


def test_program_that_writes_to_the_last_private_build_does_not_reach_the_next(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its write-ahead log lies beside a path, not beside the file that it opened."""
    assert run(disk.output).exit_code == 0
    expected = published_marts(disk.output)
    code = (
        "import sys, duckdb; connection = duckdb.connect(sys.argv[1]); print(flush=True); input();"
        "connection.execute('insert into marts.dim_patients from marts.dim_patients');"
        "print(flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(disk.output / "warehouse.duckdb")]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other,
        monkeypatch.context() as patch,
    ):
        assert other.stdin is not None and other.stdout is not None
        other.stdout.readline()

        def write() -> None:
            assert other.stdin is not None and other.stdout is not None
            other.stdin.write("\n")
            other.stdin.flush()
            assert other.stdout.readline() == "\n"

        before(patch, salvage.cli, "publish", write)
        assert run(disk.output).exit_code == 0
        other.communicate("\n")
    assert other.returncode == 0
    assert published_marts(disk.output) == expected


def published_marts(output: Path) -> dict[str, list[tuple[Any, ...]]]:
    database = output / "published" / "salvage.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        return {
            mart: connection.execute(f"from marts.{mart}").fetchall() for mart in public_marts()
        }


def test_open_published_file_does_not_disturb_the_run(disk: Disk) -> None:
    """Nor does the run disturb the reader."""
    database = disk.output / "published" / "salvage.duckdb"
    with closing(duckdb.connect(str(database), read_only=True)) as reader:
        seen = reader.execute("select comment from duckdb_tables()").fetchall()
        assert run(disk.output, "--keep", "1").exit_code == 0
        assert reader.execute("select comment from duckdb_tables()").fetchall() == seen
        assert reader.execute("select count(*) from marts.dim_patients").fetchone()
    assert len(list((disk.output / "releases").iterdir())) == 1
