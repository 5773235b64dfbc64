"""A vendor that misbehaves: forwards to the sandbox, save for the paths that a test gave a script."""

import http.client
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Proxy:
    """Listens until the `with` ends. `change(body)` alters what is forwarded.

    `script(nth)` of a path returns None to forward its nth request, or an action on the handler.
    """

    def __init__(self, base: str, change=None):
        self.target = urlsplit(base)
        self.change = change
        self.scripts = {}
        self.seen: dict[str, int] = {}
        self.lock = threading.Lock()
        self.arrived = threading.Condition(self.lock)

    def on(self, path: str, script) -> "Proxy":
        """Gives the requests below the base address whose path is `path` (`*` for all) to `script`."""
        self.scripts[path] = script
        return self

    def __enter__(self) -> "Proxy":
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                proxy.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}{self.target.path}"
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()

    def wait_for(self, path: str, nth: int = 1, timeout: float = 60) -> None:
        """Returns once a path was asked for the `nth` time."""
        with self.arrived:
            came = self.arrived.wait_for(lambda: self.seen.get(path, 0) >= nth, timeout)
        assert came, f"{path} was asked for {self.seen.get(path, 0)} times, expected {nth} within {timeout} s; seen: {self.seen}"

    def answer(self, handler) -> None:
        path = urlsplit(handler.path).path.removeprefix(self.target.path)
        with self.arrived:
            nth = self.seen[path] = self.seen.get(path, 0) + 1
            self.arrived.notify_all()
        script = self.scripts.get(path) or self.scripts.get("*")
        action = script(nth) if script else None
        try:
            if action:
                action(handler)
            else:
                self.forward(handler)
        except OSError:
            # The program went away, as some tests make it.
            handler.close_connection = True

    def forward(self, handler) -> None:
        upstream = http.client.HTTPConnection(self.target.netloc, timeout=60)
        try:
            own = ("host", "connection", "accept-encoding")
            headers = {name: value for name, value in handler.headers.items() if name.lower() not in own}
            upstream.request("GET", handler.path, headers=headers)
            reply = upstream.getresponse()
            body = reply.read()
            if self.change and reply.status == 200:
                body = self.change(body)
            send(handler, reply.status, body, reply.getheader("Content-Type") or "", {})
        finally:
            upstream.close()


def send(handler, status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
    """Writes a whole reply."""
    handler.send_response(status)
    for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def reply(status: int, body: str, kind: str = "application/json", **headers: str):
    """An action: this reply. A header's `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: send(handler, status, body.encode(), kind, named)


def always(action):
    """A script: the same action at every request."""
    return lambda nth: action


def first(times: int, action):
    """A script: the action at the first requests, then the sandbox."""
    return lambda nth: action if nth <= times else None


def held(release: threading.Event):
    """An action: says nothing until released, then hangs up."""

    def hold(handler):
        release.wait(120)
        handler.close_connection = True

    return hold


def cut(body: bytes = b'{"value":[{"Id":1,"Name":"a"},{"Id":2,"Na'):
    """An action: the beginning of a longer reply, then a reset connection."""

    def hang_up(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body) * 2))
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True

    return hang_up
