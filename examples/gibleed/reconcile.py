"""Compare what `salvage run` published for GiBleed with hand-written SQL over the source.

The figures and their meaning stand in reconcile.sql (source) and published_figures.sql (marts).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent


def source_figures(cdm: Path) -> dict[str, int]:
    """Return reconcile.sql's figures by name, over a folder of `<table>.parquet` files."""
    with duckdb.connect() as connection:
        for file in sorted(cdm.glob("*.parquet")):
            connection.read_parquet(str(file)).create_view(file.stem)
        return _figures(connection, "reconcile.sql")


def published_figures(published: Path) -> dict[str, int]:
    """Return the same figures by name from a published DuckDB file, opened read-only."""
    with duckdb.connect(str(published), read_only=True) as connection:
        return _figures(connection, "published_figures.sql")


def _figures(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    return dict(connection.execute((HERE / query).read_text(encoding="utf-8")).fetchall())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print name, source, published where they differ; return 1 then, 0 where all agree.

    A figure that one side lacks counts as a difference.
    """
    parser = argparse.ArgumentParser(description="Compare the published GiBleed marts with its CDM")
    parser.add_argument("--cdm", type=Path, required=True, help="folder of the CDM's Parquet files")
    parser.add_argument("--published", type=Path, required=True, help="published salvage.duckdb")
    options = parser.parse_args(arguments)
    source = source_figures(options.cdm)
    published = published_figures(options.published)
    names = sorted(source.keys() | published.keys())
    different = [name for name in names if source.get(name) != published.get(name)]
    for name in different:
        print(f"{name}: source {source.get(name)}, published {published.get(name)}")
    print(f"{len(names) - len(different)} of {len(names)} figures agree")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
