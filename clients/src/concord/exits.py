"""What the commands `concord`, `concord-agent` and `local_stack` exit with: one number, one meaning."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; ``meaning`` is the line that `--help` prints."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        """A code and what it means."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    DONE = 0, "done"
    REFUSED = 1, "refused, and the message says why: by a service, by the issuer, or by the person who was asked"
    USAGE = 2, "the command, an option, a setting or a file cannot be used as it is; nothing was sent"
    UNREACHABLE = 3, "nobody answered in time"
    NO_STACK = 4, "it is not known where the services are: no stack runs here, or its stack.json is damaged"
    FAILED = 5, "it was done and did not come out as it should: all records rejected, a step failed, not ready"
    IN_USE = 6, "something else already works here: another agent, another stack, another program on the port"
    INTERRUPTED = 130, "interrupted (Ctrl-C)"


def table() -> str:
    """The codes and their meanings, a line each, for `--help`."""
    return "\n".join(["Exit codes:", *(f"  {code.value:>3}  {code.meaning}" for code in Exit)])
