#!/usr/bin/env bash
# The published file opens read-only in the DuckDB clients that BI tools ship (1.3 to 1.5).
# usage: tests/old_clients.sh PUBLISHED_DUCKDB_FILE
set -euo pipefail
file=$1
uv="$(dirname "$0")/../.venv/bin/uv"
for version in 1.3.2 1.4.4 1.5.5; do
  "$uv" run --quiet --no-project --python python3 --with "duckdb==$version" python - "$file" <<'PYTHON'
import sys

import duckdb

with duckdb.connect(sys.argv[1], read_only=True) as connection:
    marts = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'marts'"
    ).fetchall()
    rows = [connection.execute(f"select count(*) from marts.{mart}").fetchone()[0] for (mart,) in marts]
    patients = connection.execute(
        "select n_patients from marts.agg_remission_by_arm where arm_id = 'all'"
    ).fetchone()
    build_id, made_with = connection.execute(
        "select build_id, duckdb_version from publication.build"
    ).fetchone()
print(
    f"duckdb {duckdb.__version__}: {len(marts)} marts, {sum(rows)} rows, {patients[0]} patients, "
    f"build {build_id} made with duckdb {made_with}"
)
PYTHON
done
