"""Errors that reach the user as sentences."""

# What the operating system says, wherever in a library's message it stands.
FULL_DISK = "No space left on device"


class SalvageError(Exception):
    """Something the user can mend; its text is a sentence and never holds a cell's value.

    Exit status 2 (SPEC 8).
    """


class RefusedFileError(SalvageError):
    """A whole input file is refused; nothing of it is loaded.

    Args:
        file_name: the file's name, without its folder.
        cause: what is wrong and, where it helps, how to mend it.
        line_number: 1-based physical line, where the cause has one.
        column_name: the column, where the cause has one.
    """

    def __init__(
        self,
        file_name: str,
        cause: str,
        line_number: int | None = None,
        column_name: str | None = None,
    ) -> None:
        self.file_name = file_name
        self.cause = cause
        self.line_number = line_number
        self.column_name = column_name
        place = file_name
        if line_number is not None:
            place += f", line {line_number}"
        if column_name is not None:
            place += f", column {column_name}"
        super().__init__(f"{place}: {cause}")


class NotPublishedError(Exception):
    """The audit failed or the machine did, and nothing was published. Exit status 1 (SPEC 8)."""


def first_line(message: object) -> str:
    """Return what a library says of a fault as one line; of a full disk, that it is full."""
    text = str(message or "").strip()
    if FULL_DISK in text:
        return "The disk is full: no space left on device."
    return text.splitlines()[0].strip() if text else "no reason given."
