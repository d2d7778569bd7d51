"""Who reads what, compared where it is said: the fact's class, the tables of handlers, the topics, the access lists."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from local_stack import access_lists
from local_stack.topology import SERVICES
from shared.contracts.base import Fact, Topic
from shared.contracts.catalogue import FACTS
from shared.contracts.topics import DIRECTORY_ORGANISATIONS, FACT_TOPICS
from shared.runtime.process.service import Service

MAINS: Final[dict[str, Service]] = {
    name: importlib.import_module(f"{service.module}.main").SERVICE for name, service in SERVICES.items()
}


def heard(name: str) -> set[type[Fact]]:
    """What a service has a handler or projection for, the runtime's too; query's reader knows facts by type."""
    found = {*MAINS[name].handlers, *MAINS[name].projected}
    if name == "query":
        for value in _values("query"):
            types = {value} if isinstance(value, str) else set(value) if isinstance(value, Mapping) else set()
            found |= {FACTS[each] for each in types if isinstance(each, str) and each in FACTS}
    return found


def listened(name: str) -> set[str]:
    """Names of the topics of facts that a service reads."""
    topics = MAINS[name].listens
    found = set() if callable(topics) else set(topics)
    if MAINS[name].follows_directory:
        found.add(DIRECTORY_ORGANISATIONS)
    if name == "query":
        found |= {
            each for value in _values("query") if isinstance(value, tuple) for each in value if isinstance(each, Topic)
        }
    return {topic.name for topic in found}


def facts() -> Iterator[str]:
    """Somebody reads every fact; readers are the same in the class, the handlers, the topics and the access lists."""
    for kind, fact in FACTS.items():
        readers = {name for name in MAINS if fact in heard(name)}
        if not readers:
            yield f"{kind}: nobody reads it"
        yield from (
            f"{kind}: {name} reads it, its class does not say so" for name in sorted(readers - {*fact.CONSUMERS})
        )
        yield from (f"{kind}: {name} should read it and has no handler" for name in sorted({*fact.CONSUMERS} - readers))
    for name in MAINS:
        needed = {fact.TOPIC.name for fact in heard(name)}
        allowed = {
            grant.name
            for grant in access_lists.of_department(name)
            if grant.resource == "topic" and not grant.prefixed and "READ" in grant.operations
        }
        told = {topic.name for topic in FACT_TOPICS if topic.producer == name}
        published = {topic.name for topic in MAINS[name].publishes} & {topic.name for topic in FACT_TOPICS}
        yield from (f"{name}: does not listen to {topic}" for topic in sorted(needed - listened(name)))
        yield from (f"{name}: listens to {topic} for nothing" for topic in sorted(listened(name) - needed))
        yield from (f"{name}: may not read {topic}" for topic in sorted(needed - allowed - told))
        yield from (f"{name}: may read {topic} for nothing" for topic in sorted(allowed - needed))
        yield from (f"{name}: {topic} is its own and it does not publish it" for topic in sorted(told - published))
        yield from (f"{name}: publishes {topic}, which is not its own" for topic in sorted(published - told))


def _values(package: str) -> Iterator[object]:
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}."):
            yield from vars(module).values()
