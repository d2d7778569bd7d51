"""Settings of enforcement: those every service has, and where evidence is kept."""

from pathlib import Path

from pydantic import Field

from shared.runtime.base.settings import Settings as Common


class Settings(Common):
    """Read once from the environment when the app is made."""

    evidence_path: Path = Field(
        Path("evidence"), description="Folder for the bytes of evidence; back it up together with the database."
    )
    complaints_per_source: int = Field(
        30, ge=1, le=1_000_000, description="Complaints, and files of them, that one source may send in an hour."
    )
    complaints_per_name: int = Field(
        600, ge=1, le=1_000_000, description="Complaints about one registered name that are taken in an hour."
    )
