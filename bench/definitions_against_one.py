"""CPU time of all definitions together against that of one, on 100,000 synthetic patients.

The multiverse: the models that only `agg_definition_sensitivity` needs (models/*/definitions).
One definition: `int_salvage_episodes`, `int_analysis_episodes`, and what leads from there to
`agg_remission_by_arm` and `agg_adverse_events_by_arm`, without the exact intervals
(`int_exact_*`), which the multiverse does not have. What both read (eras, eligibility, daily
status, accepted records) is built before and counted for neither, as are the exact intervals.

Data and CPU time: see `model_costs.py`. The ratio is the median of the rounds.

    .venv/bin/python bench/definitions_against_one.py [--patients 100000] [--rounds 3]

Exit status 1 where the ratio is above 3.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.model_costs import build, loaded_project, report
from tests.harness import Model, Project

LIMIT = 3
MULTIVERSE = "agg_definition_sensitivity"
ONE = ["agg_remission_by_arm", "agg_adverse_events_by_arm"]


def models_of_one(project: Project) -> list[Model]:
    """The models of one definition, in order."""
    after_pairs = {model.name for model in project.descendants("int_salvage_pairs")}
    by_events = {"int_reporting_arms"}
    return [
        model
        for model in project.needed_for(ONE)
        if model.name in after_pairs | by_events and not model.name.startswith("int_exact_")
    ]


def models_of_all(project: Project) -> list[Model]:
    """The models that only the multiverse needs, in order."""
    other = {model.name for model in project.needed_for(ONE)}
    return [model for model in project.needed_for([MULTIVERSE]) if model.name not in other]


def main() -> None:
    """Load, build both in turn, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with loaded_project(options.patients) as (project, connection):
        one, multiverse = models_of_one(project), models_of_all(project)
        build(connection, project.needed_for([MULTIVERSE, *ONE]))
        rounds: dict[str, list[dict[str, float]]] = {"one": [], "all": []}
        for _ in range(options.rounds):
            rounds["one"].append(build(connection, one))
            rounds["all"].append(build(connection, multiverse))
        counted = connection.execute(
            "select count(distinct definition_id), max(n_patients) "
            "from marts.agg_definition_sensitivity"
        ).fetchone()
    print(f"{options.patients} patients; definitions, most patients in one: {counted}")
    print(f"load of the machine: {os.getloadavg()}")
    cost_of_one = report("one definition", rounds["one"])
    cost_of_all = report("the multiverse", rounds["all"])
    ratio = statistics.median(
        sum(every.values()) / sum(single.values())
        for every, single in zip(rounds["all"], rounds["one"], strict=True)
    )
    print(
        f"{cost_of_all:.2f} / {cost_of_one:.2f} CPU s; median ratio {ratio:.2f} (at most {LIMIT})"
    )
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
