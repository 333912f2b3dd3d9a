"""The one function that DuckDB lacks and the models need: folding a name for comparison."""

import re
import unicodedata

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

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
    """dbt-duckdb plugin (profiles.yml): registers the functions on every connection."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions when dbt opens a connection."""
        register_functions(conn)
