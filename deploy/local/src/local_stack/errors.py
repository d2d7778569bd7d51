"""What can go wrong while starting the stack, each told to the person who typed the command."""

from typing import ClassVar

from concord.exits import Exit


class StackError(Exception):
    """Something the person who started the stack must know about; the message says what to do."""

    exit: ClassVar[Exit] = Exit.FAILED


class BadSetting(StackError):
    """A setting or an argument that cannot be used."""

    exit = Exit.USAGE


class StartFailed(StackError):
    """A process did not come up; the message ends with the last lines of its log."""


class AlreadyRunning(StackError):
    """Another stack works in the same folder."""

    exit = Exit.IN_USE
