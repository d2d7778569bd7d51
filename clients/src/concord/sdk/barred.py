"""Whether the barred list is what its changes make it: each hash covers all before it, so nothing can be rewritten."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Final
from uuid import UUID

from concord.sdk.departments.entries import Entries
from shared.contracts.http.bars import BarredChange, BarredEntry, BarredList

TRIES: Final = 3
"""How often the list is read again when something came off it while its changes were read."""


class BrokenChain(Exception):
    """The list must not be believed: it is not what its changes make it, or they were changed afterwards."""


class Chain:
    """The changes that were verified so far, and the entries that they leave."""

    def __init__(self) -> None:
        self.seq, self.hash = 0, ""
        self.changes: list[BarredChange] = []
        self.hashes: dict[int, str] = {0: ""}
        self._listed: dict[UUID, BarredEntry | None] = {}

    def take(self, changes: Iterable[BarredChange]) -> None:
        """Verify further changes, in order. Raises BrokenChain, and then holds those before it."""
        for change in changes:
            if change.seq != self.seq + 1:
                raise BrokenChain(f"after change {self.seq} comes {change.seq}: one is missing, or was told twice")
            made = sha256(f"{self.hash}\n{change.seq}\n{change.change}\n{change.digest}".encode()).hexdigest()
            if made != change.hash:
                raise BrokenChain(f"change {change.seq} has another hash than what it says and all before it make")
            _require_entry(change)
            self.seq, self.hash = change.seq, change.hash
            self.hashes[change.seq] = change.hash
            self.changes.append(change)
            if change.change == "listed":
                self._listed[change.execution_id] = change.entry
            else:
                self._listed.pop(change.execution_id, None)

    @property
    def whole(self) -> bool:
        """Whether everything on the list was told; what came off it, be it a moment ago, is told no more."""
        return None not in self._listed.values()

    def require(self, shown: BarredList) -> None:
        """That the list as it is shown is what its changes make. Raises BrokenChain."""
        if (shown.seq, shown.hash) != (self.seq, self.hash):
            raise BrokenChain(f"the list says that it is at change {shown.seq}, with another hash than that one has")
        if {entry.execution_id: entry for entry in shown.entries} != self._listed:
            raise BrokenChain("the list has other entries than its changes make")

    def require_kept(self, seq: int, kept: str) -> None:
        """That a change has still the hash that somebody wrote down. Raises BrokenChain."""
        if self.hashes.get(seq) != kept.strip().lower():
            raise BrokenChain(f"change {seq} no longer has the hash that you kept: what came before was rewritten")


async def verified(registry: Entries) -> tuple[BarredList, Chain]:
    """The list, with all its changes from the first on. Raises BrokenChain; what is listed meanwhile is left out."""
    chain = Chain()
    for _ in range(TRIES):
        shown = await registry.barred_list()
        while chain.seq < shown.seq:
            page = await registry.barred_changes(after=chain.seq)
            due = [change for change in page.changes if change.seq <= shown.seq]
            if not due:
                raise BrokenChain(f"the list is at change {shown.seq}, and after {chain.seq} there is none")
            chain.take(due)
        if chain.whole:
            break
    chain.require(shown)
    return shown, chain


def _require_entry(change: BarredChange) -> None:
    """That a change shows the entry that was hashed, or none. Raises BrokenChain."""
    if change.text is None and change.entry is None:
        return
    hashed = change.text is not None and sha256(change.text.encode()).hexdigest() == change.digest
    entry = _read(change.text or "")
    if not hashed or entry is None or entry != change.entry or entry.execution_id != change.execution_id:
        raise BrokenChain(f"change {change.seq} shows another entry than the one that was hashed")


def _read(text: str) -> BarredEntry | None:
    try:
        return BarredEntry.model_validate(json.loads(text))
    except ValueError:
        return None
