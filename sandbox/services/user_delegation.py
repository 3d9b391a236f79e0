# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User delegation keys, and the validation of the shared access signatures (SAS) that are signed with them. Pure functions.

The sandbox does this itself, because Azurite before 3.37 supports older signatures only.
Sources: https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas (versions from 2020-12-06 on),
https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key, and azure-storage-blob, `_shared_access_signature.py`.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from sandbox.messages import Request

FIRST_VERSION = "2020-12-06"
# From these versions on, the string to sign contains more lines.
_DELEGATED_USER_VERSION = "2025-07-05"
_SIGNED_REQUEST_VERSION = "2026-04-06"
_LONGEST_KEY = datetime.timedelta(days=7)
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%fZ")
# The parameters of a SAS, which are not part of the operation.
_SAS_PARAMETERS = frozenset(
    "sv sr st se sp sip spr sig skoid sktid skt ske sks skv saoid suoid scid sdd ses skdutid sduoid srh srq".split()
)


class SasError(Exception):
    """An invalid SAS, or one that does not permit the request: Azure's code, message and detail."""

    def __init__(self, code: str, message: str, detail: str = "") -> None:
        self.code = code
        self.message = message
        self.detail = detail
        super().__init__(message)


def _authentication_failed(detail: str) -> SasError:
    return SasError(
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including "
        "the signature.",
        detail,
    )


def permission_mismatch() -> SasError:
    """Return the error of a SAS or principal without the required permission."""
    return SasError(
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )


@dataclass(frozen=True)
class DelegationKey:
    """A user delegation key, without its value: principal, tenant, start, expiry, service and version."""

    object_id: str
    tenant: str
    start: str
    expiry: str
    service: str
    version: str

    def value(self, secret: str) -> str:
        """Return the value of the key in base64. `secret` is that of the account; a new one revokes all keys."""
        return _sign(secret.encode(), "\n".join(astuple(self)))

    def xml(self, secret: str) -> bytes:
        """Return the body of the response of Get User Delegation Key."""
        elements = {
            "SignedOid": self.object_id,
            "SignedTid": self.tenant,
            "SignedStart": self.start,
            "SignedExpiry": self.expiry,
            "SignedService": self.service,
            "SignedVersion": self.version,
            "Value": self.value(secret),
        }
        content = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())
        return f'<?xml version="1.0" encoding="utf-8"?><UserDelegationKey>{content}</UserDelegationKey>'.encode()


def new_key(body: bytes, object_id: str, tenant: str, version: str, now: datetime.datetime) -> DelegationKey:
    """Return the key that the body of Get User Delegation Key requests. Raise SasError for an invalid period."""
    try:
        info = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise SasError("InvalidXmlDocument", "XML specified is not syntactically valid.") from None
    start, expiry = info.findtext("Start") or "", info.findtext("Expiry") or ""
    begins, ends = parse_time(start) if start else now, parse_time(expiry)
    if begins is None or ends is None or begins >= ends or not now < ends <= now + _LONGEST_KEY:
        raise SasError(
            "InvalidXmlNodeValue",
            "The value for one of the XML nodes is not in the correct format.",
            "Start must be before Expiry, and Expiry at most 7 days from now.",
        )
    start = start or now.strftime(_TIME_FORMATS[0])
    return DelegationKey(object_id, tenant, start, expiry, "b", version)


def parse_time(text: str) -> datetime.datetime | None:
    """Return the time of a SAS or key; None for an invalid one."""
    for pattern in _TIME_FORMATS:
        try:
            return datetime.datetime.strptime(text, pattern).replace(tzinfo=datetime.UTC)
        except ValueError:
            continue
    return None


def is_user_delegation(request: Request) -> bool:
    """Return whether a request has a SAS that is signed with a user delegation key."""
    query = request.query
    return "sig" in query and "skoid" in query


def delegation_key(query: Mapping[str, str]) -> DelegationKey:
    """Return the key that a SAS names."""
    return DelegationKey(*(query.get(name, "") for name in ("skoid", "sktid", "skt", "ske", "sks", "skv")))


def string_to_sign(request: Request, account: str) -> str:
    """Return what the signature of a request's SAS must sign. Raise SasError for an unsupported version or resource."""
    query = request.query
    version = query.get("sv", "")
    if version < FIRST_VERSION or not parse_time(version):
        raise _authentication_failed(f"The version sv={version} of the signature is not supported.")

    def values(*names: str) -> list[str]:
        return [query.get(name, "") for name in names]

    lines = [*values("sp", "st", "se"), _resource(request, account)]
    lines += values("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid")
    if version >= _DELEGATED_USER_VERSION:
        lines += values("skdutid", "sduoid")
    lines += values("sip", "spr", "sv", "sr")
    lines += [query.get({"bs": "snapshot", "bv": "versionid"}.get(query.get("sr", ""), ""), ""), *values("ses")]
    if version >= _SIGNED_REQUEST_VERSION:
        headers = [unquote(name) for name in query.get("srh", "").split(",") if name]
        parameters = [unquote(name) for name in query.get("srq", "").split(",") if name]
        lines.append("".join(f"{name}:{request.headers.get(name.lower(), '')}\n" for name in headers))
        lines.append("".join(f"\n{name}:{query.get(name.lower(), '')}" for name in parameters))
    lines += values("rscc", "rscd", "rsce", "rscl", "rsct")
    return "\n".join(lines)


def _resource(request: Request, account: str) -> str:
    """Return the canonicalized resource of a SAS for a blob or a container. Raise SasError for other resources."""
    segments = [segment for segment in request.path.split("/") if segment]
    kind = request.query.get("sr", "")
    if not segments or kind not in {"b", "bs", "bv", "c"}:
        raise _authentication_failed(f"The resource sr={kind} of the signature is not that of the request.")
    path = segments[0] if kind == "c" else request.path.lstrip("/")
    return f"/blob/{account}/{path}"


def required_permissions(request: Request) -> str:
    """Return the permissions of which a SAS must contain one for a request; an empty string if no SAS permits it."""
    query = request.query
    segments = [segment for segment in request.path.split("/") if segment]
    comp = query.get("comp", "")
    if len(segments) == 1:
        is_list = request.method == "GET" and query.get("restype") == "container" and comp == "list"
        return "l" if is_list else ""
    match request.method, comp:
        case ("GET" | "PUT", "tags"):
            return "t"
        case ("GET" | "HEAD", _):
            return "r"
        case ("DELETE", _):
            return "d"
        case ("PUT", "appendblock"):
            return "aw"
        case ("PUT", "" | "block" | "blocklist"):
            return "cw"
        case ("PUT", _):
            return "w"
    return ""


def validate(request: Request, account: str, secret: str, tenant: str, peer: str, now: datetime.datetime) -> str:
    """Return the object id of the principal that has signed the SAS of a request. Raise SasError if the SAS is not valid.

    `secret` is that of the account, `peer` the address of the client. The role assignments of the principal are not checked.
    """
    query = request.query
    key = delegation_key(query)
    if key.tenant != tenant or key.service != "b" or query.get("sduoid"):
        raise _authentication_failed("The user delegation key is not for this tenant, service and user.")
    expected = _sign(base64.b64decode(key.value(secret)), string_to_sign(request, account))
    if not hmac.compare_digest(expected.encode(), query["sig"].encode()):
        raise _authentication_failed("Signature did not match.")
    _check_period("Signature", query.get("st", ""), query.get("se", ""), now)
    _check_period("User delegation key", key.start, key.expiry, now)
    if query.get("sip") and not _is_in_range(peer, query["sip"]):
        raise SasError(
            "AuthorizationSourceIPMismatch",
            "This request is not authorized to perform this operation using this source IP.",
        )
    if not set(required_permissions(request)) & set(query.get("sp", "")):
        raise permission_mismatch()
    return key.object_id


def _check_period(what: str, start: str, expiry: str, now: datetime.datetime) -> None:
    """Raise SasError unless `now` is in a period."""
    begins, ends = parse_time(start), parse_time(expiry)
    if ends is None or (start and begins is None):
        raise _authentication_failed(f"{what}: start or expiry is not a valid time.")
    if now >= ends or (begins is not None and now < begins):
        raise _authentication_failed(
            f"{what} not valid in the specified time frame: Start [{start}] - Expiry [{expiry}] - Current "
            f"[{now.strftime(_TIME_FORMATS[0])}]"
        )


def _is_in_range(peer: str, addresses: str) -> bool:
    """Return whether an address is the given one, or in a range with a hyphen."""
    first, _separator, last = addresses.partition("-")
    try:
        low, high, address = (int(ipaddress.IPv4Address(text)) for text in (first, last or first, peer))
    except ValueError:
        return False
    return low <= address <= high


def without_sas(url: str) -> str:
    """Return the path and query of a URL without the parameters of a SAS."""
    parts = urlsplit(url)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name.lower() not in _SAS_PARAMETERS
    ]
    return parts.path + (f"?{urlencode(kept, quote_via=quote)}" if kept else "")


def _sign(key: bytes, text: str) -> str:
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
