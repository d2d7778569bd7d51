"""Settings of enforcement: those every service has, and where evidence is kept."""

from ipaddress import ip_address

from pydantic import Field, field_validator

from shared.runtime.base.settings import Settings as Common
from shared.runtime.base.stores import StoreUrl


class Settings(Common):
    """Read once from the environment when the app is made."""

    evidence_store: StoreUrl = Field(
        "evidence",
        description="Where the bytes of evidence are kept: a folder, or `s3://bucket/prefix`; back it up together with "
        "the database.",
    )
    complaints_per_source: int = Field(
        30, ge=1, le=1_000_000, description="Complaints, and files of them, that one source may send in an hour."
    )
    complaints_per_name: int = Field(
        600, ge=1, le=1_000_000, description="Complaints about one registered name that are taken in an hour."
    )
    name_servers: str = Field(
        "",
        description="Name servers that are asked whether a name shows whose it is: a comma list of `address:port`; "
        "default those of this machine. Best are ones of yours that check DNSSEC.",
    )

    @field_validator("name_servers")
    @classmethod
    def _addresses_and_ports(cls, value: str) -> str:
        for each in filter(None, map(str.strip, value.split(","))):
            address, _, port = each.rpartition(":")
            ip_address(address.strip("[]"))
            if not 0 < int(port) < 65536:
                raise ValueError(f"{each} has no port")
        return value
