"""The whole chain by command line alone, as departments would type it; every refusal leads on to the next command."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from concord.cli.main import app
from tests.support.office import PATIENCE_S, REDRESS, Office

BASIS = ("--basis", "P3.2.3", "--reasons", "The grounds of the authority hold.")
AUTHORITY = str(REDRESS["authority"])
CHALLENGE = ("--redress-authority", AUTHORITY, "--redress-how", str(REDRESS["how"]))


class Desk:
    """Types commands; answers are JSON."""

    def __init__(self, root: Path) -> None:
        self._env = {"CONCORD_HOME": str(root)}

    async def tries(self, person: str | None, *command: str, stdin: str | None = None) -> tuple[int, Any]:
        """Run a command as somebody: what it exits with, and its answer or the problem it was refused with."""
        arguments = [*command, *(("--as", person) if person else ()), "--json"]
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self._env, input=stdin)
        assert done.exit_code in {0, 1}, (command, done.stderr, done.exception)
        return done.exit_code, json.loads(done.stderr if done.exit_code else done.stdout)

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


async def test_from_application_to_revocation_and_back(desk: Desk, office: Office, tmp_path: Path) -> None:
    await office.provider_is_known()
    uscc, domain = (await desk.types("applicant", "whoami"))["organisation"], "typed.example"
    applied = await desk.types(
        "applicant", "approvals", "apply", "--operator", uscc, "--operator-name", "Typed Stage Ltd",
        "--service-item", "culture", "--domain", domain, "--scope-of-service", "Performances", "--region", "110000",
    )  # fmt: skip
    grant = ("approvals", "grant", applied["id"], "--scope", "Performances", "--valid-until", "2069-12-31", *BASIS)
    refused = await desk.types("applicant", *grant, code=1)
    assert refused["code"] == "role_missing"
    assert (await desk.types("culture-a", *grant))["status"] == "granted"

    operator = await desk.types(
        "applicant", "operators", "register", "--name", "Typed Stage Ltd", "--uscc", uscc, "--region", "110000"
    )
    site = {
        "name": "Typed Stage", "domains": [domain], "service_items": ["culture"],
        "accesses": [{"provider_id": office.stack.provider_id, "ips": ["198.18.77.7"]}],
    }  # fmt: skip
    body = {"operator_id": operator["operator_id"], "kind": "filing", "sites": [site]}
    file = tmp_path / "registration.json"
    file.write_text(json.dumps(body))
    submitted = await desk.types_until(
        "applicant", "registrations", "submit", str(file), holds=lambda code, _: code == 0
    )
    active = await desk.types("regulator-a", "registrations", "grant", submitted["id"], *BASIS)
    assert active["number"].startswith("京ICP备")

    version = (await desk.types("regulator-a", "sites", "show", domain))["version"]
    amended = json.dumps({**site, "name": "Typed Stage II", "reasons": "The stage has a new name."})
    site_id = active["sites"][0]["site_id"]
    await desk.types("applicant", "sites", "amend", site_id, "-", "--version", str(version), stdin=amended)
    stale = await desk.types(
        "applicant", "sites", "amend", site_id, "-", "--version", str(version), stdin=amended, code=1
    )
    assert stale["status"] == 412

    revocation = await desk.types(
        "regulator-a", "registrations", "revoke", active["id"], "--evidence-hash", "0" * 64, *CHALLENGE, *BASIS
    )
    again = await desk.types("regulator-a", "registrations", "confirm", revocation["id"], code=1)
    assert again["code"] == "second_person_required"
    drafted = await desk.types("regulator-b", "registrations", "revocations", "--status", "drafted")
    assert revocation["id"] in {each["id"] for each in drafted}
    await desk.types("regulator-b", "registrations", "confirm", revocation["id"])
    orders = await desk.types_until(
        "desk-a", "providers", "orders", "--status", "executed",
        holds=lambda _, found: any(order["site_id"] == site_id for order in found),
    )  # fmt: skip
    (order,) = (order for order in orders if order["site_id"] == site_id)
    shown = await desk.types("desk-a", "providers", "order", order["id"])
    assert shown["receipts"][-1]["outcome"] == "executed"
    entry = await desk.types(None, "register", active["number"])
    assert AUTHORITY in json.dumps(entry, ensure_ascii=False)
    await desk.types("regulator-a", "registrations", "reinstate", active["id"], *BASIS)
    await office.hosting(domain, "serving")


async def test_a_case_is_opened_drafted_and_taken_back(desk: Desk, office: Office) -> None:
    domain = "typed-case.example"
    await office.enter(domain)
    case = await office.case(domain)
    opened = await desk.types(
        "culture-a", "cases", "open", "--domain", domain, "--service-item", "culture", "--alleged-breach", "As before",
        "--basis", "P3.2.1",
    )  # fmt: skip
    assert opened["id"] != case.case_id
    draft = {
        "measure": "order_correction", "legal_basis": ["P3.2.3"], "reasons": "The site shows what was not approved.",
        "evidence_hashes": ["0" * 64], "redress": REDRESS, "urgent_ground": "Tickets for tonight are being sold.",
    }  # fmt: skip
    wrong = await desk.types("culture-a", "cases", "draft", opened["id"], "-", stdin=json.dumps(draft), code=1)
    assert wrong["fields"][0]["field"] == "evidence_hashes.0"
    evidence = await desk.types("culture-a", "cases", "evidence", opened["id"], __file__)
    draft["evidence_hashes"] = [evidence["sha256"]]
    drafted = await desk.types("culture-a", "cases", "draft", opened["id"], "-", stdin=json.dumps(draft))
    assert drafted["impact"]["collateral"] == 0
    withdrawn = await desk.types(
        "culture-a", "cases", "withdraw", drafted["id"], "--reasons", "The approval was shown in the meantime."
    )
    assert withdrawn["status"] == "withdrawn"
    late = await desk.types(
        "culture-b", "cases", "release", drafted["id"], "--impact-hash", drafted["impact"]["hash"], code=1
    )
    assert late["code"] == "action_refused"
