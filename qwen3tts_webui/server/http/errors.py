"""Errors that exist only on the HTTP edge: bodies, headers, hosts, keys and connections."""

from __future__ import annotations

from qwen3tts_webui.errors import RequestError


class RouteNotFound(RequestError):
    """No route has this path."""

    code = "route_not_found"
    status = 404
    template = "There is no such route."


class MethodNotAllowed(RequestError):
    """The route exists, but not for this method."""

    code = "method_not_allowed"
    status = 405
    template = "This route does not accept {method} requests."


class MalformedRequest(RequestError):
    """The bytes received are not an HTTP request."""

    code = "malformed_request"
    template = "This is not a valid HTTP request."


class UrlTooLong(RequestError):
    """The URL is longer than `limit` bytes."""

    code = "url_too_long"
    status = 414
    template = "The URL is too long: the limit is {limit} bytes."


class RangeNotSatisfiable(RequestError):
    """The Range header starts beyond the file, which has `size` bytes."""

    code = "range_not_satisfiable"
    status = 416
    template = "The file has only {size} bytes."


class UnsupportedMediaType(RequestError):
    """The body is declared to be something other than JSON."""

    code = "unsupported_media_type"
    status = 415
    template = "Send JSON, with the header Content-Type: application/json."


class UnsupportedEncoding(RequestError):
    """The body is compressed."""

    code = "unsupported_encoding"
    status = 415
    template = "Send the body uncompressed, without Content-Encoding."


class ChangedMeanwhile(RequestError):
    """The stored version is no longer the one in the header If-Match."""

    code = "changed_meanwhile"
    status = 412
    template = "It was changed elsewhere in the meantime. Read it again, then repeat your change."


class MalformedJson(RequestError):
    """The body cannot be parsed."""

    code = "malformed_json"
    template = "The body must be one JSON object in UTF-8."


class MalformedForm(RequestError):
    """The body cannot be parsed as multipart/form-data."""

    code = "malformed_form"
    template = "The body is not a valid multipart/form-data form."


class BodyTooLarge(RequestError):
    """The body is longer than `limit_kib`."""

    code = "body_too_large"
    status = 413
    template = "The body is too large: the limit is {limit_kib} KiB."


class HeadersTooLarge(RequestError):
    """Too many headers, or too many bytes of them."""

    code = "headers_too_large"
    status = 431
    template = "The request has too many headers, or they are too long."


class RequestTimeout(RequestError):
    """The client sent nothing for `limit_s`."""

    code = "request_timeout"
    status = 408
    template = "Nothing was received for {limit_s} s."


class ConnectionExpired(RequestError):
    """A WebSocket has been open for `limit_s`, the longest allowed."""

    code = "connection_expired"
    status = 408
    template = "The connection reached its limit of {limit_s} s: open a new one."


class Unauthorized(RequestError):
    """The API key is missing or unknown."""

    code = "unauthorized"
    status = 401
    template = "An API key is required: send the header Authorization: Bearer KEY."


class ForbiddenHost(RequestError):
    """The Host header does not name this server (DNS rebinding)."""

    code = "forbidden_host"
    status = 421
    template = "This server does not accept that host name. Start it with --allowed-host NAME to allow it."


class ForbiddenOrigin(RequestError):
    """The request comes from another website."""

    code = "forbidden_origin"
    status = 403
    template = "Requests from other websites are rejected. Start the server with --cors-origin ORIGIN to allow one."


class LocalOnly(RequestError):
    """The request names a folder of this machine, and comes from another one or through a proxy."""

    code = "local_only"
    status = 403
    template = (
        "A folder can be opened only in a browser on the computer that runs the program. "
        "On that computer, start it with: python3 app.py --model FOLDER"
    )


class NotAModelFolder(RequestError):
    """The folder has no complete model: `file` in it has `problem`."""

    code = "not_a_model_folder"
    status = 422
    template = (
        "There is no complete Qwen3-TTS model in this folder ({file}: {problem}). Enter the full path of the folder "
        "that contains config.json, model.safetensors and speech_tokenizer, or download a model."
    )
