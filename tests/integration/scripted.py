"""An upstream that says exactly what a test wrote, byte for byte, and remembers who asked what on which connection."""

import contextlib
import json
import socket
import struct
import threading
import time


UNKNOWN = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Scripted:
    """answers: model -> bytes (a 404 for others), or a list of bytes, seconds to wait and threading.Events to wait for. What stands behind the answer's end is one of
    "keep", "close" and "reset": `ends` names the models that don't keep the connection."""

    def __init__(self, answers=None, ends=None):
        self.answers, self.ends = dict(answers or {}), dict(ends or {})
        self.requests = []  # (number of the connection, head, body as text)
        self.connections = 0
        self.said = 0  # how many answers are out, with all that stands behind them
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.running = True

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.running = False
        self.listener.close()

    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def provider(self, **more):
        return {"type": "openai", "base_url": self.url(), "api_key": "sk-scripted-0001", **more}

    def _accept(self):
        while self.running:
            with contextlib.suppress(OSError):
                client, _ = self.listener.accept()
                with self.lock:
                    self.connections += 1
                    number = self.connections
                threading.Thread(target=self._serve, args=(client, number), daemon=True).start()

    def _serve(self, client, number):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = b""
        with contextlib.suppress(OSError, ValueError), client:
            while self.running:
                while b"\r\n\r\n" not in buffer:
                    piece = client.recv(65536)
                    if not piece:
                        return
                    buffer += piece
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
                length = int(fields.get(b"content-length", b"0"))
                while len(buffer) < length:
                    piece = client.recv(65536)
                    if not piece:
                        return
                    buffer += piece
                body, buffer = buffer[:length].decode(), buffer[length:]
                with self.lock:
                    self.requests.append((number, head.decode(), body))
                model = json.loads(body)["model"]
                self._say(client, self.answers.get(model, UNKNOWN))
                with self.lock:
                    self.said += 1
                end = self.ends.get(model, "keep")
                if end == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if end != "keep":
                    return

    @staticmethod
    def _say(client, answer):
        for piece in [answer] if isinstance(answer, bytes) else answer:
            if isinstance(piece, bytes):
                client.sendall(piece)
            elif isinstance(piece, threading.Event):
                piece.wait(30)
            else:
                time.sleep(piece)


def head(*fields, status=b"HTTP/1.1 200 OK", kind=b"application/json"):
    """The head of an answer; its fields as they are."""
    return b"\r\n".join([status, b"Content-Type: " + kind, *fields, b"", b""])


def whole(text="fine", **message):
    """The body of a complete answer."""
    return json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()


def error_body(message="no"):
    return json.dumps({"error": {"message": message, "type": "t", "param": None, "code": None}}).encode()


def chunk(text, finish=None):
    """One event of a stream, without its `data:`."""
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"content": text} if text is not None else {}, "finish_reason": finish}]}).encode()


def event(data):
    return b"data: " + data + b"\n\n"


def stream(*texts):
    """A whole stream of these texts."""
    return b"".join([*[event(chunk(text)) for text in texts], event(chunk(None, "stop")), event(b"[DONE]")])


def sized(body, *fields, kind=b"application/json"):
    return head(b"Content-Length: %d" % len(body), *fields, kind=kind) + body


def chunks(*pieces, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end
