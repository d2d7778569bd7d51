"""Settings of enforcement: those every service has, and where evidence is kept."""

from pathlib import Path

from pydantic import Field

from shared.runtime.base.settings import Settings as Common


class Settings(Common):
    """Read once from the environment when the app is made."""

    evidence_path: Path = Field(
        Path("evidence"), description="Folder for the bytes of evidence; back it up together with the database."
    )
