"""A web server that tells what it was asked, and tries what a hostile one would."""

import base64
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"""<!doctype html><title>Hello</title><h1>Hello from inside</h1><p id=said></p><script src="/tries.js"></script>"""
EVIL = [
    ("Set-Cookie", "theirs=1; Domain=localhost; Path=/"), ("Set-Cookie", "sessionid=tossed"), ("Clear-Site-Data", '"cookies"'),
    ("Service-Worker-Allowed", "/"), ("Strict-Transport-Security", "max-age=1"), ("Connection", "close, X-Secret"),
    ("X-Secret", "1"), ("Alt-Svc", 'h3=":1"'), ("X-Frame-Options", "ALLOWALL"),
]  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        act = {"/socket": self.socket, "/big": self.big, "/broken": self.broken}.get(self.path)
        if act:
            return act()
        if self.path.startswith("/away"):
            return self.give(b"", 302, [("Location", self.path.partition("?")[2])])
        if self.path == "/evil":
            return self.give(b"evil", 200, EVIL)
        if self.path == "/tries.js":
            return self.give(self.tries(), 200, [("Content-Type", "text/javascript")])
        if self.path.startswith("/hello"):
            return self.give(PAGE, 200, [("Content-Type", "text/html")])
        self.give(str(self.headers).encode())

    def do_POST(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return self.give(b"chunked " + body)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.give(b"%d" % len(body))

    def give(self, body, status=200, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tries(self):
        return open("/root/app/tries.js", "rb").read()

    def big(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 20))
        except OSError:
            self.close_connection = True

    def broken(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n")
        self.close_connection = True

    def socket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        said = f"{self.headers['Origin']} {self.headers['Cookie']}".encode()
        self.wfile.write(bytes([0x81, len(said)]) + said)
        while data := self.rfile.read(1):
            self.wfile.write(b"\x81\x01!" if data else b"")
        self.close_connection = True


ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
