"""Reads the facts of the register and writes the entry a look-up answers with."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from query.readmodel.lifecycle import IDLE, Hosting, Order, at_provider, overall

# Ids and times stay texts, as they came: msgspec reads a record three times as fast that way.
_DOMAIN: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*").fullmatch
_NUMBER: Final = re.compile(r'[^"\\\x00-\x1f]{1,160}').fullmatch
"""What can be a key, and stand in an answer as it is: 160 characters are at most 480 bytes, and LMDB takes 511."""
LONGEST_DOMAIN: Final = 253
REMEMBERED: Final = 50
"""Changes of status that an entry remembers."""


class AccessRecord(msgspec.Struct, frozen=True, gc=False):
    """Where a site is hosted, as the register says it."""

    provider_id: str
    ips: tuple[str, ...]
    hosting_mode: str


class OperatorRecord(msgspec.Struct, frozen=True, gc=False):
    """Who is responsible for a site, as the register says it."""

    operator_id: str
    name: str
    uscc: str
    kind: str


class SiteRecord(msgspec.Struct, frozen=True, gc=False):
    """A site as the register says it."""

    number: str
    name: str
    domains: tuple[str, ...]
    service_items: tuple[str, ...]
    status: str
    accesses: tuple[AccessRecord, ...]


class Redress(msgspec.Struct, frozen=True, gc=False):
    """Where, how and until when a measure can be challenged."""

    authority: str
    how: str
    within_days: int


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The measure in force against a registration."""

    authority: str
    legal_basis: tuple[str, ...]
    reasons: str
    redress: Redress
    public_reasons: str | None = None
    """What of the reasons everybody may read, redacted by the authority; officials read both."""
    evidence_hash: str | None = None
    decision_id: str | None = None
    case_id: str | None = None


class SiteFact(msgspec.Struct, frozen=True, gc=False):
    """The part of ``site.recorded.v1`` that look-ups need."""

    site_id: str
    version: int
    site: SiteRecord
    operator: OperatorRecord
    registration_id: str
    registration_number: str
    registration_kind: str
    registration_status: str
    region: str
    changed_at: str
    measure: Decision | None = None

    def check(self) -> None:
        """Raise ValueError if something could not be a key, or is not what it is called."""
        for domain in self.site.domains:
            if len(domain) > LONGEST_DOMAIN or _DOMAIN(domain) is None:
                raise ValueError(f"{domain[:80]!r} is not a domain name in A-labels")
        if not (_NUMBER(self.registration_number) and _NUMBER(self.site.number)):
            raise ValueError("a registration number is too long, or holds a quote, a backslash or a control character")
        datetime.fromisoformat(self.changed_at)
        id_of(self.site_id)
        id_of(self.operator.operator_id)


class Site(msgspec.Struct, frozen=True, gc=False):
    """A site in an answer."""

    site_id: str
    site_number: str
    name: str
    domains: tuple[str, ...]
    service_items: tuple[str, ...]
    status: str
    region: str
    version: int


class Registration(msgspec.Struct, frozen=True, gc=False):
    """A registration in an answer."""

    registration_id: str
    number: str
    kind: str
    status: str


class Access(msgspec.Struct, frozen=True, gc=False):
    """An access in an answer; ``hosting`` is the state at this provider."""

    provider_id: str
    ips: tuple[str, ...]
    hosting_mode: str
    hosting: str


class Change(msgspec.Struct, frozen=True, gc=False):
    """When the registration or its site became active or revoked."""

    status: str
    at: str


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is known of a site; written as JSON it is what an official's look-up answers."""

    site: Site = msgspec.field()
    registration: Registration = msgspec.field()
    operator: OperatorRecord = msgspec.field()
    accesses: tuple[Access, ...] = msgspec.field()
    hosting: Hosting = msgspec.field()
    changed_at: str = msgspec.field()
    decision: Decision | None = None
    history: tuple[Change, ...] = ()

    @property
    def numbers(self) -> set[str]:
        """The numbers it is found by."""
        return {self.registration.number, self.site.site_number}

    @property
    def operators(self) -> set[str]:
        """The operator it is found by, when somebody asks who looked it up."""
        return {self.operator.operator_id}

    @property
    def ips(self) -> set[str]:
        """The addresses it is found by."""
        return {ip for access in self.accesses for ip in access.ips}


def id_of(text: str) -> bytes:
    """An id as 16 bytes. Raises ValueError if it is none."""
    found = bytes.fromhex(text.replace("-", ""))
    if len(found) != 16:
        raise ValueError(f"{text[:80]!r} is not an id")
    return found


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


def encode(entry: Entry) -> bytes:
    """An entry as it is kept: JSON without its opening brace, so that a key and a line end make it an NDJSON line."""
    return _encode(entry)[1:] + b"\n"


def decode(tail: bytes | memoryview) -> Entry:
    """An entry as it was kept."""
    return _decode(b"{" + tail)


def entry_of(fact: SiteFact, orders: Mapping[str, list[Order]], earlier: Entry | None) -> Entry:
    """The entry that a record makes; ``orders`` by provider; ``earlier`` is what was known of the site before."""
    site = fact.site
    return Entry(
        Site(
            fact.site_id,
            site.number,
            site.name,
            site.domains,
            site.service_items,
            site.status,
            fact.region,
            fact.version,
        ),
        Registration(fact.registration_id, fact.registration_number, fact.registration_kind, fact.registration_status),
        fact.operator,
        *_hosted([(access.provider_id, access.ips, access.hosting_mode) for access in site.accesses], orders),
        fact.changed_at,
        fact.measure,
        _history(fact, earlier),
    )


def with_orders(entry: Entry, orders: Mapping[str, list[Order]]) -> Entry:
    """The entry after its providers were sent orders or answered them."""
    accesses, hosting = _hosted([(each.provider_id, each.ips, each.hosting_mode) for each in entry.accesses], orders)
    return msgspec.structs.replace(entry, accesses=accesses, hosting=hosting)


def _hosted(
    accesses: list[tuple[str, tuple[str, ...], str]], orders: Mapping[str, list[Order]]
) -> tuple[tuple[Access, ...], Hosting]:
    """The accesses with the state at each provider, and the state of the site as a whole."""
    if not orders:
        return tuple([Access(provider, ips, mode, IDLE.state) for provider, ips, mode in accesses]), IDLE
    states = {provider: at_provider(known) for provider, known in orders.items()}
    # A provider the site has left says nothing about where it is now, unless it has no other.
    here = {provider: states.get(provider, IDLE) for provider, _, _ in accesses} or states
    hosted = tuple([Access(provider, ips, mode, here[provider].state) for provider, ips, mode in accesses])
    return hosted, overall(here.values())


def _history(fact: SiteFact, earlier: Entry | None) -> tuple[Change, ...]:
    """The changes of status; none as long as it never changed."""
    if earlier is None:
        return () if fact.registration_status == "active" else (Change(fact.registration_status, fact.changed_at),)
    if earlier.registration.status == fact.registration_status:
        return earlier.history
    return (*earlier.history, Change(fact.registration_status, fact.changed_at))[-REMEMBERED:]
