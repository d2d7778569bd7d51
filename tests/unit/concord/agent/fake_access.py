"""A stand-in for access-control and its issuer, with real signatures, that can be told to misbehave."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from shared.contracts import examples
from shared.contracts.orders import ORDER_TYPE, Order
from shared.contracts.receipts import COUNTER_TYPE, RECEIPTS_TYPE, CounterReceipt
from shared.signing import BadSignature, KeyRing, Signer, canonical, generate_key, key_set, public

PROVIDER = UUID("01940000-0000-7000-8000-000000000005")


def shaped(document: dict[str, Any]) -> dict[str, Any]:
    """The document as its action wants it: an end for a suspension, a statement and what it undoes for a restore."""
    if document["action"] == "restore":
        said = {name: document["grounds"][name] for name in ("legal_basis", "reasons")} if document["grounds"] else None
        document = {"undoes": str(uuid4()), "statement": said} | {
            name: value for name, value in document.items() if value is not None
        }
        document["grounds"] = None
    if document["action"] == "suspend" and document["until"] is None:
        document["until"] = "2099-01-01T00:00:00Z"
    return document


class FakeAccess:
    """Gives out signed orders and takes receipts the way access-control does."""

    def __init__(self) -> None:
        self.signer = Signer(generate_key("orders-1"))
        self.published = [self.signer]
        self.owners: dict[str, str | None] = {}
        self.retired: dict[str, str] = {}
        self.provider_key = generate_key("provider-1")
        self.known_keys = [public(self.provider_key)]
        self.orders: list[bytes] = []
        self.receipts: dict[str, dict[str, Any]] = {}
        self.answers: list[dict[str, Any]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        """Documents with their counter-receipts, by digest."""
        self.refused: list[str] = []
        """Why whole batches were."""
        self.jwks_asked = 0
        self.down = 0
        """So many requests are answered 503 first."""
        self.app = self._make_app()

    def key_set(self) -> dict[str, Any]:
        """The keys, each with whose it is: those of the one who issues every order here, unless ``owners`` says so."""
        issuer = Order.EXAMPLE["issuer"]["id"]
        return {
            "keys": [
                {
                    **key,
                    "organisation": self.owners.get(key["kid"], issuer),
                    **({"retired_at": self.retired[key["kid"]]} if key["kid"] in self.retired else {}),
                }
                for key in key_set(self.published)["keys"]
            ]
        }

    def order(self, action: str = "cut_off", **changes: Any) -> dict[str, Any]:
        """The next order of the sequence, signed and given out."""
        document = self.document(action, **changes)
        self.orders.append(self.signer.sign(canonical(document), ORDER_TYPE).encode())
        return document

    def document(self, action: str = "cut_off", **changes: Any) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(json.dumps(Order.EXAMPLE)) | {
            "order_id": str(uuid4()),
            "sequence": len(self.orders) + 1,
            "provider_id": str(PROVIDER),
            "action": action,
        }
        host = changes.pop("host", None)
        if host is not None:
            site_id = hashlib.sha256(host.encode()).hexdigest()[:32]
            document["site"] = document["site"] | {"hosts": [host], "spared": [], "site_id": str(UUID(site_id))}
        return shaped(document | changes)

    def outcomes(self, order_id: str) -> list[str]:
        """What the provider said of an order, in the order in which it arrived."""
        return [receipt["outcome"] for receipt in self.receipts.values() if receipt["order_id"] == order_id]

    def answer(self, jws: str) -> tuple[int, dict[str, Any]]:
        """What access-control answers to a batch of receipts."""
        try:
            payload = KeyRing({"keys": self.known_keys}).verify(jws, RECEIPTS_TYPE).payload
        except BadSignature as bad:
            why = "unknown_key" if bad.code == "unknown_kid" else "bad_signature"
            return 422, {"code": "batch_refused", "why": why, "reason": bad.reason}
        results = [{"index": n, **self.take(said)} for n, said in enumerate(json.loads(payload)["receipts"])]
        self.answers += results
        counter = CounterReceipt.EXAMPLE | {
            "provider_id": str(PROVIDER),
            "batch": hashlib.sha256(jws.encode()).hexdigest(),
            "results": [{name: value for name, value in each.items() if name != "index"} for each in results],
        }
        proof = self.signer.sign(canonical(counter), COUNTER_TYPE)
        self.taken[counter["batch"]] = {"digest": counter["batch"], "jws": jws, "counter_receipt": proof}
        return 200, {"results": results, "counter_receipt": proof}

    def take(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """What becomes of one receipt."""
        number = receipt["sequence"]
        if receipt["order_digest"] != hashlib.sha256(self.orders[number - 1]).hexdigest():
            return {"receipt_id": receipt["receipt_id"], "status": "refused", "code": "digest_mismatch"}
        if receipt["receipt_id"] in self.receipts:
            return {"receipt_id": receipt["receipt_id"], "status": "recorded", "code": "receipt_replayed"}
        self.receipts[receipt["receipt_id"]] = receipt
        return {"receipt_id": receipt["receipt_id"], "status": "recorded", "code": None}

    def _documents(self) -> list[dict[str, Any]]:
        ring = KeyRing(key_set(self.published))
        return [json.loads(ring.verify(jws, ORDER_TYPE).payload) for jws in self.orders]

    def _signed(self, **parts: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            name: [
                {"sequence": n, "jws": self.orders[n - 1].decode()} for n in (each["sequence"] for each in documents)
            ]
            for name, documents in parts.items()
        }

    def _make_app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def sometimes_away(request: Request, call_next: Any) -> Response:
            if self.down and not request.url.path.startswith("/issuer"):
                self.down -= 1
                return JSONResponse({"code": "unavailable"}, 503, {"Retry-After": "0"})
            answer: Response = await call_next(request)
            return answer

        @app.get("/issuer/.well-known/openid-configuration")
        async def configuration(request: Request) -> dict[str, str]:
            return {"token_endpoint": f"{request.base_url}issuer/token"}

        @app.post("/issuer/token")
        async def token() -> dict[str, Any]:
            return {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}

        @app.get("/.well-known/jwks.json")
        async def jwks() -> dict[str, Any]:
            self.jwks_asked += 1
            return self.key_set()

        @app.get("/providers/{provider_id}")
        async def provider(provider_id: UUID) -> Any:
            if provider_id != PROVIDER:
                return JSONResponse({"code": "unknown_provider"}, 404)
            return {
                "id": str(PROVIDER), "version": 1, "status": "active", "name": "Example Hosting",
                "licence_number": "B1-1",
                "region": "110000", "kind": "isp", "contact": "filings@hosting.example", "supervisor": None, "head": 0,
                "topics": {"orders": "access-orders.p", "receipts": "access-receipts.p"}, "keys": [],
                "daily_capacity": None, "licences": [], "branches": [], "sandbox": False,
                "registered_at": examples.AT, "changed_at": examples.AT,
            }  # fmt: skip

        @app.get("/providers/{provider_id}/orders")
        async def feed(after: int = 0, wait: float = 0, limit: int = 100) -> Any:
            end = asyncio.get_running_loop().time() + min(wait, 1.0)
            while len(self.orders) <= after and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            if after > len(self.orders):
                return JSONResponse({"code": "sequence_ahead"}, 409)
            page = self.orders[after : after + limit]
            found = [{"sequence": after + n, "jws": jws.decode()} for n, jws in enumerate(page, 1)]
            return {"orders": found, "next_after": after + len(page), "head": len(self.orders), "ask_again_s": 0}

        @app.post("/providers/{provider_id}/receipts")
        async def receipts(request: Request) -> JSONResponse:
            status, answer = self.answer((await request.json())["jws"])
            self.refused += [answer["why"]] if status != 200 else []
            return JSONResponse(answer, status)

        @app.get("/providers/{provider_id}/receipts/{digest}")
        async def taken(digest: str) -> JSONResponse:
            found = self.taken.get(digest)
            return JSONResponse(found or {"code": "unknown_batch"}, 200 if found else 404)

        @app.get("/providers/{provider_id}/snapshot")
        async def snapshot() -> dict[str, Any]:
            documents, said = self._documents(), self.receipts.values()
            answered = {receipt["order_id"] for receipt in said if receipt["outcome"] != "received"}
            undone = {document["undoes"] for document in documents}
            force = [each for each in documents if each["action"] != "restore" and each["order_id"] not in undone]
            still = [each for each in documents if each["order_id"] not in undone | answered]
            return {"provider_id": str(PROVIDER), "head": len(self.orders), **self._signed(orders=force, open=still)}

        @app.get("/providers/{provider_id}/state")
        async def state() -> dict[str, Any]:
            documents = self._documents()
            undone = {document["undoes"] for document in documents}
            lines = [
                f"{document['order_id']} {document['sequence']}\n"
                for document in documents
                if document["action"] in {"cut_off", "suspend"} and document["order_id"] not in undone
            ]
            digest = hashlib.sha256("".join(lines).encode()).hexdigest()
            return {"provider_id": str(PROVIDER), "head": len(self.orders), "in_force": len(lines), "hash": digest}

        return app

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve on a port of this machine, for an agent in another process; gives the base URL."""
        server = uvicorn.Server(uvicorn.Config(self.app, host="127.0.0.1", port=0, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the fake did not start")
            threading.Event().wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(timeout=5)
