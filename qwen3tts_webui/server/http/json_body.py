"""Request body: bytes -> one JSON object -> a validated pydantic model.

Lone surrogates become U+FFFD, which text cleaning removes; everything
else is strict, also about a name that is given twice.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Container, Sequence
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qwen3tts_webui.errors import LEFT_OUT, SENT_ONCE, InvalidValue
from qwen3tts_webui.server.http.body_bytes import read_body
from qwen3tts_webui.server.http.errors import MalformedJson

JsonObject = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)

_LARGE_BYTES = 2**20  # parsing more than that would delay the audio of other requests
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
    "string_pattern_mismatch": "like {pattern}",
    "model_type": "object",
    "literal_error": "{expected}",
    "missing": "given",
}
_MEMBER = re.compile(r"str|list\[.*|[A-Z]\w*")
_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


async def read_json(request: Request, model: type[Model], *, max_bytes: int) -> Model:
    """Parse the body as `model`. Raises `UnsupportedMediaType`, `BodyTooLarge`, `MalformedJson`, `InvalidValue`."""
    return validate(await _read(request, max_bytes, parse_object), model)


async def read_object(request: Request, *, max_bytes: int) -> JsonObject:
    """Parse the body as a JSON object of any fields; of a name that is given twice, the last value counts.

    Raises `UnsupportedMediaType`, `BodyTooLarge`, `MalformedJson`.
    """
    return await _read(request, max_bytes, lambda text: parse_object(text, unique=False))


async def _read(request: Request, max_bytes: int, parse: Callable[[str], JsonObject]) -> JsonObject:
    body = await read_body(request, ("application/json",), max_bytes=max_bytes)
    return _parse(body, parse) if len(body) <= _LARGE_BYTES else await asyncio.to_thread(_parse, body, parse)


def _parse(body: bytes, parse: Callable[[str], JsonObject]) -> JsonObject:
    try:
        text = body.decode("utf-8-sig")
    except ValueError:
        raise MalformedJson() from None
    return parse(text)


def validate(fields: JsonObject, model: type[Model]) -> Model:
    """Return `fields` as `model`. Raises `InvalidValue`."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise from_pydantic_error(error, model) from None


def parse_object(text: str, *, unique: bool = True, raw: Container[str] = ()) -> JsonObject:
    """Parse a JSON object; the fields in `raw` keep their lone surrogates. Raises `MalformedJson`, and `InvalidValue`
    if names must be `unique` and one is given twice."""
    try:
        value = json.loads(text, object_pairs_hook=_unique_object if unique else None)
        if isinstance(value, dict):
            return {
                _replace_surrogates(name): part if name in raw else _valid_unicode(part) for name, part in value.items()
            }
    except (ValueError, RecursionError):
        pass
    raise MalformedJson()


def _unique_object(pairs: list[tuple[str, Any]]) -> JsonObject:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        name, times = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InvalidValue(field=_replace_surrogates(name)[:40], expected=SENT_ONCE, got=str(times))
    return fields


def _valid_unicode(value: Any) -> Any:
    if isinstance(value, str):
        return _replace_surrogates(value)
    if isinstance(value, list):
        return [_valid_unicode(item) for item in value]
    if isinstance(value, dict):
        return {_replace_surrogates(name): _valid_unicode(part) for name, part in value.items()}
    return value


def _replace_surrogates(text: str) -> str:
    """Pydantic rejects lone surrogates; text cleaning removes U+FFFD."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def from_pydantic_error(error: ValidationError, model: type[BaseModel]) -> InvalidValue:
    """Describe the first invalid field as precisely as pydantic does."""
    details = error.errors(include_url=False)
    first = details[0]["loc"][:1]
    detail = max((one for one in details if one["loc"][:1] == first), key=lambda one: len(_steps(one["loc"])))
    if detail["type"] == "extra_forbidden":
        *outer, name = detail["loc"]
        expected = LEFT_OUT if outer else " | ".join(model.model_fields)
        return InvalidValue(field=_field([*_steps(outer), name]), expected=expected, got="an unknown name")
    return from_pydantic_detail(detail, _field(_steps(detail["loc"])))


def from_pydantic_detail(detail: ErrorDetails, field: str) -> InvalidValue:
    """Convert one of pydantic's error details."""
    expected = _EXPECTED.get(detail["type"], detail["type"]).format(**detail.get("ctx", {}))
    given = detail["input"]
    got = "missing" if detail["type"] == "missing" else _NAMES.get(type(given), "null")
    if detail["type"] == "string_too_long":
        got = f"{len(given)} characters"
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        got = f"{given:.6g}" if isinstance(given, float) else str(given)[:24]
    return InvalidValue(field=field, expected=expected, got=got)


def _field(steps: Sequence[int | str]) -> str:
    return ".".join(map(str, steps))[:40]


def _steps(loc: Sequence[int | str]) -> list[int | str]:
    """Drop the names that pydantic gives to union members: str, list[str], SomeBody."""
    return [step for step in loc if not (isinstance(step, str) and _MEMBER.fullmatch(step))]
