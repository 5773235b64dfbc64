"""A store that misbehaves: forwards to a real S3 server, save for the requests that a test's script takes.

Signatures cover the `Host` that the client sees, so it is forwarded as it came.
"""

import http.client
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class S3Proxy:
    """Listens until the `with` ends. `script(kind, nth, key)` returns None to forward the nth request of a kind, or an action."""

    def __init__(self, endpoint: str, script=lambda kind, nth, key: None):
        self.upstream = endpoint
        self.script = script
        self.seen = Counter()
        self.taken = Counter()
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()

    def __enter__(self) -> "S3Proxy":
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                proxy.answer(self, self.rfile.read(length))

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.endpoint = f"127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler, body: bytes) -> None:
        kind = kind_of(handler)
        with self.lock:
            self.seen[kind] += 1
            nth = self.seen[kind]
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        action = self.script(kind, nth, unquote(urlsplit(handler.path).path))
        try:
            if action:
                with self.lock:
                    self.taken[kind] += 1
                action(self, handler, body)
            else:
                self.forward(handler, body)
        except OSError:
            # The program went away, as some tests make it.
            handler.close_connection = True

    def ask(self, handler, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        upstream = http.client.HTTPConnection(self.upstream, timeout=60)
        try:
            upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                if name.lower() != "connection":
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            reply = upstream.getresponse()
            return reply, reply.read()
        finally:
            upstream.close()

    def forward(self, handler, body: bytes) -> None:
        reply, content = self.ask(handler, body)
        handler.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                handler.send_header(name, value)
        length = reply.getheader("Content-Length") if handler.command == "HEAD" else None
        handler.send_header("Content-Length", length or str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


def kind_of(handler) -> str:
    """What a request is: `create` is a PUT that must not overwrite."""
    query = parse_qs(urlsplit(handler.path).query, keep_blank_values=True)
    match handler.command:
        case "PUT" if "partNumber" in query:
            return "part"
        case "PUT":
            return "create" if handler.headers.get("If-None-Match") else "put"
        case "POST" if "uploads" in query:
            return "begin"
        case "POST" if "uploadId" in query:
            return "complete"
        case "POST":
            return "delete"
        case "DELETE":
            return "abort" if "uploadId" in query else "delete one"
        case "GET" if "uploads" in query:
            return "list uploads"
        case "GET" if "list-type" in query:
            return "list"
    return handler.command.lower()


def hang_up(proxy, handler, body):
    """An action: closes the connection without an answer, and the store never hears of it."""
    handler.close_connection = True


def lose_the_answer(proxy, handler, body):
    """An action: the store does as it is told, and the answer is lost."""
    proxy.ask(handler, body)
    handler.close_connection = True


def refuse(status: int, code: str):
    """An action: this error, as S3 writes it."""

    def answer(proxy, handler, body):
        text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>Not now.</Message></Error>'.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/xml")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(text)

    return answer


def delay(seconds: float):
    """An action: forwards late."""

    def answer(proxy, handler, body):
        time.sleep(seconds)
        proxy.forward(handler, body)

    return answer


def hold(release: threading.Event):
    """An action: says nothing until released, then hangs up."""

    def answer(proxy, handler, body):
        release.wait(120)
        handler.close_connection = True

    return answer
