"""Files in a folder: named after their bytes, complete or not there at all."""

import asyncio
import hashlib
import os
import sys
import time
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from enforcement.errors import EvidenceDamaged, EvidenceEmpty, EvidenceTooLarge
from enforcement.store.files import LIMIT, EvidenceFiles
from shared.runtime.base.stores import Folder, StoreUrl
from tests.support.chunks import broken, chunks, whole


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_bytes_are_kept_under_their_hash(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path / "evidence")
    sha256, size = await files.save(chunks(b"a page ", b"", b"as it was"))
    assert (sha256, size) == (hashlib.sha256(b"a page as it was").hexdigest(), 16)
    assert await whole(files, sha256) == b"a page as it was"
    assert listed(tmp_path) == [sha256]


async def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    assert await files.save(chunks(b"once")) == await files.save(chunks(b"on", b"ce"))
    assert len(listed(tmp_path)) == 1


async def test_exactly_the_limit_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    assert (await files.save(chunks(b"x" * LIMIT)))[1] == LIMIT
    with pytest.raises(EvidenceTooLarge):
        await files.save(chunks(b"y" * LIMIT, b"y"))
    assert len(listed(tmp_path)) == 1


async def test_nothing_is_left_of_an_upload_that_broke_off_or_was_empty(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    with pytest.raises(ConnectionResetError):
        await files.save(broken(b"half a pa"))
    with pytest.raises(EvidenceEmpty):
        await files.save(chunks())
    assert listed(tmp_path) == []


async def test_bytes_that_changed_or_vanished_are_not_given_out(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    sha256, _ = await files.save(chunks(b"genuine"))
    Folder(tmp_path).path(sha256).write_bytes(b"forged!")
    with pytest.raises(EvidenceDamaged):
        await files.verified(sha256)
    Folder(tmp_path).path(sha256).unlink()
    with pytest.raises(EvidenceDamaged):
        await files.verified(sha256)


async def test_filing_damaged_bytes_again_repairs_them(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    sha256, _ = await files.save(chunks(b"genuine"))
    Folder(tmp_path).path(sha256).write_bytes(b"forged!")
    await files.save(chunks(b"genuine"))
    assert await whole(files, sha256) == b"genuine"


UPLOAD = """
import asyncio, sys
from pathlib import Path
from shared.runtime.base.files import Files

async def endless():
    while True:
        yield b"half a page"
        print("writing", flush=True)
        await asyncio.sleep(0.05)

asyncio.run(Files(Path(sys.argv[1])).save(endless()))
"""


async def test_what_a_killed_process_left_of_an_upload_goes_after_a_day_and_nothing_else(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    sha256, _ = await files.save(chunks(b"whole"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", UPLOAD, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    process.kill()
    await process.wait()
    (left,) = (tmp_path / name for name in listed(tmp_path) if name != sha256)
    fresh = tmp_path / ".incoming-under-way"
    fresh.write_bytes(b"half")
    for path, hours in ((left, 25), (fresh, 23), (Folder(tmp_path).path(sha256), 9_000)):
        then = time.time() - hours * 3600
        os.utime(path, (then, then))
    assert await files.clear() == 1
    assert listed(tmp_path) == sorted([fresh.name, sha256])
    assert await EvidenceFiles(tmp_path / "not-yet").clear() == 0


@pytest.mark.parametrize("url", ["s3://evidence", "s3://evidence/of/it", "s3://evidence/a/", "evidence", "/srv/e"])
def test_a_store_is_a_folder_or_a_bucket(url: str) -> None:
    assert TypeAdapter(StoreUrl).validate_python(url) == url


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///x", "s3://UPPER/x", "s3://a/../b?", "https://b/x", "gs://evidence", "s3://b//x"]
)
def test_what_is_neither_is_refused_when_the_service_starts(url: str) -> None:
    with pytest.raises(ValidationError, match="must be a folder, or s3://bucket/prefix"):
        TypeAdapter(StoreUrl).validate_python(url)
