"""multipart/form-data bodies: bytes -> text fields and files, all in memory, with the size checked while reading."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from qwen3tts_webui.errors import FILE_UPLOAD, LEFT_OUT, SENT_ONCE, ErrorDetail, InvalidValue, SpeechError
from qwen3tts_webui.server.http.body_bytes import bounded_chunks, media_type
from qwen3tts_webui.server.http.errors import MalformedForm
from qwen3tts_webui.server.http.json_body import JsonObject, Model, from_pydantic_error

_MAX_PARTS = 64
_TEXT = ErrorDetail("text_field", "text")


@dataclass(frozen=True, slots=True)
class Form:
    """The text fields and the files of a form, by name."""

    fields: dict[str, str]
    files: dict[str, bytes]


class _InMemoryParser(MultiPartParser):
    """Spools nothing to disk: the server may have no place to write."""

    spool_max_size = 2**31


class _Interrupted(MultiPartException):
    """Ends the parsing with `error`; of this kind, so that the parser closes its files."""

    def __init__(self, error: SpeechError) -> None:
        super().__init__(str(error))
        self.error = error


def is_form(request: Request) -> bool:
    """Return True if the body is declared to be multipart/form-data."""
    return media_type(request) == "multipart/form-data"


async def read_form(request: Request, *, files: Collection[str], max_bytes: int) -> Form:
    """Read a form with `files` as its possible files. Raises `BodyTooLarge`, `MalformedForm`, `InvalidValue`."""
    parser = _InMemoryParser(
        request.headers,
        _chunks(request, max_bytes),
        max_files=len(files),
        max_fields=_MAX_PARTS,
        max_part_size=max_bytes,
    )
    try:
        parts = await parser.parse()
    except _Interrupted as interruption:
        raise interruption.error from None
    except (MultiPartException, KeyError, UnicodeError):
        raise MalformedForm() from None
    try:
        return await _form(parts, files)
    finally:
        await parts.close()


async def _form(parts: FormData, files: Collection[str]) -> Form:
    form = Form({}, {})
    for name, value in parts.multi_items():
        if name in form.fields or name in form.files:
            raise InvalidValue(field=name[:40], expected=SENT_ONCE, got="2")
        if isinstance(value, UploadFile):
            if name not in files:
                raise InvalidValue(field=name[:40], expected=LEFT_OUT, got=FILE_UPLOAD)
            form.files[name] = await value.read()
        elif name in files:
            raise InvalidValue(field=name, expected=FILE_UPLOAD, got=_TEXT)
        else:
            form.fields[name] = value
    return form


def validate_strings(fields: JsonObject, model: type[Model]) -> Model:
    """Return text fields as `model`, with numbers and booleans read from their text. Raises `InvalidValue`."""
    try:
        return model.model_validate_strings(fields)
    except ValidationError as error:
        raise from_pydantic_error(error, model) from None


async def _chunks(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in bounded_chunks(request, max_bytes):
            yield chunk
    except SpeechError as error:  # also that of a client that sends nothing more
        raise _Interrupted(error) from None
