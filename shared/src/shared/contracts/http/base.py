"""What a view is; a body is in ``shared.contracts.base``."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

Days = Annotated[float, AfterValidator(lambda days: round(days, 1))]
"""How many days something took, to a tenth: more would say nothing."""


def example(**fields: Any) -> ConfigDict:
    """The configuration of a body or view that shows ``fields`` as its example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class View(BaseModel):
    """What a caller reads; made from the attributes of a row."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, from_attributes=True)
