"""The hooks: a program for each order, and the web server that answers 451 (RFC 7725)."""

import asyncio
import json
import os
import signal
import sys
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import ValidationError

from concord.agent.hooks import CommandHook, Impossible, Later, run_program
from concord.agent.web import WebHook
from shared.contracts.orders import Order
from tests.unit.concord.agent.fake_access import shaped

HOST = "pharmacy.example"


def order(**changes: Any) -> Order:
    document = json.loads(json.dumps(Order.EXAMPLE)) | {"order_id": str(uuid4())} | changes
    return Order.model_validate(shaped(document))


def about(*hosts: str, **changes: Any) -> dict[str, Any]:
    """What an order is about, with these host names."""
    return {**Order.EXAMPLE["site"], "hosts": hosts, "spared": [], **changes}


def because(**changes: Any) -> dict[str, Any]:
    """The grounds of an order, with these members."""
    return {**Order.EXAMPLE["grounds"], **changes}


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebHook]:
    hook = WebHook(tmp_path / "state.sqlite", "127.0.0.1", 0)
    await hook.start()
    yield hook
    await hook.stop()


async def get(web: WebHook, host: str = HOST, method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.request(method, f"http://127.0.0.1:{web.port}/page?x=1", headers={"Host": host, **headers})


async def raw(web: WebHook, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(request)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


async def test_a_host_name_is_served_suspended_and_served_again(web: WebHook) -> None:
    assert (await get(web)).status_code == 200
    cut = order()
    assert await web.suspend(cut) == (
        "HTTP 451 on pharmacy.example, xn--fsqu00a.test and names below, except advice.pharmacy.example"
    )
    answer = await get(web)
    assert answer.status_code == 451
    assert answer.headers["Link"] == (
        f'<urn:uuid:{cut.provider_id}>; rel="blocked-by", <{cut.register_entry}>; rel="describedby"'
    )
    assert (await get(web, "xn--fsqu00a.test:8080")).status_code == 451
    assert (await get(web, "PHARMACY.Example.")).status_code == 451
    assert (await get(web, "other.example")).status_code == 200
    await web.restore(order(action="restore", undoes=str(cut.order_id)))
    assert (await get(web)).status_code == 200


async def test_the_page_says_in_two_languages_who_why_and_how_to_challenge_it(web: WebHook) -> None:
    cut = order()
    await web.suspend(cut)
    page = (await get(web)).text
    grounds, chinese, english = cut.grounds, *page.split('<section lang="en">')
    assert grounds is not None
    assert cut.site.number is not None
    for text in (
        cut.site.number,
        grounds.public_reasons,
        grounds.legal_basis[0],
        cut.register_entry,
    ):
        assert text in chinese
        assert text in english
    for organisation in (cut.authority, cut.issuer, grounds.redress.body):
        assert organisation.names.zh in chinese
        assert organisation.names.en in english
        assert organisation.id not in page
    assert "书面或者口头申请行政复议" in chinese
    assert grounds.redress.how in english
    assert "本网站已被停止接入" in page
    assert "<script" not in page
    assert "http" not in page.replace(cut.register_entry, "")  # nothing is loaded from anywhere


async def test_an_order_signed_before_it_said_so_in_chinese_says_it_as_it_can(web: WebHook) -> None:
    redress = {"body": Order.EXAMPLE["grounds"]["redress"]["body"], "how": "In writing.", "within_days": 60}
    await web.suspend(order(grounds=because(redress=redress)))
    assert (await get(web)).text.count("In writing.") == 2


async def test_the_page_says_until_when_and_that_a_found_site_is_in_no_register(web: WebHook) -> None:
    found = {**about("found.example"), "site_id": None, "number": None}
    await web.suspend(order(action="suspend", until="2099-01-02T03:04:00Z", site=found))
    page = (await get(web, "found.example")).text
    assert page.count("2099-01-02 11:04 (UTC+8)") == 2
    assert "未备案" in page
    assert "Not registered" in page


async def test_the_page_gives_the_public_reasons_alone(web: WebHook) -> None:
    said = because(reasons="Sold to patient Wang Fang.", public_reasons="Sold to a patient.", redacted=["a name"])
    await web.suspend(order(grounds=said))
    page = (await get(web)).text
    assert "Sold to a patient." in page
    assert "Wang Fang" not in page


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("pharmacy.example", 451),
        ("www.pharmacy.example", 451),
        ("a.b.pharmacy.example", 451),
        ("advice.pharmacy.example", 200),
        ("www.advice.pharmacy.example", 200),
        ("ours.advice.pharmacy.example", 451),  # a host below a spared name
        ("mypharmacy.example", 200),
        ("example", 200),
    ],
)
async def test_names_below_a_host_are_meant_except_those_of_other_sites(web: WebHook, host: str, status: int) -> None:
    hosts = ("pharmacy.example", "ours.advice.pharmacy.example")
    await web.suspend(order(site=about(*hosts, spared=["advice.pharmacy.example"])))
    assert (await get(web, host)).status_code == status


async def test_names_below_are_served_if_the_order_does_not_mean_them(web: WebHook) -> None:
    await web.suspend(order(site=about("pharmacy.example", names_below=False)))
    assert (await get(web)).status_code == 451
    assert (await get(web, "www.pharmacy.example")).status_code == 200


async def test_a_name_that_one_order_spares_is_suspended_by_another(web: WebHook) -> None:
    await web.suspend(order(site=about("advice.pharmacy.example")))
    await web.suspend(order(site=about("pharmacy.example", spared=["advice.pharmacy.example"])))
    assert (await get(web, "advice.pharmacy.example")).status_code == 451


async def test_no_method_gets_round_it_and_nobody_is_remembered(web: WebHook) -> None:
    await web.suspend(order())
    for method in ("POST", "HEAD", "PUT", "OPTIONS"):
        answer = await get(web, method=method)
        assert answer.status_code == 451
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


async def test_what_is_suspended_survives_a_restart(tmp_path: Path) -> None:
    first = WebHook(tmp_path / "state.sqlite", "127.0.0.1", 0)
    await first.suspend(order())
    await first.suspend(order())  # the same host name by another order
    await first.stop()
    again = WebHook(tmp_path / "state.sqlite", "127.0.0.1", 0)
    assert again.suspended_by(HOST, datetime.now(UTC)) is not None
    await again.stop()


async def test_two_orders_on_one_host_name_need_two_restores(web: WebHook) -> None:
    orders = [order(), order()]
    for each in orders:
        await web.suspend(each)
        await web.suspend(each)  # done twice is done once
    await web.restore(order(action="restore", undoes=str(orders[0].order_id)))
    assert (await get(web)).status_code == 451
    await web.restore(order(action="restore", undoes=str(orders[1].order_id)))
    assert (await get(web)).status_code == 200


async def test_a_suspension_with_an_end_lapses_by_itself(web: WebHook) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    await web.suspend(order(action="suspend", until=end.isoformat()))
    assert web.suspended_by(HOST, end - timedelta(seconds=1)) is not None
    assert web.suspended_by(HOST, end) is None


async def test_what_an_order_says_cannot_break_the_page_or_the_header(web: WebHook) -> None:
    await web.suspend(
        order(
            grounds=because(reasons="<script>alert('x')</script> & more"),
            register_entry='https://x.example/"> <b>; rel="next',
        )
    )
    with pytest.raises(ValidationError, match=r"U\+000D"):
        order(register_entry='https://x.example/">\r\nSet-Cookie: a=b')
    answer = await get(web)
    assert "<script>" not in answer.text
    assert "<b>" not in answer.text
    assert answer.headers["Link"].count(">") == 2
    await web.suspend(order(register_entry="javascript:alert(1)"))
    assert "javascript:" not in (await get(web)).text


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET http://pharmacy.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n", b"451"),
        (b"GET / HTTP/1.1\r\nHost: pharmacy.example\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: other.example\r\n\r\n", b"405"),
    ],
)
async def test_odd_requests_get_a_plain_answer(web: WebHook, request_: bytes, status: bytes) -> None:
    await web.suspend(order())
    assert (await raw(web, request_)).split(b" ")[1] == status


async def test_a_caller_who_hangs_up_does_no_harm(web: WebHook) -> None:
    assert (await raw(web, b"GET / HT")).startswith(b"HTTP/1.1 400 ")
    assert (await get(web)).status_code == 200


# --- programs --------------------------------------------------------------------------------------------------------


def program(code: str, timeout_s: float = 20) -> CommandHook:
    return CommandHook((sys.executable, "-S", "-c", f"import json, sys, time\n{code}"), timeout_s)


async def test_a_program_gets_the_order_and_its_first_line_goes_into_the_receipt() -> None:
    hook = program("d = json.load(sys.stdin); print(d['verb'], d['order']['site']['hosts'][0]); print('more')")
    assert await hook.suspend(order()) == f"suspend {HOST}"
    assert await hook.restore(order()) == f"restore {HOST}"


async def test_a_program_that_says_nothing_is_believed() -> None:
    assert "reported success" in await program("pass").suspend(order())


@pytest.mark.parametrize(
    ("code", "raised", "text"),
    [
        ("print('no such site', file=sys.stderr); sys.exit(1)", Impossible, "no such site"),
        ("sys.exit(1)", Impossible, "exit code 1"),
        ("sys.exit(75)", Later, "ended with 75"),
        ("import os; os.kill(os.getpid(), 9)", Later, "ended with -9"),
    ],
)
async def test_exit_codes_tell_never_from_later(code: str, raised: type[Exception], text: str) -> None:
    with pytest.raises(raised, match=text):
        await program(code).suspend(order())


async def test_a_program_that_hangs_is_killed_with_its_children() -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(Later, match="longer than"):
        await program("import subprocess; subprocess.run(['sleep', '60'])", timeout_s=0.7).suspend(order())
    assert asyncio.get_running_loop().time() - began < 10


@pytest.mark.parametrize(
    "what",
    ["(setsid sleep 20 &) ; sleep 30", "setsid sleep 20 & exit 0"],  # as `ssh` with ControlPersist leaves one behind
)
async def test_what_a_program_left_running_holds_nobody_up(what: str) -> None:
    began = asyncio.get_running_loop().time()
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(Later, match="longer than"):
        await CommandHook(("sh", "-c", what), 1.0).suspend(order())
    assert asyncio.get_running_loop().time() - began < 4
    await asyncio.sleep(0)
    assert len(set(os.listdir("/proc/self/fd")) - before) == 0, "its pipes are let go of"


async def test_what_a_program_left_in_its_group_is_killed_and_nothing_else(tmp_path: Path) -> None:
    """Else each try of a restore leaves one more, until no program can be started."""
    left, away = tmp_path / "left", tmp_path / "away"
    what = f"sleep 30 & echo $! > {left}; setsid sleep 20 & echo $! > {away}; exit 0"
    with pytest.raises(Later, match="longer than"):
        await CommandHook(("sh", "-c", what), 1.0).suspend(order())
    numbers = [int(file.read_text()) for file in (left, away)]

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    async with asyncio.timeout(4):
        while runs(numbers[0]):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)
    assert runs(numbers[1])
    os.kill(numbers[1], signal.SIGKILL)


async def test_a_group_whose_number_is_anothers_by_now_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program has ended, only a process of another session holds its pipes: the number says nothing."""
    killed = list[int]()
    monkeypatch.setattr("os.killpg", lambda number, _: killed.append(number))
    with pytest.raises(Later, match="longer than"):
        await CommandHook(("sh", "-c", "setsid sleep 3 & exit 0"), 1.0).suspend(order())
    assert killed == []


async def test_a_program_that_cannot_be_killed_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: asyncio.subprocess.Process) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr("concord.agent.hooks._KILLED_S", 0.1)
    monkeypatch.setattr("asyncio.subprocess.Process.wait", never)
    async with asyncio.timeout(4):
        with pytest.raises(Later, match="longer than"):
            await CommandHook(("sh", "-c", "exec sleep 20"), 0.5).suspend(order())


async def test_a_program_that_is_not_there_is_tried_later() -> None:
    with pytest.raises(Later, match="cannot be started"):
        await CommandHook(("/nowhere/at/all",), 5).suspend(order())


@contextmanager
def little_memory() -> Iterator[None]:
    """Whatever is read meanwhile, little of it is held at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


async def test_a_program_may_say_much_and_of_it_how_it_begins_and_ends_is_kept() -> None:
    much = "sys.stdout.write('done\\n'); [f.write('x' * 1000000) for _ in range(30) for f in (sys.stdout, sys.stderr)]"
    with little_memory():
        assert await program(much).suspend(order()) == "done"
        with pytest.raises(Impossible) as refused:
            await program(f"{much}; sys.exit('no such site')").suspend(order())
    assert str(refused.value) == "x" * 488 + "no such site"
    says = "printf '%07999d' 1; printf '%05000d%05000d' 2 3 >&2"
    _, out, err = await run_program(("sh", "-c", says), b"", 20)
    assert out == b"0" * 7998 + b"1", "what fits is whole"
    assert err == b"0" * 7999 + b"3", "and of more its middle goes"


async def test_a_program_that_talks_without_end_is_given_up_at_its_limit() -> None:
    with little_memory(), pytest.raises(Later, match=r"longer than 0\.7 s"):
        await CommandHook(("sh", "-c", "yes & exec yes >&2"), 0.7).suspend(order())


async def test_a_program_may_talk_before_it_reads_or_not_read_at_all() -> None:
    given = b"x" * 1_000_000
    talks = (
        "import sys; sys.stdout.write('y' * 1000000); sys.stdout.flush(); print(len(sys.stdin.read()), file=sys.stderr)"
    )
    assert (await run_program((sys.executable, "-S", "-c", talks), given, 20))[2] == b"1000000\n"
    assert (await run_program(("true",), given, 20))[0] == 0
