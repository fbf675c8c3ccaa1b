"""Clients that are slow on purpose: they stop reading, or write a byte per second."""

import json
import socket
import time

from sides import KEY


def head(length):
    return (f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {KEY}\r\n"
            f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n").encode()


class Group:
    def __init__(self, port, count, lab):
        self.sockets = []
        try:
            for _ in range(count):
                self.sockets.append(socket.create_connection(("127.0.0.1", port), timeout=10))
                self.begin(self.sockets[-1], lab)
            for each in self.sockets:
                self.confirm(each)
        except OSError as failure:
            self.close()
            raise RuntimeError(f"slow client {len(self.sockets)}: {failure}") from failure

    def confirm(self, connection):
        """The proxy has taken it."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for each in self.sockets:
            each.close()

    def drive(self, until):
        time.sleep(max(0, until - time.monotonic()))


class Readers(Group):
    def begin(self, connection, lab):
        body = json.dumps({"model": "fast", "stream": True, "lab": lab, "messages": [{"role": "user", "content": "Hi"}]},
                          separators=(",", ":")).encode()
        connection.sendall(head(len(body)) + body)

    def confirm(self, connection):
        if not connection.recv(100).startswith(b"HTTP/1.1 200"):
            raise OSError("it was refused")


class Writers(Group):
    def begin(self, connection, lab):
        connection.sendall(head(4096) + b'{"model":"fast","messages":[{"role":"user","content":"')
        connection.setblocking(False)

    def drive(self, until):
        while time.monotonic() < until:
            turn = time.monotonic() + 1
            for each in self.sockets:
                try:
                    each.send(b"a")
                except OSError:
                    pass  # it was closed, which is what a gateway should do
            time.sleep(max(0, min(turn, until) - time.monotonic()))


readers, writers = Readers, Writers
