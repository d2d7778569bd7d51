"""P2: authorities publish their scope, procedure and contacts; the directory and the profile say them, to everybody."""

from datetime import timedelta
from typing import Any

from tests.integration.approval.desk import Desk

OFFICE = {"address": "北京市西城区样例街1号", "phone": "+86 10 5555 0100", "website": "https://drugs.example/hall"}


async def asked(desk: Desk, **params: str) -> Any:
    answer = await desk.api.get("/authorities", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    return answer.json()


async def test_p2_everybody_reads_who_is_competent_what_is_required_and_how_long_it_takes(desk: Desk) -> None:
    found = await asked(desk)
    item = next(each for each in found["items"] if each["code"] == "drugs_and_devices")
    assert [each["code"] for each in item["requires"]] == ["identity", "domain", "responsible_person", "drug_licence"]
    assert (item["clock"]["amount"], item["clock"]["unit"]) == (20, "working_days")
    by_id = {each["authority"]["id"]: each for each in found["authorities"]}
    assert by_id["drugs-110000"]["items"] == ["drugs_and_devices"]
    assert by_id["drugs"]["authority"]["level"] == "national"
    assert len([name for name in by_id if name.startswith("drugs-")]) == len(desk.api.rt.rules.provinces)
    assert not any(each["code"] == "general" for each in found["items"]), "it needs no approval"
    assert not any(name.startswith("industry") for name in by_id), "they give none"
    assert found["redress"]["within_days"] > 0


async def test_it_is_narrowed_by_item_and_province(desk: Desk) -> None:
    found = await asked(desk, item="culture", region="310000")
    assert [each["code"] for each in found["items"]] == ["culture"]
    assert [each["authority"]["id"] for each in found["authorities"]] == ["culture", "culture-310000"]
    nothing = await asked(desk, item="general")
    assert (nothing["items"], nothing["authorities"]) == ([], []), "it needs no approval"
    unknown = await desk.api.get("/authorities", params={"item": "press"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_service_item")
    assert "drugs_and_devices" in unknown.json()["fields"][0]["message"]
    assert (await desk.api.get("/authorities", params={"region": "x"})).status_code == 422


async def test_offices_are_shown_and_no_persons_and_whoever_is_closed_or_not_yet_competent_is_not(desk: Desk) -> None:
    directory, tomorrow = desk.api.rt.directory, desk.clock.now().date() + timedelta(days=1)
    changed = []
    for known in directory:
        record = known.model_dump(mode="json")
        if known.organisation_id == "drugs-110000":
            record["office"] = OFFICE
        if known.organisation_id == "drugs-310000":
            record["status"] = "closed"
        if known.organisation_id == "drugs-120000":
            record["competences"] = [{"item": "drugs_and_devices", "since": str(tomorrow)}]
        if known.organisation_id == "companies-110000":  # the directory says it of one that decides on no consent
            record["competences"] = [{"item": "drugs_and_devices", "since": "2006-02-17"}]
        changed.append(type(known).model_validate(record))
    directory.load(changed)
    shown = {
        each["authority"]["id"]: each["office"] for each in (await asked(desk, item="drugs_and_devices"))["authorities"]
    }
    office = shown["drugs-110000"]
    assert {name: value for name, value in office.items() if value} == OFFICE
    assert not {"drugs-310000", "drugs-120000", "companies-110000"} & shown.keys()
    assert shown["drugs"] is None


async def test_what_it_names_is_exactly_whom_one_can_apply_to(desk: Desk) -> None:
    for each in (await asked(desk, item="drugs_and_devices"))["authorities"][:4]:
        to = each["authority"]
        answer = await desk.apply(level=to["level"], region=to["region"])
        assert answer.status_code == 201, to
