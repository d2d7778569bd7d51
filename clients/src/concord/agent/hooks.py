"""What carries an order out at the provider: three verbs, and hooks that run a program or post to an address."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import httpx
from pydantic import ValidationError

from shared.contracts.orders import Action, Order

TEMPORARY: Final = 75
"""Exit code of a program that wants to be tried again later (EX_TEMPFAIL of sysexits.h)."""
_MOST_TEXT: Final = 500
_MOST_BYTES: Final = 8 * _MOST_TEXT
"""Of an answer, whose rest is not read; and of a program's output as much of its beginning as of its end."""
_READ_BYTES: Final = 65_536
_KILLED_S: Final = 5.0
"""So long is waited until a killed program is gone."""


class Impossible(Exception):
    """The order cannot be carried out, now or later; the message goes into the receipt."""


class Later(Exception):
    """The order could not be carried out this time; ``after_s`` says how soon another try makes sense, if known."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


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
        """Take back the order that this one ``undoes``; what another order stopped stays stopped.

        It is asked again, for ever, until it says that it is done: nothing stays cut off because this failed once.
        """
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
        return self._judge(*await run_program(self._command, document(verb, order), self._timeout_s))

    def _judge(self, code: int, out: bytes, err: bytes) -> str:
        said = out.decode("utf-8", "replace").strip().splitlines()
        why = err.decode("utf-8", "replace").strip()[-_MOST_TEXT:]  # what it says last is why it ended
        if code == 0:
            return said[0][:_MOST_TEXT] if said else f"{os.path.basename(self._command[0])} reported success"
        if code == TEMPORARY or code < 0:
            raise Later(why or f"{self._command[0]} ended with {code}")
        raise Impossible(why or f"{self._command[0]} ended with exit code {code} and gave no reason")


class HttpHook:
    """Posts each order to an address of the provider's, as CommandHook hands it to a program.

    2xx: done, and the first line of the answer says how. 429, 5xx, or no answer: try again later, after ``Retry-After``
    if it says so. Anything else: impossible, and the answer says why. ``Idempotency-Key`` is the same for the same act.
    """

    def __init__(self, url: str, token: str | None, timeout_s: float, http: httpx.AsyncClient | None = None) -> None:
        self._url, self._token, self._timeout_s = url, token, timeout_s
        self._http = http or httpx.AsyncClient(trust_env=False, timeout=timeout_s)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def suspend(self, order: Order) -> str:
        """Post the verb suspend."""
        return await self._post("suspend", order)

    async def restore(self, order: Order) -> str:
        """Post the verb restore."""
        return await self._post("restore", order)

    async def resume(self, order: Order) -> str:
        """Post the verb resume."""
        return await self._post("resume", order)

    async def _post(self, verb: str, order: Order) -> str:
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"{order.order_id} {verb}"}
        headers["Accept-Encoding"] = "identity"  # a little that is sent stays little
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            async with asyncio.timeout(self._timeout_s):  # of the whole: httpx' own begins anew with each byte
                answer, text = await self._answer(document(verb, order), headers)
        except TimeoutError:
            raise Later(f"{self._url} took longer than {self._timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise Later(f"{self._url} does not answer: {error!r}") from error
        if answer.is_success:
            return text.splitlines()[0] if text else f"{self._url} answered {answer.status_code}"
        why = f"{self._url} answered {answer.status_code}: {text or 'no reason'}"[:_MOST_TEXT]
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error or answer.is_redirect:
            after = answer.headers.get("Retry-After", "")
            raise Later(why, float(after) if after.isdecimal() else None)
        raise Impossible(why)

    async def _answer(self, content: bytes, headers: dict[str, str]) -> tuple[httpx.Response, str]:
        """The answer, and how its text begins."""
        said = bytearray()
        async with self._http.stream("POST", self._url, content=content, headers=headers) as answer:
            if answer.headers.get("Content-Encoding", "identity") != "identity":  # unpacked it could be any size
                return answer, ""
            async for part in answer.aiter_bytes():
                said += part
                if len(said) >= _MOST_BYTES:
                    break
            text = said[:_MOST_BYTES].decode(answer.encoding or "utf-8", "replace")
        return answer, text.strip()[:_MOST_TEXT]


async def ask(hook: Hook, payload: bytes) -> str:
    """Have a hook do what an order says; gives what was done. Raises Impossible, and whatever the hook raises."""
    try:
        order = Order.model_validate_json(payload)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors()[:5])
        raise Impossible(f"This agent cannot read the order (members {fields}); it may be too old for it.") from error
    if order.until is not None and order.until <= datetime.now(UTC):
        return f"Nothing was done: the measure had ended by itself at {order.until.isoformat()}."
    match order.action:
        case Action.CUT_OFF | Action.SUSPEND:
            return await hook.suspend(order)
        case Action.RESTORE:
            return await hook.restore(order)
    raise Impossible(f"This provider's agent has no way to carry out {order.action}.")


def document(verb: str, order: Order) -> bytes:
    """What a program or an address of the provider's is handed."""
    return json.dumps({"verb": verb, "order": order.model_dump(mode="json")}, ensure_ascii=False).encode()


async def run_program(command: Sequence[str], given: bytes, timeout_s: float) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and error of a program that was given this. Raises Later if it does not come to that.

    One that runs too long is killed, with its children; what has gone into a session of its own is not waited for.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise Later(f"{command[0]} cannot be started: {error}") from error
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await _talk(process, given)
    except TimeoutError:
        raise Later(f"{command[0]} took longer than {timeout_s:g} s") from None
    finally:
        await _end(process)
    return process.returncode or 0, out, err


async def _talk(process: asyncio.subprocess.Process, given: bytes) -> tuple[bytes, bytes]:
    """Give it its input and read what it says until it has ended: ``communicate``, but for a limit to what is kept."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    _, out, err = await asyncio.gather(_give(process.stdin, given), _said(process.stdout), _said(process.stderr))
    await process.wait()
    return out, err


async def _give(stdin: asyncio.StreamWriter, given: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # it ended without having read: its exit code says whether that is right
        stdin.write(given)
        await stdin.drain()
    stdin.close()


async def _said(stream: asyncio.StreamReader) -> bytes:
    """How its output begins and how it ends; all of it is read, so that nothing it says holds it up."""
    begin, end = b"", b""
    while part := await stream.read(_READ_BYTES):
        room = _MOST_BYTES - len(begin)
        begin, end = begin + part[:room], (end + part[room:])[-_MOST_BYTES:]
    return begin + end


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it if it is still there, or its children are, and let go of its pipes, whoever else holds them."""
    if process.returncode is None or _left_children(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its own session: its children go with it
    process._transport.close()  # type: ignore[attr-defined] # else `wait` waits for whoever holds a pipe
    with contextlib.suppress(TimeoutError):  # it hangs in the kernel
        async with asyncio.timeout(_KILLED_S):
            await process.wait()


def _left_children(process: asyncio.subprocess.Process) -> bool:
    """Whether a process of its group holds a pipe of ours: once it has ended, its number alone says nothing.

    The number may be another's by then, who made a group of its own with it; but nobody else has these pipes.
    """
    transport = process._transport  # type: ignore[attr-defined]
    pipes = [pipe.get_extra_info("pipe") for pipe in map(transport.get_pipe_transport, (1, 2)) if pipe is not None]
    ours = {f"pipe:[{os.fstat(pipe.fileno()).st_ino}]" for pipe in pipes if not pipe.closed}
    return bool(ours) and any(_holds(int(each), process.pid, ours) for each in os.listdir("/proc") if each.isdigit())


def _holds(pid: int, group: int, pipes: set[str]) -> bool:
    with contextlib.suppress(OSError):  # it has ended meanwhile, or is another user's
        if os.getpgid(pid) == group:
            return any(os.readlink(f"/proc/{pid}/fd/{number}") in pipes for number in os.listdir(f"/proc/{pid}/fd"))
    return False
