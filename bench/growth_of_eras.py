"""How the CPU time of eras and salvage episodes grows with the number of persons of a CDM.

Measured as by eras_against_floor.py, one round at each size; the exponent is the slope of the
regression line of log CPU time on log persons.

    .venv/bin/python bench/growth_of_eras.py [PERSONS ...] [--memory-gib 8] [--data FOLDER]

PERSONS: 100,000, 1 million and 10 million where left out. FOLDER keeps the generated data, in a
folder for each size. Exit status 1 where the exponent is above 1.05.
"""

import argparse
import statistics
import sys
import tempfile
from math import log
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import eras_against_floor
from bench.omop_data import cdm_folder, circumstances, in_a_process_of_its_own, prepare

SIZES = [1e5, 1e6, 1e7]
LIMIT = 1.05


def exponent(costs: dict[int, float]) -> float:
    """Slope of log cost on log size; costs: CPU seconds by size, two sizes or more."""
    logs = [log(size) for size in costs], [log(cost) for cost in costs.values()]
    return statistics.linear_regression(*logs).slope


def main() -> None:
    """Measure each size, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("persons", type=float, nargs="*", default=SIZES)
    parser.add_argument("--memory-gib", type=float, default=8)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    print(f"one round; {circumstances()}")
    costs = {}
    for n_persons in map(int, options.persons):
        data = options.data and options.data / str(n_persons)
        with tempfile.TemporaryDirectory() as name, cdm_folder(n_persons, data) as cdm:
            prepare(cdm, Path(name), eras_against_floor.MEASURED)
            places = (name, str(cdm), str(options.memory_gib))
            build = in_a_process_of_its_own(eras_against_floor.__file__, "models", *places)
        costs[n_persons] = eras_against_floor.cost_of(build)
        print(
            f"  {n_persons:>11} persons {costs[n_persons]:8.2f} CPU s, "
            f"peak {build['peak GiB']:.2f} GiB",
            flush=True,
        )
    found = exponent(costs)
    print(f"exponent {found:.3f} (at most {LIMIT})")
    sys.exit(found > LIMIT)


if __name__ == "__main__":
    main()
