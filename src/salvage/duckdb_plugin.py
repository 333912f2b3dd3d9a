"""What dbt's connection to DuckDB needs: the function fold_name, and the CDM attached."""

import re
import unicodedata
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from salvage.cdm import Cdm, attach_cdm
from salvage.text import WHITE_SPACE

_WHITE_SPACE = re.compile(f"[{WHITE_SPACE}]+")


def fold_name(name: str) -> str:
    """Return the form in which drug, procedure and diagnosis names are compared.

    Unicode NFKC, case folding, then trimmed with inner white space folded to one space
    (SPEC 2). Case folding can leave NFKC, so NFKC is applied on both sides of it.

    Args:
        name: any text. DuckDB never calls it for NULL (NULL in, NULL out).

    Returns:
        The folded name; an empty string where the name is white space only.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return _WHITE_SPACE.sub(" ", folded).strip(" ")


def register_functions(connection: DuckDBPyConnection) -> None:
    """Make `fold_name(varchar) -> varchar` callable from SQL on this connection."""
    connection.create_function("fold_name", fold_name, ["VARCHAR"], "VARCHAR")


class Plugin(BasePlugin):  # type: ignore[misc]  # dbt ships no types
    """dbt-duckdb plugin (profiles.yml): sets every connection up."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep the settings omop, omop_database and omop_schema."""
        self._cdm = Cdm(
            plugin_config.get("omop", ""),
            plugin_config.get("omop_database", ""),
            plugin_config.get("omop_schema", ""),
        )

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions, and attach the CDM where there is one."""
        register_functions(conn)
        if self._cdm.location:
            attach_cdm(conn, self._cdm)
