"""A world for tests of egress: `python -m tests.runtime.container.world ADDRESS` serves there until it is ended.

Port 80 and 25 say hello, 9 counts what came by UDP to 9 (which answers a hello) and says how much, 19 pours out bytes as fast as it can;
a datagram to 53 is answered by itself.
"""

import socketserver
import sys
import threading

counted = [0]


class Hello(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"hello")


class Count(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(str(counted[0]).encode())


class Pour(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            while True:
                self.request.sendall(bytes(65536))
        except OSError:
            return


class Sink(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        counted[0] += len(self.request[0])
        if self.request[0] == b"hello":
            self.request[1].sendto(b"hello", self.client_address)


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request[1].sendto(self.request[0], self.client_address)


class Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main(address: str) -> None:
    servers = [Threads((address, port), handler) for port, handler in ((80, Hello), (25, Hello), (9, Count), (19, Pour))]
    for server in (*servers, socketserver.UDPServer((address, 9), Sink), socketserver.UDPServer((address, 53), Echo)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
