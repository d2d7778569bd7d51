"""Verify an order with PyJWT: python verify_order.py JWKS ORDER. Prints it; exits 1 if it is not to be believed."""

import json
import sys
from datetime import datetime
from pathlib import Path

import jwt
from jwt.algorithms import OKPAlgorithm
from jwt.api_jws import PyJWS


def main() -> None:
    """Believe an order only with a published key of whoever issued it."""
    keys, order = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3])
    header = jwt.get_unverified_header(order)
    jwk = next((key for key in json.loads(keys)["keys"] if key["kid"] == header["kid"]), None)
    if jwk is None or header["typ"] != "concord-order+json" or header["alg"] != "Ed25519":
        sys.exit("not an order, or of a key that is not published")
    verifier = PyJWS()
    verifier.register_algorithm("Ed25519", OKPAlgorithm())  # RFC 9864: PyJWT knows the algorithm by its older name
    try:
        payload = json.loads(verifier.decode(order, jwt.PyJWK(jwk).key, algorithms=["Ed25519"]))
    except jwt.InvalidTokenError as wrong:
        sys.exit(f"not to be believed: {wrong}")
    if payload["issuer"]["id"] != jwk["organisation"]:
        sys.exit("the key is not its issuer's")
    retired = jwk.get("retired_at")
    if retired and datetime.fromisoformat(payload["issued_at"]) >= datetime.fromisoformat(retired):
        sys.exit("its key was retired before")  # whoever stole it can write any time: see docs/providers.md
    sys.stdout.write(json.dumps(payload) + "\n")


main()
