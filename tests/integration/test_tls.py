"""Real TLS on both sides, with certificates made by openssl for this run."""

import random
import signal
import socket
import ssl
import time

import pytest
from harness import FORGIVING, Gateway, Lab, ask, chat_body, config, free_port, request_bytes, wait_until


@pytest.fixture(scope="module")
def files(authority):
    return authority.issue("gateway", serial=1001)


@pytest.fixture(scope="module")
def secure(folder, lab, files):
    certificate, key = files
    server = {"tls": {"certificate": str(certificate), "key": str(key)}, "limits": {"header_timeout": "1s"}}
    with Gateway(folder, config(lab, server=server), name="secure") as running:
        yield running


def test_https_is_served(secure, authority):
    answer = ask(secure.data, "POST", "/v1/chat/completions", body=chat_body(), context=authority.client_context())
    assert answer.status == 200 and answer.content


def test_a_stream_comes_over_https(secure, authority):
    answer = ask(secure.data, "POST", "/v1/chat/completions", body=chat_body(stream=True), context=authority.client_context())
    assert answer.finished and answer.content


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_versions_are_spoken(secure, authority, version):
    context = authority.client_context()
    context.minimum_version = context.maximum_version = version
    assert ask(secure.data, "GET", "/v1/models", context=context).status == 200


def test_old_versions_are_refused(secure, authority):
    context = authority.client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(secure.data, "GET", "/v1/models", context=context)


def test_a_handshake_that_never_comes_is_ended(secure):
    with socket.create_connection(("127.0.0.1", secure.data), 5) as silent:
        silent.settimeout(5)
        assert silent.recv(1) == b""


def test_plain_http_on_the_tls_port_does_no_harm(secure, authority):
    with secure.raw() as connection:
        connection.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.receive()
    assert ask(secure.data, "GET", "/v1/models", context=authority.client_context()).status == 200


class TlsByHand:
    """A TLS client whose records can be sent in parts."""

    def __init__(self, port, context):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.repeat(self.tls.do_handshake)

    def repeat(self, action):
        while True:
            try:
                return action()
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                self.incoming.write(self.socket.recv(65536) or self.incoming.write_eof() or b"")
            finally:
                self.socket.sendall(self.outgoing.read())

    def record(self, plain):
        self.tls.write(plain)
        return self.outgoing.read()

    def read_until(self, end):
        text = b""
        while end not in text:
            text += self.repeat(lambda: self.tls.read(65536))
        return text


@pytest.mark.parametrize("sent", [1, 4, 5, 6, 40, -1])
def test_a_part_of_a_record_during_an_answer_waits_for_the_rest(secure, authority, sent):
    """The client is watched while its answer is made: bytes that are no whole record are nothing yet."""
    client = TlsByHand(secure.data, authority.client_context())
    request = request_bytes("POST", "/v1/chat/completions", body=chat_body(stream=True, lab={"ttft": "400ms"}))
    client.socket.sendall(client.record(request))
    time.sleep(0.15)  # the call is under way
    next_record = client.record(request_bytes("GET", "/v1/models"))
    client.socket.sendall(next_record[:sent])
    assert b"data: [DONE]" in client.read_until(b"0\r\n\r\n")
    client.socket.sendall(next_record[sent:])
    assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200")


def some_request(draw):
    if draw.random() < 0.3:
        return request_bytes("GET", "/v1/models")
    lab = {"ttft": f"{draw.choice([0, 30, 80])}ms", "tokens": draw.choice([1, 20])}
    body = chat_body(stream=draw.random() < 0.5, prompt="x" * draw.choice([10, 5_000, 40_000]), lab=lab)
    return request_bytes("POST", "/v1/chat/completions", body=body)


@pytest.mark.parametrize("seed", range(20))
def test_requests_arrive_however_their_records_are_made_and_cut(secure, authority, seed):
    """Pipelined requests in one record or two, sent in pieces that end anywhere."""
    draw = random.Random(seed)
    client = TlsByHand(secure.data, authority.client_context())
    requests = [some_request(draw) for _ in range(draw.randint(1, 5))]
    sent = b""
    for request in requests:
        cut = draw.randint(1, len(request)) if draw.random() < 0.5 else len(request)
        sent += b"".join(client.record(part) for part in (request[:cut], request[cut:]) if part)
    while sent:
        size = draw.choice([1, 2, 5, 17, 100, 3_000, 20_000])
        client.socket.sendall(sent[:size])
        sent = sent[size:]
        time.sleep(draw.choice([0, 0, 0, 0.02]))
    text = b""
    while text.count(b"HTTP/1.1 200") < len(requests):
        text += client.repeat(lambda: client.tls.read(65536))


def peer_serial(gateway, authority):
    with socket.create_connection(("127.0.0.1", gateway.data), 5) as plain:
        with authority.client_context().wrap_socket(plain, server_hostname="localhost") as connection:
            return int(connection.getpeercert()["serialNumber"], 16)


def test_a_new_certificate_is_taken_up_without_a_restart(start, authority):
    certificate, key = authority.issue("renewed", serial=1)
    gateway = start(server={"tls": {"certificate": str(certificate), "key": str(key)}})
    assert peer_serial(gateway, authority) == 1
    held = ssl.create_default_context(cafile=str(authority.certificate))
    with socket.create_connection(("127.0.0.1", gateway.data), 5) as plain:
        with held.wrap_socket(plain, server_hostname="localhost") as old:
            authority.issue("renewed", serial=2)
            gateway.signal(signal.SIGHUP)
            wait_until(lambda: peer_serial(gateway, authority) == 2, 8, step=0.1, what="the new certificate is served")
            old.sendall(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
            assert old.recv(64).startswith(b"HTTP/1.1 200")


# --- towards the upstream ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secure_lab(folder, authority):
    certificate, key = authority.issue("lab", serial=2001, sans="DNS:localhost")
    with Lab(folder, "--tls-certificate", certificate, "--tls-key", key, name="secure-lab") as running:
        yield running


def secure_provider(secure_lab, authority, host="localhost", **more):
    base = {"type": "openai", "base_url": f"https://{host}:{secure_lab.port}/v1", "api_key": "sk-x"}
    return {"lab": {**base, **({"ca_file": str(authority.certificate)} if authority else {}), **more}}


ONCE = FORGIVING | {"retry": {"attempts": 0}}


def test_an_https_upstream_is_verified_and_used(start, secure_lab, authority):
    gateway = start(providers=secure_provider(secure_lab, authority), models={"fast": "lab/fast"})
    assert gateway.chat().content
    assert gateway.chat(stream=True).finished


def test_an_upstream_of_an_unknown_authority_is_refused(start, secure_lab):
    gateway = start(providers=secure_provider(secure_lab, None), models={"fast": "lab/fast"}, defaults=ONCE)
    answer = gateway.chat()
    assert (answer.status, answer.error["code"]) == (502, "upstream_unavailable")


def test_an_upstream_with_another_name_is_refused(start, secure_lab, authority):
    gateway = start(providers=secure_provider(secure_lab, authority, host="127.0.0.1"), models={"fast": "lab/fast"}, defaults=ONCE)
    assert gateway.chat().status == 502


def test_a_plain_upstream_behind_https_is_an_error(start, lab):
    providers = {"lab": {"type": "openai", "base_url": f"https://localhost:{lab.port}/v1", "api_key": "x"}}
    gateway = start(providers=providers, models={"fast": "lab/fast"}, defaults=ONCE)
    assert gateway.chat().status == 502


def test_a_handshake_that_stalls_is_given_up(start, authority):
    with socket.create_server(("127.0.0.1", free_port())) as mute:
        port = mute.getsockname()[1]
        providers = {"lab": {"type": "openai", "base_url": f"https://localhost:{port}/v1", "api_key": "x",
                             "timeout": {"tls": "400ms"}}}
        gateway = start(providers=providers, models={"fast": "lab/fast"}, defaults=ONCE)
        started = time.monotonic()
        answer = gateway.chat()
        assert answer.status in (502, 504)
        assert time.monotonic() - started < 3
