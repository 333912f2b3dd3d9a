"""Try every mutant of the intermediate and mart models: `python -m tests.mutation.run_mutants`.

Exit status 1 where fewer than 95% are killed or shown equivalent, where an entry of
equivalents.yml names no mutant, or where a mutant that it calls equivalent is killed.
"""

import argparse
import difflib
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import duckdb
import sqlglot
import yaml
from tqdm import tqdm

from tests.expected_marts import difference
from tests.harness import Model, Project, Warehouse, at_cutoff, compile_project
from tests.mutation.mutants import DIALECT, Mutant, mutants, unchanged
from tests.mutation.studies import Study, studies

EQUIVALENTS = Path(__file__).with_name("equivalents.yml")
# One call of a numerical macro each: Newton's rounds mend a wrong step in the round before, so that
# most mutants would be equivalent, or their syntax trees are too large to be copied for each.
# tests/test_exact_statistics.py and tests/test_survival_statistics.py hold them to SciPy,
# lifelines, statsmodels and R.
NUMERICAL = {
    "int_exact_proportion_intervals",
    "int_exact_poisson_intervals",
    "int_fisher_tests",
    "int_log_rank_tests",
    "int_survival_curves",
    "int_survival_medians",
    "int_restricted_means",
    "int_remission_loss_incidences",
    "int_colectomy_incidences",
}
REQUIRED_SHARE = 0.95
# A join without its condition may grow without end: that it never answers is a kill.
TIME_LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    kind: `killed` (a table differs from what it must hold), `error` (the build fails), `timeout`
    or `survived`. seen_in: study and table that tell, or the error.
    """

    mutant: Mutant
    kind: str
    seen_in: str


class Bench:
    """One study built once; a mutant is tried in a transaction that is rolled back."""

    def __init__(self, project: Project, study: Study) -> None:
        self.study = study
        self.warehouse = Warehouse(project)
        self.models = [m for m in project.needed_for(study.expected) if not m.is_view]
        self.names = {model.name for model in self.models}
        self.warehouse.load(study.tables, study.own_reference)
        self.warehouse.run(self.models, study.data_cutoff_date)
        self.fingerprints = {model.name: self._fingerprint(model) for model in self.models}
        for name in study.expected:
            if text := self._difference(name):
                raise RuntimeError(f"{study.name}: {name} is wrong before any change: {text}")

    def _fingerprint(self, model: Model) -> tuple[object, ...] | None:
        """Equal for equal contents, in whatever order the rows are.

        Of the rows as text: DuckDB's hash of the HUGEINT -1 is that of 0.
        """
        return self.warehouse.connection.execute(
            "select count(*), sum(cast(hash(cast(content as varchar)) as hugeint)) "
            f"from {model.relation} as content"
        ).fetchone()

    def _difference(self, name: str) -> str | None:
        return difference(self.study.expected[name], self.warehouse.rows(name))

    def telltale(self, mutant: Mutant) -> str | None:
        """The first table that differs from what it must hold; None where none does.

        Only what reads a changed table is built again. Raises duckdb.Error where that fails.
        """
        connection, cutoff = self.warehouse.connection, self.study.data_cutoff_date
        changed: set[str] = set()
        connection.execute("begin")
        try:
            for model in self.models:
                if model.name == mutant.model:
                    connection.execute(f"delete from {model.relation}")
                    sql = at_cutoff(mutant.sql, cutoff)
                    connection.execute(f"insert into {model.relation} {sql}")
                elif changed.intersection(model.reads):
                    connection.execute(f"delete from {model.relation}")
                    self.warehouse.run([model], cutoff)
                else:
                    continue
                if self._fingerprint(model) != self.fingerprints[model.name]:
                    changed.add(model.name)
                    if model.name in self.study.expected and self._difference(model.name):
                        return model.name
            return None
        finally:
            connection.execute("rollback")


_benches: list[Bench] = []


def _set_up(project: Project) -> None:
    _benches.extend(Bench(project, study) for study in studies())


def _try(mutant: Mutant) -> Outcome:
    for bench in _benches:
        if mutant.model not in bench.names:
            continue
        timer = threading.Timer(TIME_LIMIT_SECONDS, bench.warehouse.connection.interrupt)
        timer.start()
        try:
            table = bench.telltale(mutant)
        except duckdb.InterruptException:
            return Outcome(mutant, "timeout", bench.study.name)
        except duckdb.Error as error:
            return Outcome(mutant, "error", f"{bench.study.name}: {str(error).splitlines()[0]}")
        finally:
            timer.cancel()
        if table is not None:
            return Outcome(mutant, "killed", f"{bench.study.name}: {table}")
    return Outcome(mutant, "survived", "")


def run(project: Project, chosen: Sequence[Mutant], n_workers: int) -> list[Outcome]:
    """Try the mutants, in the order in which they come."""
    with ProcessPoolExecutor(n_workers, get_context("spawn"), _set_up, (project,)) as pool:
        outcomes = pool.map(_try, chosen, chunksize=4)
        return list(tqdm(outcomes, total=len(chosen), unit=" mutants"))


# ---- Equivalents ---------------------------------------------------------------------------------


def equivalents() -> set[str]:
    """Ids of the mutants that equivalents.yml shows to be equivalent."""
    groups = yaml.safe_load(EQUIVALENTS.read_text(encoding="utf-8"))
    listed = [mutant_id for group in groups for mutant_id in group["mutants"]]
    assert all(group["reason"].strip() for group in groups)
    assert len(listed) == len(set(listed)), "listed twice"
    return set(listed)


# ---- Report -------------------------------------------------------------------------------------


def sql_diff(project: Project, mutant: Mutant) -> str:
    """What the mutant changes, line by line."""
    before, after = (
        sqlglot.parse_one(sql, dialect=DIALECT).sql(DIALECT, pretty=True).splitlines()
        for sql in (unchanged(project.model(mutant.model)).sql, mutant.sql)
    )
    lines = difflib.unified_diff(before, after, lineterm="", n=1)
    return "\n".join(f"    {line}" for line in list(lines)[2:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", action="append", help="mutants whose id begins so; may be said several times"
    )
    parser.add_argument(
        "--one-in", type=int, default=1, help="a sample: one in so many mutants, always the same"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="show what they change; try none")
    parser.add_argument("--outcomes", type=Path, help="write what became of each to this file")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="salvage-mutants-") as folder:
        project = compile_project(Path(folder))
    mutated = [m for m in project.models if not m.is_view and m.name not in NUMERICAL]
    known = [mutant for model in mutated for mutant in [unchanged(model), *mutants(model)]]
    chosen = [
        mutant
        for mutant in known
        if mutant.id.startswith(tuple(options.only or [""]))
        and (mutant.operator == "unchanged" or is_sampled(mutant, options.one_in))
    ]
    if options.show:
        for mutant in chosen:
            print(f"{mutant.id}\n{sql_diff(project, mutant)}\n")
        return 0
    outcomes = run(project, chosen, options.workers)
    if options.outcomes:
        options.outcomes.write_text(
            "".join(f"{o.kind}\t{o.mutant.id}\t{o.seen_in}\t{o.mutant.change}\n" for o in outcomes),
            encoding="utf-8",
        )
    status = report(project, outcomes, {mutant.id for mutant in known})
    print(f"{time.monotonic() - started:.0f} seconds")
    return status


def is_sampled(mutant: Mutant, one_in: int) -> bool:
    """Is it in the sample? Told by its id alone."""
    return zlib.crc32(mutant.id.encode()) % one_in == 0


def report(project: Project, outcomes: Sequence[Outcome], known: Collection[str]) -> int:
    """Print the score, survivors and what is wrong with the list of equivalents.

    known: the ids of all mutants, tried or not.
    """
    equal = equivalents()
    faults = [f"{name} is listed as equivalent, but is no mutant" for name in equal - set(known)]
    for outcome in outcomes:
        mutant = outcome.mutant
        if mutant.operator == "unchanged" and outcome.kind in ("killed", "error"):
            faults.append(f"{mutant.id} is told from the model itself: {outcome.seen_in}")
        elif mutant.id in equal and outcome.kind in ("killed", "error"):
            faults.append(f"{mutant.id} is listed as equivalent: {outcome.kind}, {outcome.seen_in}")
    tried = [outcome for outcome in outcomes if outcome.mutant.operator != "unchanged"]
    survivors = [o for o in tried if o.kind == "survived" and o.mutant.id not in equal]
    for outcome in survivors:
        print(f"SURVIVED {outcome.mutant.id}\n{sql_diff(project, outcome.mutant)}\n")
    print(_table(tried, equal))
    # A statement that does not even run says nothing about the suite: left out of the score
    n_valid = sum(outcome.kind != "error" for outcome in tried)
    score = 1 - len(survivors) / n_valid if n_valid else 1.0
    print(f"{score:.2%} of {n_valid} mutants that run are killed or equivalent")
    for fault in sorted(faults):
        print(f"FAULT {fault}")
    return int(bool(faults) or score < REQUIRED_SHARE)


def _table(tried: Sequence[Outcome], equal: set[str]) -> str:
    columns = ["killed", "timeout", "equivalent", "survived", "error"]
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in tried:
        kind = "equivalent" if outcome.mutant.id in equal else outcome.kind
        for row in (outcome.mutant.model, "all"):
            counts[row, kind] += 1
    models = sorted({outcome.mutant.model for outcome in tried})
    lines = [f"{'model':<36}" + "".join(f"{column:>12}" for column in columns)]
    for row in [*models, "all"]:
        lines.append(f"{row:<36}" + "".join(f"{counts[row, column]:>12}" for column in columns))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
