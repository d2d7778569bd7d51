"""What carries an order out at the provider: an interface of three verbs, and one that runs a program."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Sequence
from typing import Final, Protocol

from shared.contracts.orders import Order

TEMPORARY: Final = 75
"""Exit code of a program that wants to be tried again later (EX_TEMPFAIL of sysexits.h)."""
_MOST_TEXT: Final = 500


class Impossible(Exception):
    """The order cannot be carried out, now or later; the message goes into the receipt."""


class Later(Exception):
    """The order could not be carried out this time."""


class Hook(Protocol):
    """Carries orders out. A crash may repeat a call: doing it twice must be the same as doing it once.

    The verbs return what was done, for the receipt. They raise Impossible, or Later (as any other exception counts).
    """

    async def suspend(self, order: Order) -> str:
        """Stop hosting the site: actions ``cut_off`` and ``suspend``, which ends by itself at ``order.until``.

        Meant are the host names of ``order.site``, with ``names_below`` those below them, except the ``spared``.
        """
        ...

    async def restore(self, order: Order) -> str:
        """Take back the order that this one ``undoes``; what another order stopped stays stopped."""
        ...

    async def resume(self, order: Order) -> str:
        """The suspension ``order`` has ended: host the site again; what another order stopped stays stopped.

        It is asked again, for ever, until it says that it is done: nothing stays cut off because this failed once.
        """
        ...


class CommandHook:
    """Runs a program for each order, with ``{"verb": "suspend", "order": {…}}`` on standard input: or restore, resume.

    Exit code 0: done, and the first line of standard output says how. 75: try again later. Anything else: impossible,
    and standard error says why. A program that runs too long is killed and tried again.
    """

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s

    async def suspend(self, order: Order) -> str:
        """Run the program with the verb suspend."""
        return await self._run("suspend", order)

    async def restore(self, order: Order) -> str:
        """Run the program with the verb restore."""
        return await self._run("restore", order)

    async def resume(self, order: Order) -> str:
        """Run the program with the verb resume."""
        return await self._run("resume", order)

    async def _run(self, verb: str, order: Order) -> str:
        document = json.dumps({"verb": verb, "order": order.model_dump(mode="json")}, ensure_ascii=False).encode()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise Later(f"{self._command[0]} cannot be started: {error}") from error
        try:
            async with asyncio.timeout(self._timeout_s):
                out, err = await process.communicate(document)
        except TimeoutError:
            raise Later(f"{self._command[0]} took longer than {self._timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # its own session: its children go with it
                await process.wait()
        return self._judge(process.returncode or 0, out, err)

    def _judge(self, code: int, out: bytes, err: bytes) -> str:
        said = out.decode("utf-8", "replace").strip().splitlines()
        why = err.decode("utf-8", "replace").strip()[:_MOST_TEXT]
        if code == 0:
            return said[0][:_MOST_TEXT] if said else f"{os.path.basename(self._command[0])} reported success"
        if code == TEMPORARY or code < 0:
            raise Later(why or f"{self._command[0]} ended with {code}")
        raise Impossible(why or f"{self._command[0]} ended with exit code {code} and gave no reason")
