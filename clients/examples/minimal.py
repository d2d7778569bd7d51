"""A provider's client in one file, written from docs/providers.md alone: Kafka for orders, HTTP for gaps and receipts.

It needs confluent-kafka and cryptography; CONCORD_… in its environment say where everything is, CONCORD_KEY_FILE is
your private JWK, CONCORD_STATE_FILE its memory. What cutting off means is yours to fill in: here it is a row in `cut`.
"""

import base64
import hashlib
import json
import os
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ENV = {name.removeprefix("CONCORD_"): value for name, value in os.environ.items() if name.startswith("CONCORD_")}
ME, MINE = ENV["PROVIDER_ID"], f"{ENV['ACCESS_URL']}/providers/{ENV['PROVIDER_ID']}"
KEY = json.loads(Path(ENV["KEY_FILE"]).read_text(encoding="utf-8"))
SIGNER = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(KEY["d"] + "="))
HEADER = {"alg": "Ed25519", "kid": KEY["kid"], "typ": "concord-receipts+json"}
state = {"token": "", "keys": {}, "keys_until": 0.0}
db = sqlite3.connect(ENV["STATE_FILE"], isolation_level=None)
db.executescript("""PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS taken (sequence INTEGER PRIMARY KEY, jws TEXT, payload TEXT, done INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS receipt (id TEXT PRIMARY KEY, payload TEXT, open INTEGER DEFAULT 1);
CREATE TABLE IF NOT EXISTS told (id INTEGER PRIMARY KEY, head INTEGER, at REAL);
CREATE TABLE IF NOT EXISTS history (sequence INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS cut (order_id TEXT PRIMARY KEY, site TEXT, until TEXT);""")


class Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is never followed: it is an error like any other."""

    def redirect_request(self, *_):
        """Nowhere."""


OPENER = urllib.request.build_opener(Stay)


def pack(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unpack(part):
    content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if pack(content) != part:
        raise ValueError("not strict base64url")
    return content


def seconds(at):
    return datetime.fromisoformat(at).timestamp()


def ask(url, body=None, *, token=True, again=True):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {state['token']}"} if token else {}
    try:
        with OPENER.open(urllib.request.Request(url, body, headers), timeout=45) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != 401 or not (token and again):
            raise
    form = {"grant_type": "client_credentials", "client_id": ENV["CLIENT_ID"], "client_secret": ENV["CLIENT_SECRET"]}
    endpoint = ask(f"{ENV['ISSUER_URL']}/.well-known/openid-configuration", token=False)["token_endpoint"]
    state["token"] = ask(endpoint, urllib.parse.urlencode(form).encode(), token=False)["access_token"]
    return ask(url, body, again=False)


def believed(jws, typ="concord-order+json", by="issuer", at="issued_at"):
    """What an order says (or a counter-receipt), if a published key of its issuer signed it and it is for us."""
    try:
        head, body, signature = jws.split(".")
        header, said = json.loads(unpack(head)), json.loads(unpack(body))
        if (header["alg"], header["typ"]) != ("Ed25519", typ) or header.keys() & {"crit", "b64"}:
            return None
        if time.monotonic() > state["keys_until"] or header["kid"] not in state["keys"]:
            state["keys"] = {key["kid"]: key for key in ask(ENV["JWKS_URL"], token=False)["keys"]}
            state["keys_until"] = time.monotonic() + 1
        key = state["keys"][header["kid"]]
        Ed25519PublicKey.from_public_bytes(unpack(key["x"])).verify(unpack(signature), f"{head}.{body}".encode())
        mine = said["provider_id"] == ME and said[by]["id"] == key.get("organisation")
        if "retired_at" in key:  # it proves what was issued before
            mine = mine and too_early(said) <= seconds(said[at]) < seconds(key["retired_at"])
    except (ValueError, LookupError, TypeError, AttributeError, InvalidSignature):
        mine = False
    return said if mine else None


def too_early(said):
    """Who stole a retired key writes any time: what we hold, and were told, says since when an order can be."""
    if "sequence" not in said:
        return 0  # a counter-receipt answers what we handed in just now
    issued = "SELECT payload ->> 'issued_at' FROM taken ORDER BY sequence DESC LIMIT 1"
    since = [seconds(at) - 86400 for (at,) in db.execute(issued)]
    since += [at - 3600 for (at,) in db.execute("SELECT at FROM told WHERE head < ?", (said["sequence"],))]
    return max(since, default=0)


def say(order, jws, outcome, **words):
    """Queue a receipt. Its id follows from order and outcome, so that it is the same after a crash."""
    receipt_id = str(uuid.uuid5(uuid.UUID(ME), f"{order['order_id']} {outcome}"))
    about = {"order_id": order["order_id"], "sequence": order["sequence"], "outcome": outcome, "receipt_id": receipt_id}
    digest = {"order_digest": hashlib.sha256(jws.encode()).hexdigest(), "at": datetime.now(UTC).isoformat()}
    db.execute("INSERT OR IGNORE INTO receipt VALUES (?, ?, 1)", (receipt_id, json.dumps(about | digest | words)))


def hand_in():
    waiting = db.execute("SELECT id, payload FROM receipt WHERE open ORDER BY rowid LIMIT 500").fetchall()
    batch = {"provider_id": ME, "receipts": [json.loads(payload) for _, payload in waiting]}
    text = ".".join(pack(json.dumps(part).encode()) for part in (HEADER, batch))
    if waiting:  # 422 batch_refused: they wait, e.g. for our key
        jws = f"{text}.{pack(SIGNER.sign(text.encode()))}"
        answer = ask(f"{MINE}/receipts", json.dumps({"jws": jws}).encode())
        proof = believed(answer["counter_receipt"], "concord-counter-receipt+json", "recorded_by", "recorded_at")
        if proof is None or proof["batch"] != hashlib.sha256(jws.encode()).hexdigest():
            raise OSError("nobody proved that they were recorded: again, later")  # an alarm too; else keep the proof
        done = [(waiting[one["index"]][0],) for one in answer["results"]]  # refused: an alarm
        db.executemany("UPDATE receipt SET open = 0 WHERE id = ?", done)


def last():
    return db.execute("SELECT coalesce(max(sequence), 0) FROM taken").fetchone()[0]


def begin():
    """With an empty memory only what is in force or open is acted on: all else up to the head is history."""
    snapshot = ask(f"{MINE}/snapshot")
    act = {one["sequence"] for name in ("orders", "open") for one in snapshot[name]}
    db.executemany("INSERT OR IGNORE INTO history VALUES (?)", zip({*range(1, snapshot["head"] + 1)} - act))
    state["begun"] = True


def take(jws):
    """Take an order that is next. False: something is missing before it."""
    order = believed(jws)
    if order is None or order["sequence"] <= last():
        return True  # not believed, or held already; if the bytes are others, raise an alarm here
    if order["sequence"] > last() + 1:
        return False
    with db:
        db.execute("BEGIN IMMEDIATE")
        past = db.execute("SELECT count(*) FROM history WHERE sequence = ?", (order["sequence"],)).fetchone()[0]
        db.execute("INSERT INTO taken VALUES (?, ?, ?, ?)", (order["sequence"], jws, json.dumps(order), past))
        if not past:
            say(order, jws, "received")
    return True


def carry_out(order, jws):
    until = order["until"] and seconds(order["until"])
    if order["action"] == "restore":
        db.execute("DELETE FROM cut WHERE order_id = ?", (order["undoes"],))
    elif order["action"] not in {"cut_off", "suspend"}:
        return say(order, jws, "impossible", why=f"this client knows no {order['action']}")
    elif until is None or until > time.time():
        db.execute("INSERT OR REPLACE INTO cut VALUES (?, ?, ?)", (order["order_id"], json.dumps(order["site"]), until))
    return say(order, jws, "executed", how=f"{order['action']}: noted")


def work(records):
    if not last() and "begun" not in state:
        begin()
    whole = all(list(map(take, records)))
    if not whole or time.monotonic() > state.get("compare", 0):
        answer = ask(f"{MINE}/orders?after={last()}&limit=500")
        page = [one["jws"] for one in answer["orders"]]
        state["compare"] = time.monotonic() + (0 if page and all(list(map(take, page))) else 3)
        if last() >= answer["head"]:
            db.execute("INSERT OR REPLACE INTO told VALUES (1, ?, ?)", (answer["head"], time.time()))
    # What a later order takes back is never carried out, and nothing is said of it.
    undone = db.execute("SELECT payload ->> 'undoes' FROM taken WHERE NOT done").fetchall()
    db.executemany("UPDATE taken SET done = 1 WHERE NOT done AND payload ->> 'order_id' = ?", undone)
    for sequence, jws, payload in db.execute("SELECT sequence, jws, payload FROM taken WHERE NOT done").fetchall():
        with db:
            db.execute("BEGIN IMMEDIATE")
            carry_out(json.loads(payload), jws)
            db.execute("UPDATE taken SET done = 1 WHERE sequence = ?", (sequence,))
    db.execute("DELETE FROM cut WHERE until <= ?", (time.time(),))  # a suspension that is over
    hand_in()


consumer = Consumer({"bootstrap.servers": ENV["KAFKA"], "group.id": f"{ME}-minimal", "auto.offset.reset": "earliest"})
consumer.assign([TopicPartition(f"access-orders.{ME}", 0, 0)])
while True:
    try:
        records = [one.value() or b"" for one in consumer.consume(100, 0.2) if one.error() is None]
        work([value.decode("ascii", "replace") for value in records])
    except OSError:  # nobody answers, or not now: the same again, later
        time.sleep(2)
