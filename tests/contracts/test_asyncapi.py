"""docs/asyncapi.json: valid by the official schema, whole in itself, and true of what lies on the topics."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.contracts.catalogue import FACTS
from shared.contracts.generate import ROOT, asyncapi, messages
from shared.runtime.acts import envelope
from shared.runtime.base.ids import uuid7

OFFICIAL = Path(__file__).parent / "asyncapi" / "3.0.0.json"
TRACE = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}


@cache
def official() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(OFFICIAL.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as it is committed."""
    committed: dict[str, Any] = json.loads((ROOT / "docs/asyncapi.json").read_text(encoding="utf-8"))
    return committed


def test_the_document_follows_the_official_schema_of_its_version(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == OFFICIAL.stem
    assert [error.message[:500] for error in official().iter_errors(document)] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d["info"].pop("title"),
        lambda d: d["operations"]["registry.send.registry-events"].update(action="publish"),
        lambda d: d["channels"]["access-orders"]["parameters"]["provider_id"].update(schema={"type": "string"}),
        lambda d: d["components"]["messages"]["Order"]["payload"].update(type="text"),
        lambda d: d["components"]["messages"]["DecisionReleasedV1"]["bindings"]["kafka"].update(key="decision_id"),
    ],
)
def test_the_official_schema_would_notice(document: dict[str, Any], spoil: Callable[[dict[str, Any]], object]) -> None:
    spoilt = copy.deepcopy(document)
    spoil(spoilt)
    assert not official().is_valid(spoilt)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def test_every_reference_leads_to_something_in_the_document(document: dict[str, Any]) -> None:
    references = set(_references(document))
    assert references
    for reference in references:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in found, reference
            found = found[step]


def test_the_parameters_of_an_address_are_described(document: dict[str, Any]) -> None:
    for channel in document["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel.get("parameters", {}))


def test_there_is_a_message_for_every_fact_and_its_schema_needs_nothing_else() -> None:
    components = asyncapi()["components"]
    assert set(components["messages"]) == {fact.__name__ for fact in FACTS.values()} | {"Order", "ReceiptBatch"}
    assert "$ref" not in json.dumps(components)


def test_each_department_sends_all_of_its_topic_and_receives_the_facts_that_name_it_as_reader() -> None:
    said: dict[str, set[str]] = {}
    for name, operation in asyncapi()["operations"].items():
        channel = operation["channel"]["$ref"]
        for message in operation["messages"]:
            prefix, _, fact = message["$ref"].rpartition("/messages/")
            assert prefix == channel
            said.setdefault(name, set()).add(fact)
    meant: dict[str, set[str]] = {
        "provider.receive.access-orders": {"Order"},
        "provider.send.access-receipts": {"ReceiptBatch"},
    }
    for each in FACTS.values():
        topic = each.TOPIC
        meant.setdefault(f"{topic.producer}.send.{topic.name}", set()).add(each.__name__)
        for reader in each.CONSUMERS:
            meant.setdefault(f"{reader}.receive.{topic.name}", set()).add(each.__name__)
    assert said == meant


@pytest.mark.parametrize("name", sorted(FACTS))
@pytest.mark.parametrize("trace", [{}, TRACE], ids=["untraced", "traced"])
def test_a_fact_as_it_lies_on_its_topic_satisfies_the_payload(
    document: dict[str, Any], name: str, trace: dict[str, str]
) -> None:
    fact = FACTS[name].model_validate(FACTS[name].EXAMPLE)
    event = json.loads(envelope.encode(fact, event_id=uuid7(), at=datetime.now(UTC), trace=trace))
    payload = _payload(document, FACTS[name].__name__)
    payload.validate(event)
    assert set(event) <= set(payload.schema["properties"]), "nothing on the topic is left out"
    assert set(event) - set(trace) == set(payload.schema["required"])
    assert not payload.is_valid(event["data"]), "the body alone is not what a reader gets"
    for attribute in ("source", "type", "specversion"):
        assert not payload.is_valid(event | {attribute: "another"}), attribute
    assert not payload.is_valid(event | {"data": {}})


@pytest.mark.parametrize("name", ["Order", "ReceiptBatch"])
def test_the_payload_of_a_signed_document_satisfies_its_schema(document: dict[str, Any], name: str) -> None:
    [model] = [model for model in messages().values() if model.__name__ == name]
    example: Any = model
    _payload(document, name).validate(model.model_validate(example.EXAMPLE).model_dump(mode="json"))


def _payload(document: dict[str, Any], message: str) -> jsonschema.Draft7Validator:
    """Draft 7 is what AsyncAPI builds on."""
    schema = document["components"]["messages"][message]["payload"]
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
