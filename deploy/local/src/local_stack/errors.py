"""What can go wrong while starting the stack, each told to the person who typed the command."""


class StackError(Exception):
    """Something the person who started the stack must know about; the message says what to do."""


class StartFailed(StackError):
    """A process did not come up; the message ends with the last lines of its log."""


class AlreadyRunning(StackError):
    """Another stack works in the same folder."""
