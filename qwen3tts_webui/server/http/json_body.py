"""A request's body: bytes -> one JSON object -> a checked model.

Bounded before it is read, tolerant of odd characters (a lone surrogate in a text is a character like any other, and
cleaning removes it), strict about everything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qwen3tts_webui.errors import BodyTooLarge, InvalidValue, MalformedJson, UnsupportedMediaType

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "string_type": "string",
    "bool_type": "true | false",
    "int_type": "integer",
    "int_parsing": "integer",
    "int_parsing_size": "integer",
    "bool_parsing": "true | false",
    "float_type": "number",
    "finite_number": "finite number",
    "greater_than_equal": "≥ {ge}",
    "less_than_equal": "≤ {le}",
    "string_too_long": "≤ {max_length} characters",
    "literal_error": "{expected}",
    "missing": "given",
}
_MEMBER = re.compile(r"str|list\[.*|[A-Z]\w*")
_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


async def read(request: Request, model: type[Model], *, max_bytes: int) -> Model:
    """The body as `model`. Raises `UnsupportedMediaType`, `BodyTooLarge`, `MalformedJson`, `InvalidValue`."""
    data = await read_bytes(request, ("application/json",), max_bytes=max_bytes)
    try:
        return model.model_validate(_object(data))
    except ValidationError as error:
        raise invalid(error, model) from None


async def read_bytes(request: Request, types: Sequence[str], *, max_bytes: int) -> bytes:
    """The body as it came, if it is declared as one of `types`. Raises `UnsupportedMediaType`, `BodyTooLarge`."""
    declared_types = request.headers.getlist("content-type")
    if len(declared_types) != 1 or declared_types[0].partition(";")[0].strip().lower() not in types:
        raise UnsupportedMediaType()
    declared = request.headers.get("content-length", "0")
    too_large = BodyTooLarge(limit_kib=max_bytes // 1024)
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise too_large
    pieces, length = [], 0
    async for piece in request.stream():
        pieces.append(piece)
        length += len(piece)
        if length > max_bytes:
            raise too_large
    return b"".join(pieces)


def _object(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise MalformedJson() from None
    if not isinstance(value, dict):
        raise MalformedJson()
    return {_unicode(key): _readable(field) for key, field in value.items()}


def _readable(field: object) -> object:
    if isinstance(field, list):
        return [_unicode(item) if isinstance(item, str) else item for item in field]
    return _unicode(field) if isinstance(field, str) else field


def _unicode(text: str) -> str:
    """Pydantic refuses a `str` with lone surrogates; U+FFFD is what cleaning takes out anyway."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def invalid(error: ValidationError, model: type[BaseModel]) -> InvalidValue:
    """The first thing that is wrong, as exactly as pydantic knows it."""
    details = error.errors(include_url=False)
    first = details[0]["loc"][:1]
    detail = max((one for one in details if one["loc"][:1] == first), key=lambda one: len(_steps(one["loc"])))
    if detail["type"] == "extra_forbidden":
        *outer, name = detail["loc"]
        expected = "left out" if outer else " | ".join(model.model_fields)
        return InvalidValue(field=_field([*_steps(outer), name]), expected=expected, got="an unknown name")
    return wrong(detail, _field(_steps(detail["loc"])))


def wrong(detail: ErrorDetails, field: str) -> InvalidValue:
    """One of pydantic's findings in our words."""
    expected = _EXPECTED.get(detail["type"], detail["type"]).format(**detail.get("ctx", {}))
    given = detail["input"]
    got = "missing" if detail["type"] == "missing" else _NAMES.get(type(given), "null")
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        got = f"{given:.6g}" if isinstance(given, float) else str(given)[:24]
    return InvalidValue(field=field, expected=expected, got=got)


def _field(steps: Sequence[int | str]) -> str:
    return ".".join(map(str, steps))[:40]


def _steps(loc: Sequence[int | str]) -> list[int | str]:
    """Without the names that pydantic gives to the members of a union: str, list[str], SomeBody."""
    return [step for step in loc if not (isinstance(step, str) and _MEMBER.fullmatch(step))]
