"""Settings of query: those every service has, and where the read model is."""

from pathlib import Path

from pydantic import Field

from shared.runtime.base.settings import Settings as Common


class Settings(Common):
    """Read once from the environment when the app is made."""

    lmdb_path: Path = Field(
        Path("lookup"), description="Folder of the read model; it can be lost, the topics bring it back."
    )
    lmdb_map_size: int = Field(
        16 << 30, ge=1 << 20, description="Bytes the read model may grow to before its map is made larger."
    )
