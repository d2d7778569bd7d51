"""An access desk for one provider on this machine: the doors of access-control, with orders that can be spoiled."""

import contextlib
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

from shared.contracts.orders import ORDER_TYPE, Order
from shared.contracts.receipts import COUNTER_TYPE, RECEIPTS_TYPE, CounterResult, Receipt, ReceiptBatch
from shared.signing import OWNER, RETIRED, BadSignature, KeyRing, Signer, canonical, generate_key, unique

ISSUER: Final[str] = Order.EXAMPLE["issuer"]["id"]
_EXAMPLE: Final = Order.model_validate(Order.EXAMPLE).model_dump_json()
SECRET: Final = "conformance"  # noqa: S105 - of a kit that listens on this machine alone
LONGEST_WAIT_S: Final = 60.0
ELSEWHERE: Final = "/elsewhere"
"""Where redirects lead: whoever asks there has followed one."""
SKEW: Final = timedelta(minutes=5)
LAG: Final = timedelta(days=1)
"""A receipt lies no longer before the order that it answers, or access-control refuses it."""
_WHERE: Final = re.compile(r"/providers/([^/]+)/(orders|state|snapshot|receipts)(?:/([0-9]+))?").fullmatch


class PortTaken(Exception):
    """Another program has the port, or it is not ours to have."""


@dataclass
class Told:
    """A receipt that was taken, and when."""

    receipt: Receipt
    at: datetime


@dataclass
class Desk:
    """What is given out and what came back. Tests of a client change it while its server runs."""

    provider_id: UUID
    keys: list[dict[str, Any]]
    """Public keys of the provider: empty for a while, and its receipts wait."""
    signer: Signer = field(default_factory=lambda: Signer(generate_key("conformance-1")))
    published: list[tuple[Signer, str | None]] = field(default_factory=list)
    shown: dict[int, bytes] = field(default_factory=dict)
    """What the feed has at each place."""
    extra: list[tuple[int, bytes]] = field(default_factory=list)
    """What the feed says beside that."""
    fetched: Counter[bytes] = field(default_factory=Counter)
    """How often the feed gave these bytes to the client."""
    forged: dict[str, str] = field(default_factory=dict)
    """By the digest of bytes that must not be believed: what is wrong with them."""
    retired: dict[str, datetime] = field(default_factory=dict)
    """When keys were retired that stay in the set."""
    past: set[str] = field(default_factory=set)
    """Orders whose receipts were on file before the client began."""
    documents: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Every order that was given out for real."""
    bytes_of: dict[str, bytes] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What was wrong with what came back."""
    refuse: int = 0
    """So many requests with a token are answered 503 first."""
    forget_tokens: bool = False
    redirects: dict[str, list[int]] = field(default_factory=dict)
    """By what is asked for (``orders``, ``receipts``, ``jwks``): the statuses of the next answers, all elsewhere."""
    forge: Callable[[dict[str, Any]], str] | None = None
    """Makes the counter-receipt of the next document, of which nothing is recorded."""
    asked: int = 0
    most_at_once: int = 0
    base: str = ""
    """Where it is served."""

    def __post_init__(self) -> None:
        self.published.append((self.signer, ISSUER))
        self._changed = threading.Condition()
        self._token = uuid4().hex

    # --- orders out ---------------------------------------------------------------------------------------------------

    def document(self, action: str = "cut_off", *, host: str, **changes: Any) -> dict[str, Any]:
        """The next order, not yet given out."""
        now = datetime.now(UTC)
        site = json.loads(_EXAMPLE)["site"] | {"hosts": [host], "spared": [], "site_id": str(uuid4())}
        made: dict[str, Any] = json.loads(_EXAMPLE) | {
            "order_id": str(uuid4()),
            "sequence": len(self.documents) + 1,
            "provider_id": str(self.provider_id),
            "action": action,
            "site": site,
            "issued_at": now.isoformat(),
            "execute_by": (now + timedelta(days=1)).isoformat(),
        }
        if action == "restore":
            made |= {
                "statement": {
                    name: made["grounds"][name] for name in ("legal_basis", "reasons", "public_reasons", "redacted")
                },
                "grounds": None,
            }
        return made | changes

    def sign(self, document: dict[str, Any], signer: Signer | None = None) -> bytes:
        """The bytes of an order."""
        return (signer or self.signer).sign(canonical(document), ORDER_TYPE).encode()

    def give(self, document: dict[str, Any], *, show: bool = True, signer: Signer | None = None) -> bytes:
        """Give an order out for real: what is said about it counts from now on."""
        jws = self.sign(document, signer)
        self.documents[document["sequence"]] = document
        self.bytes_of[document["order_id"]] = jws
        if show:
            self.show(document["sequence"], jws)
        return jws

    def show(self, sequence: int, jws: bytes | None) -> None:
        """Put something at a place of the feed; none: nothing."""
        with self._changed:
            if jws is None:
                self.shown.pop(sequence, None)
            else:
                self.shown[sequence] = jws
            self._changed.notify_all()

    def say_beside(self, said: Sequence[tuple[int, bytes]]) -> None:
        """Have the feed say these beside what it has."""
        with self._changed:
            self.extra = list(said)
            self._changed.notify_all()

    def note_forged(self, jws: bytes, what: str) -> None:
        """What is wrong with these bytes, so that a receipt for them is called by its name."""
        self.forged[hashlib.sha256(jws).hexdigest()] = what

    # --- what came back -----------------------------------------------------------------------------------------------

    def outcomes(self, document: dict[str, Any]) -> list[str]:
        """What was said about an order, in the order in which it came."""
        return [told.receipt.outcome.value for told in self.told if str(told.receipt.order_id) == document["order_id"]]

    def _take(self, written: Any) -> dict[str, Any]:
        """What access-control answers to a receipt."""
        try:
            receipt = Receipt.model_validate_json(json.dumps(written), strict=True)
        except ValueError as error:
            return {"receipt_id": None} | self._refused("invalid", str(error))
        return {"receipt_id": str(receipt.receipt_id), "order_id": str(receipt.order_id)} | self._judge(receipt)

    def _judge(self, receipt: Receipt) -> dict[str, Any]:
        mine = [told for told in self.told if told.receipt.receipt_id == receipt.receipt_id]
        if mine:
            same = mine[0].receipt.order_id == receipt.order_id and mine[0].receipt.outcome == receipt.outcome
            again = {"status": "recorded", "code": "receipt_replayed"}
            return again if same else self._refused("receipt_id_reused", str(receipt.receipt_id))
        if wrong := self._wrong(receipt):
            return self._refused(*wrong)
        if str(receipt.order_id) in self.past:  # said a second time, after a memory was lost
            self.told.append(Told(receipt, datetime.now(UTC)))
            return {"status": "recorded", "code": "receipt_replayed"}
        if receipt.outcome == "executed" and "executed" in self.outcomes({"order_id": str(receipt.order_id)}):
            return self._refused("already_executed", f"a second executed for {receipt.order_id}")
        self.told.append(Told(receipt, datetime.now(UTC)))
        return {"status": "recorded", "code": None}

    def _refused(self, code: str, why: str) -> dict[str, Any]:
        self.faults.append(f"{code}: {why}"[:500])
        return {"status": "refused", "code": code}

    def _wrong(self, receipt: Receipt) -> tuple[str, str] | None:
        if what := self.forged.get(receipt.order_digest):
            return "unknown_order", f"{receipt.outcome} for an order {what}"
        document = self.documents.get(receipt.sequence)
        if document is None or document["order_id"] != str(receipt.order_id):
            return "unknown_order", f"{receipt.outcome} for order {receipt.order_id} at {receipt.sequence}"
        if receipt.order_digest != hashlib.sha256(self.bytes_of[document["order_id"]]).hexdigest():
            return "digest_mismatch", f"of order {receipt.sequence}"
        needed = receipt.how if receipt.outcome == "executed" else receipt.why
        if receipt.outcome != "received" and needed is None:
            return "invalid", f"{receipt.outcome} without how or why"
        earliest = datetime.fromisoformat(document["issued_at"]) - LAG
        if receipt.at.tzinfo is None or not earliest <= receipt.at <= datetime.now(UTC) + SKEW:
            return "invalid", f"at {receipt.at.isoformat()}: no offset, a day before the order, or still to come"
        return None

    # --- the doors ----------------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a request."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if (elsewhere := self._elsewhere(method, path, target)) is not None:
            return elsewhere
        if (known := self._known(path)) is not None:
            return 200, known
        if (refused := self._not_now(token)) is not None:
            return refused
        where = _WHERE(path)
        if where is None or where[1] != str(self.provider_id):
            return 404, {"code": "not_found"}
        if where[2] == "receipts" and method == "POST":
            return self._hand_in(body)
        return self._read(where[2], where[3], {name: values[-1] for name, values in query.items()})

    def _elsewhere(self, method: str, path: str, target: str) -> tuple[int, dict[str, Any]] | None:
        if path.startswith(ELSEWHERE):
            self.faults.append(f"a redirect was followed: {method} {path}")
            return 404, {"code": "not_found"}
        statuses = self.redirects.get(path.removesuffix(".json").rpartition("/")[2])
        return (statuses.pop(0), {"location": f"{self.base}{ELSEWHERE}{target}"}) if statuses else None

    def _known(self, path: str) -> dict[str, Any] | None:
        """What everybody may ask for."""
        owned = (
            signer.public
            | ({OWNER: owner} if owner else {})
            | ({RETIRED: self.retired[signer.kid].isoformat()} if signer.kid in self.retired else {})
            for signer, owner in self.published
        )
        known: dict[str, dict[str, Any]] = {
            "/issuer/.well-known/openid-configuration": {"token_endpoint": f"{self.base}/issuer/token"},
            "/issuer/token": {"access_token": self._token, "expires_in": 3600, "token_type": "Bearer"},
            "/.well-known/jwks.json": {"keys": list(owned)},
        }
        return known.get(path)

    def _not_now(self, token: str) -> tuple[int, dict[str, Any]] | None:
        if self.forget_tokens or token != f"Bearer {self._token}":
            self.forget_tokens, self._token = False, uuid4().hex
            return 401, {"code": "unauthorized"}
        self.asked += 1
        if self.refuse > 0:
            self.refuse -= 1
            return 503, {"code": "unavailable"}
        return None

    def _read(self, what: str, place: str | None, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        in_force = self._in_force()
        lines = "".join(f"{each['order_id']} {each['sequence']}\n" for each in in_force)
        state = {
            "provider_id": str(self.provider_id), "head": self._given_out(), "in_force": len(in_force),
            "hash": hashlib.sha256(lines.encode()).hexdigest(),
        }  # fmt: skip
        if what == "state":
            return 200, state
        if what == "snapshot":
            closed = {str(told.receipt.order_id) for told in self.told if told.receipt.outcome != "received"}
            still = [each for each in self.documents.values() if each["order_id"] not in closed | self.past]
            return 200, state | {"orders": self._signed(in_force), "open": self._signed(still)}
        if place is not None:
            return 404, {"code": "unknown_order"}
        return self._feed(int(query.get("after", 0)), float(query.get("wait", 0)), int(query.get("limit", 100)))

    def _feed(self, after: int, wait: float, limit: int) -> tuple[int, dict[str, Any]]:
        until = time.monotonic() + min(wait, LONGEST_WAIT_S)
        with self._changed:
            while max(self.shown, default=0) <= after and not self.extra and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            head = max(self.shown, default=0)
            page = [(place, jws) for place, jws in sorted(self.shown.items()) if place > after][:limit]
            found = [*self.extra, *page]
            self.fetched.update(jws for _, jws in found)
        said = [{"sequence": place, "jws": jws.decode()} for place, jws in found]
        return 200, {"orders": said, "next_after": page[-1][0] if page else after, "head": head, "ask_again_s": 0}

    def _hand_in(self, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            jws = str(json.loads(body)["jws"])
        except (ValueError, LookupError, TypeError):
            return self._batch_refused("invalid", 'the request is not {"jws": "…"}')
        if not self.keys:
            return 422, {"code": "batch_refused", "why": "unknown_key", "reason": "no key is entered at the moment"}
        try:
            payload = KeyRing(self.keys).verify(jws, RECEIPTS_TYPE).payload
            batch = ReceiptBatch.model_validate(json.loads(payload, object_pairs_hook=unique))
        except BadSignature as bad:
            return self._batch_refused("bad_signature", f"{bad.code}: {bad.reason}")
        except ValueError as error:
            return self._batch_refused("invalid", str(error))
        if batch.provider_id != self.provider_id:
            return self._batch_refused("foreign_provider", str(batch.provider_id))
        self.most_at_once = max(self.most_at_once, len(batch.receipts))
        forge, self.forge = self.forge, None
        take = self._take if forge is None else _not_recorded
        results = [{"index": n} | take(each) for n, each in enumerate(json.loads(payload)["receipts"])]
        digest = hashlib.sha256(jws.encode()).hexdigest()
        counter = {
            "provider_id": str(self.provider_id), "batch": digest, "recorded_by": json.loads(_EXAMPLE)["issuer"],
            "recorded_at": datetime.now(UTC).isoformat(),
            "results": [{name: one.get(name) for name in CounterResult.model_fields} for one in results],
        }  # fmt: skip
        signed = forge(counter) if forge else self.signer.sign(canonical(counter), COUNTER_TYPE)
        return 200, {"results": results, "digest": digest, "counter_receipt": signed}

    def _batch_refused(self, why: str, reason: str) -> tuple[int, dict[str, Any]]:
        self.faults.append(f"{why}: {reason}"[:500])
        return 422, {"code": "batch_refused", "why": why, "reason": reason}

    def _given_out(self) -> int:
        """The last place of an order that is one: what stands in the feed and must not be believed is none."""
        real = set(self.bytes_of.values())
        return max((place for place, jws in self.shown.items() if jws in real), default=0)

    def _in_force(self) -> list[dict[str, Any]]:
        given = [self.documents[place] for place in sorted(self.documents) if place in self.shown]
        undone = {each.get("undoes") for each in given}
        return [each for each in given if each["action"] in {"cut_off", "suspend"} and each["order_id"] not in undone]

    def _signed(self, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"sequence": each["sequence"], "jws": self.bytes_of[each["order_id"]].decode()} for each in documents]

    @contextmanager
    def served(self, port: int = 0) -> Iterator[str]:
        """Serve on a port of this machine; gives the base address. Raises PortTaken."""
        try:
            server = _Server(("127.0.0.1", port), _handler(self.answer))
        except OSError as error:
            raise PortTaken(f"127.0.0.1:{port} cannot be listened on: {error.strerror}") from error
        self.base = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self.base
        finally:
            server.shutdown()
            server.server_close()


def _not_recorded(written: dict[str, Any]) -> dict[str, Any]:
    """What somebody says who takes nothing and would be believed."""
    about = {name: written.get(name) for name in ("receipt_id", "order_id")}
    return about | {"status": "recorded", "code": None, "order_status": written.get("outcome")}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say so, unless it is that a client was killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(
    answer: Callable[[str, str, str, bytes], tuple[int, dict[str, Any]]],
) -> type[BaseHTTPRequestHandler]:
    def _also(status: int, said: dict[str, Any]) -> dict[str, str]:
        return {"Retry-After": "1"} if status == 503 else {"Location": said["location"]} if 300 <= status < 400 else {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            with contextlib.suppress(ConnectionError):  # a client that was killed
                self._talk()

        def _talk(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            content = json.dumps(said).encode()
            self.send_response(status)
            kind = "application/json" if status < 400 else "application/problem+json"
            headers = {"Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "max-age=1"}
            for name, value in (headers | _also(status, said)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _do  # noqa: N815 - as http.server calls them

        def log_message(self, *said: object) -> None:
            """Nothing: the report says what counts."""

    return Handler
