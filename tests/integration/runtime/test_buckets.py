"""Files in a bucket of a real store that speaks S3: the promises of a folder, and what only a far store does."""

import asyncio
import hashlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.runtime.base import stores
from shared.runtime.base.files import LIMIT, FileDamaged, FileEmpty, Files, FileTooLarge
from shared.runtime.base.stores import FileStoreUnavailable
from tests.support.bucket import Bucket, running
from tests.support.chunks import broken, chunks, whole


@pytest.fixture
async def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    async with running(tmp_path, monkeypatch) as found:
        yield found


def key(content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    return f"{sha256[:2]}/{sha256}"


async def test_bytes_are_kept_once_under_their_hash_below_the_prefix(bucket: Bucket) -> None:
    files = Files(bucket.url)
    sha256, size = await files.save(chunks(b"a page ", b"", b"as it was"))
    assert (sha256, size) == await files.save(chunks(b"a page as it was"))
    assert bucket.objects() == [key(b"a page as it was")]
    assert await whole(files, sha256) == b"a page as it was"
    assert (await files.is_there(sha256), await files.is_there("0" * 64)) == (True, False)


async def test_exactly_the_limit_is_taken_and_read_back_and_one_byte_more_is_not(bucket: Bucket) -> None:
    files, content = Files(bucket.url), os.urandom(LIMIT)
    sha256, size = await files.save(chunks(content[:1000], content[1000:]))
    assert (size, await whole(files, sha256)) == (LIMIT, content)
    with pytest.raises(FileTooLarge):
        await files.save(chunks(content, b"y"))
    assert len(bucket.objects()) == 1


async def test_nothing_is_put_of_an_upload_that_broke_off_or_was_empty(bucket: Bucket) -> None:
    with pytest.raises(ConnectionResetError):
        await Files(bucket.url).save(broken(b"half a pa"))
    with pytest.raises(FileEmpty):
        await Files(bucket.url).save(chunks())
    assert bucket.objects() == []


async def test_bytes_that_changed_or_vanished_are_damaged_and_the_same_again_mends_them(bucket: Bucket) -> None:
    files = Files(bucket.url)
    sha256, _ = await files.save(chunks(b"genuine"))
    bucket.forge(sha256, b"forged!")
    with pytest.raises(FileDamaged):
        await files.verified(sha256)
    await files.save(chunks(b"genuine"))
    assert await whole(files, sha256) == b"genuine"
    for _ in range(2):
        await files.remove(sha256)
    with pytest.raises(FileDamaged):
        await files.verified(sha256)


async def _refuses_everything(files: Files, sha256: str) -> None:
    for asked in (files.save(chunks(b"more")), files.verified(sha256), files.is_there(sha256), files.remove(sha256)):
        with pytest.raises(FileStoreUnavailable):
            await asked


async def test_a_store_that_is_away_damages_nothing_and_is_there_again_with_its_files(bucket: Bucket) -> None:
    files = Files(bucket.url)
    sha256, _ = await files.save(chunks(b"genuine"))
    bucket.stop()
    await _refuses_everything(files, sha256)
    await bucket.start()
    assert await whole(files, sha256) == b"genuine"


async def test_a_bucket_that_is_gone_is_no_damage_to_what_was_in_it(bucket: Bucket) -> None:
    files = Files(bucket.url)
    sha256, _ = await files.save(chunks(b"genuine"))
    bucket.folder.rename(bucket.folder.with_name("elsewhere"))
    for asked in (files.save(chunks(b"more")), files.verified(sha256), files.is_there(sha256)):
        with pytest.raises(FileStoreUnavailable):
            await asked


async def test_credentials_that_are_refused_are_no_damage_either(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256, _ = await Files(bucket.url).save(chunks(b"genuine"))
    for name, value in bucket.environment(secret="another").items():
        monkeypatch.setenv(name, value)
    await _refuses_everything(Files(f"{bucket.url}/"), sha256)  # another spelling: connections are kept by the first


async def test_a_store_that_takes_the_connection_and_says_nothing_is_waited_for_with_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        stores, "_LIMITS", stores._LIMITS | {
            "client_options": {"connect_timeout": "1s", "read_timeout": "300ms", "timeout": "1s"},
            "retry_config": {"max_retries": 0},
        },
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "a")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        began = time.monotonic()
        await _refuses_everything(Files("s3://silent-one"), "0" * 64)
        assert time.monotonic() - began < 8


async def test_without_leave_no_file_goes_over_a_plain_connection(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(FileStoreUnavailable):
        await Files(bucket.url).save(chunks(b"genuine"))
    assert bucket.objects() == []


UPLOAD = """
import asyncio, sys
from shared.runtime.base.files import Files

async def endless():
    while True:
        yield b"half a page"
        print("writing", flush=True)
        await asyncio.sleep(0.05)

asyncio.run(Files(sys.argv[1]).save(endless()))
"""


async def test_a_killed_process_leaves_nothing_of_an_upload(bucket: Bucket, tmp_path: Path) -> None:
    own = tmp_path / "temporary"
    own.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", UPLOAD, bucket.url, stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(own)},
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()
    process.kill()
    await process.wait()
    assert (bucket.objects(), list(own.iterdir()), await Files(bucket.url).clear()) == ([], [], 0)
