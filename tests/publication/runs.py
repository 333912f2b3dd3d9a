"""Two studies whose marts differ, and real `salvage run`s of them in forked children.

A third of a run's time is imports. The process that forks has them all, but it has opened no
DuckDB connection and started no thread: a fork copies neither whole.
"""

import csv
import itertools
import os
import pickle
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import salvage.audit
import salvage.cli
import salvage.publish
from salvage.project import DEMO_DIR, input_tables
from tests.publication.checks import PROVENANCE

T = TypeVar("T")

# A run imports these when it gets there.
for _module in ("dbt.adapters.duckdb", "dbt.cli.main", "great_expectations", "salvage.report"):
    import_module(_module)

# Where a run is. Publication is cut finely: there a kill could do harm.
PHASES = (
    *("start", "gate", "build", "audit"),
    *("write", "checksums", "settle", "swap", "prune", "report"),
)
PUBLICATION_PHASES = PHASES[PHASES.index("write") : PHASES.index("report")]
# Python's audit events of what changes the file system.
_CHANGES = frozenset(
    ("os.chmod", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate")
)
TIME_LIMIT_SECONDS = 300.0


def write_studies(folder: Path) -> dict[str, Path]:
    """Write the studies `a` (the demo) and `b` (without each fourth patient, with a bad record).

    Returns:
        Each study's folder by its name.
    """
    studies = {name: folder / name for name in ("a", "b")}
    for study in studies.values():
        study.mkdir(parents=True)
    for table in input_tables("clinic"):
        shutil.copy(DEMO_DIR / f"{table}.csv", studies["a"])
        with (DEMO_DIR / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            header, *records = csv.reader(file)
        patient = header.index("patient_id")
        kept = [record for record in records if int(record[patient].removeprefix("P")) % 4]
        if table == "patients":
            bad = ["P999" if name == "patient_id" else "no date" for name in header]
            kept.append(bad)
        with (studies["b"] / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *kept])
    return studies


def salvage_run(study: Path, output: Path) -> Callable[[], object]:
    """The real command, to be called in a child."""
    return lambda: salvage.cli.main(["run", "--input", str(study), "--output", str(output)])


def publish_alone(warehouse: Path, output: Path) -> Callable[[], object]:
    """The last step of a run alone, to be called in a child."""
    return lambda: salvage.publish.publish(warehouse, output, PROVENANCE)


def dying_before(change: int, act: Callable[[], object]) -> Callable[[], object]:
    """The same, but killed just before it changes the file system for the `change`-th time.

    Chance does not hit the microseconds between two changes. What DuckDB changes does not count.
    """

    def act_until_then() -> None:
        numbers = itertools.count(1)

        def die_in_time(event: str, _: object) -> None:
            if event in _CHANGES and next(numbers) == change:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die_in_time)
        act()

    return act_until_then


# ---- A child that may be killed ------------------------------------------------------------------


class Run:
    """Something that runs in a forked child, as a process group of its own.

    Attributes:
        marks: when each phase began that the child has reached, in seconds of time.monotonic();
            `end` is when it was seen to be over.
    """

    def __init__(self, act: Callable[[], object], folder: Path) -> None:
        """Start it; `folder` gets its output as `run.log` and its temporary files."""
        self.marks: dict[str, float] = {}
        self._unread = b""
        self._log = folder / "run.log"
        self._pipe, pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _be_a_run(act, folder, pipe)
        os.close(pipe)
        # The child does the same: whoever comes first.
        with suppress(OSError):
            os.setpgid(self._pid, self._pid)

    @property
    def phase(self) -> str:
        """The last phase that is known to have begun."""
        return [phase for phase in PHASES if phase in self.marks][-1]

    @property
    def log(self) -> str:
        """What it printed."""
        return self._log.read_text(encoding="utf-8")

    def durations(self) -> dict[str, float]:
        """Seconds of each phase of a run that is over."""
        times = [*((phase, self.marks[phase]) for phase in PHASES if phase in self.marks)]
        ends = [begin for _, begin in times[1:]] + [self.marks["end"]]
        return {phase: end - begin for (phase, begin), end in zip(times, ends, strict=True)}

    def reaches(self, phase: str) -> bool:
        """Wait for a phase to begin; False where it ends before."""
        deadline = time.monotonic() + TIME_LIMIT_SECONDS
        while phase not in self.marks and "end" not in self.marks:
            ready, _, _ = select.select([self._pipe], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                self.kill()
                raise TimeoutError(f"{phase} was not reached in time; it printed:\n{self.log}")
            self._read_marks()
        return phase in self.marks

    def _read_marks(self) -> None:
        if not (chunk := os.read(self._pipe, 4096)):
            self.marks["end"] = time.monotonic()
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            phase, seconds = line.decode().split()
            self.marks[phase] = float(seconds)

    def finish(self) -> int:
        """Wait for its end and return its exit status; negative where a signal ended it."""
        self.reaches("end")
        return self._status()

    def kill(self) -> bool:
        """Kill the whole group with SIGKILL; False where it was over before."""
        os.killpg(self._pid, signal.SIGKILL)
        status = self._status()
        while "end" not in self.marks:
            self._read_marks()
        return status == -signal.SIGKILL

    def _status(self) -> int:
        _, status = os.waitpid(self._pid, 0)
        while "end" not in self.marks:
            self._read_marks()
        os.close(self._pipe)
        return os.waitstatus_to_exitcode(status)


def _be_a_run(act: Callable[[], object], folder: Path, pipe: int) -> NoReturn:
    status = 70
    try:
        os.setpgid(0, 0)
        log = os.open(folder / "run.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        (folder / "tmp").mkdir(exist_ok=True)
        tempfile.tempdir = str(folder / "tmp")
        _tell_phases(pipe)
        act()
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _tell_phases(pipe: int) -> None:
    """Let the functions of a run tell when they begin; what they do stays the same."""

    def tell(phase: str) -> None:
        os.write(pipe, f"{phase} {time.monotonic()}\n".encode())

    def telling(owner: Any, name: str, before: str = "", after: str = "") -> None:
        function = getattr(owner, name)

        def told(*arguments: object, **options: object) -> object:
            if before:
                tell(before)
            result = function(*arguments, **options)
            if after:
                tell(after)
            return result

        setattr(owner, name, told)

    tell("start")
    telling(salvage.cli, "load_folder", before="gate")
    telling(salvage.cli, "dbt_build", before="build")
    telling(salvage.audit, "run_audit", before="audit")
    telling(salvage.publish, "_write_marts", before="write")
    telling(salvage.publish, "_write_checksums", before="checksums")
    telling(salvage.publish, "_settle", before="settle", after="swap")
    telling(salvage.publish, "_prune", before="prune")
    telling(salvage.cli, "publish", after="report")


# ---- A child that answers ------------------------------------------------------------------------


class Forked(Generic[T]):
    """A function that runs in a forked child; its result comes back."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._pipe, pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _answer(function, pipe)
        os.close(pipe)

    def result(self) -> T:
        """Wait for its end. Raises RuntimeError, with its traceback, where it failed."""
        with os.fdopen(self._pipe, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        if status or not answer:
            raise RuntimeError(f"a child failed with wait status {status}:\n{answer.decode()}")
        result: T = pickle.loads(answer)
        return result


def _answer(function: Callable[[], T], pipe: int) -> NoReturn:
    status = 1
    try:
        answer = pickle.dumps(function())
        status = 0
    except BaseException:
        answer = traceback.format_exc().encode()
    with suppress(OSError), os.fdopen(pipe, "wb") as file:
        file.write(answer)
    os._exit(status)


def apart(function: Callable[[], T]) -> T:
    """Call a function in a process of its own: it may open DuckDB, the caller may fork again."""
    return Forked(function).result()
