"""Our own fact: an organisation as the directory has it, without the people to ask there."""

from coordination.store.entries import Entry
from shared.contracts.directory import OrganisationRecordedV1


def recorded(entry: Entry) -> OrganisationRecordedV1:
    """The whole present record; nobody else needs personal data, so it has none."""
    return OrganisationRecordedV1.model_validate(entry.record.model_dump())
