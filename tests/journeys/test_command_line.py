"""The whole chain by command line alone, as departments would type it; every refusal leads on to the next command."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from concord.cli.main import app
from tests.support.office import ITEM, PATIENCE_S, REASONS, Office

BASIS = ("--basis", "P3.2.3", "--reasons", "The grounds of the authority hold.")
WHY = ("--reasons", "The grounds of the authority hold.")
THIS = Path(__file__).read_bytes()


class Desk:
    """Types commands; answers are JSON."""

    def __init__(self, root: Path) -> None:
        self._env = {"CONCORD_HOME": str(root)}

    async def tries(self, person: str | None, *command: str, stdin: str | None = None) -> tuple[int, Any]:
        """Run a command as somebody: what it exits with, and its answer or the problem it was refused with."""
        arguments = [*command, *(("--as", person) if person else ()), "--json"]
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self._env, input=stdin)
        assert done.exit_code in {0, 1}, (command, done.stderr, done.exception)
        said = done.stderr if done.exit_code else done.stdout
        return done.exit_code, json.loads(said or "null")  # nothing is said where nothing is left to show

    async def types(self, person: str | None, *command: str, code: int = 0, stdin: str | None = None) -> Any:
        """Run a command that must end with ``code``."""
        exit_code, answer = await self.tries(person, *command, stdin=stdin)
        assert exit_code == code, (command, answer)
        return answer

    async def types_until(self, person: str, *command: str, holds: Callable[[int, Any], bool]) -> Any:
        """The same command again and again, until exit code and answer hold: others hear of things a bit later."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                exit_code, answer = await self.tries(person, *command)
                if holds(exit_code, answer):
                    return answer
                await asyncio.sleep(0.2)


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office.stack.root)


def signs(seen: dict[str, Any]) -> tuple[str, ...]:
    """What a person types who has looked at a preview."""
    touched = [neighbour["site_id"] for neighbour in seen["preview"]["neighbours"]]
    return ("--preview-digest", seen["preview_digest"], *(part for site in touched for part in ("--touches", site)))


async def test_p3_1_from_application_to_registration_and_a_change_of_it(
    desk: Desk, office: Office, tmp_path: Path
) -> None:
    await office.provider_is_known(office.stack.provider_id)
    uscc, domain = (await desk.types("applicant", "whoami"))["organisation"], "typed.example"
    applied = await desk.types(
        "applicant", "approvals", "apply", "--operator", uscc, "--operator-name", "Typed Pharmacy Ltd",
        "--service-item", ITEM, "--domain", domain, "--scope-of-service", "Medicines", "--region", "110000",
    )  # fmt: skip
    grant = ("approvals", "grant", applied["id"], "--scope", "Medicines", "--valid-until", "2029-12-31", *BASIS)
    refused = await desk.types("applicant", *grant, code=1)
    assert refused["code"] == "role_missing"
    assert (await desk.types("drugs-a", *grant))["status"] == "granted"

    operator = await desk.types(
        "applicant", "operators", "enter", "--name", "Typed Pharmacy Ltd", "--number", uscc, "--region", "110000"
    )
    site = {
        "name": "Typed Pharmacy", "domains": [domain], "service_items": [ITEM],
        "accesses": [{"provider_id": office.stack.provider_id, "ips": ["198.18.77.7"]}],
    }  # fmt: skip
    file = tmp_path / "registration.json"
    file.write_text(json.dumps({"operator_id": operator["id"], "site": site}))
    submitted = await desk.types_until(
        "applicant", "registrations", "submit", str(file), holds=lambda code, _: code == 0
    )
    active = await desk.types("regulator-a", "registrations", "grant", submitted["id"], *BASIS)
    assert active["number"].startswith("京ICP备")

    version = (await desk.types("regulator-a", "sites", "show", domain))["version"]
    amended = json.dumps({**site, "name": "Typed Pharmacy II", "reasons": "The pharmacy has a new name."})
    change = ("sites", "change", active["sites"][0]["id"], "-", "--version", str(version))
    proposed = await desk.types("applicant", *change, stdin=amended)
    granted = await desk.types("regulator-a", "amendments", "grant", proposed["id"], *BASIS)
    assert granted["status"] == "granted"
    stale = await desk.types("applicant", *change, stdin=amended, code=1)
    assert stale["status"] == 412
    assert (await desk.types("regulator-a", "sites", "show", domain))["name"] == "Typed Pharmacy II"


async def test_p3_2_3_a_case_by_command_line_alone_from_the_evidence_to_the_way_back(
    desk: Desk, office: Office, tmp_path: Path
) -> None:
    domain = "typed-case.example"
    await office.enter(domain)
    await office.hosting(domain, "serving")
    opened = await desk.types_until(
        "drugs-a", "cases", "open", "--domain", domain, "--service-item", ITEM, "--ground", "unlicensed_service",
        "--alleged-breach", REASONS, "--basis", "P3.2.1", holds=lambda code, _: code == 0,
    )  # fmt: skip
    draft = {
        "effect": "revoke", "statement": {"legal_basis": ["P3.2.3"], "reasons": REASONS}, "evidence_hashes": ["0" * 64],
    }  # fmt: skip
    wrong = await desk.types("drugs-a", "decisions", "draft", opened["id"], "-", stdin=json.dumps(draft), code=1)
    assert wrong["fields"][0]["field"] == "evidence_hashes"
    evidence = await desk.types("drugs-a", "cases", "evidence", opened["id"], __file__, "--media-type", "text/plain")
    draft["evidence_hashes"] = [evidence["sha256"]]
    drafted = await desk.types("drugs-a", "decisions", "draft", opened["id"], "-", stdin=json.dumps(draft))
    assert (drafted["preview"]["neighbours"], drafted["preview"]["neighbours_total"]) == ([], 0)
    release = ("decisions", "release", drafted["id"], *signs(drafted))

    async with office.operator(domain) as operator:  # not one of the people who can sign in at a command line
        notices = [(service, notice) async for service, notice in operator.inbox()]
        service, notice = notices[0]
        assert (service, str(notice.about.id)) == ("enforcement", drafted["id"])
        await operator.enforcement.open_notice(notice.id)
        early = await desk.types("drugs-b", *release, code=1)  # at once: the cure of the demonstration is 2 s
        assert early["code"] == "cure_not_over"
        (cited,) = (await operator.enforcement.cited_evidence(drafted["id"])).evidence
        assert await operator.enforcement.evidence(cited.sha256) == THIS
    listed = await desk.types("drugs-b", "decisions", "evidence", drafted["id"])
    assert [each["sha256"] for each in listed] == [evidence["sha256"]]
    await desk.types("drugs-b", "decisions", "read-evidence", evidence["sha256"], str(tmp_path / "read"))
    assert (tmp_path / "read").read_bytes() == THIS
    told = await desk.types("drugs-b", "inbox")
    assert {"service": "enforcement", "id": str(notice.id)}.items() <= told[0].items()

    alone = await desk.types("drugs-a", *release, code=1)
    assert alone["code"] == "second_person_required"
    await desk.types_until("drugs-b", *release, holds=lambda code, _: code == 0)

    found = await desk.types_until(
        "regulator-a", "executions", "list", "--decision", drafted["id"], holds=lambda code, seen: bool(seen)
    )
    seen = await desk.types("regulator-a", "executions", "show", found[0]["id"])
    await desk.types("regulator-a", "executions", "accept", seen["id"], *WHY, *signs(seen))
    again = await desk.types("regulator-a", "executions", "confirm", seen["id"], *WHY, *signs(seen), code=1)
    assert again["code"] == "second_person_required"
    await desk.types("regulator-b", "executions", "confirm", seen["id"], *WHY, *signs(seen))
    site_id = seen["hits"]["site_id"]
    orders = await desk.types_until(
        "desk-a", "orders", "list", "--status", "executed", "--site-id", site_id, holds=lambda _, found: bool(found)
    )
    shown = await desk.types("desk-a", "orders", "show", orders[0]["id"])
    assert shown["receipts"][-1]["outcome"] == "executed"
    entry = await desk.types(None, "register", seen["hits"]["number"])
    assert REASONS in json.dumps(entry, ensure_ascii=False)
    lifted = await desk.types("drugs-a", "decisions", "lift", drafted["id"], *BASIS)
    assert lifted["ended_because"] == "lifted"
    await office.hosting(domain, "serving")
