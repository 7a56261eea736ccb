"""What all documents of the API have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler
from pydantic import field_validator as validates


class Model(BaseModel):
    """A document as the server sent it.

    An installation may be newer than this client: members that it does not know are kept
    (`model_extra`), and a value that it does not know, such as a new status, is taken as it is.
    """

    model_config = ConfigDict(extra="allow", populate_by_name=True, protected_namespaces=())

    @validates("*", mode="wrap", check_fields=False)
    @classmethod
    def _take_new_values(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as exc:
            if all(error["type"] == "literal_error" for error in exc.errors()):
                return value
            raise
