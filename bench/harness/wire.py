"""A PostgreSQL client in one file: simple queries over TCP with SCRAM-SHA-256, enough to measure with.

The measurements must not need a driver from a package index, and a psql process per question would show up in
them.
"""

import base64
import hashlib
import hmac
import os
import socket
import struct
import urllib.parse


class ServerError(Exception):
    """What the server answered; `code` is its SQLSTATE."""

    def __init__(self, fields):
        self.code = fields.get("C", "")
        super().__init__(f"{fields.get('M', 'unknown error')} ({self.code})")


class Connection:
    """One session. Every value comes back as text, or None."""

    def __init__(self, url, database=None, application_name="bench"):
        parts = urllib.parse.urlsplit(url)
        self.user, self.password = parts.username, urllib.parse.unquote(parts.password or "")
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        options = {
            "user": self.user,
            "database": database or parts.path.lstrip("/"),
            "application_name": application_name,
            "client_encoding": "UTF8",
        }
        body = struct.pack("!i", 196608) + b"".join(f"{k}\0{v}\0".encode() for k, v in options.items()) + b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._authenticate()

    def close(self):
        try:
            self._send(b"X", b"")
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def query(self, sql):
        """Runs the statements and returns the rows of the last one that had any."""
        self._send(b"Q", sql.encode() + b"\0")
        rows, error = [], None
        while True:
            kind, body = self._receive()
            if kind == b"T":
                rows = []
            elif kind == b"D":
                rows.append(self._row(body))
            elif kind == b"E":
                error = ServerError(self._fields(body))
            elif kind == b"Z":
                if error:
                    raise error
                return rows

    def value(self, sql):
        """The first column of the first row."""
        rows = self.query(sql)
        return rows[0][0] if rows else None

    def _authenticate(self):
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise ServerError(self._fields(body))
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            method = struct.unpack("!i", body[:4])[0]
            if method == 10:
                self._scram()
            elif method != 0:
                raise RuntimeError(f"authentication method {method} is not supported")

    def _scram(self):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        initial = f"n,,{first}".encode()
        self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(initial)) + initial)
        server_first = self._challenge(11)
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={fields['r']}"
        message = f"{first},{server_first},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
        self._send(b"p", f"{without_proof},p={proof}".encode())
        self._challenge(12)

    def _challenge(self, wanted):
        kind, body = self._receive()
        if kind == b"E":
            raise ServerError(self._fields(body))
        if kind != b"R" or struct.unpack("!i", body[:4])[0] != wanted:
            raise RuntimeError("unexpected answer to SCRAM authentication")
        return body[4:].decode()

    def _send(self, kind, body):
        self.socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _receive(self):
        kind = self._read(1)
        length = struct.unpack("!i", self._read(4))[0]
        return kind, self._read(length - 4)

    def _read(self, count):
        while len(self.buffer) < count:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise ConnectionError("the server closed the connection")
            self.buffer += chunk
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    @staticmethod
    def _row(body):
        count = struct.unpack("!h", body[:2])[0]
        at, row = 2, []
        for _ in range(count):
            length = struct.unpack("!i", body[at : at + 4])[0]
            at += 4
            row.append(None if length < 0 else body[at : at + length].decode())
            at += max(length, 0)
        return tuple(row)

    @staticmethod
    def _fields(body):
        return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}
