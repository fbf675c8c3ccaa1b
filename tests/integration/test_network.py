"""Names that do not resolve, addresses that do not answer, both families, and an HTTP proxy."""

import contextlib
import select
import socket
import threading
import time

import pytest
from harness import FORGIVING, PROVIDER_KEY, Lab, chat_body, free_port, request_bytes

ONCE = FORGIVING | {"retry": {"attempts": 0}}


def only(url, **more):
    return {"providers": {"lab": {"type": "openai", "base_url": url, "api_key": PROVIDER_KEY, **more}}, "models": {"fast": "lab/fast"}}


def test_a_name_that_does_not_resolve_is_a_502(start):
    gateway = start(**only("http://does-not-exist.invalid:8080/v1"), defaults=ONCE)
    started = time.monotonic()
    answer = gateway.chat()
    assert (answer.status, answer.error["code"]) == (502, "upstream_unavailable")
    assert time.monotonic() - started < 8
    assert gateway.ask("GET", "/v1/models").status == 200


def test_resolving_never_blocks_the_others(start):
    gateway = start(**only("http://does-not-exist.invalid:8080/v1"), defaults=ONCE, server={"workers": 1})
    waiting = [gateway.raw() for _ in range(8)]
    for connection in waiting:
        connection.send(request_bytes("POST", "/v1/chat/completions", body=chat_body()))
    started = time.monotonic()
    assert gateway.ask("GET", "/v1/models").status == 200
    assert time.monotonic() - started < 0.5
    for connection in waiting:
        connection.close()


def test_a_refused_connection_is_a_502(start):
    gateway = start(**only(f"http://127.0.0.1:{free_port()}/v1"), defaults=ONCE)
    assert gateway.chat().status == 502


def test_localhost_is_reached_whichever_family_it_listens_on(start, lab):
    gateway = start(**only(f"http://localhost:{lab.port}/v1"), defaults=ONCE)
    assert gateway.chat().status == 200


def test_an_ipv6_upstream_is_reached(start, tmp_path):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            port = probe.getsockname()[1]
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    relay = Relay(("::1", port), None, family=socket.AF_INET6)
    with Lab(tmp_path, name="lab6") as behind, relay:
        relay.target = ("127.0.0.1", behind.port)
        gateway = start(**only(f"http://[::1]:{port}/v1"), defaults=ONCE)
        assert gateway.chat().status == 200


class Relay:
    """A tiny TCP relay, or an HTTP proxy that understands CONNECT and absolute targets, on a thread."""

    def __init__(self, address, target, proxy=False, family=socket.AF_INET):
        self.listener = socket.create_server(address, family=family)
        self.port = self.listener.getsockname()[1]
        self.target, self.proxy, self.seen, self.running = target, proxy, [], True
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.running = False
        self.listener.close()

    def _accept(self):
        while self.running:
            with contextlib.suppress(OSError):
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client:
            first = b""
            target = self.target
            if self.proxy:
                while b"\r\n\r\n" not in first:
                    piece = client.recv(65536)
                    if not piece:
                        return
                    first += piece
                self.seen.append(first.split(b"\r\n\r\n")[0].decode())
                method, where = first.split(b" ")[:2]
                if method == b"CONNECT":
                    host, port = where.decode().rsplit(":", 1)
                    target, first = (host.strip("[]"), int(port)), b""
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    authority, path = where.split(b"//")[1].split(b"/", 1)
                    host, port = authority.decode().rsplit(":", 1)
                    target, first = (host, int(port)), first.replace(where, b"/" + path, 1)
            with socket.create_connection(target, 5) as server:
                server.sendall(first)
                self._pump(client, server)

    def _pump(self, client, server):
        while self.running:
            for ready in select.select([client, server], [], [], 1)[0]:
                data = ready.recv(65536)
                if not data:
                    return
                (server if ready is client else client).sendall(data)


@pytest.fixture
def proxy():
    with Relay(("127.0.0.1", 0), None, proxy=True) as running:
        yield running


def test_a_plain_upstream_is_reached_through_the_proxy_of_the_environment(start, lab, proxy):
    gateway = start(**only(lab.url()), defaults=ONCE, env={"http_proxy": f"http://127.0.0.1:{proxy.port}"})
    assert gateway.chat().status == 200
    assert len(proxy.seen) == 1, proxy.seen


def test_an_https_upstream_is_reached_by_connect(start, tmp_path, authority, proxy):
    certificate, key = authority.issue("proxied", sans="DNS:localhost")
    with Lab(tmp_path, "--tls-certificate", certificate, "--tls-key", key, name="proxied-lab") as behind:
        settings = only(f"https://localhost:{behind.port}/v1", ca_file=str(authority.certificate))
        gateway = start(**settings, defaults=ONCE, env={"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"})
        assert gateway.chat().status == 200
    assert proxy.seen[0].startswith(f"CONNECT localhost:{behind.port} HTTP/1.1")
    assert PROVIDER_KEY not in proxy.seen[0], "the key went to the proxy"


def test_no_proxy_exempts_a_host(start, lab, proxy):
    environment = {"http_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": "example.org,127.0.0.1"}
    gateway = start(**only(lab.url()), defaults=ONCE, env=environment)
    assert gateway.chat().status == 200
    assert proxy.seen == []


def test_a_proxy_that_is_not_there_is_a_502(start, lab):
    gateway = start(**only(lab.url(), proxy=f"http://127.0.0.1:{free_port()}"), defaults=ONCE)
    answer = gateway.chat()
    assert (answer.status, answer.error["code"]) == (502, "upstream_unavailable")
