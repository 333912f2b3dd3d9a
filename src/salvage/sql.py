"""Writing SQL by hand, where DuckDB takes no parameter."""


def quoted(value: object) -> str:
    """Return a value's text as it stands between the quotation marks of an SQL literal."""
    return str(value).replace("'", "''")
