"""Writes what others read of the contracts: JSON Schema files, docs/events.md and docs/asyncapi.json.

``python -m shared.contracts.generate`` writes; ``--check`` only says whether the files are current.
A schema that is already published is replaced only by a compatible one (see ``breaks``).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from shared.contracts.base import Fact, Topic
from shared.contracts.catalogue import FACTS
from shared.contracts.orders import ORDER_TYPE, Order
from shared.contracts.receipts import RECEIPTS_TYPE, ReceiptBatch
from shared.contracts.topics import FACT_TOPICS, orders_topic, receipts_topic

ROOT: Final = Path(__file__).resolve().parents[4]
SCHEMAS: Final = Path("shared/src/shared/contracts/schemas")
DOCUMENTATION_KEYS: Final = frozenset({"title", "description", "examples"})
PROVIDER: Final = "{provider_id}"


def schema_of(model: type[BaseModel], identifier: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one message body, with its example."""
    schema = model.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    example = getattr(model, "EXAMPLE", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:concord:{identifier}",
        **_plain(schema),
        "examples": [model.model_validate(example).model_dump(mode="json")],
    }


def _plain(schema: Any) -> Any:
    """Without OpenAPI's ``discriminator``: JSON Schema has none, and AsyncAPI another one."""
    if isinstance(schema, dict):
        return {name: _plain(value) for name, value in schema.items() if name != "discriminator"}
    return [_plain(value) for value in schema] if isinstance(schema, list) else schema


def messages() -> dict[str, type[BaseModel]]:
    """Every message body by the name of its schema file."""
    return {**FACTS, "order.v1": Order, "receipts.v1": ReceiptBatch}


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Why readers of ``old`` would not survive ``new``: empty if they would.

    Allowed are documentation, and fields that are new and optional. Everything else needs a new version of the type.
    """
    return list(_differences(_resolve(old, old), _resolve(new, new), "body"))


def _resolve(node: Any, root: Mapping[str, Any]) -> Any:
    if isinstance(node, Mapping):
        if "$ref" in node:
            return _resolve(root["$defs"][str(node["$ref"]).rsplit("/", 1)[1]], root)
        return {
            key: {name: _resolve(field, root) for name, field in value.items()}
            if key == "properties"
            else _resolve(value, root)
            for key, value in node.items()
            if key != "$defs" and key not in DOCUMENTATION_KEYS
        }
    if isinstance(node, list):
        return [_resolve(item, root) for item in node]
    return node


def _differences(old: Any, new: Any, where: str) -> Iterator[str]:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for before, after in zip(old, new, strict=True):  # of alternatives (anyOf), each by its place
            yield from _differences(before, after, where)
        return
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if old != new:
            yield f"{where}: {json.dumps(old)} became {json.dumps(new)}"
        return
    for key in sorted(old.keys() | new.keys()):
        if key == "properties":
            yield from _field_differences(old.get(key, {}), new.get(key, {}), where)
        elif key == "required":
            known = set(old.get("properties", {}))
            before, after = set(old.get(key, [])), set(new.get(key, []))
            yield from (f"{where}.{name}: a new field must be optional" for name in sorted(after - known))
            yield from (
                f"{where}.{name}: was {'required' if name in before else 'optional'}"
                for name in sorted((before ^ after) & known)
            )
        else:
            yield from _differences(old.get(key), new.get(key), f"{where}.{key}")


def _field_differences(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, field in old.items():
        if name in new:
            yield from _differences(field, new[name], f"{where}.{name}")
        else:
            yield f"{where}.{name}: removed"


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _summary(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _link(name: str) -> str:
    return f"[`{name}`](../{SCHEMAS}/{name}.json)"


def _facts_of(topic: Topic) -> list[type[Fact]]:
    return [fact for fact in FACTS.values() if topic == fact.TOPIC]


ORDER: Final = """\
## What order holds

- The Kafka key is the text of the field named below. Facts of **one aggregate** (an application, a registration, a
  site's record, a case, an order, a provider) stay in order on their topic: the order in which they became true.
- Facts that share a key but belong to different aggregates may swap when they became true at nearly the same time. On
  `access-events` the key is the site and the aggregate the order: facts of two orders about one site, at one provider
  or at two, may swap. Compare `order_id`, and `sequence` within a provider; or read `access-orders.<provider>`: one
  partition, in sequence.
- Facts of different keys, or on different topics, may arrive in any order.
- Delivery is at least once. After a crash, a replay or a wiped broker, facts come again, a key's story from some point
  on in order: remember the `id` of what was applied.
- The partition of a key is `(murmur2(key as UTF-8) & 0x7fffffff) % partitions`, the rule of Apache Kafka's Java client:
  `01940000-0000-7000-8000-000000000004` is in partition 14 of 24. A writer with another rule breaks the order of a key:
  librdkafka, and what is built on it, needs `partitioner=murmur2_random` (its default is CRC32). For the same reason
  the number of partitions of a topic is never changed.
- A fact is believed only if type, topic and source fit: `source` is `urn:concord:` and the department that writes the
  topic.
- A fact with its envelope, key and headers has at most 4,000,000 bytes; a request that would need a larger one is
  refused (`fact_too_large`) and changes nothing.
"""


def events_page() -> str:
    """``docs/events.md``: every topic and fact, for people."""
    lines = [
        "# Facts on Kafka",
        "",
        "Generated by `make generate` from `shared/contracts`; do not edit.",
        "",
        "Every fact is a CloudEvents 1.0 envelope in structured JSON whose `data` is the body.",
        "",
        ORDER,
    ]
    for topic in FACT_TOPICS:
        kept = "the last record of each key" if topic.compacted else f"{topic.retention_days} days"
        lines += [f"## `{topic.name}`", "", topic.description, "", f"Written by {topic.producer}. Kept: {kept}.", ""]
        lines += ["| fact | key | read by | what it says |", "|---|---|---|---|"]
        lines += [
            f"| {_link(fact.TYPE)} | `{fact.KEY}` | {', '.join(fact.CONSUMERS) or '—'} | {_summary(fact)} |"
            for fact in _facts_of(topic)
        ]
        lines += [""]
    for topic, model, name in (
        (orders_topic(PROVIDER), Order, "order.v1"),
        (receipts_topic(PROVIDER), ReceiptBatch, "receipts.v1"),
    ):
        lines += [f"## `{topic.name}`", "", topic.description, ""]
        lines += [f"Written by {topic.producer}. One partition. Value: a compact JWS with payload {_link(name)}.", ""]
        lines += [_summary(model), ""]
    return "\n".join(lines)


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0 document of all topics."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    components: dict[str, Any] = {}
    for topic in FACT_TOPICS:
        facts = _facts_of(topic)
        refs = {fact.__name__: {"$ref": f"#/components/messages/{fact.__name__}"} for fact in facts}
        channels[topic.name] = {"address": topic.name, "description": topic.description, "messages": refs}
        operations[f"{topic.producer}.send.{topic.name}"] = _operation("send", topic.name, facts)
        for reader in sorted({reader for fact in facts for reader in fact.CONSUMERS}):
            read = [fact for fact in facts if reader in fact.CONSUMERS]
            operations[f"{reader}.receive.{topic.name}"] = _operation("receive", topic.name, read)
        components |= {fact.__name__: _fact_message(fact) for fact in facts}
    for topic, model, action, typ in (
        (orders_topic(PROVIDER), Order, "receive", ORDER_TYPE),
        (receipts_topic(PROVIDER), ReceiptBatch, "send", RECEIPTS_TYPE),
    ):
        channel = topic.name.split(".")[0]
        channels[channel] = {
            "address": topic.name,
            "description": topic.description,
            "parameters": {"provider_id": {"description": "UUID of the provider"}},
            "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"}},
        }
        operations[f"provider.{action}.{channel}"] = _operation(action, channel, [model])
        components[model.__name__] = _signed_message(model, typ)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Concord", "version": "1.0.0", "description": "Facts, orders and receipts on Kafka."},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": components},
    }


def _operation(action: str, channel: str, models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """Who sends or receives names the messages: without a list it would be all of the channel's."""
    messages_of = [{"$ref": f"#/channels/{channel}/messages/{model.__name__}"} for model in models]
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "messages": messages_of}


def _fact_message(fact: type[Fact]) -> dict[str, Any]:
    return {
        "name": fact.TYPE,
        "summary": _summary(fact),
        "contentType": "application/cloudevents+json",
        "bindings": {"kafka": {"key": {"type": "string", "description": fact.KEY}}},
        "payload": _event(fact),
    }


def _event(fact: type[Fact]) -> dict[str, Any]:
    """What lies on the topic: a CloudEvent in structured JSON with the body as its ``data``."""
    attributes: dict[str, Any] = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid"},
        "source": {"const": f"urn:concord:{fact.TOPIC.producer}"},
        "type": {"const": fact.TYPE},
        "subject": {"type": "string", "description": f"The Kafka key: {fact.KEY}."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": _inline(schema_of(fact, fact.TYPE)),
    }
    tracing = {name: {"type": "string"} for name in ("traceparent", "tracestate")}
    return {"type": "object", "required": list(attributes), "properties": attributes | tracing}


def _signed_message(model: type[BaseModel], typ: str) -> dict[str, Any]:
    return {
        "name": model.__name__,
        "summary": _summary(model),
        "description": f"Compact JWS, typ `{typ}`, alg `Ed25519`; the schema is of its payload.",
        "contentType": "application/jose",
        "payload": _inline(schema_of(model, f"{model.__name__.lower()}.v1")),
    }


def _inline(schema: Mapping[str, Any]) -> Any:
    """The schema without ``$defs``: AsyncAPI resolves references from the root of its own document."""

    def walk(node: Any) -> Any:
        if isinstance(node, Mapping):
            if "$ref" in node:
                return walk(schema["$defs"][str(node["$ref"]).rsplit("/", 1)[1]])
            return {key: walk(value) for key, value in node.items() if key not in {"$defs", "$schema", "$id"}}
        return [walk(item) for item in node] if isinstance(node, list) else node

    return walk(schema)


def files() -> dict[Path, str]:
    """Every generated file, by its path from the project's root."""
    schemas = {SCHEMAS / f"{name}.json": _dump(schema_of(model, name)) for name, model in messages().items()}
    return {**schemas, Path("docs/events.md"): events_page(), Path("docs/asyncapi.json"): _dump(asyncapi())}


def problems_with(root: Path, *, check: bool) -> list[str]:
    """Incompatible changes, and with ``check`` also files that are not current."""
    found: list[str] = []
    wanted = files()
    for path, text in wanted.items():
        current = (root / path).read_text(encoding="utf-8") if (root / path).exists() else None
        if current is not None and path.parent == SCHEMAS:
            found += [f"{path.stem}: {reason}" for reason in breaks(json.loads(current), json.loads(text))]
        if check and current != text:
            found.append(f"{path} is not current: run `make generate`")
    published = {path.relative_to(root) for path in (root / SCHEMAS).glob("*.json")}
    found += [f"{path.stem}: a published fact has no class any more" for path in sorted(published - wanted.keys())]
    return found


def main() -> int:
    """Write or check the files; 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
    arguments = parser.parse_args()
    found = problems_with(ROOT, check=arguments.check)
    if found:
        sys.stderr.write(
            "\n".join(found) + "\nA fact changes only by new optional fields; anything else is a new version (…v2).\n"
        )
        return 1
    if not arguments.check:
        for path, text in files().items():
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
