"""Where GiBleed is, a synthetic CDM that others made; it is no part of this repository."""

from pathlib import Path

import pytest

GIBLEED = Path(__file__).resolve().parents[2] / "shared" / "data" / "omop_gibleed"
needs_gibleed = pytest.mark.skipif(
    not (GIBLEED / "person.parquet").is_file(),
    reason=f"the GiBleed data set is not part of this repository and not at {GIBLEED}",
)
