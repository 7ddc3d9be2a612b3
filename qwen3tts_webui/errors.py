"""Everything that can go wrong and has a name. Imports nothing.

    SpeechError
    ├── RequestError            the caller's mistake, seen before the first byte leaves (4xx)
    │   ├── InvalidValue            a field holds something it may not hold
    │   ├── EmptyText               nothing speakable is left after cleaning
    │   ├── TextTooLong
    │   ├── DescriptionTooLong
    │   ├── UnknownLanguage
    │   ├── UnknownVoice            no preset or saved voice of that id
    │   ├── UnknownSpeaker          the loaded model has no such speaker
    │   ├── Unsupported             the speaking engine cannot do this
    │   ├── NotFound                no such request, history entry or file
    │   ├── NoSuchRoute             HTTP: no such path
    │   ├── MethodNotAllowed        HTTP: the path is right, the method is not
    │   ├── NotJson                 HTTP: the body is declared to be something else (415)
    │   ├── MalformedJson           HTTP: the body cannot be read
    │   ├── BodyTooLarge            HTTP: more bytes than any sensible request has (413)
    │   ├── HeadersTooLarge         HTTP: more header lines or bytes than any sensible request has (431)
    │   ├── TooSlow                 HTTP: a request that does not arrive in time (408)
    │   ├── ConnectionTooOld        a WebSocket has been open for as long as one may be
    │   ├── Unauthorized            no key, or none that is known (401)
    │   ├── WrongHost               a host name that is not this server's (421): DNS rebinding
    │   ├── WrongOrigin             another website calls (403)
    │   └── BadFile                 an imported or uploaded file is not what it should be
    ├── UnavailableError        right request, wrong moment
    │   ├── Busy                    the queue is full (429, `retry_after_s`)
    │   ├── TooManyRequests         this client asks too often, or for too much at once (429, `retry_after_s`)
    │   ├── NotReady                nothing can speak yet, or the engine is shutting down (503)
    │   └── DeadlineExceeded        the caller's deadline passed (504)
    ├── SynthesisError          one utterance failed; the others go on (500)
    │   ├── NumericalError          NaN or Inf in logits or sound
    │   ├── OutOfMemory
    │   └── EngineStopped           the engine closed in mid-speech
    └── ModelError              a model cannot be loaded
        ├── CheckpointError         a file is missing, truncated or does not fit; names the file and the key
        ├── WontFit                 it needs more memory than is free
        └── DownloadError
            ├── DiskFull                no room for it, seen before the first byte
            ├── HubUnreachable          no connection, or it broke off too often
            ├── HubRefused              the hub answers, but gives nothing (401, 404, 429, ...)
            ├── FileDamaged             what came is not what the hub announced, twice
            └── DownloadStopped         by a person; what was loaded is kept

Each class has a `code` (stable, for programs) and an English `template`; `assets/i18n/zh.json` holds the Chinese under
`error.<code>` with the same placeholders. Texts and descriptions of users never enter an error.
"""

from __future__ import annotations

from typing import ClassVar


class Reason(str):
    """A clause in the sentence of an error: English, translated by the key `error.reason.<code>` and its `params`."""

    code: str
    params: dict[str, object]

    def __new__(cls, code: str, clause: str, /, **params: object) -> Reason:
        reason = super().__new__(cls, clause.format(**params))
        reason.code, reason.params = code, params
        return reason


class Cause(str):
    """Another error as a clause in the sentence of an error; translated like that one."""

    error: SpeechError

    def __new__(cls, error: SpeechError, /) -> Cause:
        clause = super().__new__(cls, str(error).rstrip("."))
        clause.error = error
        return clause


CLOSING = Reason("closing", "it is shutting down")
FILE_MISSING = Reason("file_missing", "the file is missing")
NO_FOLDER = Reason("no_folder", "there is no such folder")
NO_INDEX = Reason("no_index", "missing, empty or not an object")
NO_OBJECT = Reason("no_object", "not a JSON object")
NO_WEIGHTS = Reason("no_weights", "truncated, or not a safetensors file")
UNEXPECTED = Reason("unexpected", "something unexpected happened; the log says what")
UNREADABLE = Reason("unreadable_file", "the file cannot be read")


def not_json(error: Exception) -> Reason:
    """Why a file is no JSON."""
    return Reason("not_json", "not valid JSON ({error})", error=error)


def wrong_size(num_bytes: int, expected: int) -> Reason:
    """A file is not as long as somebody promised."""
    return Reason(
        "wrong_size", "it has {num_bytes} bytes and should have {expected}", num_bytes=num_bytes, expected=expected
    )


def still_loading(label: str) -> Reason:
    """An engine that cannot speak yet; `label` is its own."""
    return Reason("loading", "{label} is still being loaded", label=label)


class SpeechError(Exception):
    """The root of the tree.

    `params` fill the template and are all that a translation needs; `str(error)` is the English sentence.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    template: ClassVar[str] = "Something went wrong inside the program."

    def __init__(self, **params: object) -> None:
        self.params = params
        super().__init__(self.template.format(**params))


class RequestError(SpeechError):
    code = "bad_request"
    status = 400
    template = "The request cannot be understood: {reason}."


class InvalidValue(RequestError):
    """`field`, what it `expected`, and what it `got` (a number or a short name, never user text)."""

    code = "invalid_value"
    status = 422
    template = "{field} must be {expected}, not {got}."


class EmptyText(RequestError):
    code = "empty_text"
    status = 422
    template = "There is nothing to speak: type at least one letter or digit."


class TextTooLong(RequestError):
    code = "text_too_long"
    status = 413
    template = "The text has {length} characters; at most {limit} can be spoken at once. Split it into parts."


class DescriptionTooLong(RequestError):
    code = "description_too_long"
    status = 422
    template = "The voice description has {length} characters; at most {limit} are allowed. Shorten it."


class UnknownLanguage(RequestError):
    code = "unknown_language"
    status = 422
    template = "The language {got} is not known. Use one of: {known}."


class UnknownVoice(RequestError):
    code = "unknown_voice"
    status = 404
    template = "There is no voice with the id {got}. GET /api/voices lists the voices."


class UnknownSpeaker(RequestError):
    code = "unknown_speaker"
    status = 422
    template = "The model has no speaker named {got}. Its speakers: {known}."


class Unsupported(RequestError):
    """`feature` is asked for and `engine` cannot do it; `instead` says what would work."""

    code = "unsupported"
    status = 422
    template = "{engine} cannot do this: {feature}. {instead}"


class NotFound(RequestError):
    code = "not_found"
    status = 404
    template = "There is no {what} with the id {got}."


class NoSuchRoute(RequestError):
    code = "no_such_route"
    status = 404
    template = "There is nothing at this address."


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    status = 405
    template = "This address does not take {method} requests."


class NotJson(RequestError):
    code = "not_json"
    status = 415
    template = "Send JSON, with the header Content-Type: application/json."


class MalformedJson(RequestError):
    code = "malformed_json"
    template = "The body must be one JSON object in UTF-8."


class BodyTooLarge(RequestError):
    """`limit_kib`: what a body may have at most."""

    code = "body_too_large"
    status = 413
    template = "The body is too large: at most {limit_kib} KiB are allowed."


class HeadersTooLarge(RequestError):
    code = "headers_too_large"
    status = 431
    template = "The request has too many or too long headers."


class TooSlow(RequestError):
    """`limit_s`: how long the server waited."""

    code = "too_slow"
    status = 408
    template = "Nothing more came for {limit_s} s."


class ConnectionTooOld(RequestError):
    """`limit_s`: how long a connection may be open."""

    code = "connection_too_old"
    status = 408
    template = "The connection has been open for {limit_s} s, which is the limit: open a new one."


class Unauthorized(RequestError):
    code = "unauthorized"
    status = 401
    template = "This needs an API key: send the header Authorization: Bearer KEY."


class WrongHost(RequestError):
    code = "wrong_host"
    status = 421
    template = "This server does not answer to that host name. Start it with --allowed-host NAME to allow it."


class WrongOrigin(RequestError):
    code = "wrong_origin"
    status = 403
    template = "Calls from other websites are refused. Start the server with --cors-origin ORIGIN to allow one."


class BadFile(RequestError):
    code = "bad_file"
    status = 422
    template = "This file cannot be used: {reason}."


class UnavailableError(SpeechError):
    code = "unavailable"
    status = 503
    template = "The service cannot answer now."


class Busy(UnavailableError):
    """`retry_after_s`: whole seconds after which a place is likely to be free."""

    code = "busy"
    status = 429
    template = "All places are taken ({waiting} requests are waiting). Try again in {retry_after_s} s."


class TooManyRequests(UnavailableError):
    """`retry_after_s`: whole seconds after which this client may ask again."""

    code = "too_many_requests"
    status = 429
    template = "Too many requests at once. Try again in {retry_after_s} s."


class NotReady(UnavailableError):
    code = "not_ready"
    template = "The voice is not ready yet: {reason}."


class DeadlineExceeded(UnavailableError):
    code = "deadline_exceeded"
    status = 504
    template = "The deadline of {deadline_ms} ms passed before the speech was finished."


class SynthesisError(SpeechError):
    code = "synthesis_failed"
    template = "The engine failed while speaking. The text is kept; try again."


class NumericalError(SynthesisError):
    """`where` is "logits" or "sound"; `dtype` the type that overflowed."""

    code = "numerical"
    template = "The model produced invalid numbers ({where}, {dtype}). Try another precision in the settings."


class OutOfMemory(SynthesisError):
    code = "out_of_memory"
    status = 503
    template = "The device ran out of memory. Shorten the text or wait until others have finished."


class EngineStopped(SynthesisError):
    code = "engine_stopped"
    status = 503
    template = "The engine was stopped while this was being spoken. Try again."


class ModelError(SpeechError):
    code = "model"
    template = "The model cannot be loaded: {reason}."


class CheckpointError(ModelError):
    """`file` is the path that is wrong, `key` the tensor or setting in it ("" if it is the file itself)."""

    code = "checkpoint"
    template = "{file}: {problem}{place}"

    def __init__(self, *, file: object, key: str, problem: object) -> None:
        super().__init__(file=file, key=key, problem=problem, place=f" [{key}]" if key else "")


class WontFit(ModelError):
    code = "wont_fit"
    template = "The model needs {needed_gib:.1f} GiB on {device}, {free_gib:.1f} GiB are free. {instead}"


class DownloadError(ModelError):
    code = "download"
    template = "The download of {what} failed: {reason}."


class DiskFull(DownloadError):
    code = "disk_full"
    template = "{what} needs {needed_gb:.1f} GB of disk space and {free_gb:.1f} GB are free. Make room and try again."


class HubUnreachable(DownloadError):
    """`host` is the name of the hub, never a whole address."""

    code = "hub_unreachable"
    template = (
        "{host} cannot be reached, or the connection breaks off. Check the network or the proxy (HTTPS_PROXY), or"
        " choose another mirror; what was loaded is kept."
    )


class HubRefused(DownloadError):
    """`status` is the HTTP status that `host` answered."""

    code = "hub_refused"
    template = "{host} does not give {what} (HTTP {status}). Check the name, try again later or choose another mirror."


class FileDamaged(DownloadError):
    """`file` is a name inside the model."""

    code = "file_damaged"
    template = "{file} from {host} is not what was announced (its size or checksum differs). Choose another mirror."


class DownloadStopped(DownloadError):
    code = "download_stopped"
    template = "The download of {what} was stopped. Start it again to go on where it stopped."
