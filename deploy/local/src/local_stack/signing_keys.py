"""Makes the keys that the services sign with: ``python -m local_stack.signing_keys secrets``, and again at any time.

Each service that signs gets a file, with a key of its own and one of each organisation of the profile's directory
whose orders or documents it signs: one without a key can issue, restore and countersign nothing. What is there stays.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shared import rules
from shared.contracts.directory import SANDBOX
from shared.rules import Role, Rules
from shared.rules.profile import DEFAULT
from shared.runtime.base import keys

SIGN_AT: Final[Mapping[str, frozenset[Role]]] = {
    "approval": frozenset({Role.SECTOR_REGULATOR}),
    "registry": frozenset({Role.INDUSTRY_REGULATOR}),
    "enforcement": frozenset({Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR}),
    "access-control": frozenset({Role.INDUSTRY_REGULATOR, Role.NETWORK_SUPERVISOR}),
}
"""Whose documents and orders each service signs: organisations of these kinds, the national ones too."""


def owners(profile: Rules, service: str) -> list[str]:
    """The organisations of the profile's directory that need a key at this service."""
    known = [each.id for each in profile.organisations.values() if SIGN_AT[service] & {*each.kinds}]
    return [*known, SANDBOX] if service == "access-control" else known  # who issues trial orders


def make(folder: Path, profile: Rules, also: Mapping[str, list[str]]) -> dict[str, int]:
    """A key for whoever has none yet; gives how many keys each file holds. ``also``: others, by service."""
    folder.mkdir(parents=True, exist_ok=True)
    held = {}
    for service in SIGN_AT:
        file = folder / f"{service}.json"
        owned = keys.OwnedKeys(file, generate=True)
        owned.own(service)
        owned.ensure([*owners(profile, service), *also.get(service, ())])
        held[file.name] = len(owned.published["keys"])
    return held


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="local_stack.signing_keys", description=(__doc__ or "").split(":")[0])
    parser.add_argument("folder", type=Path, help="where the files go: CONCORD_SECRETS")
    parser.add_argument("--profile", default=DEFAULT, help="a profile's name, or the path of a .toml file")
    parser.add_argument(
        "--also", action="append", default=[], metavar="SERVICE=ORGANISATION",
        help="one that the directory was given since, e.g. registry=industry-990000",
    )  # fmt: skip
    given = parser.parse_args()
    also: dict[str, list[str]] = {}
    for each in given.also:
        service, _, organisation = each.partition("=")
        if service not in SIGN_AT or not organisation:
            parser.error(f"--also {each}: one of {', '.join(SIGN_AT)}, then = and an organisation")
        also.setdefault(service, []).append(organisation)
    for name, count in make(given.folder, rules.load(given.profile), also).items():
        sys.stdout.write(f"{given.folder / name}: {count} keys\n")


if __name__ == "__main__":
    main()
