# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A peer that implements the part of TDS 7.4 that the drivers of Microsoft need, and fails according to a script.

It replaces Azure SQL in tests of how a driver reports an error of the server. The reference is [MS-TDS]. With a certificate
it encrypts the whole connection; without one it reports that it cannot, which drivers accept with Encrypt=no.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_BATCH, _RPC, _ANSWER, _ATTENTION, _TRANSACTION, _LOGIN, _PRELOGIN = 1, 3, 4, 6, 14, 16, 18
# SQL_Latin1_General_CP1_CI_AS, the collation of any column, which is NVARCHAR(4000).
_COLLATION = bytes((0x09, 0x04, 0xD0, 0x00, 0x34))
# Latin1_General_100_CS_AS_SC_UTF8. For a database with it the drivers encode VARCHAR parameters as UTF-8.
UTF8_COLLATION = bytes((0x09, 0x04, 0xC0, 0x24, 0x00))
# The bit fUTF8 of a COLLATION, in its byte 3.
_UTF8 = 0x04
_INTEGER, _VARBINARY, _VARCHAR, _NVARCHAR, _TEXT, _NTEXT = 0x26, 0xA5, 0xA7, 0xE7, 0x23, 0x63
_TYPES = {_VARBINARY: "varbinary", _VARCHAR: "varchar", _NVARCHAR: "nvarchar", _TEXT: "text", _NTEXT: "ntext"}
_REQUESTS = {5: "BEGIN TRANSACTION", 7: "COMMIT TRANSACTION", 8: "ROLLBACK TRANSACTION"}
# sp_executesql, and the procedures whose parameters include a statement: sp_prepare and sp_prepexec, too.
_EXECUTE_SQL = 10
_WITH_STATEMENT = (_EXECUTE_SQL, 11, 13)
# Statements that report one changed row.
_WITHOUT_ROWS = re.compile(r"(?:UPDATE|DELETE)\b(?!.*\bOUTPUT\b)", re.DOTALL)
_SELECTED = re.compile(r"SELECT (?:TOP \d+ |DISTINCT )?(.*?)\s+FROM\b", re.DOTALL)
_VERSION = struct.pack(">BBH", 16, 0, 4000)
_PACKET = 4096


class _Gone(Exception):
    """The connection is closed."""


@dataclass(frozen=True)
class Fault:
    """An error of the server. severity: from 20 on the peer closes the connection, as a server does."""

    number: int
    severity: int
    message: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of a statement as it arrived. type: varchar, nvarchar, text, ntext or varbinary; data: None for NULL."""

    type: str
    data: bytes | None
    encoding: str

    def text(self) -> str:
        """Return the value, bytes as 0x…, NULL as an empty text."""
        if self.data is None:
            return ""
        return (
            f"0x{self.data.hex().upper()}"
            if self.type == "varbinary"
            else self.data.decode(self.encoding, "backslashreplace")
        )


@dataclass(frozen=True)
class Procedure:
    """A statement with parameters as it arrived. An execution of a prepared statement has no text."""

    statement: str
    declaration: str
    parameters: tuple[Parameter, ...]


Answer = str | list[dict[str, str]] | None


@dataclass
class Script:
    """The faults of a peer, and the statements that it received.

    logins: a fault for each login to come, None for a login that succeeds, as all do when the list is empty.
    statements: (part of a statement, fault), each used once; other statements succeed. None closes the connection without
        a response. The ends of a transaction are the statements COMMIT TRANSACTION and ROLLBACK TRANSACTION.
    answers: the value of the single row, by a part of the statement, None for NULL; a callable is called for each. A list
        contains the rows by the labels of the columns; a column without a value is NULL.
    collation: the collation of the database, which the drivers learn at login.
    drop_at: the number of statements until one loses its connection, 0 for none. dropped: the statement that lost it.
    stays_away: whether the database is away from then on. away: whether it is; each statement and login loses its connection.
    seen: the statements. A statement with parameters has a line each for its text, their declaration and their values.
    procedures: the statements with parameters, with the types and bytes of their values.
    """

    logins: deque[Fault | None] = field(default_factory=deque)
    statements: list[tuple[str, Fault | None]] = field(default_factory=list)
    answers: dict[str, Answer | Callable[[], str | None]] = field(default_factory=dict)
    collation: bytes = _COLLATION
    drop_at: int = 0
    dropped: str = ""
    stays_away: bool = False
    away: bool = False
    seen: list[str] = field(default_factory=list)
    procedures: list[Procedure] = field(default_factory=list)
    login_count: int = 0
    open_connections: int = 0
    tokens: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def login(self) -> Fault | None:
        """Return the fault for a login. Raise _Gone to close the connection."""
        with self.lock:
            self.login_count += 1
            if self.away:
                raise _Gone
            return self.logins.popleft() if self.logins else None

    def statement(self, text: str) -> Fault | None:
        """Return the fault for a statement. Raise _Gone to close the connection."""
        with self.lock:
            self.seen.append(text)
            if self.away:
                raise _Gone
            if self.drop_at == 1:
                self.drop_at, self.dropped, self.away = 0, text, self.stays_away
                raise _Gone
            self.drop_at = max(0, self.drop_at - 1)
            for index, (part, fault) in enumerate(self.statements):
                if part in text:
                    del self.statements[index]
                    if fault is None:
                        raise _Gone
                    return fault
        return None

    def value(self, text: str) -> Answer:
        for part, answer in self.answers.items():
            if part in text:
                return answer() if callable(answer) else answer
        if "@@version" in text.lower():
            return "Microsoft SQL Azure (RTM) - 12.0.2000.8"
        return "1"


def until_open(script: Script, count: int) -> None:
    """Wait until `count` connections are open: the peer notices changes with a delay."""
    deadline = time.monotonic() + 60
    while script.open_connections != count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert script.open_connections == count


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate and its key."""

    certificate: Path
    key: Path


def new_certificate(directory: Path, address: str = "127.0.0.1") -> Certificate:
    """Create a self-signed certificate for an address. The drivers compare an address with the common name only."""
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={address}"]
    subprocess.run(
        [*command, "-keyout", made.key, "-out", made.certificate], check=True, capture_output=True, timeout=60
    )
    return made


class _Wire:
    """Messages of one connection, in packets."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection: socket.socket = connection

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._connection.recv(count - len(data))
            if not piece:
                raise _Gone
            data += piece
        return data

    def receive(self) -> tuple[int, bytes]:
        """Return type and content of the next message."""
        content = b""
        while True:
            kind, status, length = struct.unpack(">BBH", self._exactly(8)[:4])
            content += self._exactly(length - 8)
            if status & 1:
                return kind, content

    def send(self, content: bytes, kind: int = _ANSWER) -> None:
        pieces = [content[start : start + _PACKET - 8] for start in range(0, len(content), _PACKET - 8)] or [b""]
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces)
            header = struct.pack(">BBHHBB", kind, 1 if last else 0, len(piece) + 8, 0, number % 256, 0)
            self._connection.sendall(header + piece)

    def encrypt(self, certificate: Certificate) -> None:
        """Do the handshake inside prelogin packets; later packets are not wrapped."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # TLS 1.3 sends tickets after the handshake, when packets no longer wrap it.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate.certificate, certificate.key)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._hand_over(outgoing)
                incoming.write(self.receive()[1])
        self._hand_over(outgoing)
        self._connection = _Secured(self._connection, secure, incoming, outgoing)  # type: ignore[assignment]

    def _hand_over(self, outgoing: ssl.MemoryBIO) -> None:
        if part := outgoing.read():
            self.send(part, _PRELOGIN)


class _Secured:
    """recv and sendall of a socket over a TLS session."""

    def __init__(
        self, connection: socket.socket, secure: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        self._connection, self._secure, self._incoming, self._outgoing = connection, secure, incoming, outgoing

    def recv(self, count: int) -> bytes:
        while True:
            try:
                return self._secure.read(count)
            except ssl.SSLWantReadError:
                data = self._connection.recv(65536)
                if not data:
                    return b""
                self._incoming.write(data)
            except ssl.SSLZeroReturnError:
                return b""

    def sendall(self, data: bytes) -> None:
        self._secure.write(data)
        self._connection.sendall(self._outgoing.read())


def _b_varchar(text: str) -> bytes:
    return bytes((len(text),)) + text.encode("utf-16-le")


def _token(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + struct.pack("<H", len(content)) + content


def _error(fault: Fault) -> bytes:
    message = fault.message.encode("utf-16-le")
    return _token(
        0xAA,
        struct.pack("<iBB", fault.number, 1, fault.severity)
        + struct.pack("<H", len(fault.message))
        + message
        + _b_varchar("sql-mlflow")
        + _b_varchar("")
        + struct.pack("<I", 1),
    )


def _done(status: int = 0, kind: int = 0xFD, rows: int = 0) -> bytes:
    return struct.pack("<BHHQ", kind, status, 0xC1, rows)


def _rows(text: str, answer: Answer) -> bytes:
    """Return the columns and rows of a response to the statement `text`."""
    if not isinstance(answer, list):
        return _columns(["value"]) + _row([answer])
    selected = _SELECTED.search(text)
    # The label of a column is its alias or its name.
    columns = selected[1].split(", ") if selected else ["value"]
    labels = [column.rpartition(" AS ")[2].rpartition(".")[2].strip("[] ") for column in columns]
    return _columns(labels) + b"".join(_row([row.get(label) for label in labels]) for row in answer)


def _columns(labels: list[str]) -> bytes:
    column = struct.pack("<IH", 0, 1) + b"\xe7" + struct.pack("<H", 8000) + _COLLATION
    return b"\x81" + struct.pack("<H", len(labels)) + b"".join(column + _b_varchar(label) for label in labels)


def _row(values: list[str | None]) -> bytes:
    row = b"\xd1"
    for value in values:
        data = None if value is None else value.encode("utf-16-le")
        row += b"\xff\xff" if data is None else struct.pack("<H", len(data)) + data
    return row


def _count(answer: Answer) -> int:
    return len(answer) if isinstance(answer, list) else 1


def _prelogin(encryption: int, federated: bool) -> bytes:
    options = [(0, _VERSION + b"\0\0"), (1, bytes((encryption,))), (2, b"\0"), (3, b""), (4, b"\0")]
    if federated:
        options.append((6, b"\1"))
    offset, head, body = len(options) * 5 + 1, b"", b""
    for kind, value in options:
        head += struct.pack(">BHH", kind, offset + len(body), len(value))
        body += value
    return head + b"\xff" + body


def _logged_in(federated: bool, collation: bytes) -> bytes:
    acknowledged = b"\1" + struct.pack(">I", 0x74000004) + _b_varchar("Microsoft SQL Server") + _VERSION
    content = (
        _token(0xE3, b"\1" + _b_varchar("mlflow") + _b_varchar("master"))
        + _token(0xE3, b"\7" + b"\5" + collation + b"\0")
        + _token(0xE3, b"\2" + _b_varchar("us_english") + _b_varchar(""))
        + _token(0xAD, acknowledged)
        + _token(0xE3, b"\4" + _b_varchar(str(_PACKET)) + _b_varchar(str(_PACKET)))
    )
    if federated:
        # FEATUREEXTACK: FEDAUTH, no data.
        content += b"\xae\x02" + struct.pack("<I", 0) + b"\xff"
    return content + _done()


def _federated(login: bytes) -> bytes:
    """Return the data of the feature extension FEDAUTH in a LOGIN7; empty without it."""
    if not login[27] & 0x10:
        return b""
    (pointer,) = struct.unpack_from("<H", login, 56)
    (position,) = struct.unpack_from("<I", login, pointer)
    while login[position] != 0xFF:
        kind, length = struct.unpack_from("<BI", login, position)
        if kind == 2:
            return login[position + 5 : position + 5 + length]
        position += 5 + length
    return b""


def _access_token(wire: _Wire, federated: bytes) -> str:
    """Return the access token of the client: LOGIN7 contains it (library 1), or the client gets it for the resource (2)."""
    if federated[0] >> 1 == 1:
        (size,) = struct.unpack_from("<I", federated, 1)
        return federated[5 : 5 + size].decode("utf-16-le")
    facts = [(1, "https://login.microsoftonline.com/common"), (2, "https://database.windows.net/")]
    offset, head, body = 4 + 9 * len(facts), b"", b""
    for kind, text in facts:
        value = text.encode("utf-16-le")
        head += struct.pack("<BII", kind, len(value), offset + len(body))
        body += value
    content = struct.pack("<I", len(facts)) + head + body
    wire.send(b"\xee" + struct.pack("<I", len(content)) + content)
    _kind, message = wire.receive()
    (size,) = struct.unpack_from("<I", message, 4)
    # The ODBC driver sends the end of its C string, too.
    return message[8 : 8 + size].decode("utf-16-le").rstrip("\0")


def _serve(connection: socket.socket, script: Script, certificate: Certificate | None) -> None:
    wire = _Wire(connection)
    _kind, prelogin = wire.receive()
    federated = any(prelogin[start] == 6 for start in range(0, prelogin.index(b"\xff"), 5))
    # 2: encryption is not supported. 1: everything is encrypted.
    wire.send(_prelogin(1 if certificate else 2, federated))
    if certificate:
        wire.encrypt(certificate)
    _kind, login = wire.receive()
    extension = _federated(login)
    if extension:
        script.tokens.append(_access_token(wire, extension))
    fault = script.login()
    if fault:
        wire.send(_error(fault) + _done(2))
        return
    wire.send(_logged_in(bool(extension), script.collation))
    while True:
        kind, content = wire.receive()
        if kind == _ATTENTION:
            wire.send(_done(0x20))
            continue
        (headers,) = struct.unpack_from("<I", content)
        body = content[headers:]
        procedure = kind == _RPC
        if procedure:
            called = _called(body)
            script.procedures.append(called)
            parts = (called.statement, called.declaration, *(parameter.text() for parameter in called.parameters))
            text = "\n".join(part for part in parts if part)
        elif kind == _TRANSACTION:
            text = _REQUESTS[struct.unpack_from("<H", body)[0]]
        else:
            text = body.decode("utf-16-le", errors="ignore")
        fault = script.statement(text)
        value = script.value(text)
        end = 0xFE if procedure else 0xFD
        if fault:
            wire.send(_error(fault) + _done(2, end))
            if fault.severity >= 20:
                return
        elif kind == _TRANSACTION:
            (request,) = struct.unpack_from("<H", body)
            wire.send(_transaction(request) + _done())
        elif procedure:
            wire.send(_procedure(body, text, value))
        elif "SELECT" in text.upper() and "IDENTITY_INSERT" not in text:
            wire.send(_rows(text, value) + _done(0x10, rows=_count(value)))
        else:
            wire.send(_done())


def _transaction(request: int) -> bytes:
    """Return the ENVCHANGE of a transaction manager request: 5 begins, 7 commits, 8 rolls back."""
    number = b"\x08" + struct.pack("<Q", 1)
    changes = {5: b"\x08" + number + b"\0", 7: b"\x09\0" + number, 8: b"\x0a\0" + number}
    return _token(0xE3, changes[request]) if request in changes else b""


def _called(body: bytes) -> Procedure:
    """Return the statement that a procedure executes, with its parameters except integers.

    Parameters of other types, and those after them, are not returned.
    """
    (length,) = struct.unpack_from("<H", body)
    number = struct.unpack_from("<H", body, 2)[0] if length == 0xFFFF else 0
    # The number or the name of the procedure, and two bytes of flags.
    position = 2 + (2 if length == 0xFFFF else 2 * length) + 2
    values: list[Parameter] = []
    while position < len(body):
        # The name of the parameter, and a byte of flags.
        position += 1 + 2 * body[position] + 1
        kind, position = body[position], position + 1
        if kind == _INTEGER:
            position += 2 + body[position + 1]
            continue
        if kind not in _TYPES:
            break
        long = kind in (_TEXT, _NTEXT)
        (most,) = struct.unpack_from("<I" if long else "<H", body, position)
        position += 4 if long else 2
        # Bytes have no collation.
        utf8 = kind != _VARBINARY and body[position + 3] & _UTF8
        position += 0 if kind == _VARBINARY else 5
        read = _text if long else _long if most == 0xFFFF else _short
        data, position = read(body, position)
        encoding = "utf-16-le" if kind in (_NVARCHAR, _NTEXT) else "utf-8" if utf8 else "cp1252"
        values.append(Parameter(_TYPES[kind], data, encoding))
    if number not in _WITH_STATEMENT or len(values) < 2:
        return Procedure("", "", tuple(values)) if number else Procedure("\n".join(map(Parameter.text, values)), "", ())
    first, second, *rest = values
    statement, declaration = (first, second) if number == _EXECUTE_SQL else (second, first)
    return Procedure(statement.text(), declaration.text(), tuple(rest))


def _text(body: bytes, position: int) -> tuple[bytes | None, int]:
    """Return a TEXT or NTEXT value."""
    (size,) = struct.unpack_from("<I", body, position)
    if size == 0xFFFFFFFF:
        return None, position + 4
    return body[position + 4 : position + 4 + size], position + 4 + size


def _short(body: bytes, position: int) -> tuple[bytes | None, int]:
    (size,) = struct.unpack_from("<H", body, position)
    if size == 0xFFFF:
        return None, position + 2
    return body[position + 2 : position + 2 + size], position + 2 + size


def _long(body: bytes, position: int) -> tuple[bytes | None, int]:
    """Return a value in chunks, which follow its whole length."""
    if body[position : position + 8] == b"\xff" * 8:
        return None, position + 8
    position, data = position + 8, b""
    while size := struct.unpack_from("<I", body, position)[0]:
        data += body[position + 4 : position + 4 + size]
        position += 4 + size
    return data, position + 4


def _procedure(body: bytes, text: str, answer: Answer) -> bytes:
    """Return the rows of a response, and the handle that sp_prepare (11) and sp_prepexec (13) return."""
    (length,) = struct.unpack_from("<H", body)
    number = struct.unpack_from("<H", body, 2)[0] if length == 0xFFFF else 0
    # sp_prepare and sp_unprepare return no row.
    response = b""
    if _WITHOUT_ROWS.match(text):
        response = struct.pack("<BHHQ", 0xFF, 0x11, 0xC5, 1)
    elif number not in (11, 15):
        response = _rows(text, answer) + struct.pack("<BHHQ", 0xFF, 0x11, 0xC1, _count(answer))
    response += b"\x79" + struct.pack("<i", 0)
    if number in (11, 13):
        parameter = b"\0\0" + b"\0" + b"\1" + struct.pack("<IH", 0, 0) + b"\x26\x04" + b"\x04" + struct.pack("<i", 1)
        response += b"\xac" + parameter
    return response + _done(0, 0xFE)


@contextlib.contextmanager
def peer(
    script: Script, certificate: Certificate | None = None, address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[int]:
    """Run a peer. Return its port. address: port 0 selects a free one."""
    listener = socket.create_server(address)

    def talk(connection: socket.socket) -> None:
        with script.lock:
            script.open_connections += 1
        # A driver may close a connection at any time, even within a message.
        with connection, contextlib.suppress(_Gone, OSError):
            _serve(connection, script, certificate)
        with script.lock:
            script.open_connections -= 1

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
