"""Settings of approval: those every service has, and where files are kept."""

from pydantic import Field

from shared.runtime.base.settings import Settings as Common
from shared.runtime.base.stores import StoreUrl


class Settings(Common):
    """Read once from the environment when the app is made."""

    files_store: StoreUrl = Field(
        "files",
        description="Where what applicants hand in is kept: a folder, or `s3://bucket/prefix`; back it up with the "
        "database.",
    )
