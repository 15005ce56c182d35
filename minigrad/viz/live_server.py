"""The server of ``viz.live``: one page, for this machine only; it leaves nothing behind."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from minigrad.viz.json_text import plain

HOST = "127.0.0.1"
RESET = struct.pack("ii", 1, 0)  # a connection that is closed so leaves its port at once


class PageServer(ThreadingHTTPServer):
    """Serves one page to this machine, and leaves nothing behind when it ends."""

    daemon_threads = False  # ``server_close`` waits for them

    def __init__(self, port: int, live: Any) -> None:
        self.live = live
        self._open: set[Any] = set()
        super().__init__((HOST, port), _Handler)
        self.url = f"http://{HOST}:{self.server_port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Let the other side hang up first, or reset: the port would stay taken for a minute."""
        with suppress(OSError):
            request.settimeout(0.2)
            request.recv(1)
        with suppress(OSError):
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        request.close()
        self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about who went away."""

    def end(self) -> None:
        """Stop serving, and end what is open."""
        self.shutdown()
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RD)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = 10  # seconds for a request to come

    def do_GET(self) -> None:
        names = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        if self.headers.get("Host") not in names:
            # another name that leads here is another site's
            self.send_error(403)
        elif self.path == "/":
            page = self.server.live.page()
            self._answer("text/html", page)
        elif self.path == "/state":
            state = plain(self.server.live.state())
            self._answer("application/json", json.dumps(state))
        else:
            self.send_error(404)

    def _answer(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)
        self.server.live.heard()

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the training prints."""
