"""The hook for nginx: a suspended host name answers 451 (RFC 7725) in the web server that serves it.

nginx reads two files that never change (``http.conf`` once, ``server.conf`` in each server block) and a folder with
one small file per host name. What stands in that folder follows from the orders in force and from nothing else, so a
restore leaves the configuration byte for byte as it was.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx

from concord.agent.hooks import Impossible, Later, run_program
from concord.agent.page import blocked_page, links, means, said
from concord.agent.web import HOST, LONGEST_HOST
from shared.contracts.orders import Order

_BELOW: Final = "names-below"
"""A label that no order lists: stands for every name below another."""
_SWAP_S: Final = 5.0
"""How long nginx may take until its new workers answer."""
_PAUSE_S: Final = 0.05
_LONGEST_STEM: Final = 200
"""Of a file in the folder: file systems take 255 bytes, of which drafts need some."""
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
    """Suspends and restores in a running nginx. Each change is tested, and verified or taken back.

    What is wanted while a change is under way is made together next, in one reload; if that fails, one by one.
    """

    at_once: Final = 200
    """So many orders are worth being handed over together."""

    def __init__(self, nginx: Nginx, about: str | None = None) -> None:
        self._nginx, self._about = nginx, about
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
                await self._settle(together)
        if wanted.error is not None:
            raise wanted.error

    async def _settle(self, together: Sequence[_Wanted]) -> None:
        try:
            await self._apply(together)
        except Exception as error:  # whatever it was, whoever waits is told
            if len(together) > 1:
                for each in together:
                    await self._settle([each])
                return
            together[0].error = error
        except BaseException:
            for each in together:
                each.error, each.settled = Later("the change was interrupted"), True
            raise
        for each in together:
            each.settled = True

    async def _apply(self, together: Sequence[_Wanted]) -> None:
        with self._alone():
            orders, names = self._orders(), list[str]()
            for each in together:
                about = each.cause
                if each.put:
                    orders[each.cause.order_id] = each.cause
                elif each.order_id is not None:
                    about = orders.pop(each.order_id, each.cause)
                names += [*about.site.hosts, *about.site.spared]
            await self._change(orders, names)

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
        """The orders in force here, as the folder holds them."""
        files = sorted((self._nginx.folder / "orders").glob("*.json"))
        return {UUID(file.stem): Order.model_validate_json(file.read_bytes()) for file in files}

    async def _change(self, orders: Mapping[UUID, Order], names: Sequence[str]) -> None:
        """Make the folder what these orders want. Whatever fails, put it back; raises OSError, Later."""
        with _swapped(self._nginx.folder, files_for(orders.values(), self._about)) as put_back:
            await self._run(self._nginx.test)
            try:
                await self._run(self._nginx.reload)
                await self._verify(orders.values(), names)
            except BaseException:
                put_back()
                with contextlib.suppress(Later):  # what went wrong first is what is told
                    await self._run(self._nginx.reload)
                raise

    async def _run(self, command: Sequence[str]) -> None:
        code, out, err = await run_program(command, b"", self._nginx.timeout_s)
        if code:
            text = (err or out).decode("utf-8", "replace").strip()
            raise Later(f"{' '.join(command)} ended with {code}: {text[-400:]}")

    async def _verify(self, orders: Collection[Order], names: Sequence[str]) -> None:
        """Ask nginx for each name until it answers as the orders want. Raises Later."""
        wanted = {name.lower(): _by(orders, name.lower()) for name in names}
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE  # it is our own machine, by address
        async with httpx.AsyncClient(trust_env=False, timeout=_SWAP_S, verify=trust) as http:
            wrong, right = "nothing was answered", 0
            try:
                async with asyncio.timeout(_SWAP_S):
                    while right < _IN_A_ROW:  # all of them once; whether it is the new workers, one of them tells
                        asked = wanted if right == 0 else dict([*wanted.items()][-1:])
                        wrong = await self._wrong(http, asked)
                        right = 0 if wrong else right + 1
                        await asyncio.sleep(_PAUSE_S)
            except TimeoutError:
                raise Later(f"nginx was reloaded and does not follow: {wrong}") from None

    async def _wrong(self, http: httpx.AsyncClient, wanted: Mapping[str, Order | None]) -> str:
        """What nginx answers otherwise than it should; empty if nothing."""
        for base in self._nginx.check:
            for name, order in wanted.items():
                headers = {"Host": name, "Connection": "close"}
                try:
                    answer = await http.get(base, headers=headers, extensions={"sni_hostname": name})
                except httpx.HTTPError as error:
                    return f"{base} does not answer for {name}: {error!r}"
                ours = answer.status_code == httpx.codes.UNAVAILABLE_FOR_LEGAL_REASONS
                if order is None:
                    if ours and 'rel="blocked-by"' in answer.headers.get("Link", ""):
                        return f"{base} still answers 451 for {name}"
                elif not ours:
                    return f"{base} answers {answer.status_code} for {name}: is server.conf in its server block?"
                elif answer.headers.get("Link") != links(order, self._about) or answer.content != _page(order):
                    return f"{base} answers 451 for {name}, and not with our page"
        return ""


def files_for(orders: Iterable[Order], about: str | None, now: datetime | None = None) -> dict[str, bytes]:
    """What the folder holds for these orders: a file per host name, and of each order its page, link and itself.

    A suspension that is over is left out.
    """
    now = now or datetime.now(UTC)
    orders = [order for order in orders if order.until is None or order.until > now]
    files: dict[str, bytes] = {}
    for order in orders:
        link = links(order, about).replace('"', '\\"')
        files[f"orders/{order.order_id}.conf"] = f'{order.order_id} "{link}";\n'.encode()
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
    """Make the folder hold these files, and put back what was there if anything fails, here or in the body.

    The body is given what puts it back sooner. Whatever needs room on the disk is written before anything changes,
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
            yield put_back
        except BaseException:
            put_back()
            raise
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
