"""kill -9 at any moment leaves the publication whole and the next run clean.

    python -m tests.publication.kill_proof [--kills 100] [--publish-kills 300]

Whole runs are killed at random moments: most of them anywhere (a phase is hit as often as it is
long), one in seven in the phases of the publication, which last less than a second. There
publish() alone is killed too, some hundred times, and once before each change that it makes to
the file system. Two studies take turns, so that old and new differ. After each kill a fresh
process reads what is published: it must be what stood there, or the whole of what was to come.
After each tenth kill, and after each one before a change, a run is left to finish. Exit status 1
where anything is wrong.
"""

import argparse
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.publication.checks import (
    RELEASE_NAME,
    Digests,
    publication_faults,
    read_release,
    remnants,
    score,
)
from tests.publication.runs import (
    PHASES,
    PUBLICATION_PHASES,
    Forked,
    Run,
    apart,
    dying_before,
    publish_alone,
    salvage_run,
    write_studies,
)

# What is killed, and how its figures are headed.
KINDS = {
    "run": "whole runs",
    "publish": "publish() alone",
    "change": "publish() before each change",
}
MOST_CHANGES = 1000
FINISH_EVERY = 10
SHARE_IN_PUBLICATION = 0.15
# The marts of the literature and of the protocol alone: both studies have the same.
CONSTANT = {"dim_protocol_arms", "dq_published_integrity"}


@dataclass
class Report:
    """What came of one lane.

    Attributes:
        kills: by kind and by the phase that was hit.
        n_new: kills after which the new publication stood.
        n_finished: those left to finish, by kind.
        faults: one text for each kill or finished run after which something was wrong.
        expected: each study's marts.
        durations: seconds of each phase, of the last one of its kind that finished.
        cpu_seconds: of all children.
        wall_seconds: by kind.
    """

    kills: dict[str, Counter[str]] = field(
        default_factory=lambda: {kind: Counter() for kind in KINDS}
    )
    n_new: Counter[str] = field(default_factory=Counter)
    n_finished: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    expected: dict[str, Digests] = field(default_factory=dict)
    durations: dict[str, dict[str, float]] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    wall_seconds: dict[str, float] = field(default_factory=dict)


class Lane:
    """One output folder in which runs are killed, one after the other."""

    def __init__(self, folder: Path, seed: str) -> None:
        folder.mkdir()
        self.folder, self.output = folder, folder / "output"
        self.studies = write_studies(folder / "studies")
        self.random = random.Random(seed)
        self.report = Report()
        self.release, self.study = "", ""

    def run(self, n_kills: int, n_publish_kills: int, changes: range) -> Report:
        """Let each study be published once, then kill."""
        for study in self.studies:
            self._learn(study)
        self._kill_many("run", n_kills, self._whole_run, self._moment_in_run)
        self._kill_many("publish", n_publish_kills, self._publish, self._moment_in_publication)
        self._kill_before(changes)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.report.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self.report

    def _learn(self, study: str) -> None:
        """Run undisturbed; what is published then is what this study must always give."""
        run = Run(self._whole_run(study), self.folder)
        if run.finish() != 0:
            raise RuntimeError(f"study {study} is not published:\n{run.log}")
        self.report.durations = dict.fromkeys(KINDS, run.durations())
        release = (self.output / "published").resolve()
        self.report.expected[study] = apart(partial(read_release, release)).digests
        self.release, self.study = release.name, study
        shutil.copy(self.output / "warehouse.duckdb", self._warehouse(study))
        self._judge("run", run, study, [], finished=True)

    def _warehouse(self, study: str) -> Path:
        return self.folder / f"{study}.duckdb"

    def _whole_run(self, study: str) -> Callable[[], object]:
        return salvage_run(self.studies[study], self.output)

    def _publish(self, study: str) -> Callable[[], object]:
        return publish_alone(self._warehouse(study), self.output)

    def _moment_in_run(self) -> tuple[str, float]:
        """A phase and the share of its usual duration after which the kill comes."""
        if self.random.random() < SHARE_IN_PUBLICATION:
            return self._moment_in_publication()
        weights = [self.report.durations["run"][phase] for phase in PHASES]
        return self.random.choices(PHASES, weights)[0], self.random.random()

    def _moment_in_publication(self) -> tuple[str, float]:
        return self.random.choice(PUBLICATION_PHASES), self.random.random()

    def _kill_many(
        self,
        kind: str,
        n_kills: int,
        act: Callable[[str], Callable[[], object]],
        moment: Callable[[], tuple[str, float]],
    ) -> None:
        began = time.monotonic()
        # A run may end before its kill: it is judged as finished, and another one is killed.
        for _ in range(2 * n_kills):
            if (n_killed := self.report.kills[kind].total()) == n_kills:
                break
            study = self._other_study()
            run = Run(act(study), self.folder)
            phase, share = moment()
            if run.reaches(phase):
                at = run.marks[phase] + share * self.report.durations[kind][phase]
                time.sleep(max(0.0, at - time.monotonic()))
            if run.kill():
                self._note_kill(kind, run, study)
            else:
                self._judge(kind, run, study, [], finished=True)
            if n_killed % FINISH_EVERY == FINISH_EVERY - 1 or n_killed == n_kills - 1:
                self._finish(kind, act)
                print(f"{self.folder.name}: {n_killed + 1} of {kind} killed", file=sys.stderr)
        self.report.wall_seconds[kind] = time.monotonic() - began

    def _kill_before(self, changes: range) -> None:
        """Kill publish() before each of these changes to the file system, as far as it goes."""
        began = time.monotonic()
        for number in changes:
            study = self._other_study()
            run = Run(dying_before(number, self._publish(study)), self.folder)
            status = run.finish()
            if status == -signal.SIGKILL:
                self._note_kill("change", run, study)
                # Without it the next one would begin with the remnants: other changes to count.
                self._finish("change", self._publish)
                continue
            faults = [] if status == 0 else [f"exit status {status}: {run.log}"]
            self._judge("change", run, study, faults, finished=True)
            break
        self.report.wall_seconds["change"] = time.monotonic() - began

    def _note_kill(self, kind: str, run: Run, study: str) -> None:
        before = self.release
        self.report.kills[kind][run.phase] += 1
        self._judge(kind, run, study, [])
        self.report.n_new[kind] += self.release != before

    def _finish(self, kind: str, act: Callable[[str], Callable[[], object]]) -> None:
        """The next run, undisturbed, is clean."""
        study = self._other_study()
        run = Run(act(study), self.folder)
        status = run.finish()
        if status == 0:
            self.report.durations[kind] = run.durations()
        faults = [] if status == 0 else [f"exit status {status}: {run.log}"]
        self._judge(kind, run, study, faults, finished=True)

    def _other_study(self) -> str:
        return "a" if self.study == "b" else "b"

    def _judge(
        self, kind: str, run: Run, study: str, faults: Sequence[str], finished: bool = False
    ) -> None:
        """Look at what is published: the old release as it was, or all of the new one.

        Args:
            kind: what of KINDS it was.
            run: what was killed, or has finished.
            study: what it was to publish.
            faults: what is known to be wrong.
            finished: it was left to finish, so the new release must stand, and nothing else.
        """
        found = list(faults)
        release = (self.output / "published").resolve().name
        if release != self.release and RELEASE_NAME.fullmatch(release):
            if release < self.release:
                found.append(f"{release} is older than {self.release}")
            self.release, self.study = release, study
        elif finished and self.study != study:
            found.append("nothing was published")
        digests = self.report.expected[self.study]
        found += apart(partial(publication_faults, self.output, digests))
        if finished:
            found += remnants(self.output)
            found += ["a traceback was printed"] if "Traceback" in run.log else []
            self.report.n_finished[kind] += 1
        if found:
            what = "finished" if finished else f"killed in {run.phase}"
            n_done = self.report.kills[kind].total()
            self.report.faults.append(
                f"{self.folder.name}: {kind} {n_done} of study {study}, {what}: " + "; ".join(found)
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill in all lanes, print what came of it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of whole runs")
    parser.add_argument("--publish-kills", type=int, default=300, help="of publish() alone")
    parser.add_argument("--lanes", type=int, default=2, help="output folders, side by side")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="salvage-kills-") as folder:
        lanes = [
            Lane(Path(folder) / f"lane {number}", f"{options.seed}/{number}")
            for number in range(options.lanes)
        ]
        children = [
            Forked(
                partial(
                    lane.run,
                    len(range(number, options.kills, options.lanes)),
                    len(range(number, options.publish_kills, options.lanes)),
                    range(number + 1, MOST_CHANGES, options.lanes),
                )
            )
            for number, lane in enumerate(lanes)
        ]
        reports = [child.result() for child in children]
    return summarize(reports)


def summarize(reports: Sequence[Report]) -> int:
    """Print the lanes' figures together; return the exit status."""
    durations = reports[0].durations["run"]
    print(f"{'phase':<12}{'seconds':>8}" + "".join(f"{name:>30}" for name in KINDS.values()))
    for phase in PHASES:
        counts = [sum(report.kills[kind][phase] for report in reports) for kind in KINDS]
        print(f"{phase:<12}{durations[phase]:>8.3f}" + "".join(f"{n:>30}" for n in counts))
    for kind, name in KINDS.items():
        n_kills = sum(report.kills[kind].total() for report in reports)
        n_new = sum(report.n_new[kind] for report in reports)
        n_finished = sum(report.n_finished[kind] for report in reports)
        wall = max(report.wall_seconds[kind] for report in reports)
        print(
            f"{name}: {n_kills} killed ({n_kills - n_new} left the old publication, {n_new} the "
            f"new one), {n_finished} left to finish; {wall:.0f} s"
        )
    print(f"{sum(report.cpu_seconds for report in reports):.0f} CPU s")
    faults = [fault for report in reports for fault in report.faults]
    alike = [
        sorted(name for name in first if first[name] == second[name] and name not in CONSTANT)
        for first, second in (report.expected.values() for report in reports)
    ]
    if any(alike):
        faults.append(f"both studies give the same: {alike}")
    if any(report.expected != reports[0].expected for report in reports):
        faults.append("a study gives other marts in another lane")
    n_checked = 2 + sum(
        report.kills[kind].total() + report.n_finished[kind] for report in reports for kind in KINDS
    )
    return score(faults, n_checked)


if __name__ == "__main__":
    sys.exit(main())
