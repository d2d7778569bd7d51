"""The folder that nginx includes: what it holds for the orders in force, and how it is changed whole or not at all."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from concord.agent.asking import quoted
from concord.agent.page import blocked_page, links, means
from shared.contracts.orders import Order

_BELOW: Final = "names-below"
"""A label that no order lists: stands for every name below another."""
_LONGEST_STEM: Final = 200
"""Of a file in the folder: file systems take 255 bytes, of which drafts need some."""


def in_force(orders: Iterable[Order], now: datetime | None = None) -> list[Order]:
    """Without suspensions that are over."""
    now = now or datetime.now(UTC)
    return [order for order in orders if order.until is None or order.until > now]


def files_for(orders: Iterable[Order], about: str | None, now: datetime | None = None) -> dict[str, bytes]:
    """What the folder holds for these orders: a file per host name, and of each order its page, link and itself.

    A suspension that is over is left out.
    """
    orders = in_force(orders, now)
    files: dict[str, bytes] = {}
    for order in orders:
        files[f"orders/{order.order_id}.conf"] = f"{order.order_id} {quoted(links(order, about))};\n".encode()
        files[f"orders/{order.order_id}.html"] = page_of(order)
        files[f"orders/{order.order_id}.json"] = order.model_dump_json().encode()
    for name in {name.lower() for order in orders for name in (*order.site.hosts, *order.site.spared)}:
        itself, below = order_for(orders, name), order_for(orders, f"{_BELOW}.{name}")
        text = f'{name} "{_id(itself)}";\n*.{name} "{_id(below)}";\n'
        files[f"names/{_stem(name)}.conf"] = text.encode()
    return files


def _stem(name: str) -> str:
    """What the file of a host name is called: by its digest, with a sign that no name has, where it is long."""
    return name if len(name) <= _LONGEST_STEM else f"={hashlib.sha256(name.encode()).hexdigest()}"


def order_for(orders: Iterable[Order], name: str) -> Order | None:
    """The latest order that means this name."""
    return max((order for order in orders if means(order.site, name)), key=lambda each: each.sequence, default=None)


def _id(order: Order | None) -> str:
    return str(order.order_id) if order else ""


def page_of(order: Order) -> bytes:
    """What is shown for the names of an order."""
    return blocked_page(", ".join(order.site.hosts), order).encode()


@contextlib.contextmanager
def swapped(folder: Path, wanted: Mapping[str, bytes], *, cutting: bool = True) -> Iterator[Callable[[], None]]:
    """Make the folder hold these files, and put back what was there if that fails; the body is given what does that.

    Whatever needs room on the disk is written before anything changes,
    what was there before as well; from then on files are only renamed or removed. Raises OSError.

    What gives a site back (not ``cutting``) is never put back, so nothing is kept, and what goes goes first: that needs
    no room. A file that cannot be written then, of a name that another order goes on meaning, is told in the end.
    """
    found = [file for part in ("names", "orders") for file in (folder / part).iterdir()]
    there = {file for file in found if not file.name.startswith(".")}
    _clear({*found} - there)  # by an agent that was killed
    target = {folder / name: content for name, content in wanted.items()}
    files = [file for file in {*there, *target} if not (file.exists() and file.read_bytes() == target.get(file))]
    if not cutting:
        errors = _given_back(files, target)
        yield lambda: None
        if errors:
            raise errors[0]
        return
    drafts = {file: _beside(file, "new") for file in files if file in target}
    kept = {file: _beside(file, "old") for file in files if file in there}

    def put_back() -> None:
        errors = []
        for file in files:
            try:
                if file not in kept:
                    file.unlink(missing_ok=True)
                elif kept[file].exists():
                    kept[file].replace(file)
            except OSError as error:  # the others all the same
                errors.append(error)
        if errors:
            raise errors[0]

    try:
        for file, draft in drafts.items():
            _write(draft, target[file])
        for file, copy in kept.items():
            _write(copy, file.read_bytes())
        try:
            for file in files:
                if file in drafts:
                    drafts[file].replace(file)
                else:
                    file.unlink()
        except BaseException:
            put_back()
            raise
        yield put_back
    finally:
        _clear([*drafts.values(), *kept.values()])


def _given_back(files: Iterable[Path], target: Mapping[Path, bytes]) -> list[OSError]:
    """Remove what goes, then write what is otherwise now; gives what could not be done.

    Page and link of an order go last, and stay while a file of a name that may still lead there cannot be written.
    """
    errors, shown = list[OSError](), list[Path]()
    for file in sorted(files, key=lambda file: file in target):
        if file not in target and file.parent.name == "orders" and file.suffix != ".json":
            shown.append(file)
            continue
        try:
            if file in target:
                put_file(file, target[file])
            else:
                file.unlink()
        except OSError as error:  # the others all the same
            errors.append(error)
    if not errors:
        _clear(shown)
    return errors


def _clear(files: Iterable[Path]) -> None:
    """Remove drafts and copies. One that stays does no harm, and goes with the next change."""
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink()


def _beside(file: Path, what: str) -> Path:
    """Where a draft or a copy of a file lies meanwhile: nginx does not read it."""
    return file.with_name(f".{file.name}.{what}")


def put_file(file: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    draft = _beside(file, "new")
    try:
        _write(draft, content)
        draft.replace(file)
    finally:
        _clear([draft])


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    file.chmod(0o644)  # nginx's workers read it, as another user
