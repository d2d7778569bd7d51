"""The contracts: every example holds, generated files are current, and a break is refused."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.contracts.catalogue import FACTS
from shared.contracts.generate import ROOT, breaks, files, messages, problems_with, schema_of
from shared.contracts.subjects import Preview
from shared.contracts.topics import FACT_TOPICS

SERVICES = {"registry", "approval", "enforcement", "access-control", "query", "coordination"}


@pytest.mark.parametrize("name", sorted(messages()))
def test_the_example_of_each_message_satisfies_its_published_schema(name: str) -> None:
    schema = json.loads((ROOT / f"shared/src/shared/contracts/schemas/{name}.json").read_text(encoding="utf-8"))
    body = messages()[name].model_validate(schema["examples"][0]).model_dump(mode="json")
    jsonschema.validate(body, schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("name", sorted(FACTS))
def test_a_fact_names_its_key_topic_and_version(name: str) -> None:
    fact = FACTS[name]
    aggregate, _, rest = name.partition(".")
    assert aggregate
    assert rest.endswith(".v1")
    assert fact.TOPIC in FACT_TOPICS
    assert fact.model_validate(fact.EXAMPLE).key == str(fact.EXAMPLE[fact.KEY])
    assert set(fact.CONSUMERS) <= SERVICES
    assert fact.__doc__


def test_the_generated_files_are_current() -> None:
    assert problems_with(ROOT, check=True) == []


def test_a_stale_or_orphaned_file_is_found(tmp_path: Path) -> None:
    for path, text in files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert problems_with(tmp_path, check=True) == []
    (tmp_path / "docs/events.md").write_text("old", encoding="utf-8")
    (tmp_path / "shared/src/shared/contracts/schemas/site.vanished.v1.json").write_text("{}", encoding="utf-8")
    found = "\n".join(problems_with(tmp_path, check=True))
    assert "docs/events.md is not current" in found
    assert "site.vanished.v1" in found


def _schema() -> dict[str, Any]:
    return schema_of(FACTS["site.recorded.v1"], "site.recorded.v1")


def test_a_new_optional_field_and_new_words_are_compatible() -> None:
    new = copy.deepcopy(_schema())
    new["properties"]["remark"] = {"type": "string", "default": None}
    new["description"] = "Other words."
    new["$defs"]["OperatorRecord"]["properties"]["remark"] = {"type": "string"}
    assert breaks(_schema(), new) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s["properties"].pop("number"), "number: removed"),
        (lambda s: s["properties"]["number"].update(type="integer"), "number"),
        (lambda s: s["required"].remove("number"), "number: was required"),
        (
            lambda s: (s["properties"].update(extra={"type": "string"}), s["required"].append("extra")),
            "extra: a new field must be optional",
        ),
        (lambda s: s["$defs"]["StandingRegistration"]["properties"].pop("number"), "number: removed"),
        (lambda s: s["$defs"]["AccessRecord"]["properties"]["ips"].update(type="string"), "ips"),
    ],
)
def test_an_incompatible_change_is_refused(change: Any, says: str) -> None:
    new = copy.deepcopy(_schema())
    change(new)
    assert any(says in reason for reason in breaks(_schema(), new))


def test_what_may_be_null_grows_as_everything_else_does() -> None:
    old = schema_of(FACTS["registry_act.named.v1"], "registry_act.named.v1")
    grown, other, never_null = copy.deepcopy(old), copy.deepcopy(old), copy.deepcopy(old)
    grown["$defs"]["Grounds"]["properties"]["remark"] = {"type": "string"}
    other["$defs"]["Grounds"]["properties"]["profile"] = {"type": "integer"}
    never_null["properties"]["grounds"]["anyOf"].pop()
    assert breaks(old, grown) == []
    for new in (other, never_null):
        assert any("grounds" in reason for reason in breaks(old, new))


def test_a_preview_counts_what_it_does_not_list_and_its_digest_covers_the_number() -> None:
    seen = Preview.model_validate(Preview.EXAMPLE)
    listed = {name: value for name, value in Preview.EXAMPLE.items() if name != "neighbours_total"}
    assert Preview.model_validate(listed) == seen, "nothing else said, all of them are listed"
    more = Preview.model_validate({**Preview.EXAMPLE, "neighbours_total": 700})
    assert more.collateral == seen.collateral
    assert more.digest != seen.digest
    with pytest.raises(ValueError, match="no fewer neighbours"):
        Preview.model_validate({**Preview.EXAMPLE, "neighbours_total": 0})
