"""CPU time of the statistics against that of the models below them, on 1 million patients.

The statistics: the models of `models/*/survival`, `models/*/comparison` and
`models/intermediate/intervals`. The reports: those of the definitions, the decision trace, the
published evidence and immortal time; what they cost is printed, and not judged here
(`definitions_against_one.py` judges the definitions). The models below: all others that these
need, from the input's records on.

Data and CPU time: see `model_costs.py`. The ratio is the median of the rounds.

    .venv/bin/python bench/statistics_layer.py [--patients 1000000] [--rounds 1]

Exit status 1 where the statistics cost more than 30% of the models below them.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.model_costs import build, loaded_project, report
from salvage.project import PROJECT_DIR

LIMIT = 0.3
BY_ARM = ["agg_remission_by_arm", "agg_adverse_events_by_arm"]
STATISTICS = ["intervals", "survival", "comparison"]
REPORTS = ["definitions", "trace", "evidence", "immortal_time"]


def names_of(subjects: list[str]) -> set[str]:
    """The intermediate and mart models of these subjects."""
    folders = [PROJECT_DIR / "models" / layer for layer in ("intermediate", "marts")]
    return {
        path.stem
        for folder in folders
        for subject in subjects
        for path in (folder / subject).glob("*.sql")
    }


def main() -> None:
    """Load, build both in turn, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    statistics_names, report_names = names_of(STATISTICS), names_of(REPORTS)
    with loaded_project(options.patients) as (project, connection):
        needed = project.needed_for([*statistics_names, *report_names])
        # The marts by arm read the statistics, and cost nothing beside them.
        groups = {
            "below": [m for m in needed if m.name not in statistics_names | report_names],
            "statistics": [m for m in needed if m.name in statistics_names],
            "reports": [m for m in needed if m.name in report_names],
        }
        groups["below"] = [m for m in groups["below"] if m.name not in BY_ARM]
        by_arm = [project.model(name) for name in BY_ARM]
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in groups}
        for _ in range(options.rounds):
            for name, models in groups.items():
                rounds[name].append(build(connection, models))
                if name == "statistics":
                    build(connection, by_arm)
    print(f"{options.patients} patients; load of the machine: {os.getloadavg()}")
    cost_below = report("the models below", rounds["below"])
    cost = report("the statistics", rounds["statistics"])
    cost_of_reports = report("the reports", rounds["reports"])
    print(f"the reports: {cost_of_reports / cost_below:.2f} of the models below")
    ratio = statistics.median(
        sum(one.values()) / sum(other.values())
        for one, other in zip(rounds["statistics"], rounds["below"], strict=True)
    )
    print(f"{cost:.2f} / {cost_below:.2f} CPU s; median ratio {ratio:.2f} (at most {LIMIT})")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
