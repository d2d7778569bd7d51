"""Find free TCP ports on 127.0.0.1 and wait for servers to listen on them."""

import random
import socket
import time
from collections.abc import Callable

# Below the range from which systems draw ports for outgoing connections: none is taken between our look and our bind.
_LOWEST, _HIGHEST = 15_000, 31_999
_ATTEMPTS = 200
_given: set[int] = set()  # a port is free until its server starts: without this two servers could be given the same


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return not is_listening(port)


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port(preferred: int | None = None) -> int:
    """The preferred port when it is free, otherwise any free one that was not given away before."""
    if preferred and is_free(preferred):
        _given.add(preferred)
        return preferred
    for _ in range(_ATTEMPTS):
        port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311 - a port, not a secret
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    msg = f"no free port found between {_LOWEST} and {_HIGHEST}"
    raise OSError(msg)


def wait_until_listening(port: int, seconds: float, *, alive: Callable[[], bool] = lambda: True) -> bool:
    """Wait until the port accepts connections; False when time is up or `alive` says the server has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if is_listening(port):
            return True
        if not alive():
            return False
        time.sleep(0.02)
    return False
