"""The hook for nginx: a suspended host name answers 451 (RFC 7725) in the web server that serves it.

nginx reads two files that never change (``http.conf`` once, ``server.conf`` in each server block) and a folder with
one small file per host name. What stands in that folder follows from the orders in force and from nothing else, so a
restore leaves the configuration byte for byte as it was.
"""

import asyncio
import contextlib
import fcntl
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from concord.agent.asking import Asking, Ours
from concord.agent.folder import files_for, in_force, order_for, page_of, put_file, swapped
from concord.agent.hooks import Impossible, Later, run_program
from concord.agent.page import links, said
from concord.agent.web import HOST, LONGEST_HOST
from shared.contracts.orders import Order

_SWAP_S: Final = 5.0
"""How long nginx may take until its new workers answer, and nothing else is answered."""
_PAUSE_S: Final = 0.05
_log = logging.getLogger(__name__)
_IN_A_ROW: Final = 6
"""So many right answers: the workers of before take connections for a moment beside the new ones."""
_HTTP: Final = """# Written by `concord-agent nginx`; include it once, in http { }.
map_hash_bucket_size 512;
map_hash_max_size 65536;
map $host $concord_order { hostnames; default ""; include FOLDER/names/*.conf; }
map $concord_order $concord_link { default ""; include FOLDER/orders/*.conf; }
"""
_SERVER: Final = """# Written by `concord-agent nginx`; include it first in every server { }.
if ($concord_order) { return 451; }
error_page 451 @concord;
location @concord {
    internal;
    if ($request_method !~ ^(GET|HEAD)$) { return 451; }
    root FOLDER/orders;
    try_files /$concord_order.html =451;
    types { }
    default_type "text/html; charset=utf-8";
    etag off;
    max_ranges 0;
    if_modified_since off;
    add_header Link $concord_link always;
    add_header Content-Language "zh-CN, en" always;
    add_header Cache-Control no-store always;
    add_header Content-Security-Policy "default-src 'none'; style-src 'unsafe-inline'" always;
    add_header Referrer-Policy no-referrer always;
    add_header X-Content-Type-Options nosniff always;
}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """How an nginx is reached."""

    folder: Path
    test: Sequence[str]
    """Says whether the configuration is good: exit code 0."""
    reload: Sequence[str]
    check: Sequence[str]
    """Addresses at which it is asked for each name, such as ``http://127.0.0.1:80``."""
    timeout_s: float = 60.0

    def fixed(self) -> dict[Path, bytes]:
        """The two files that never change."""
        folder = str(self.folder.resolve())
        return {
            self.folder / name: text.replace("FOLDER", folder).encode()
            for name, text in (("http.conf", _HTTP), ("server.conf", _SERVER))
        }

    def install(self) -> None:
        """Write the files that never change, and the empty folders. Raises OSError."""
        for name in ("names", "orders"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for file, content in self.fixed().items():
            if not file.exists() or file.read_bytes() != content:
                put_file(file, content)
        (self.folder / "lock").touch()

    def missing(self) -> list[Path]:
        """Those of the fixed files that are not there, or not as they should be."""
        return [file for file, content in self.fixed().items() if not file.exists() or file.read_bytes() != content]


class _Deaf(Later):
    """nginx was reloaded and does not follow: what it answers wrongly, by name."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__(f"nginx was reloaded and does not follow: {next(iter(wrong.values()))}")
        self.wrong = wrong


@dataclass(slots=True, eq=False)
class _Wanted:
    """A change that somebody waits for."""

    cause: Order
    put: bool
    order_id: UUID | None
    names: Sequence[str] = ()
    """Those of its order, as far as the folder tells."""
    settled: bool = False
    error: Exception | None = field(default_factory=lambda: Later("the change was interrupted"))

    def settle(self, error: Exception | None) -> None:
        """It is made, or this is why not."""
        self.settled, self.error = True, error


def _blame(part: Sequence[_Wanted], error: Exception) -> list[_Wanted]:
    """Tell whoever failed, if the error says: whose own names are answered wrongly. Gives those of whom it does not."""
    wrong = error.wrong if isinstance(error, _Deaf) else {}
    of, rest = Counter(name for each in part for name in {*each.names}), list[_Wanted]()
    for each in part:
        own = {name: wrong[name] for name in each.names if name in wrong and of[name] == 1}
        if own or len(part) == 1:
            each.settle(_Deaf(own) if own else error)
        else:
            rest.append(each)
    return rest


class NginxHook:
    """Suspends and restores in a running nginx. What suspends is tested, and verified or taken back.

    What is wanted while a change is under way is made together next, in one reload. If that fails, whose names are
    answered wrongly are told so, and the others are made together again; if nobody's are, each half is made by itself,
    down to who is to blame. What gives a site back goes before what takes one away, and is never taken back: if nginx
    cannot be seen to follow, it is asked again.
    """

    at_once: Final = 200
    """So many orders are worth being handed over together."""

    def __init__(
        self, nginx: Nginx, about: str | None = None, known: Callable[[UUID], bytes | None] = lambda _: None
    ) -> None:
        """``known`` gives the signed bytes of an order from the journal, for a file in the folder that was damaged."""
        self._nginx, self._about, self._known = nginx, about, known
        self._one_at_a_time = asyncio.Lock()
        self._waiting: list[_Wanted] = []

    async def suspend(self, order: Order) -> str:
        """Answer 451 for every host name that the order means, and see that it does."""
        for name in (*order.site.hosts, *order.site.spared):
            if len(name) > LONGEST_HOST or not HOST(name.lower()) or name.startswith("["):
                raise Impossible(f"{name!r:.100} is no host name that nginx could be told.")
        await self._make(_Wanted(order, put=True, order_id=order.order_id))
        return said("HTTP 451 in nginx on", order)

    async def restore(self, order: Order) -> str:
        """Take away what the order that this one undoes has brought; what another suspends stays suspended."""
        await self._make(_Wanted(order, put=False, order_id=order.undoes))
        return said("Served again by nginx:", order)

    async def resume(self, order: Order) -> str:
        """A suspension has ended: take away what it has brought."""
        await self._make(_Wanted(order, put=False, order_id=order.order_id))
        return said("Served again by nginx:", order)

    async def _make(self, wanted: _Wanted) -> None:
        self._waiting.append(wanted)
        async with self._one_at_a_time:
            if not wanted.settled:
                await self._settle()
        if wanted.error is not None:
            raise wanted.error

    async def _settle(self) -> None:
        """Make what is wanted; what gives back goes first, also what is wanted only while the others are tried."""
        left, sound = [self._taken(put=True)], False
        while part := self._taken(put=False) or (left.pop() if left else []):
            try:
                await self._apply(part)
            except Exception as error:  # whatever it was, whoever waits is told
                rest = _blame(part, error)
                if len(rest) < len(part):
                    left += [rest] if rest else []
                elif sound := sound or await self._sound():
                    left += [part[len(part) // 2 :], part[: len(part) // 2]]
                else:
                    for each in part:
                        each.settle(error)
            else:
                for each in part:
                    each.settle(None)

    def _taken(self, *, put: bool) -> list[_Wanted]:
        """What waits and takes something away, or gives it back; it waits no longer."""
        taken = [each for each in self._waiting if each.put is put]
        self._waiting = [each for each in self._waiting if each.put is not put]
        return taken

    async def _sound(self) -> bool:
        """Whether nginx takes what it has, without any change: if not, none of those that wait is to blame."""
        try:
            await self._apply([])
        except Exception as error:  # whatever it was, those that wait are told what went wrong with theirs
            _log.warning("nginx cannot be changed, whatever is wanted: %s", error)
            return False
        return True

    async def _apply(self, together: Sequence[_Wanted]) -> None:
        with self._alone():
            orders, causes = self._orders(), list[Order]()
            for each in together:
                about = each.cause
                if each.put:
                    orders[each.cause.order_id] = each.cause
                elif each.order_id is not None:
                    about = orders.pop(each.order_id, each.cause)
                causes.append(about)
                each.names = [name.lower() for name in (*about.site.hosts, *about.site.spared)]
            names = [name for each in together for name in each.names]
            ours = Ours(self._told(), causes, self._about)
            cutting = any(each.put for each in together)
            await self._change(in_force(orders.values()), names, ours, cutting=cutting)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one agent of this machine at a time."""
        with (self._nginx.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Later("another agent is changing this nginx") from None
            yield

    def _orders(self) -> dict[UUID, Order]:
        """The orders in force here, as the folder holds them. Raises OSError, Later."""
        files = sorted((self._nginx.folder / "orders").glob("*.json"))
        return {order.order_id: order for file in files if (order := self._read(file)) is not None}

    def _read(self, file: Path) -> Order | None:
        """The order of a file, from the journal if the file was damaged; none if its name is no order's. Raises Later.

        nginx goes on as it was told before, but nothing can be changed while it is not known what the file stands for.
        """
        with contextlib.suppress(ValidationError):
            order = Order.model_validate_json(file.read_bytes())
            if str(order.order_id) == file.stem:
                return order
        try:
            order = Order.model_validate_json(self._known(UUID(file.stem)) or b"")
        except ValidationError:
            raise Later(
                f"{file} is damaged, and its order is not in this agent's journal, so nothing in nginx can be changed,"
                " restores neither: put the file back from a copy, or remove it if that order is no longer in force"
            ) from None
        except ValueError:  # no name in the folder leads there
            _log.warning("%s is no order's, and is removed", file)
            return None
        _log.warning("%s was damaged, and is written anew from the journal", file)
        return order

    def _told(self) -> str:
        """The links that nginx was told."""
        return "".join(file.read_text("utf-8", "replace") for file in (self._nginx.folder / "orders").glob("*.conf"))

    async def _change(self, orders: Collection[Order], names: Sequence[str], ours: Ours, *, cutting: bool) -> None:
        """Make the folder what these orders want; raises OSError, Later.

        What could not be written is put back; what cuts a name off also where nginx does not follow. What gives it
        back stays as it is: the next reload, by whomever, serves the name, and this is asked again.
        """
        with swapped(self._nginx.folder, files_for(orders, self._about), cutting=cutting) as put_back:
            tested = False
            try:
                await self._run(self._nginx.test)
                tested = True
                await self._run(self._nginx.reload)
                await self._verify(orders, names, ours, cutting=cutting)
            except BaseException:
                if cutting:
                    put_back()
                if cutting and tested:
                    with contextlib.suppress(Later):  # what went wrong first is what is told
                        await self._run(self._nginx.reload)
                raise

    async def _run(self, command: Sequence[str]) -> None:
        code, out, err = await run_program(command, b"", self._nginx.timeout_s)
        if code:
            text = (err or out).decode("utf-8", "replace").strip()
            raise Later(f"{' '.join(command)} ended with {code}: {text[-400:]}")

    async def _verify(self, orders: Collection[Order], names: Sequence[str], ours: Ours, *, cutting: bool) -> None:
        """Ask nginx for each name until nothing is answered otherwise than the orders want. Raises Later."""
        stops = {name: order_for(orders, name) for name in names}
        pages = {name: (links(by, self._about), page_of(by)) if by else None for name, by in stops.items()}
        until, right = time.monotonic() + _SWAP_S, 0
        async with Asking(self._nginx.check, pages, ours, cutting=cutting) as nginx:
            while right < _IN_A_ROW:  # all of them once; whether it is the new workers, one of them tells
                wrong = await nginx.wrong([*pages] if right == 0 else [*pages][-1:])
                right = 0 if wrong else right + 1
                if wrong and time.monotonic() >= until:
                    raise _Deaf(wrong)
                await asyncio.sleep(_PAUSE_S)
