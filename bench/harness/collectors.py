"""Collectors of telemetry on this machine: one that takes everything, and one that never answers."""

import contextlib
import http.server
import socket
import threading


class _Taking(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.received += len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.send_response(200)
        self.send_header("Content-Type", self.headers.get("Content-Type", "application/x-protobuf"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def taking():
    """A collector that takes every request; `received` counts the bytes."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Taking)
    server.daemon_threads, server.received = True, 0
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def black_hole():
    """The port of a listener that accepts connections and never reads or answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener.getsockname()[1]
