"""The rows of the sections of a profile that have no module of their own."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from shared.rules.row import Row


@dataclass(frozen=True, slots=True)
class Named(Row):
    """A thing of the domain with its name in both languages and where it comes from."""

    code: str
    chinese: str
    english: str
    source: str


@dataclass(frozen=True, slots=True)
class Province(Row):
    """A province by its GB/T 2260 code; ``short`` opens every registration number issued there."""

    code: str
    short: str
    chinese: str
    english: str


@dataclass(frozen=True, slots=True)
class ServiceItem(Row):
    """A kind of service. A regulated one names the authority whose consent comes before registration, and its clock."""

    code: str
    chinese: str
    english: str
    approval_required: bool
    source: str
    authority: str | None = None
    authority_chinese: str | None = None
    clock: str | None = None
    requires: tuple[str, ...] = ()
    """The documents an application must bring, by their codes in ``requirements``."""
    approval_mark: str | None = None
    """What tells its approvals apart in their numbers: between the sign of the province and the year."""


@dataclass(frozen=True, slots=True)
class NumberFormat(Row):
    """How numbers of one kind of registration are written."""

    kind: str
    pattern: str
    """Its words around ``{region}`` (the province's short name) and ``{serial}``."""
    site: str
    """What is added for one site of the registration, around ``{site}``."""
    digits: int
    """Shorter serials are filled up with zeros to so many digits."""
    most_digits: int
    example: str
    source: str


@dataclass(frozen=True, slots=True)
class RedressDefault(Row):
    """How a measure can be challenged where a decision says nothing else."""

    clock: str
    within_days: int
    """The amount of that clock."""
    how: str
    how_chinese: str
    source: str


@dataclass(frozen=True, slots=True)
class Approvals(Row):
    """How long an approval is valid at most; the stages of the clock are the warnings before it lapses."""

    validity: str
    source: str


@dataclass(frozen=True, slots=True)
class Reviews(Row):
    """The fixed dates of the annual review, each year anew: month and day, e.g. 03-01."""

    opens: str
    opinions_until: str
    """The last day on which an authority can give its opinion."""
    closes: str
    remind_days: tuple[int, ...]
    """So many days before the end of its window an authority that has not finished is reminded."""
    source: str

    def dates(self, year: int) -> tuple[date, date, date]:
        """The three days in a year."""
        opens, until, closes = (
            date.fromisoformat(f"{year}-{day}") for day in (self.opens, self.opinions_until, self.closes)
        )
        return opens, until, closes


@dataclass(frozen=True, slots=True)
class Registrations(Row):
    """The clocks of licences, of providers' checks and of the company registrar, by their names."""

    validity: str
    """How long a licence is valid at most; its stages are the warnings before it lapses."""
    renewal: str
    """The regulator decides on a renewal."""
    late_renewal: str
    """A lapsed licence can still be renewed under its number."""
    check: str
    """A provider checks what is submitted with its name."""
    check_required: bool
    """Whether the regulator waits for the providers' answers, until their clock is over, before it grants."""
    registrar: str
    """The company registrar reports what it did."""
    marks_required: bool
    """Whether operators must show the mark of their registration. It is told to them, and nothing here looks."""
    source: str

    @property
    def clocks(self) -> tuple[str, ...]:
        """The clocks it names."""
        return self.validity, self.renewal, self.late_renewal, self.check, self.registrar


class Route(StrEnum):
    """Where a triaged complaint can go: a closed set, and none of it is a measure (docs/adr/0013)."""

    OPEN_CASE = "open_case"
    """A case, like any other."""
    DISMISS = "dismiss"
    """Nothing, with reasons."""
    WARN = "warn"
    """A letter under the industry code, without effect."""


@dataclass(frozen=True, slots=True)
class ComplaintGrade(Row):
    """How a person grades a complaint, and where it can go from there."""

    code: str
    chinese: str
    english: str
    routes: frozenset[Route]
    source: str


@dataclass(frozen=True, slots=True)
class Complaints(Row):
    """What is kept of complaints, and how long."""

    forget_days: int
    """So many days after a complaint is over, who complained is forgotten."""
    most_files: int
    """That somebody may add to a complaint."""
    most_file_bytes: int
    again_days: int
    """So long a provider does not report a name again whose emergency suspension lapsed."""
    source: str


@dataclass(frozen=True, slots=True)
class Observations(Row):
    """How it is looked at whether orders were carried out as their providers signed (docs/adr/0022)."""

    days: int
    """So long after a receipt an order is looked at, and what was seen is kept."""
    apart_minutes: int
    """A difference counts that was seen again after so many minutes."""
    least: int
    """Orders of a provider below which nothing is published of what was seen of them."""
    source: str


@dataclass(frozen=True, slots=True)
class Cases(Row):
    """What a case file goes by."""

    most_transfers: int
    """Times that a case goes on to another authority: then whoever has it ends it."""
    recheck_days: int
    """Within so many days the bytes of evidence, and of every file that was handed in, are compared with their hash."""
    conflict_chinese: str
    conflict_english: str
    """By what rule the coordination office settles opinions that differ; its settlement is advice."""
    source: str


@dataclass(frozen=True, slots=True)
class EvidenceKind(Row):
    """Files that can be evidence; the code is a signature of ``rules.media``."""

    code: str
    chinese: str
    english: str
    media_types: tuple[str, ...]
    """What such a file may be said to be: lower case, without parameters."""
    most_mib: int
    source: str

    @property
    def most_bytes(self) -> int:
        """How large one may be."""
        return self.most_mib * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Protected(Row):
    """Host names whose loss would endanger people: an order that touches one needs a second look."""

    code: str
    chinese: str
    english: str
    suffixes: tuple[str, ...]
    """Names in A-labels; each stands for itself and every name below it."""
    source: str


@dataclass(frozen=True, slots=True)
class AddressRange(Row):
    """Addresses that are set aside for something else and may serve sites all the same."""

    code: str
    range: IPv4Network | IPv6Network
    chinese: str
    english: str
    source: str


class Check(StrEnum):
    """How a number on an identity document is checked."""

    CREDIT_CODE = "credit_code"
    """Unified social credit code, GB 32100."""
    RESIDENT_ID = "resident_id"
    """Citizen's number, GB 11643."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class IdentityDocument(Row):
    """A document by which an operator is known."""

    code: str
    chinese: str
    english: str
    check: Check
    personal: bool
    """A person's number is kept as a keyed hash only."""
    source: str
