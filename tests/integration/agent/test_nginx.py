"""The hook for nginx against a real nginx: 200, then 451 with link and page, then 200 and not a byte is different."""

import asyncio
import contextlib
import errno
import itertools
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.agent.asking import Asking
from concord.agent.folder import files_for
from concord.agent.hooks import Impossible, Later
from concord.agent.nginx import Nginx, NginxHook
from concord.agent.page import means
from shared.contracts.orders import Order
from tests.support.nginx import command, free_port, running
from tests.unit.concord.agent.test_hooks import about, little_memory, order

HTTP = """
  include {folder}/concord/http.conf;
  server {{
    listen 127.0.0.1:{port}; server_name pharmacy.example www.pharmacy.example;
    include {folder}/concord/server.conf;
    location / {{ return 200 "the pharmacy"; }}
  }}
  server {{
    listen 127.0.0.1:{port} default_server;
    include {folder}/concord/server.conf;
    location / {{ return 200 "everybody else"; }}
  }}
"""


def configuration(folder: Path) -> dict[str, bytes]:
    """Every byte nginx is configured with."""
    found = [folder / "nginx.conf", *(folder / "concord").rglob("*")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in found if file.is_file()}


class Served:
    """A running nginx of one's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        start = command(folder)
        self.start = start
        self.nginx = Nginx(folder / "concord", (*start, "-t", "-q"), (*start, "-s", "reload"), (self.base,))
        self.hook = NginxHook(self.nginx)
        self.tls = ""

    async def get(self, host: str, method: str = "GET") -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as http:
            return await http.request(method, f"{self.base}/page?x=1", headers={"Host": host, "Connection": "close"})

    async def status(self, host: str) -> int:
        return (await self.get(host)).status_code


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    nginx = Served(tmp_path)
    nginx.nginx.install()
    async with running(tmp_path, nginx.port, HTTP.format(folder=tmp_path, port=nginx.port)):
        yield nginx


async def test_a_site_is_served_suspended_with_link_and_page_and_served_again_byte_for_byte(served: Served) -> None:
    before = configuration(served.folder)
    assert (await served.get("pharmacy.example")).text == "the pharmacy"
    cut = order(site=about("pharmacy.example", spared=["advice.pharmacy.example"]))
    said = "HTTP 451 in nginx on pharmacy.example and names below, except advice.pharmacy.example"
    assert await served.hook.suspend(cut) == said
    answer = await served.get("PHARMACY.example.")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (451, "no-store")
    assert answer.headers["Link"] == (
        f'<urn:uuid:{cut.provider_id}>; rel="blocked-by", <{cut.register_entry}>; rel="describedby"'
    )
    assert cut.grounds is not None
    redress = cut.grounds.redress
    for text in (
        cut.grounds.public_reasons,
        redress.how,
        redress.in_chinese,
        cut.authority.names.zh,
        cut.register_entry,
    ):
        assert text in answer.text
    assert await served.status("www.pharmacy.example") == await served.status("a.b.pharmacy.example") == 451
    assert await served.status("advice.pharmacy.example") == await served.status("x.advice.pharmacy.example") == 200
    assert await served.status("mypharmacy.example") == await served.status("other.example") == 200
    posted = await served.get("pharmacy.example", "POST")
    assert (posted.status_code, posted.headers["Link"]) == (451, answer.headers["Link"])
    assert (await served.get("pharmacy.example", "HEAD")).status_code == 451
    await served.hook.suspend(cut)  # as after a crash: the same again
    await served.hook.restore(order(action="restore", undoes=str(cut.order_id)))
    assert (await served.get("pharmacy.example")).text == "the pharmacy"
    assert configuration(served.folder) == before


async def test_what_another_order_suspends_stays_suspended(served: Served) -> None:
    wide = order(sequence=1, site=about("pharmacy.example", spared=["advice.pharmacy.example"]))
    other = order(sequence=2, site=about("advice.pharmacy.example", names_below=False))
    await served.hook.suspend(wide)
    between = configuration(served.folder)
    await served.hook.suspend(other)
    assert await served.status("advice.pharmacy.example") == 451
    assert await served.status("x.advice.pharmacy.example") == 200
    await served.hook.resume(other)
    assert configuration(served.folder) == between
    assert await served.status("advice.pharmacy.example") == 200
    assert await served.status("pharmacy.example") == 451


async def test_what_nginx_does_not_take_is_put_back(served: Served) -> None:
    before = configuration(served.folder)
    refuses = NginxHook(replace(served.nginx, test=(sys.executable, "-c", "raise SystemExit('no good')")))
    with pytest.raises(Later, match="no good"):
        await refuses.suspend(order())
    assert configuration(served.folder) == before
    still = NginxHook(replace(served.nginx, reload=("true",)))  # nginx goes on as it was
    with pytest.raises(Later, match=r"server\.conf in its server block"):
        await still.suspend(order())
    assert configuration(served.folder) == before
    assert await served.status("pharmacy.example") == 200
    with pytest.raises(Impossible, match="no host name"):
        await served.hook.suspend(order(site=about('x";include /etc/passwd;"')))
    assert configuration(served.folder) == before


DIFFICULT = """
  include {folder}/concord/http.conf;
  proxy_buffering off;
  server {{
    listen 127.0.0.1:{port} default_server; server_name slow.example;
    include {folder}/concord/server.conf;
    location / {{ proxy_pass http://127.0.0.1:{site}; proxy_set_header Host $host; }}
  }}
  server {{
    listen 127.0.0.1:{port}; server_name left.example;
    include {folder}/concord/server.conf;
    return 444;
  }}
  server {{ listen 127.0.0.1:{tls} ssl default_server; ssl_reject_handshake on; }}
"""
BLOCKED_UPSTREAM = b'HTTP/1.1 451 No\r\nLink: <https://law.example>; rel="blocked-by"\r\nContent-Length: 0\r\n\r\n'


async def site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A customer's site: what it does its name says."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    with contextlib.suppress(ConnectionError):
        if b"host: slow." in head:
            await asyncio.sleep(0.85)
        elif b"host: never." in head:
            await asyncio.sleep(60)
        elif b"host: law." in head:
            writer.write(BLOCKED_UPSTREAM)
        if b"host: endless." in head:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


@pytest.fixture
async def difficult(tmp_path: Path) -> AsyncIterator[Served]:
    """An nginx before sites that answer late, badly, endlessly or not at all; on its port for TLS it knows no name."""
    nginx, tls = Served(tmp_path), free_port()
    nginx.nginx.install()
    nginx.tls = f"https://127.0.0.1:{tls}"
    async with await asyncio.start_server(site, "127.0.0.1", 0) as sites:
        upstream = sites.sockets[0].getsockname()[1]
        http = DIFFICULT.format(folder=tmp_path, port=nginx.port, site=upstream, tls=tls)
        async with running(tmp_path, nginx.port, http):
            yield nginx
        sites.close()


@pytest.mark.parametrize("verb", ["restore", "resume"])
@pytest.mark.parametrize("name", ["slow", "never", "endless", "busy", "law", "left", "one-of-twenty"])
async def test_a_site_is_given_back_however_slowly_or_badly_it_answers(difficult: Served, name: str, verb: str) -> None:
    before = configuration(difficult.folder)
    names = [f"{name}.example"] if name != "one-of-twenty" else [f"slow.{n}.example" for n in range(20)]
    cut = order(site=about(*names))
    await difficult.hook.suspend(cut)
    assert await difficult.status(names[-1]) == 451
    hook = NginxHook(replace(difficult.nginx, check=(difficult.base, difficult.tls)))
    async with asyncio.timeout(20):
        if verb == "restore":
            await hook.restore(order(action="restore", undoes=str(cut.order_id), site=cut.site.model_dump()))
        else:
            await hook.resume(cut)
    assert configuration(difficult.folder) == before


async def test_what_is_given_back_stays_so_where_nginx_is_not_seen_to_follow(served: Served) -> None:
    """The next reload, whoever makes it, serves the site; until it is seen the restore is not called done."""
    before = configuration(served.folder)
    cut = order()
    await served.hook.suspend(cut)
    back = order(action="restore", undoes=str(cut.order_id))
    deaf = replace(served.nginx, reload=("true",))
    for broken, said in (
        (deaf, f"still answers 451 for {cut.site.hosts[0]}"),
        (deaf, f"still answers 451 for {cut.site.hosts[0]}"),  # asked again, it is in no file any more
        (replace(served.nginx, test=(sys.executable, "-c", "raise SystemExit('no good')")), "no good"),
        (replace(served.nginx, check=(f"http://127.0.0.1:{free_port()}",)), "nothing listens at"),
    ):
        with pytest.raises(Later, match=said):
            await NginxHook(broken).restore(back)
        assert configuration(served.folder) == before
        assert await served.status("pharmacy.example") == (451 if broken.check == served.nginx.check else 200)
    await served.hook.restore(back)
    assert await served.status("pharmacy.example") == 200


async def test_a_page_that_was_put_there_under_another_address_of_ours_is_still_ours(served: Served) -> None:
    cut = order()
    await NginxHook(served.nginx, about="https://hosting.example/before").suspend(cut)
    deaf = NginxHook(replace(served.nginx, reload=("true",)), about="https://hosting.example/now")
    with pytest.raises(Later, match="still answers 451"):
        await deaf.restore(order(action="restore", undoes=str(cut.order_id)))


async def test_what_is_given_back_waits_for_nothing_that_is_taken_away(served: Served) -> None:
    """Wanted together: the restore goes first, and an order that nginx does not take takes nothing back with it."""
    cut = order(sequence=1, site=about("pharmacy.example"))
    await served.hook.suspend(cut)
    seen = served.folder / "seen"
    program = (
        "import pathlib, sys; names = sorted(f.name for f in pathlib.Path(sys.argv[1]).glob('[!.]*'));"
        "open(sys.argv[2], 'a').write(f'{names}\\n'); sys.exit(any('bad' in name for name in names))"
    )
    test = (sys.executable, "-c", program, str(served.folder / "concord" / "names"), str(seen))
    hook = NginxHook(replace(served.nginx, test=test))
    async with hook._one_at_a_time:  # so that they are wanted together
        wanted = [
            asyncio.create_task(hook.suspend(order(sequence=2, site=about("bad.example")))),
            asyncio.create_task(hook.restore(order(action="restore", undoes=str(cut.order_id)))),
        ]
        await asyncio.sleep(0.05)
    done = await asyncio.gather(*wanted, return_exceptions=True)
    assert [type(each) for each in done] == [Later, str]
    assert seen.read_text().splitlines() == ["[]", "['bad.example.conf']"]
    assert await served.status("pharmacy.example") == 200


async def test_of_a_site_that_answers_with_our_link_no_more_is_read_than_our_page_is_long() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 451 No\r\nLink: <ours>\r\n\r\n")
            while True:
                writer.write(b"x" * 100_000)
                await writer.drain()

    async with await asyncio.start_server(endless, "127.0.0.1", 0) as server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with little_memory():
            async with Asking((base,), {"a.example": ("<ours>", b"page")}, (), cutting=True) as asking:
                wrong = await asking.wrong(["a.example"])
    assert wrong == {"a.example": f"{base} answers 451 for a.example, and not with our page"}


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", None])
async def test_a_damaged_file_is_written_anew_from_the_journal(served: Served, damage: bytes | None) -> None:
    """Without its order nothing could be changed any more, and without its file the site would be served."""
    cut, other = order(sequence=1, site=about("a.example")), order(sequence=2, site=about("b.example"))
    await served.hook.suspend(cut)
    whole = configuration(served.folder)
    file = served.nginx.folder / "orders" / f"{cut.order_id}.json"
    file.write_bytes(damage if damage is not None else other.model_dump_json().encode())
    journal = {cut.order_id: cut.model_dump_json().encode()}
    hook = NginxHook(served.nginx, known=journal.get)
    await hook.suspend(other)
    assert await served.status("a.example") == await served.status("b.example") == 451
    await hook.resume(other)
    assert configuration(served.folder) == whole
    file.write_bytes(damage or b"")
    await hook.restore(order(action="restore", undoes=str(cut.order_id), site=cut.site.model_dump()))
    assert await served.status("a.example") == 200


async def test_a_damaged_file_of_an_unknown_order_is_named_and_nothing_is_served_wrongly(served: Served) -> None:
    cut = order(sequence=1, site=about("a.example"))
    await served.hook.suspend(cut)
    file = served.nginx.folder / "orders" / f"{cut.order_id}.json"
    file.write_bytes(b"{")
    with pytest.raises(Later, match=rf"{file} is damaged.*put the file back"):
        await served.hook.suspend(order(sequence=2, site=about("b.example")))
    assert [await served.status(name) for name in ("a.example", "b.example")] == [451, 200]
    file.write_bytes(cut.model_dump_json().encode())
    (file.parent / "notes.json").write_bytes(b"{}")
    await served.hook.resume(cut)
    assert (await served.status("a.example"), [*file.parent.iterdir()]) == (200, [])


async def test_a_suspension_that_is_over_stands_in_the_way_of_no_other_change(served: Served) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)
    over = order(sequence=1, action="suspend", until=until.isoformat(), site=about("pharmacy.example"))
    await served.hook.suspend(over)
    await asyncio.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
    other = order(sequence=2, site=about("other.example", spared=["pharmacy.example"]))
    await served.hook.suspend(other)
    assert [await served.status(name) for name in ("pharmacy.example", "other.example")] == [200, 451]


async def test_orders_side_by_side_change_nginx_in_few_reloads(served: Served) -> None:
    before = configuration(served.folder)
    count = served.folder / "reloads"
    program = f"import os, sys; open({str(count)!r}, 'a').write('.'); os.execv(sys.argv[1], sys.argv[1:])"
    hook = NginxHook(replace(served.nginx, reload=(sys.executable, "-c", program, *served.nginx.reload)))
    orders = [order(sequence=n, site=about(f"site-{n}.example")) for n in range(1, 9)]
    await asyncio.gather(*(hook.suspend(each) for each in orders))
    assert [await served.status(f"site-{n}.example") for n in range(1, 10)] == [451] * 8 + [200]
    assert len(count.read_text()) == 2, "the first alone, and the others together"
    await asyncio.gather(*(hook.resume(each) for each in orders))
    assert configuration(served.folder) == before


async def test_one_change_that_nginx_refuses_does_not_take_the_others_with_it(served: Served) -> None:
    program = "import pathlib, sys; sys.exit(any('bad' in f.name for f in pathlib.Path(sys.argv[1]).iterdir()))"
    test = (sys.executable, "-c", program, str(served.folder / "concord" / "names"))
    hook = NginxHook(replace(served.nginx, test=test))
    orders = [
        order(sequence=n, site=about(name)) for n, name in enumerate(("a.example", "bad.example", "c.example"), 1)
    ]
    done = await asyncio.gather(*(hook.suspend(each) for each in orders), return_exceptions=True)
    assert [type(each) for each in done] == [str, Later, str]
    assert [await served.status(name) for name in ("a.example", "bad.example", "c.example")] == [451, 200, 451]


COUNTING = """
import os, pathlib, sys, time
names = sorted(file.name for file in pathlib.Path(sys.argv[1]).glob("[!.]*"))
before = pathlib.Path(sys.argv[2])
first = not before.exists()
with before.open("a") as seen:
    seen.write(f"{len(names)}\\n")
time.sleep(float(sys.argv[3]) if first else 0)
bad = [name for name in names if name.startswith(sys.argv[4])]
if bad:
    sys.exit(f"no good: {bad}")
os.execv(sys.argv[5], sys.argv[5:])
"""


def counting(served: Served, sleep_s: float = 0, refused: str = "bad") -> tuple[NginxHook, Path]:
    """A hook whose nginx refuses bad names; in the file is how many names it was to take each time."""
    seen = served.folder / "seen"
    given = (str(served.nginx.folder / "names"), str(seen), str(sleep_s), refused)
    test = (sys.executable, "-S", "-c", COUNTING, *given, *served.nginx.test)
    return NginxHook(replace(served.nginx, test=test)), seen


async def together(hook: NginxHook, *wanted: Coroutine[Any, Any, str]) -> list[Any]:
    """What each gives or raises, all being wanted at the same time."""
    async with hook._one_at_a_time:
        tasks = [asyncio.create_task(each) for each in wanted]
        await asyncio.sleep(0.05)
    return await asyncio.gather(*tasks, return_exceptions=True)


def sites(*names: str) -> list[Order]:
    return [order(sequence=n, site=about(name)) for n, name in enumerate(names, 1)]


async def test_what_nginx_refuses_of_many_is_found_by_halving(served: Served) -> None:
    before, (hook, seen) = configuration(served.folder), counting(served)
    names = [f"{'bad' if n in {9, 50} else 'good'}-{n}.example" for n in range(64)]
    orders = sites(*names)
    done = await together(hook, *(hook.suspend(each) for each in orders))
    for name, each, said in zip(names, orders, done, strict=True):
        if name.startswith("bad"):
            assert isinstance(said, Later)
            assert f"no good: ['{name}.conf']" in str(said), "its own error"
        else:
            assert isinstance(said, str)
        files = [
            served.nginx.folder / "orders" / f"{each.order_id}.json",
            served.nginx.folder / "names" / f"{name}.conf",
        ]
        assert [file.exists() for file in files] == [not name.startswith("bad")] * 2
    assert [await served.status(name) for name in (*names[8:11], *names[49:52])] == [451, 200, 451] * 2
    assert len(seen.read_text().splitlines()) <= 2 + 2 * 2 * 6, "all, none, and halves down to each of the two"
    await together(hook, *(hook.resume(each) for each in orders))
    assert configuration(served.folder) == before


async def test_where_nginx_takes_nothing_it_is_asked_twice_and_nobody_is_to_blame(served: Served) -> None:
    cut, before = sites("a.example")[0], configuration(served.folder)
    await served.hook.suspend(cut)
    with_cut = configuration(served.folder)
    seen = served.folder / "seen"
    program = f"open({str(seen)!r}, 'a').write('.'); raise SystemExit('a typing error of somebody else')"
    hook = NginxHook(replace(served.nginx, test=(sys.executable, "-S", "-c", program)))
    done = await together(hook, *(hook.suspend(each) for each in sites(*(f"{n}.example" for n in range(8)))))
    assert {str(each).partition("ended with ")[2] for each in done} == {"1: a typing error of somebody else"}
    assert len(seen.read_text()) == 2
    assert configuration(served.folder) == with_cut
    await served.hook.resume(cut)
    assert configuration(served.folder) == before


UNTOLD = (
    HTTP
    + """
  server {{ listen 127.0.0.1:{port}; server_name bad-1.example bad-2.example; location / {{ return 200 "as ever"; }} }}
"""
)


@pytest.fixture
async def untold(tmp_path: Path) -> AsyncIterator[Served]:
    """An nginx with a server block that does not include server.conf."""
    nginx = Served(tmp_path)
    nginx.nginx.install()
    async with running(tmp_path, nginx.port, UNTOLD.format(folder=tmp_path, port=nginx.port)):
        yield nginx


async def test_those_whom_nginx_does_not_follow_are_told_and_the_others_made_in_one_more_reload(untold: Served) -> None:
    """It takes seconds to see that nginx does not follow: once for all of them."""
    names = ["a.example", "bad-1.example", "b.example", "bad-2.example", *(f"{n}.example" for n in range(12))]
    hook, seen = counting(untold, refused="no-name")
    done = await together(hook, *(hook.suspend(each) for each in sites(*names)))
    assert [isinstance(each, str) for each in done] == [not name.startswith("bad") for name in names]
    assert [str(done[n]).partition(" answers ")[2][:21] for n in (1, 3)] == [
        "200 for bad-1.example",
        "200 for bad-2.example",
    ]
    assert [await untold.status(name) for name in names[:4]] == [451, 200, 451, 200]
    assert [int(each) for each in seen.read_text().splitlines()] == [16, 14]


async def test_who_only_spares_a_name_is_not_to_blame_for_whom_nginx_does_not_follow(untold: Served) -> None:
    bad = order(sequence=1, site=about("bad-1.example"))
    good = order(sequence=2, site=about("a.example", spared=["bad-1.example"]))
    done = await together(untold.hook, untold.hook.suspend(bad), untold.hook.suspend(good))
    assert [isinstance(each, str) for each in done] == [False, True]


async def test_what_is_to_be_given_back_meanwhile_goes_before_the_halves(served: Served) -> None:
    [cut] = sites("pharmacy.example")
    await served.hook.suspend(cut)
    hook, seen = counting(served, 1.0)
    names = ["a.example", "bad.example", "c.example", "d.example"]
    cuts = asyncio.create_task(together(hook, *(hook.suspend(each) for each in sites(*names))))
    await asyncio.sleep(0.5)
    await hook.restore(order(action="restore", undoes=str(cut.order_id)))
    assert await served.status("pharmacy.example") == 200
    assert [isinstance(each, str) for each in await cuts] == [True, False, True, True]
    said = [int(each) for each in seen.read_text().splitlines()]
    assert said[:4] == [5, 1, 0, 2], "all of them, none of them, the restore, the first half"


async def test_if_one_is_interrupted_nobody_takes_a_change_for_made(served: Served) -> None:
    before = configuration(served.folder)
    hook = NginxHook(replace(served.nginx, test=("sleep", "60")))
    async with hook._one_at_a_time:
        tasks = [asyncio.create_task(hook.suspend(each)) for each in sites("a.example", "b.example", "c.example")]
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    tasks[0].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in done] == [asyncio.CancelledError, Later, Later]
    assert configuration(served.folder) == before


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["fsync", "replace", "unlink"])
async def test_whatever_cannot_be_written_leaves_nothing_half_changed(
    served: Served, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A disk that is full stays full while everything is put back; a rename may fail once."""
    wide = order(sequence=1, site=about("pharmacy.example", spared=["advice.pharmacy.example"]))
    other = order(sequence=2, site=about("advice.pharmacy.example", "other.example"))
    await served.hook.suspend(wide)
    whole = {"fsync": os.fsync, "replace": Path.replace, "unlink": Path.unlink}[step]
    failed = 0

    def failing_at(place: int) -> Any:
        asked = itertools.count()

        def fails(*given: Any, **options: Any) -> Any:
            nonlocal failed
            if (now := next(asked)) == place or (now > place and step == "fsync"):
                failed += 1
                raise FULL
            return whole(*given, **options)  # type: ignore[operator]

        return fails

    before = configuration(served.folder)
    for place in itertools.count():
        count = failed
        with monkeypatch.context() as patch:
            patch.setattr(os if step == "fsync" else Path, step, failing_at(place))
            done = await asyncio.gather(served.hook.suspend(other), return_exceptions=True)
        if failed == count:
            break
        if isinstance(done[0], OSError):
            now = configuration(served.folder).items()
            assert {name: content for name, content in now if "/." not in name} == before, place
        else:
            assert step == "unlink", "a draft that stays does no harm"
            break
    assert failed
    assert [await served.status(name) for name in ("pharmacy.example", "advice.pharmacy.example")] == [451, 451]
    await served.hook.resume(order())
    assert not [name for name in configuration(served.folder) if "/." in name]


@pytest.mark.parametrize("verb", ["restore", "resume"])
async def test_giving_back_needs_no_room_on_the_disk(
    served: Served, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def full(_: int) -> None:
        raise FULL

    before, cut = configuration(served.folder), order(sequence=1, site=about("pharmacy.example"))
    await served.hook.suspend(cut)
    monkeypatch.setattr(os, "fsync", full)
    await getattr(served.hook, verb)(cut if verb == "resume" else order(action="restore", undoes=str(cut.order_id)))
    assert await served.status("pharmacy.example") == 200
    assert configuration(served.folder) == before


async def test_of_names_given_back_only_those_that_another_order_means_wait_for_room_on_the_disk(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they answer meanwhile has the link and the page of the order that is over: never 451 without either."""
    first, wide = (order(sequence=n, site=about("shop.example", *more)) for n, more in ((1, ()), (2, ["a.example"])))
    back = order(action="restore", undoes=str(wide.order_id))
    await served.hook.suspend(first)
    alone = configuration(served.folder)
    await served.hook.suspend(wide)

    def full(_: int) -> None:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        [told] = await asyncio.gather(served.hook.restore(back), return_exceptions=True)
    assert isinstance(told, Later | OSError), told
    assert [await served.status(name) for name in ("a.example", "shop.example")] == [200, 451]
    left = configuration(served.folder)
    assert {f"concord/orders/{wide.order_id}.{kind}" for kind in ("conf", "html")} <= left.keys()
    assert f"concord/orders/{wide.order_id}.json" not in left, "nothing lays it on again"
    await served.hook.restore(back)
    assert configuration(served.folder) == alone


async def test_an_order_that_cannot_be_written_does_not_take_the_others_with_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, sync = configuration(served.folder), os.fsync

    def full_for_bad(number: int) -> None:
        if "bad.example" in Path(f"/proc/self/fd/{number}").readlink().name:
            raise FULL
        sync(number)

    monkeypatch.setattr(os, "fsync", full_for_bad)
    orders = [
        order(sequence=n, site=about(name)) for n, name in enumerate(("a.example", "bad.example", "c.example"), 1)
    ]
    done = await asyncio.gather(*(served.hook.suspend(each) for each in orders), return_exceptions=True)
    assert [type(each) for each in done] == [str, OSError, str]
    assert [await served.status(name) for name in ("a.example", "bad.example", "c.example")] == [451, 200, 451]
    for cut in (orders[0], orders[2]):
        await served.hook.restore(order(action="restore", undoes=str(cut.order_id)))
    assert configuration(served.folder) == before


@pytest.mark.parametrize("length", [200, 201, 245, 246, 253])
async def test_a_long_host_name_is_suspended_and_restored_and_stops_nobody_else(served: Served, length: int) -> None:
    before = configuration(served.folder)
    long = ".".join(["a" * 60] * 4)[: length - len(".example")].rstrip(".") + ".example"
    long = "b" * (length - len(long)) + long if len(long) < length else long
    assert len(long) == length
    cut = order(sequence=1, site=about(long))
    await served.hook.suspend(cut)
    assert await served.status(long) == 451
    other = order(sequence=2, site=about("other.example"))
    await served.hook.suspend(other)
    assert await served.status("other.example") == 451
    await served.hook.restore(order(action="restore", undoes=str(cut.order_id)))
    await served.hook.restore(order(action="restore", undoes=str(other.order_id)))
    assert await served.status(long) == await served.status("other.example") == 200
    assert configuration(served.folder) == before


async def test_what_a_killed_agent_left_half_written_is_no_order_and_goes(served: Served) -> None:
    before = configuration(served.folder)
    (served.nginx.folder / "names" / f".{'x' * 245}.conf.new").write_text("half")
    (served.nginx.folder / "orders" / ".01940000-0000-7000-8000-00000000000b.json.old").write_text("{")
    cut = order()
    await served.hook.suspend(cut)
    await served.hook.restore(order(action="restore", undoes=str(cut.order_id)))
    assert configuration(served.folder) == before


async def test_who_is_interrupted_leaves_nobody_waiting(served: Served) -> None:
    before = configuration(served.folder)
    hook = NginxHook(replace(served.nginx, test=("sleep", "60")))
    first = asyncio.create_task(hook.suspend(order(sequence=1, site=about("a.example"))))
    await asyncio.sleep(0.3)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert configuration(served.folder) == before


async def test_two_agents_of_one_machine_do_not_cross(served: Served) -> None:
    with served.hook._alone(), pytest.raises(Later, match="another agent"):
        await NginxHook(served.nginx).suspend(order())
    await NginxHook(served.nginx).suspend(order())


def test_a_suspension_that_is_over_is_in_no_file() -> None:
    over = order(action="suspend", until=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    assert files_for([over], None) == {}


def test_what_is_installed_is_checked(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, (), (), ())
    assert [file.name for file in nginx.missing()] == ["http.conf", "server.conf"]
    nginx.install()
    assert nginx.missing() == []
    (tmp_path / "server.conf").write_text("")
    assert [file.name for file in nginx.missing()] == ["server.conf"]


NAMES = st.sampled_from(["a.test", "b.a.test", "c.b.a.test", "d.c.b.a.test", "z.test"])
SITES = st.lists(st.tuples(st.sets(NAMES, min_size=1), st.sets(NAMES), st.booleans()), max_size=3)


@given(SITES)
def test_the_files_mean_what_the_orders_mean(sites: list[tuple[set[str], set[str], bool]]) -> None:
    """nginx takes the exact name, else the longest ``*.`` above it: that must be what the orders say, for any name."""
    orders: list[Order] = [
        order(sequence=n, site=about(*sorted(hosts), spared=sorted(spared - hosts), names_below=below))
        for n, (hosts, spared, below) in enumerate(sites, 1)
    ]
    table: dict[str, str] = {}
    for name, content in files_for(orders, None).items():
        if name.startswith("names/"):
            for key, value in (line.rstrip(";").split(" ") for line in content.decode().splitlines()):
                table[key] = value.strip('"')
    for host in ("a.test", "b.a.test", "c.b.a.test", "d.c.b.a.test", "z.test", "x.a.test", "x.c.b.a.test", "x.y.test"):
        labels = host.split(".")
        keys: list[Any] = [host, *("*." + ".".join(labels[n:]) for n in range(1, len(labels)))]
        found = next((table[key] for key in keys if key in table), "")
        assert bool(found) == any(means(each.site, host) for each in orders), (host, table)
