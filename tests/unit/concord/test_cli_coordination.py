"""Commands about the directory of organisations: what each sends, and where."""

import json
from typing import Any

import httpx
import pytest

from concord.exits import Exit
from shared.contracts.directory import OrganisationRecordedV1
from shared.contracts.http import coordination as wire
from tests.unit.concord.test_cli import one_line
from tests.unit.concord.test_sdk import Wire

ID = "01940000-0000-7000-8000-000000000001"
AT = "2026-11-22T04:00:00Z"
WHY = "Its notice of 1 November says so."
PROPOSAL: dict[str, Any] = {
    "id": ID, "organisation": "drugs-110000", "organisation_version": 1, "action": "reopen", "powers": None, "why": WHY,
    "by": "coordination", "status": "proposed", "changed_at": AT, "allowed_actions": ["confirm"],
}  # fmt: skip
ORGANISATION: dict[str, Any] = {
    **OrganisationRecordedV1.EXAMPLE, "changed_at": AT, "allowed_actions": [], "contacts": None,
}  # fmt: skip


def example(model: Any) -> dict[str, Any]:
    """A body as the API documentation shows it, with every default said."""
    found: dict[str, Any] = model.model_validate(model.model_config["json_schema_extra"]["examples"][0]).model_dump(
        mode="json"
    )
    return found


@pytest.mark.parametrize(("command", "given", "answer", "method", "path"), [
    (("enter", "-"), example(wire.NewOrganisation), PROPOSAL, "POST", "/organisations"),
    (("rename", "drugs-110000", "-", "--version", "3"), example(wire.OrganisationChange), ORGANISATION, "PUT",
     "/organisations/drugs-110000"),
    (("propose", "-"), example(wire.NewProposal), PROPOSAL, "POST", "/proposals"),
    (("confirm", ID), None, PROPOSAL, "POST", f"/proposals/{ID}/confirmation"),
    (("withdraw", ID, "--reasons", WHY), None, PROPOSAL, "POST", f"/proposals/{ID}/withdrawal"),
])  # fmt: skip
def test_each_verb_sends_what_was_said_to_its_address(
    run: Any, command: tuple[str, ...], given: dict[str, Any] | None, answer: dict[str, Any], method: str, path: str
) -> None:
    sent = Wire(httpx.Response(200, json=answer))
    stdin = json.dumps(given) if given else None
    assert run(sent, "organisations", *command, "--as", "coordination-a", stdin=stdin).exit_code == Exit.DONE
    (request,) = sent.sent
    assert (request.method, request.url.path) == (method, path)
    if "--version" in command:
        assert request.headers["If-Match"] == '"3"'
    if given or request.content:
        assert json.loads(request.content) == (given or {"why": WHY})


def test_proposals_and_versions_are_shown(run: Any) -> None:
    listed = Wire(httpx.Response(200, json={"items": [PROPOSAL], "next": None}))
    shown = run(listed, "organisations", "proposals", "--status", "proposed")
    assert "reopen" in shown.stdout
    assert listed.sent[0].url.params["status"] == "proposed"
    version = {"record": OrganisationRecordedV1.EXAMPLE, "action": "enter", "by": "concord", "why": WHY, "at": AT}
    shown = run(Wire(httpx.Response(200, json=[version])), "organisations", "versions", "drugs-110000")
    assert WHY in shown.stdout


def test_an_organisation_without_reasons_is_not_sent(run: Any) -> None:
    sent = Wire()
    given = {name: value for name, value in example(wire.NewOrganisation).items() if name != "why"}
    one_line(run(sent, "organisations", "enter", "-", stdin=json.dumps(given)), Exit.USAGE, "why: Field required")
    assert sent.sent == []
