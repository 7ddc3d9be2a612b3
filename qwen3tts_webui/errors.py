"""Exception hierarchy.

    SpeechError
    ├── RequestError            the request is wrong, detected before any audio is sent (4xx)
    │   ├── InvalidValue            a field has a value that is not allowed
    │   ├── EmptyText               nothing to synthesize is left after cleaning
    │   ├── TextTooLong
    │   ├── DescriptionTooLong
    │   ├── UnknownLanguage
    │   ├── UnknownVoice            no preset or saved voice has that id
    │   ├── UnknownSpeaker          the loaded model has no such speaker
    │   ├── Unsupported             the active engine lacks a feature
    │   ├── NotFound                no such request, history entry or file
    │   ├── HistoryDisabled
    │   └── InvalidFile             an imported or uploaded file is not valid
    ├── UnavailableError        the request is right, but cannot be served now
    │   ├── Busy                    the queue is full (429, `retry_after_s`)
    │   ├── TooManyRequests         one client sends too many requests (429, `retry_after_s`)
    │   ├── NotReady                no engine is loaded yet, or the server is shutting down (503)
    │   └── DeadlineExceeded        the client's deadline passed (504)
    ├── SynthesisError          one utterance failed; others are not affected (500)
    │   ├── NumericalError          NaN or Inf in logits or audio
    │   ├── OutOfMemory
    │   └── EngineStopped           the engine was closed during synthesis
    └── ModelError              a model cannot be loaded
        ├── CheckpointError         a file is missing, truncated or of the wrong shape; names the file and the key
        ├── InsufficientMemory      it needs more memory than is free
        └── DownloadError
            ├── DiskFull                detected before the first byte is written
            ├── HubUnreachable          no connection, or it was interrupted too often
            ├── HubError                the hub responds with an error (401, 404, 429, ...)
            ├── ChecksumMismatch        a file twice differs from what the hub announced
            └── DownloadStopped         by the user; finished parts are kept

Errors that exist only in HTTP are in server/http/errors.py. Each class has a stable `code` for programs and an English
`template`; `assets/i18n/zh.json` holds the Chinese template under `error.<code>` with the same placeholders. Text and
voice descriptions of users never appear in an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import ClassVar


class ErrorDetail(str):
    """A part of an error message: English, translated through the key `error.detail.<code>` and its `params`."""

    code: str
    params: dict[str, object]

    def __new__(cls, code: str, clause: str, /, **params: object) -> ErrorDetail:
        detail = super().__new__(cls, clause.format(**params))
        detail.code, detail.params = code, params
        return detail


class NestedError(str):
    """Another error as a part of an error message; translated like that error."""

    error: SpeechError

    def __new__(cls, error: SpeechError, /) -> NestedError:
        clause = super().__new__(cls, str(error).rstrip("."))
        clause.error = error
        return clause


CLOSING = ErrorDetail("closing", "it is shutting down")
FILE_MISSING = ErrorDetail("file_missing", "the file is missing")
NO_FOLDER = ErrorDetail("no_folder", "the folder does not exist")
NO_INDEX = ErrorDetail("no_index", "missing, empty or not an object")
NO_OBJECT = ErrorDetail("no_object", "not a JSON object")
NO_WEIGHTS = ErrorDetail("no_weights", "truncated, or not a safetensors file")
UNEXPECTED = ErrorDetail("unexpected", "an unexpected error occurred; see the log")
UNREADABLE = ErrorDetail("unreadable_file", "the file cannot be read")

NO_AUDIO = ErrorDetail("no_audio", "it contains no audio")
WRONG_NUMBER_OF_CODES = ErrorDetail("wrong_number_of_codes", "it has the wrong number of codes")

AUDIO = ErrorDetail("audio", "audio")
HISTORY_ENTRY = ErrorDetail("history_entry", "history entry")
LINE = ErrorDetail("line", "line")
SAMPLE = ErrorDetail("sample", "sample")

ANOTHER_VALUE = ErrorDetail("another_value", "another value")
ALREADY_USED = ErrorDetail("already_used", "one that is already in use")
COMBINED_WITH_VOICE = ErrorDetail("combined_with_voice", "combined with one of them")
WITHOUT_OTHER_VOICE = ErrorDetail("without_other_voice", "given without voice and speaker")
LEFT_OUT = ErrorDetail("left_out", "left out")
FILE_UPLOAD = ErrorDetail("file_upload", "a file")
MISSING = ErrorDetail("missing", "missing")
SENT_ONCE = ErrorDetail("sent_once", "sent once")
EMPTY = ErrorDetail("empty", "empty")
UNUSED = ErrorDetail("unused", "unused")


def one_of(choices: Iterable[object]) -> ErrorDetail:
    """What `InvalidValue` expects of a field with a few allowed values."""
    return ErrorDetail("one_of", "one of {choices}", choices=", ".join(map(str, choices)))


def at_most(limit: int) -> ErrorDetail:
    """What `InvalidValue` expects of a number of things."""
    return ErrorDetail("at_most", "at most {limit}", limit=limit)


def num_characters(low: int, high: int) -> ErrorDetail:
    """What `InvalidValue` expects of the length of a text."""
    return ErrorDetail("num_characters", "{low} to {high} characters", low=low, high=high)


def too_large(max_bytes: int) -> ErrorDetail:
    """Why an `InvalidFile` is not read."""
    return ErrorDetail("too_large", "it is larger than {mib:g} MiB", mib=max_bytes / 2**20)


def in_range(low: object, high: object) -> ErrorDetail:
    """What `InvalidValue` expects of a field between two bounds, both allowed."""
    return ErrorDetail("in_range", "between {low} and {high}", low=low, high=high)


def invalid_json(error: Exception) -> ErrorDetail:
    """Why a file cannot be parsed as JSON."""
    return ErrorDetail("not_json", "not valid JSON ({error})", error=error)


def wrong_size(num_bytes: int, expected: int) -> ErrorDetail:
    """Why a file cannot be used: its size differs from the announced one."""
    return ErrorDetail(
        "wrong_size", "it has {num_bytes} bytes instead of {expected}", num_bytes=num_bytes, expected=expected
    )


def loading_reason(label: str) -> ErrorDetail:
    """Why an engine is not ready; `label` is its own."""
    return ErrorDetail("loading", "{label} is still loading", label=label)


class SpeechError(Exception):
    """Root of the hierarchy.

    `params` fill the template and are all that a translation needs; `str(error)` is the English message.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    template: ClassVar[str] = "An internal error occurred."

    def __init__(self, **params: object) -> None:
        self.params = params
        super().__init__(self.template.format(**params).rstrip(" "))


class RequestError(SpeechError):
    """The request cannot be served as it is, and trying again will not help."""

    code = "bad_request"
    status = 400
    template = "The request is not valid: {reason}."


class InvalidValue(RequestError):
    """`field`, what was `expected`, and what it `got` (a number or a short name, never user text)."""

    code = "invalid_value"
    status = 422
    template = "{field} must be {expected}, not {got}."


class EmptyText(RequestError):
    """Nothing to synthesize is left after cleaning."""

    code = "empty_text"
    status = 422
    template = "There is nothing to synthesize: enter at least one letter or digit."


class TextTooLong(RequestError):
    """The text has `length` characters, more than `limit`."""

    code = "text_too_long"
    status = 413
    template = "The text has {length} characters; the limit is {limit}. Split it into parts."


class DescriptionTooLong(RequestError):
    """The voice description has `length` characters, more than `limit`."""

    code = "description_too_long"
    status = 422
    template = "The voice description has {length} characters; the limit is {limit}. Shorten it."


class UnknownLanguage(RequestError):
    """`got` is none of the `known` languages."""

    code = "unknown_language"
    status = 422
    template = "The language {got} is not supported. Use one of: {known}."


class UnknownVoice(RequestError):
    """No preset or saved voice has the id `got`."""

    code = "unknown_voice"
    status = 404
    template = "No voice has the id {got}. GET /api/voices lists the voices."


class UnknownSpeaker(RequestError):
    """The loaded model has `known` speakers; `got` is none of them."""

    code = "unknown_speaker"
    status = 422
    template = "The model has no speaker named {got}. Its speakers: {known}."


_FEATURES = MappingProxyType(
    {
        "description": "voice descriptions",
        "continuation": "continuing a voice",
        "engine_voice": "a voice of another engine",
        "speaker": "named speakers",
        "cloning": "cloning a recorded voice",
        "sampling": "sampling parameters",
        "seed": "seeds",
        "text_streaming": "streaming text input",
        "packet_size": "a fixed packet size",
        "precision": "switching the precision",
        "recognition": "speech recognition",
    }
)


class Unsupported(RequestError):
    """`engine` lacks `feature` (a `types.Feature`, an option, or a phrase); `hint` says what to do, "" for nothing."""

    code = "unsupported"
    status = 422
    template = "{engine} does not support {feature}. {hint}"

    def __init__(self, *, engine: object, feature: str, hint: object = "") -> None:
        if feature in _FEATURES:
            feature = ErrorDetail(f"feature_{feature}", _FEATURES[feature])
        super().__init__(engine=engine, feature=feature, hint=hint)


class NotFound(RequestError):
    """Nothing of the kind `what` has the id `got`."""

    code = "not_found"
    status = 404
    template = "No {what} has the id {got}."


class HistoryDisabled(RequestError):
    """The server keeps no history, so there is nothing to list, export or save from."""

    code = "history_disabled"
    status = 404
    template = "History is disabled."


class InvalidFile(RequestError):
    """An imported or uploaded file, or one of the program's own data files, is not valid."""

    code = "invalid_file"
    status = 422
    template = "This file cannot be used: {reason}."


class UnavailableError(SpeechError):
    """The request is right, but cannot be served now."""

    code = "unavailable"
    status = 503
    template = "The service is unavailable."


class Busy(UnavailableError):
    """The queue is full. `retry_after_s`: whole seconds after which a slot is likely to be free."""

    code = "busy"
    status = 429
    template = "The server is at capacity ({waiting} requests are queued). Try again in {retry_after_s} s."


class TooManyRequests(UnavailableError):
    """One client sends too many requests. `retry_after_s`: whole seconds until it may send the next."""

    code = "too_many_requests"
    status = 429
    template = "Too many requests. Try again in {retry_after_s} s."


class NotReady(UnavailableError):
    """No engine is loaded yet, or the server is shutting down."""

    code = "not_ready"
    template = "The voice engine is not ready: {reason}."


class DeadlineExceeded(UnavailableError):
    """The client's deadline passed."""

    code = "deadline_exceeded"
    status = 504
    template = "The deadline of {deadline_ms} ms passed before synthesis was complete."


class SynthesisError(SpeechError):
    """One utterance failed; others are not affected."""

    code = "synthesis_failed"
    template = "Synthesis failed. Your text is kept; try again."


class NumericalError(SynthesisError):
    """`where` is "logits" or "audio"; `dtype` the type that overflowed."""

    code = "numerical"
    template = "The model produced invalid numbers ({where}, {dtype}). Choose another precision in the settings."


class OutOfMemory(SynthesisError):
    """The device ran out of memory."""

    code = "out_of_memory"
    status = 503
    template = "The device ran out of memory. Shorten the text, or wait until other requests have finished."


class EngineStopped(SynthesisError):
    """The engine was closed during synthesis."""

    code = "engine_stopped"
    status = 503
    template = "The engine was stopped during synthesis. Try again."


class ModelError(SpeechError):
    """A model cannot be loaded."""

    code = "model"
    template = "The model cannot be loaded: {reason}."


class CheckpointError(ModelError):
    """`file` is the path that is wrong, `key` the tensor or setting in it ("" if it is the file itself)."""

    code = "checkpoint"
    template = "{file}: {problem}{place}"

    def __init__(self, *, file: object, key: str, problem: object) -> None:
        super().__init__(file=file, key=key, problem=problem, place=f" [{key}]" if key else "")


class InsufficientMemory(ModelError):
    """The model needs more memory than is free on `device`; `hint` says what to do."""

    code = "insufficient_memory"
    template = "The model needs {needed_gib:.1f} GiB on {device}, but {free_gib:.1f} GiB are free. {hint}"


class DownloadError(ModelError):
    """A download failed."""

    code = "download"
    template = "The download of {what} failed: {reason}."


class DiskFull(DownloadError):
    """The disk has too little space; detected before the first byte is written."""

    code = "disk_full"
    template = "{what} needs {needed_gb:.1f} GB of disk space, but {free_gb:.1f} GB are free. Free some and try again."


class HubUnreachable(DownloadError):
    """`host` is the name of the hub, never a whole address."""

    code = "hub_unreachable"
    template = (
        "{host} cannot be reached, or the connection was interrupted. Check the network or the proxy (HTTPS_PROXY), or"
        " choose another mirror; finished parts are kept."
    )


class HubError(DownloadError):
    """`status` is the HTTP status that `host` responded with."""

    code = "hub_error"
    template = "{host} responded to {what} with HTTP {status}. Check the name, try later or choose another mirror."


class ChecksumMismatch(DownloadError):
    """`file` is a name inside the model."""

    code = "checksum_mismatch"
    template = "{file} from {host} does not match its announced size or checksum. Choose another mirror."


class DownloadStopped(DownloadError):
    """Stopped by the user; finished parts are kept."""

    code = "download_stopped"
    template = "The download of {what} was stopped. Start it again to resume."
