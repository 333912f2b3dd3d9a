"""Readers see one build at a time, and no error, while run after run is published.

    python -m tests.publication.readers_proof [--publications 50]

An output folder (with `--folders 2` two of them side by side) is rebuilt by real `salvage run`s,
two studies in turn, while eight processes read what they publish, as BI tools do: seven open the
file with the settings of docs/publication.md, query some marts and close it; one of these reads
the Parquet files too; the eighth keeps its connection over several publications. A snapshot holds
if all its tables state one build id and their rows are those of one study as a whole. Exit status
1 where one does not.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.publication.checks import read_release, score
from tests.publication.readers import N_READERS, Expected, Reader, Report
from tests.publication.runs import Forked, Run, apart, salvage_run, write_studies


@dataclass
class Published:
    """What one output folder published.

    Attributes:
        studies: each build id and the study that was built.
        faults: one text for each run that did not end well.
        n_runs: runs, well or not.
        cpu_seconds: of the runs.
    """

    studies: dict[tuple[str, str], str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    n_runs: int = 0
    cpu_seconds: float = 0.0


def publish_many(
    folder: Path, studies: dict[str, Path], n_publications: int, publishing: Event
) -> Published:
    """Run the studies in turn into `<folder>/<folder's name>` and report what was published."""
    output = output_in(folder)
    report = Published()
    for number in range(n_publications):
        study = sorted(studies)[number % 2]
        run = Run(salvage_run(studies[study], output), folder)
        if run.reaches("write"):
            publishing.set()
        run.reaches("prune")
        publishing.clear()
        status = run.finish()
        report.n_runs += 1
        build = (output.name, (output / "published").readlink().name)
        if status != 0 or build in report.studies:
            report.faults.append(f"{folder.name}, run {number}: exit status {status}\n{run.log}")
        report.studies[build] = study
        print(f"{folder.name}: {number + 1} of {n_publications} published", file=sys.stderr)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    report.cpu_seconds = usage.ru_utime + usage.ru_stime
    return report


def output_in(folder: Path) -> Path:
    """The output folder, which has its name from the one it lies in."""
    return folder / folder.name


def publish_first(folder: Path, studies: dict[str, Path]) -> Expected:
    """Publish each study once, before anyone reads; return what each must always give."""
    expected = {}
    for study in sorted(studies):
        run = Run(salvage_run(studies[study], output_in(folder)), folder)
        if run.finish() != 0:
            raise RuntimeError(f"study {study} is not published:\n{run.log}")
        release = (output_in(folder) / "published").resolve()
        expected[study] = apart(partial(read_release, release)).digests
    return expected


# ---- Command -------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish and read, print what came of it and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--publications", type=int, default=50, help="in all folders together")
    parser.add_argument("--folders", type=int, default=1, help="rebuilt side by side")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="salvage-readers-") as name:
        studies = write_studies(Path(name) / "studies")
        folders = [Path(name) / f"folder_{number}" for number in range(options.folders)]
        for folder in folders:
            folder.mkdir()
        first = [Forked(partial(publish_first, folder, studies)) for folder in folders]
        expected, *others = [child.result() for child in first]

        began = time.monotonic()
        stop, publishing = get_context("fork").Event(), get_context("fork").Event()
        outputs = [output_in(folder) for folder in folders]
        readers = [
            Forked(partial(Reader(number, outputs, expected).read_until, stop, publishing))
            for number in range(N_READERS)
        ]
        try:
            publishers = [
                Forked(
                    partial(
                        publish_many,
                        folder,
                        studies,
                        len(range(number, options.publications, options.folders)),
                        publishing,
                    )
                )
                for number, folder in enumerate(folders)
            ]
            published = [child.result() for child in publishers]
        finally:
            stop.set()
            reports = [child.result() for child in readers]
    faults = [] if all(other == expected for other in others) else ["folders differ in a study"]
    print(f"{time.monotonic() - began:.0f} s")
    return summarize(published, reports, faults)


def summarize(
    published: Sequence[Published], reports: Sequence[Report], faults: Sequence[str]
) -> int:
    """Print the figures together; return the exit status."""
    built = {build: study for one in published for build, study in one.studies.items()}
    seen = {build: study for report in reports for build, study in report.studies.items()}
    found = [*faults]
    found += [fault for one in published for fault in one.faults]
    found += [fault for report in reports for fault in report.faults]
    found += [
        f"reader {number}: build {build} shows study {study}, but {built[build]} was built"
        for number, report in enumerate(reports)
        for build, study in report.studies.items()
        if built.get(build, study) != study
    ]
    ways: Counter[str] = sum((report.n_snapshots for report in reports), Counter())
    n_runs = sum(one.n_runs for one in published)
    print(
        f"{len(built)} publications by {n_runs} runs, "
        f"{sum(one.cpu_seconds for one in published):.0f} CPU s; "
        f"{len(seen.keys() & built.keys())} of them were seen by a reader"
    )
    print(f"{len(reports)} readers: " + ", ".join(f"{n} snapshots ({w})" for w, n in ways.items()))
    n_during = sum(report.n_during_publication for report in reports)
    print(f"{n_during} snapshots were taken while a publication changed")
    return score(found, 1 + n_runs + ways.total())


if __name__ == "__main__":
    sys.exit(main())
