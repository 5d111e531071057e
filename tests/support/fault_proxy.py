"""A proxy in front of an S3 server that injects the faults of networks and stores."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

_REPLACED = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Fault(Enum):
    """Effect on a request. A tuple is the (status, S3 code) answered without asking the server."""

    SLOW_DOWN = (503, "SlowDown")
    INTERNAL_ERROR = (500, "InternalError")
    CONFLICT = (409, "ConditionalRequestConflict")
    EXPIRED = (400, "ExpiredToken")
    DENIED = (403, "AccessDenied")
    NOT_IMPLEMENTED = (501, "NotImplemented")
    CUT_BODY = "the answer's body ends half way and the connection closes"
    STALL = "no answer ever comes"
    STALL_BODY = "the answer's body stops half way"
    DRIP = "the answer's body comes at 100 KB a second"
    LOST_ANSWER = "the server does it, but its answer is lost"
    HANG_UP = "the connection closes before the server sees the request"
    IGNORE_RANGE = "the whole object is answered where a part was asked for"
    IGNORE_CONDITION = "the object is written although it exists"
    HOLD = "the request waits until `release` is called"


@dataclass
class _Rule:
    fault: Fault
    times: int | None
    method: str | None
    where: str
    skip: int
    every: int
    seen: int = 0

    def hits(self, method: str, path: str) -> bool:
        """Count a request if it matches, and return True if it must fail."""
        if self.method not in (None, method) or self.where not in path:
            return False
        self.seen += 1
        number = self.seen - self.skip
        return number > 0 and (number - 1) % self.every == 0


class FaultProxy:
    """A context manager that forwards to an S3 endpoint; `endpoint` is its own address.

    `requests` lists (method, path with query) of all requests, `most_in_flight` is the largest
    number of concurrent ones. Signatures stay valid because the Host header passes unchanged.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.requests: list[tuple[str, str]] = []
        self.most_in_flight = 0
        self._rules: list[_Rule] = []
        self._in_flight = 0
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self})
        )
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def inject(
        self,
        fault: Fault,
        times: int | None = 1,
        method: str | None = None,
        where: str = "",
        *,
        skip: int = 0,
        every: int = 1,
    ) -> None:
        """Let requests of a method fail whose path contains `where`.

        The first `skip` matching requests pass. After them every `every`-th one fails, until
        `times` have failed; None means without end.
        """
        with self._changed:
            self._rules.append(_Rule(fault, times, method, where, skip, every))

    @property
    def pending(self) -> int:
        """Number of faults with limited `times` that have not all happened yet."""
        with self._changed:
            return sum(rule.times is not None for rule in self._rules)

    def heal(self) -> None:
        """Remove all faults that have not happened yet."""
        with self._changed:
            self._rules.clear()

    def release(self) -> None:
        """Let the requests on HOLD continue, and all later ones pass."""
        self._released.set()

    def wait_for_in_flight(self, count: int) -> None:
        """Wait until `count` requests are in flight; fail after half a minute."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._in_flight >= count, timeout=30)

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _take(self, method: str, path: str) -> Fault | None:
        with self._changed:
            self.requests.append((method, path))
            for rule in self._rules:
                if rule.hits(method, path):
                    if rule.times is not None:
                        rule.times -= 1
                        if rule.times == 0:
                            self._rules.remove(rule)
                    return rule.fault
        return None

    def _count(self, change: int) -> None:
        with self._changed:
            self._in_flight += change
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    """Answers requests for the proxy, with its faults."""

    proxy: ClassVar[FaultProxy]
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.proxy._connections.add(self.connection)

    def finish(self) -> None:
        self.proxy._connections.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        pass

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy._take(self.command, self.path)
        self.proxy._count(+1)
        try:
            self.answer(body, fault)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.proxy._count(-1)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

    def answer(self, body: bytes, fault: Fault | None) -> None:
        if fault is not None and isinstance(fault.value, tuple):
            self.send_error_code(*fault.value)
        elif fault is Fault.HANG_UP:
            self.close_connection = True
        elif fault is Fault.STALL:
            self.wait_for_hang_up()
        else:
            if fault is Fault.HOLD:
                self.proxy._released.wait(60)
            self.forward(body, fault)

    def forward(self, body: bytes, fault: Fault | None) -> None:
        headers, status, content = self.ask_upstream(body)
        if fault is Fault.LOST_ANSWER:
            self.close_connection = True
            return
        # Conditions and ranges are signed, so a server that ignores them is simulated here.
        if fault is Fault.IGNORE_CONDITION and status == 412:
            status, content = 200, b"<Done/>"
        if fault is Fault.IGNORE_RANGE and status == 206:
            status, content = 200, widened(content, headers["Content-Range"])
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _REPLACED:
                self.send_header(name, value)
        length = headers["Content-Length"] if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        half = fault in (Fault.CUT_BODY, Fault.STALL_BODY)
        if fault is Fault.DRIP:
            self.drip(content)
            return
        self.wfile.write(content[: len(content) // 2] if half else content)
        if fault is Fault.STALL_BODY:
            self.wait_for_hang_up()
        self.close_connection = self.close_connection or half

    def ask_upstream(self, body: bytes) -> tuple[Message, int, bytes]:
        """Repeat the request at the server; return headers, status and body of its response."""
        upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                upstream.putheader(name, value)
        upstream.endheaders(body)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        return answer.headers, answer.status, content

    def drip(self, content: bytes) -> None:
        for start in range(0, len(content), 1000):
            self.wfile.write(content[start : start + 1000])
            self.proxy._released.wait(0.01)

    def wait_for_hang_up(self) -> None:
        self.close_connection = True
        self.connection.settimeout(60)
        self.connection.recv(1)

    def send_error_code(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
        content = b"" if self.command == "HEAD" else text
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def widened(part: bytes, content_range: str) -> bytes:
    """Pad the part of a Content-Range such as "bytes 3-6/10" to a whole object."""
    bounds, _, total = content_range.removeprefix("bytes ").partition("/")
    start, end = map(int, bounds.split("-"))
    return b"?" * start + part + b"?" * (int(total) - end - 1)
