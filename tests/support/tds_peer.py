# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A peer that speaks as much TDS 7.4 as Microsoft's drivers need, and fails as its script says.

It stands for Azure SQL where what matters is how a driver reports an error of the server. Written after Microsoft's
[MS-TDS]. Encrypts the whole connection when it is given a certificate, and otherwise says that it cannot, with which
drivers are content under Encrypt=no.
"""

from __future__ import annotations

import contextlib
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
# Any column is NVARCHAR(4000) with the collation SQL_Latin1_General_CP1_CI_AS.
_COLLATION = bytes((0x09, 0x04, 0xD0, 0x00, 0x34))
_INTEGER, _VARBINARY, _VARCHAR, _NVARCHAR = 0x26, 0xA5, 0xA7, 0xE7
_VERSION = struct.pack(">BBH", 16, 0, 4000)
_PACKET = 4096


class _Gone(Exception):
    """The connection is closed."""


@dataclass(frozen=True)
class Fault:
    """An error of the server. severity: from 20 on it ends the connection, as a server does."""

    number: int
    severity: int
    message: str


@dataclass
class Script:
    """What the peer does next, and what it has seen.

    logins: a fault for each login to come, None for one that goes well, as all do when it is empty.
    statements: (part of a statement, fault), each used once; statements that hold no such part go well. None drops the
        connection without an answer.
    answers: the value of the single row of statements by a part of them, None for NULL; a callable is asked for each.
    seen: the statements. Of one with parameters, its own text, their declaration and their values are on a line each.
    """

    logins: deque[Fault | None] = field(default_factory=deque)
    statements: list[tuple[str, Fault | None]] = field(default_factory=list)
    answers: dict[str, str | Callable[[], str | None] | None] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    login_count: int = 0
    open_connections: int = 0
    tokens: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def login(self) -> Fault | None:
        with self.lock:
            self.login_count += 1
            return self.logins.popleft() if self.logins else None

    def statement(self, text: str) -> Fault | None:
        """The fault that `text` meets. Raises _Gone where the connection is to be dropped."""
        with self.lock:
            self.seen.append(text)
            for index, (part, fault) in enumerate(self.statements):
                if part in text:
                    del self.statements[index]
                    if fault is None:
                        raise _Gone
                    return fault
        return None

    def value(self, text: str) -> str | None:
        for part, answer in self.answers.items():
            if part in text:
                return answer() if callable(answer) else answer
        if "@@version" in text.lower():
            return "Microsoft SQL Azure (RTM) - 12.0.2000.8"
        return "1"


def until_open(script: Script, count: int) -> None:
    """Wait until `count` connections are open: opening takes a while, and closing reaches the peer a moment later."""
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
    """A certificate of an address, signed by itself. The drivers compare an address with the common name only."""
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
        """Type and content of the next message."""
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
        """The handshake goes inside prelogin packets, and what follows it does not."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # A later one sends tickets after the handshake, when packets no longer wrap it.
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
    """A socket's recv and sendall over a TLS session."""

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


def _row(value: str | None) -> bytes:
    column = struct.pack("<IH", 0, 1) + b"\xe7" + struct.pack("<H", 8000) + _COLLATION + _b_varchar("value")
    head = b"\x81" + struct.pack("<H", 1) + column + b"\xd1"
    if value is None:
        return head + b"\xff\xff"
    data = value.encode("utf-16-le")
    return head + struct.pack("<H", len(data)) + data


def _prelogin(encryption: int, federated: bool) -> bytes:
    options = [(0, _VERSION + b"\0\0"), (1, bytes((encryption,))), (2, b"\0"), (3, b""), (4, b"\0")]
    if federated:
        options.append((6, b"\1"))
    offset, head, body = len(options) * 5 + 1, b"", b""
    for kind, value in options:
        head += struct.pack(">BHH", kind, offset + len(body), len(value))
        body += value
    return head + b"\xff" + body


def _logged_in(federated: bool) -> bytes:
    acknowledged = b"\1" + struct.pack(">I", 0x74000004) + _b_varchar("Microsoft SQL Server") + _VERSION
    content = (
        _token(0xE3, b"\1" + _b_varchar("mlflow") + _b_varchar("master"))
        + _token(0xE3, b"\7" + b"\5" + _COLLATION + b"\0")
        + _token(0xE3, b"\2" + _b_varchar("us_english") + _b_varchar(""))
        + _token(0xAD, acknowledged)
        + _token(0xE3, b"\4" + _b_varchar(str(_PACKET)) + _b_varchar(str(_PACKET)))
    )
    if federated:
        # FEATUREEXTACK: FEDAUTH, no data.
        content += b"\xae\x02" + struct.pack("<I", 0) + b"\xff"
    return content + _done()


def _federated(login: bytes) -> bytes:
    """Data of the feature extension FEDAUTH within a LOGIN7; empty where it has none."""
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
    """The client's access token: it has brought it along (library 1), or gets it once it knows for what (2)."""
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
    _kind, asked = wire.receive()
    federated = any(asked[start] == 6 for start in range(0, asked.index(b"\xff"), 5))
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
    wire.send(_logged_in(bool(extension)))
    while True:
        kind, content = wire.receive()
        if kind == _ATTENTION:
            wire.send(_done(0x20))
            continue
        (headers,) = struct.unpack_from("<I", content)
        body = content[headers:]
        procedure = kind == _RPC
        text = "\n".join(_parameters(body)) if procedure else body.decode("utf-16-le", errors="ignore")
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
            wire.send(_procedure(body, value))
        elif "SELECT" in text.upper() and "IDENTITY_INSERT" not in text:
            wire.send(_row(value) + _done(0x10, rows=1))
        else:
            wire.send(_done())


def _transaction(request: int) -> bytes:
    """The ENVCHANGE of a transaction manager request: 5 begins, 7 commits, 8 rolls back."""
    number = b"\x08" + struct.pack("<Q", 1)
    changes = {5: b"\x08" + number + b"\0", 7: b"\x09\0" + number, 8: b"\x0a\0" + number}
    return _token(0xE3, changes[request]) if request in changes else b""


def _parameters(body: bytes) -> list[str]:
    """What a procedure is given: text as it is, bytes as 0x…, integers not at all; the statement first, where there is one.

    Ends before the first parameter of any other type.
    """
    (length,) = struct.unpack_from("<H", body)
    # The number or the name of the procedure, and two bytes of flags.
    position = 2 + (2 if length == 0xFFFF else 2 * length) + 2
    found = []
    while position < len(body):
        # The name of the parameter, and a byte of flags.
        position += 1 + 2 * body[position] + 1
        kind, position = body[position], position + 1
        if kind == _INTEGER:
            position += 2 + body[position + 1]
            continue
        if kind not in (_NVARCHAR, _VARCHAR, _VARBINARY):
            break
        (most,) = struct.unpack_from("<H", body, position)
        # Bytes have no collation.
        position += 2 + (0 if kind == _VARBINARY else 5)
        data, position = _long(body, position) if most == 0xFFFF else _short(body, position)
        found.append(
            f"0x{data.hex().upper()}"
            if kind == _VARBINARY
            else data.decode("cp1252" if kind == _VARCHAR else "utf-16-le")
        )
    # sp_prepexec declares the parameters before the statement.
    return [found[1], found[0], *found[2:]] if len(found) > 1 else found


def _short(body: bytes, position: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from("<H", body, position)
    return body[position + 2 : position + 2 + size], position + 2 + size


def _long(body: bytes, position: int) -> tuple[bytes, int]:
    """A value in pieces, behind its whole length."""
    position, data = position + 8, b""
    while size := struct.unpack_from("<I", body, position)[0]:
        data += body[position + 4 : position + 4 + size]
        position += 4 + size
    return data, position + 4


def _procedure(body: bytes, value: str | None) -> bytes:
    """A row, and the handle that sp_prepare (11) and sp_prepexec (13) return."""
    (length,) = struct.unpack_from("<H", body)
    number = struct.unpack_from("<H", body, 2)[0] if length == 0xFFFF else 0
    answer = b"" if number == 15 else _row(value) + struct.pack("<BHHQ", 0xFF, 0x11, 0xC1, 1)
    answer += b"\x79" + struct.pack("<i", 0)
    if number in (11, 13):
        parameter = b"\0\0" + b"\0" + b"\1" + struct.pack("<IH", 0, 0) + b"\x26\x04" + b"\x04" + struct.pack("<i", 1)
        answer += b"\xac" + parameter
    return answer + _done(0, 0xFE)


@contextlib.contextmanager
def peer(
    script: Script, certificate: Certificate | None = None, address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[int]:
    """The port of a peer that listens while the block runs. address: port 0 is any that is free."""
    listener = socket.create_server(address)

    def talk(connection: socket.socket) -> None:
        with script.lock:
            script.open_connections += 1
        # A driver may drop a connection at any time, in the middle of a message as well.
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
