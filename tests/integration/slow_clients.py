"""Thousands of clients in one thread: sockets that connect, send a byte now and then, and wait to be closed."""

import contextlib
import errno
import selectors
import socket
import time


class SlowClients:
    """Each client is (what it sends at once, what it sends byte by byte). turn() sends and reads what there is to."""

    def __init__(self, port, clients, every=0.5):
        self.every, self.next = every, time.monotonic() + every
        self.selector = selectors.DefaultSelector()
        self.open, self.drips, self.answers = {}, {}, {}
        self.opened_at, self.closed_at = {}, {}
        for number, (first, drip) in enumerate(clients):
            each = socket.socket()
            each.connect(("127.0.0.1", port))
            each.setblocking(False)
            if first:
                each.send(first)
            self.opened_at[number] = time.monotonic()
            self.open[number], self.drips[number], self.answers[number] = each, iter(drip), b""
            self.selector.register(each, selectors.EVENT_READ, number)

    def turn(self, seconds):
        for key, _ in self.selector.select(seconds):
            self._read(key.data)
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + self.every
            for number in list(self.open):
                self._drip(number)

    def _read(self, number):
        try:
            piece = self.open[number].recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self.answers[number] += piece
        if not piece:
            self._close(number)

    def _drip(self, number):
        byte = next(self.drips[number], None)
        if byte is None:
            return
        try:
            self.open[number].send(bytes([byte]))
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EPIPE, errno.ECONNRESET):
                raise

    def _close(self, number):
        self.closed_at[number] = time.monotonic()
        each = self.open.pop(number)
        self.selector.unregister(each)
        each.close()

    def lives(self, numbers):
        """For how long each of `numbers` was left open."""
        return [self.closed_at[number] - self.opened_at[number] for number in numbers if number in self.closed_at]

    def close(self):
        for number in list(self.open):
            with contextlib.suppress(OSError):
                self._close(number)
        self.selector.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
