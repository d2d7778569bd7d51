"""The hook for nginx: a suspended host name answers 451 (RFC 7725) in the web server that serves it.

nginx reads two files that never change (``http.conf`` once, ``server.conf`` in each server block) and a folder with
one small file per host name. What stands in that folder follows from the orders in force and from nothing else, so a
restore leaves the configuration byte for byte as it was.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from concord.agent.asking import Asking, Ours, quoted
from concord.agent.hooks import Impossible, Later, run_program
from concord.agent.page import blocked_page, links, means, said
from concord.agent.web import HOST, LONGEST_HOST
from shared.contracts.orders import Order

_BELOW: Final = "names-below"
"""A label that no order lists: stands for every name below another."""
_SWAP_S: Final = 5.0
"""How long nginx may take until its new workers answer, and nothing else is answered."""
_PAUSE_S: Final = 0.05
_LONGEST_STEM: Final = 200
"""Of a file in the folder: file systems take 255 bytes, of which drafts need some."""
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
                _put(file, content)
        (self.folder / "lock").touch()

    def missing(self) -> list[Path]:
        """Those of the fixed files that are not there, or not as they should be."""
        return [file for file, content in self.fixed().items() if not file.exists() or file.read_bytes() != content]


@dataclass(slots=True)
class _Wanted:
    """A change that somebody waits for."""

    cause: Order
    put: bool
    order_id: UUID | None
    settled: bool = False
    error: Exception | None = None


class NginxHook:
    """Suspends and restores in a running nginx. What suspends is tested, and verified or taken back.

    What is wanted while a change is under way is made together next, in one reload; if that fails, one by one. What
    gives a site back goes before what takes one away, and is never taken back: if nginx cannot be seen to follow, it is
    asked again.
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
                together, self._waiting = self._waiting, []
                try:
                    for put in (False, True):  # nothing that is given back waits for what is taken away
                        await self._settle([each for each in together if each.put is put])
                except BaseException:
                    for each in together:
                        if not each.settled:
                            each.error, each.settled = Later("the change was interrupted"), True
                    raise
        if wanted.error is not None:
            raise wanted.error

    async def _settle(self, together: Sequence[_Wanted]) -> None:
        try:
            if together:
                await self._apply(together)
        except Exception as error:  # whatever it was, whoever waits is told
            if len(together) > 1:
                for each in together:
                    await self._settle([each])
                return
            together[0].error = error
        for each in together:
            each.settled = True

    async def _apply(self, together: Sequence[_Wanted]) -> None:
        with self._alone():
            orders, names, causes = self._orders(), list[str](), list[Order]()
            for each in together:
                about = each.cause
                if each.put:
                    orders[each.cause.order_id] = each.cause
                elif each.order_id is not None:
                    about = orders.pop(each.order_id, each.cause)
                causes.append(about)
                names += [*about.site.hosts, *about.site.spared]
            ours = Ours(self._told(), causes, self._about)
            await self._change(_in_force(orders.values()), names, ours, cutting=together[0].put)

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
        with _swapped(self._nginx.folder, files_for(orders, self._about)) as put_back:
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
        stops = {name.lower(): _by(orders, name.lower()) for name in names}
        pages = {name: (links(by, self._about), _page(by)) if by else None for name, by in stops.items()}
        until, right = time.monotonic() + _SWAP_S, 0
        async with Asking(self._nginx.check, pages, ours, cutting=cutting) as nginx:
            while right < _IN_A_ROW:  # all of them once; whether it is the new workers, one of them tells
                wrong = await nginx.wrong([*pages] if right == 0 else [*pages][-1:])
                right = 0 if wrong else right + 1
                if wrong and time.monotonic() >= until:
                    raise Later(f"nginx was reloaded and does not follow: {wrong}")
                await asyncio.sleep(_PAUSE_S)


def _in_force(orders: Iterable[Order], now: datetime | None = None) -> list[Order]:
    """Without suspensions that are over."""
    now = now or datetime.now(UTC)
    return [order for order in orders if order.until is None or order.until > now]


def files_for(orders: Iterable[Order], about: str | None, now: datetime | None = None) -> dict[str, bytes]:
    """What the folder holds for these orders: a file per host name, and of each order its page, link and itself.

    A suspension that is over is left out.
    """
    orders = _in_force(orders, now)
    files: dict[str, bytes] = {}
    for order in orders:
        files[f"orders/{order.order_id}.conf"] = f"{order.order_id} {quoted(links(order, about))};\n".encode()
        files[f"orders/{order.order_id}.html"] = _page(order)
        files[f"orders/{order.order_id}.json"] = order.model_dump_json().encode()
    for name in {name.lower() for order in orders for name in (*order.site.hosts, *order.site.spared)}:
        itself, below = _by(orders, name), _by(orders, f"{_BELOW}.{name}")
        text = f'{name} "{_id(itself)}";\n*.{name} "{_id(below)}";\n'
        files[f"names/{_stem(name)}.conf"] = text.encode()
    return files


def _stem(name: str) -> str:
    """What the file of a host name is called: by its digest, with a sign that no name has, where it is long."""
    return name if len(name) <= _LONGEST_STEM else f"={hashlib.sha256(name.encode()).hexdigest()}"


def _by(orders: Iterable[Order], name: str) -> Order | None:
    """The latest order that means this name."""
    return max((order for order in orders if means(order.site, name)), key=lambda each: each.sequence, default=None)


def _id(order: Order | None) -> str:
    return str(order.order_id) if order else ""


def _page(order: Order) -> bytes:
    return blocked_page(", ".join(order.site.hosts), order).encode()


@contextlib.contextmanager
def _swapped(folder: Path, wanted: Mapping[str, bytes]) -> Iterator[Callable[[], None]]:
    """Make the folder hold these files, and put back what was there if that fails; the body is given what does that.

    Whatever needs room on the disk is written before anything changes,
    what was there before as well; from then on files are only renamed or removed. Raises OSError.
    """
    found = [file for part in ("names", "orders") for file in (folder / part).iterdir()]
    there = {file for file in found if not file.name.startswith(".")}
    _clear({*found} - there)  # by an agent that was killed
    target = {folder / name: content for name, content in wanted.items()}
    files = [file for file in {*there, *target} if not (file.exists() and file.read_bytes() == target.get(file))]
    drafts = {file: _beside(file, "new") for file in files if file in target}
    kept = {file: _beside(file, "old") for file in files if file in there}

    def put_back() -> None:
        errors = []
        for file in files:
            try:
                if file not in kept:
                    file.unlink(missing_ok=True)
                elif kept[file].exists():
                    kept[file].replace(file)
            except OSError as error:  # the others all the same
                errors.append(error)
        if errors:
            raise errors[0]

    try:
        for file, draft in drafts.items():
            _write(draft, target[file])
        for file, copy in kept.items():
            _write(copy, file.read_bytes())
        try:
            for file in files:
                if file in drafts:
                    drafts[file].replace(file)
                else:
                    file.unlink()
        except BaseException:
            put_back()
            raise
        yield put_back
    finally:
        _clear([*drafts.values(), *kept.values()])


def _clear(files: Iterable[Path]) -> None:
    """Remove drafts and copies. One that stays does no harm, and goes with the next change."""
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink()


def _beside(file: Path, what: str) -> Path:
    """Where a draft or a copy of a file lies meanwhile: nginx does not read it."""
    return file.with_name(f".{file.name}.{what}")


def _put(file: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    draft = _beside(file, "new")
    try:
        _write(draft, content)
        draft.replace(file)
    finally:
        _clear([draft])


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    file.chmod(0o644)  # nginx's workers read it, as another user
