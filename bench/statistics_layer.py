"""CPU time of the statistics against that of the models below them, on 1 million patients.

The statistics: the models of `models/*/survival`, `models/*/comparison` and
`models/intermediate/intervals`. The models below: all others that those marts and the two marts
by arm need, from the accepted records on. Both are built in turn.

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
LAYERS = ["intermediate/intervals", "intermediate/survival", "intermediate/comparison"]
LAYERS += ["marts/survival", "marts/comparison"]


def main() -> None:
    """Load, build both in turn, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    names = {
        path.stem for layer in LAYERS for path in (PROJECT_DIR / "models" / layer).glob("*.sql")
    }
    with loaded_project(options.patients) as (project, connection):
        needed = project.needed_for([*names, *BY_ARM])
        of_statistics = [model for model in needed if model.name in names]
        # The marts by arm read the statistics, and cost nothing beside them.
        below = [model for model in needed if model.name not in {*names, *BY_ARM}]
        rounds: dict[str, list[dict[str, float]]] = {"below": [], "statistics": []}
        for _ in range(options.rounds):
            rounds["below"].append(build(connection, below))
            rounds["statistics"].append(build(connection, of_statistics))
    print(f"{options.patients} patients; load of the machine: {os.getloadavg()}")
    cost_below = report("the models below", rounds["below"])
    cost = report("the statistics", rounds["statistics"])
    ratio = statistics.median(
        sum(one.values()) / sum(other.values())
        for one, other in zip(rounds["statistics"], rounds["below"], strict=True)
    )
    print(f"{cost:.2f} / {cost_below:.2f} CPU s; median ratio {ratio:.2f} (at most {LIMIT})")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
