"""Reads the facts of the register and writes the entry a look-up answers with."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from query.readmodel import categories
from query.readmodel.acts import HOST, LONGEST_HOST, CarriedOut
from query.readmodel.lifecycle import GONE, Hosting, Order, at_provider, overall
from query.readmodel.measures import Measure

# Ids and times stay texts, as they came: msgspec reads a record three times as fast that way.
_NUMBER: Final = re.compile(r'[^"\\\x00-\x1f]{1,160}').fullmatch
"""What can be a key, and stand in an answer as it is: 160 characters are at most 480 bytes, and LMDB takes 511."""
LAPSED: Final = "lapsed"
"""Status of a site that was taken out because nobody hosts it."""


class AccessRecord(msgspec.Struct, frozen=True, gc=False):
    """Where a site is hosted, as the register says it."""

    provider_id: str
    ips: tuple[str, ...]
    hosting_mode: str
    status: str = "live"


class OperatorRecord(msgspec.Struct, frozen=True, gc=False):
    """Who is responsible for a site, as the register says it. ``identity``: a credit code, or a person's keyed hash."""

    operator_id: str
    identity: str
    name: str
    kind: str


class Registration(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The filing or licence a site stands under."""

    registration_id: str
    number: str
    kind: str
    level: str
    region: str
    valid_until: str | None = None
    status: str | None = None

    def category_key(self, site_status: str, items: tuple[str, ...]) -> bytes:
        """Under which key of the register's lists a site of it stands. Raises ValueError."""
        return categories.key_of(self.region, self.kind, site_status, self.status, items)


class SiteFact(msgspec.Struct, frozen=True, gc=False):
    """The part of ``site.recorded.v1`` that look-ups need: not where notices reach the operator."""

    site_id: str
    version: int
    number: str
    name: str
    domains: tuple[str, ...]
    service_items: tuple[str, ...]
    status: str
    accesses: tuple[AccessRecord, ...]
    operator: OperatorRecord
    registration: Registration
    changed_at: str
    former_numbers: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise ValueError if something could not be a key, or is not what it is called."""
        for domain in self.domains:
            if len(domain) > LONGEST_HOST or HOST(domain) is None:
                raise ValueError(f"{domain[:80]!r} is not a domain name in A-labels")
        if not all(map(_NUMBER, (self.registration.number, self.number, *self.former_numbers))):
            raise ValueError("a registration number is too long, or holds a quote, a backslash or a control character")
        self.registration.category_key(self.status, self.service_items)
        datetime.fromisoformat(self.changed_at)
        id_of(self.site_id)
        id_of(self.operator.operator_id)


class Site(msgspec.Struct, frozen=True, gc=False):
    """A site in an answer. ``status`` stands last, before the registration: see LIVE."""

    site_id: str
    site_number: str
    name: str
    domains: tuple[str, ...]
    service_items: tuple[str, ...]
    version: int
    status: str


class Access(msgspec.Struct, frozen=True, gc=False):
    """An access in an answer; ``hosting`` is the state at this provider."""

    provider_id: str
    ips: tuple[str, ...]
    hosting_mode: str
    status: str
    hosting: str


class Story(NamedTuple):
    """What befell a site: its orders, by provider, and the measures on it with the executions they come from."""

    orders: Mapping[str, list[Order]] = {}
    measures: tuple[Measure, ...] = ()
    carried: tuple[CarriedOut, ...] = ()


NOTHING_BEFELL: Final = Story()


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is known of a site; written as JSON it is what an official's look-up answers.

    It follows from the newest record and from what befell the site, in whatever order that was heard.
    """

    site: Site = msgspec.field()
    registration: Registration = msgspec.field()
    operator: OperatorRecord = msgspec.field()
    accesses: tuple[Access, ...] = msgspec.field()
    hosting: Hosting = msgspec.field()
    changed_at: str = msgspec.field()
    measures: tuple[Measure, ...] = ()
    former_numbers: tuple[str, ...] = ()

    @property
    def numbers(self) -> set[str]:
        """The numbers it is found by."""
        return {self.registration.number, self.site.site_number}

    @property
    def former(self) -> set[str]:
        """The numbers that it had, and those of the registrations that it stood under then."""
        return {*self.former_numbers, *(number.rpartition("-")[0] for number in self.former_numbers)}

    @property
    def operators(self) -> set[str]:
        """The operator it is found by, when somebody asks who looked it up."""
        return {self.operator.operator_id}

    @property
    def category(self) -> bytes:
        """The key that it stands under in the register's lists."""
        return self.registration.category_key(self.site.status, self.site.service_items)

    @property
    def name_key(self) -> str | None:
        """What it is found by when somebody searches for its name; none where that is a person's."""
        return categories.name_key(self.site.name, self.operator.kind)

    @property
    def ips(self) -> set[str]:
        """The addresses it is found by."""
        return {ip for access in self.accesses for ip in access.ips}


class Unregistered(msgspec.Struct, frozen=True):
    """A site that is in no register, and what befell it; its host name is all that it is known by."""

    host: str
    provider_ids: tuple[str, ...]
    hosting: Hosting
    measures: tuple[Measure, ...]


def id_of(text: str) -> bytes:
    """An id as 16 bytes. Raises ValueError if it is none."""
    found = bytes.fromhex(text.replace("-", ""))
    if len(found) != 16:
        raise ValueError(f"{text[:80]!r} is not an id")
    return found


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode
load_unregistered: Final = msgspec.json.Decoder(Unregistered).decode
dump_unregistered: Final = _encode


def encode(entry: Entry) -> bytes:
    """An entry as it is kept: JSON without its opening brace, so that a key and a line end make it an NDJSON line."""
    return _encode(entry)[1:] + b"\n"


def decode(tail: bytes | memoryview) -> Entry:
    """An entry as it was kept."""
    return _decode(b"{" + tail)


def entry_of(fact: SiteFact, story: Story = NOTHING_BEFELL) -> Entry:
    """The entry that a record makes, with what befell the site."""
    return Entry(
        Site(fact.site_id, fact.number, fact.name, fact.domains, fact.service_items, fact.version, fact.status),
        fact.registration,
        fact.operator,
        *_hosted(fact.accesses, story.orders, fact.status),
        fact.changed_at,
        story.measures,
        fact.former_numbers,
    )


def with_story(entry: Entry, story: Story) -> Entry:
    """The entry after something befell the site."""
    accesses, hosting = _hosted(entry.accesses, story.orders, entry.site.status)
    return msgspec.structs.replace(entry, accesses=accesses, hosting=hosting, measures=story.measures)


def unregistered(host: str, story: Story) -> Unregistered:
    """What is known of a site that is in no register."""
    found = {str(each.subject.provider_id) for each in story.carried if each.subject.provider_id is not None}
    providers = sorted(found | story.orders.keys())
    stopped = any(each.status == "in_force" for each in story.measures)
    states = [at_provider("stopped" if stopped else "live", story.orders.get(each, [])) for each in providers]
    return Unregistered(host, tuple(providers), overall(states), story.measures)


def _hosted(
    accesses: Iterable[AccessRecord | Access], orders: Mapping[str, list[Order]], status: str
) -> tuple[tuple[Access, ...], Hosting]:
    """The accesses with the state at each provider, and the state of the site as a whole.

    A site has lapsed because nobody hosts it: what an access or an order says of it is of before.
    """
    # A provider the site has left says nothing about where it is now.
    states = [(each, at_provider(each.status, orders.get(each.provider_id, ()))) for each in accesses]
    hosted = [Access(each.provider_id, each.ips, each.hosting_mode, each.status, at.state) for each, at in states]
    if status == LAPSED:
        return tuple(msgspec.structs.replace(each, hosting=GONE.state) for each in hosted), GONE
    if not states:  # unless it has no other
        return (), overall([at_provider("live", known) for known in orders.values()])
    return tuple(hosted), overall([at for _, at in states])
