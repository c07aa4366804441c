"""Serves a page on this machine only."""

from __future__ import annotations

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOOPBACK = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012 (as in the base class); a system's own table may lack or change them
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".tflite": "application/octet-stream",
    }

    def end_headers(self) -> None:
        """Let no browser keep a page that is written again."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing for each file."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Open a server for a folder on the loopback interface, which other machines cannot reach.

    Args:
        folder: The page.
        port: 0 to 65535; 0 takes any that is free.

    Raises:
        ValueError: If the port is taken.
    """
    try:
        return ThreadingHTTPServer((LOOPBACK, port), functools.partial(_Handler, directory=str(folder)))
    except OSError as error:
        raise ValueError(f"--port {port}: cannot be used ({error.strerror}); choose another") from None
