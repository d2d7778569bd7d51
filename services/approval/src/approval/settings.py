"""Settings of approval: those every service has, and where files are kept."""

from pathlib import Path

from pydantic import Field

from shared.runtime.base.settings import Settings as Common


class Settings(Common):
    """Read once from the environment when the app is made."""

    files_path: Path = Field(
        Path("files"), description="Folder for what applicants hand in; back it up together with the database."
    )
