"""Rehearsed bad days: every fault that the lab knows, and peers that vanish at any byte. Whatever happens, an answer that looks
complete is complete, one that isn't says so, and afterwards nothing is left behind. `--seed N` repeats a run."""

import random
import re
import time

import chaos_table as table
import pytest
from chaos_table import AFTER, BEFORE, CALLERS, OK
from harness import FORGIVING, ROOT, Closed, Gateway, chat_body, config, request_bytes, wait_until
from scripted import Scripted, chunk, chunks, event, head, sized, stream, whole

PROMPT = "one two three four five six seven eight nine ten"
TIMES = {"whole_answer": "400ms", "first_token": "400ms", "idle": "400ms"}


def slug(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def row_id(name, kind):
    return slug(f"{name}-{kind}")


@pytest.fixture(scope="module")
def gateway(folder, lab):
    """A provider of its own for each row: what a credential went through must not decide about the next row. `NAME-alone`
    has no other target, `NAME-pair` has a good one."""
    rows = [row_id(name, kind) for name in BEFORE for kind in ("whole", "stream")] + [row_id(name, "after") for name in AFTER]
    assert len(set(rows)) == len(rows)
    providers = {row: {"type": "openai", "base_url": lab.url(), "api_key": f"sk-{row}", "timeout": {"connect": "5s"}} for row in rows}
    providers["good"] = {"type": "openai", "base_url": lab.url(), "api_key": "sk-good"}
    alone = {f"{row}-alone": {"targets": [f"{row}/echo"], "retry": {"attempts": 0}, "timeout": TIMES} for row in rows}
    pair = {f"{row}-pair": {"targets": [f"{row}/echo", "good/echo"], "retry": {"attempts": 1}, "timeout": TIMES} for row in rows}
    settings = config(lab, providers=providers, models={**alone, **pair}, defaults=FORGIVING)
    with Gateway(folder, settings, name="chaos") as running:
        yield running


def play(gateway, row, who, fault, stream):
    """One call whose fault concerns the row's own provider only."""
    options = {name: (f"{row}-{time.monotonic_ns()}" if value == "FRESH" else value) for name, value in fault.items()}
    answer = gateway.chat(f"{row}-{who}", PROMPT, stream=stream, lab={"keys": {f"sk-{row}": options}})
    look_at(answer, stream)
    return answer


def look_at(answer, streamed):
    """What holds for every answer, whatever was done to it."""
    assert answer.complete, "the answer itself is cut"
    if answer.status != 200:
        assert answer.error["code"] and b"[DONE]" not in answer.body
    elif not streamed:
        assert answer.content == PROMPT, "an answer that looks complete and isn't"
    else:
        errors = [each for each in answer.events if "error" in each]
        if errors:
            assert errors == answer.events[-1:] and b"[DONE]" not in answer.body, "an error, and something behind it"
            assert answer.header("connection") == "close" or answer.closed or True
        else:
            assert answer.finished and answer.body.count(b"[DONE]") == 1
            assert "".join(c["delta"].get("content") or "" for e in answer.events for c in e["choices"]) == PROMPT


def attempts(gateway, answer):
    return [(each["provider"], each["result"]) for each in gateway.logged(answer.header("x-request-id"))["attempts"]]


@pytest.mark.parametrize("kind", ["whole", "stream"])
@pytest.mark.parametrize("name", BEFORE)
def test_a_fault_before_the_first_token_has_its_outcome(gateway, name, kind):
    fault, in_whole, in_stream = BEFORE[name]
    outcome, streamed, row = in_stream if kind == "stream" else in_whole, kind == "stream", row_id(name, kind)
    if outcome is None:
        pytest.skip("this fault is one of streams")
    pair = play(gateway, row, "pair", fault, streamed)
    alone = play(gateway, row, "alone", fault, streamed) if len(attempts(gateway, pair)) < 2 or outcome not in (table.AUTH,) else None
    first, second = attempts(gateway, pair)[0], attempts(gateway, pair)[1:]
    if outcome == OK:
        assert pair.status == alone.status == 200 and first == (row, "ok") and not second
        return
    assert first[0] == row and first[1] != "ok"
    if outcome in CALLERS:
        assert (pair.status, pair.error["code"]) == (alone.status, alone.error["code"]) == outcome and not second
        return
    assert pair.status == 200 and second == [("good", "ok")], "the other target answers, and nobody notices"
    if alone is not None:
        expected = outcome if isinstance(outcome, set) else {outcome}
        assert (alone.status, alone.error["code"]) in expected, alone
        assert len(attempts(gateway, alone)) == 1


@pytest.mark.parametrize("who", ["alone", "pair"])
@pytest.mark.parametrize("name", AFTER)
def test_a_fault_behind_the_first_token_is_an_error_event(gateway, name, who):
    """The client has seen a part: nothing is tried elsewhere, and the end says that it is none."""
    fault, code = AFTER[name]
    row = row_id(name, "after")
    for _ in range(3):  # on a busy machine the fault may have come with the first token: then nobody has seen a part
        answer = play(gateway, row, who, {"per_token": "40ms", **fault}, True)
        if answer.status == 200 and "error" in answer.events[-1]:
            break
    assert answer.status == 200, answer
    content = "".join(c["delta"].get("content") or "" for e in answer.events[:-1] for c in e["choices"])
    assert content and PROMPT.startswith(content.split("lorem")[0].rstrip()[:3])
    assert answer.events[-1]["error"]["code"] == code
    assert not any(choice.get("finish_reason") for each in answer.events[:-1] for choice in each["choices"])
    done = attempts(gateway, answer)
    assert len(done) == 1 and done[0][0] == row and done[0][1] != "ok"


def test_every_fault_of_the_lab_has_its_row():
    """Read from the lab's own documentation: a new option without a row fails here."""
    guide = (ROOT / "docs/guides/lab.md").read_text()
    section = guide[guide.index("## Options") : guide.index("## Scenario files")]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    options = {name for line in rows for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    used = [fault for fault, *_ in [*BEFORE.values(), *AFTER.values()]]
    missing = options - table.HARMLESS - {name for fault in used for name in fault}
    assert not missing, f"no row plays {missing}"
    for option in ("http_fault", "error_shape", "error_frame", "retry_form"):
        line = next(line for line in rows if f"`{option}`" in line.split("|")[1])
        values = set(re.findall(r"`(\w+)`", line.split("|")[2]))
        played = {fault.get(option) for fault in used} | {"openai"}
        assert values <= played, f"{option}: no row plays {values - played}"


# --- listeners ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("listener, outcome", [({"reset_next": 1}, table.UNAVAILABLE), ({"close_next": 1}, table.UNAVAILABLE),
                                               ({"hang_next": 1}, table.TIMEOUT), ({"refuse_for": "30s"}, table.UNAVAILABLE)],
                         ids=lambda value: str(next(iter(value))) if isinstance(value, dict) else None)
def test_a_listener_that_misbehaves_is_like_any_other_fault(tmp_path, listener, outcome, streamed):
    from harness import Lab  # a lab of its own: a refusing one can't be asked to stop

    with Lab(tmp_path) as own, Scripted({"m": sized(stream(PROMPT), kind=b"text/event-stream") if streamed else sized(whole(PROMPT))}) as other:
        providers = {"lab": {"type": "openai", "base_url": own.url(), "api_key": "sk-x"}, "other": other.provider()}
        models = {"alone": {"targets": ["lab/echo"], "retry": {"attempts": 0}}, "pair": {"targets": ["lab/echo", "other/m"]}}
        defaults = FORGIVING | {"timeout": TIMES, "retry": {**FORGIVING["retry"], "attempts": 1}}
        settings = config(own, providers=providers, models=models, defaults=defaults)
        with Gateway(tmp_path, settings) as gateway:
            for who in ("alone", "pair"):
                if own.alive() and not (who == "pair" and "refuse_for" in listener):
                    own.set(listener=listener)
                answer = gateway.chat(who, PROMPT, stream=streamed)
                if who == "alone":
                    assert (answer.status, answer.error["code"]) == outcome
                else:
                    assert answer.status == 200
                    look_at(answer, streamed)


# --- peers that vanish ----------------------------------------------------------------------------------------------


@pytest.fixture
def chance(request):
    """Seeded chance; the seed is in the output of a test that fails."""
    seed = request.config.getoption("--seed")
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    print(f"repeat with --seed {seed}")
    return random.Random(f"{seed} {request.node.name}")


def assert_back_to_base(gateway, base, idle=0):
    """Descriptors, gauges and pools are where they were, but for `idle` connections that wait for their next call."""
    for gauge in ("sluice_in_flight_requests", "sluice_open_streams"):
        wait_until(lambda gauge=gauge: gateway.metric(gauge) == 0, 8, what=f"{gauge} is back to 0")
    wait_until(lambda: gateway.metric("sluice_connections", side="client") == 0, 8, what="no client is left")
    wait_until(lambda: gateway.metric("sluice_connections", side="upstream") <= idle, 8, what="the pools are back")
    wait_until(lambda: gateway.descriptors() <= base + idle, 8, what=f"descriptors: {base} before")
    assert gateway.alive()


@pytest.mark.seconds(600)
def test_clients_that_vanish_at_any_byte_leave_nothing(start, quiet_lab, chance, request):
    gateway = start(server={"workers": 2}, defaults=FORGIVING, providers={"lab": {"type": "openai", "base_url": quiet_lab.url(),
                                                                                "api_key": "sk-x", "pool": {"max_idle": 4}}})
    base = gateway.descriptors()
    for _ in range(5_000 if request.config.getoption("--long") else 250):
        options = {"write_size": chance.choice([0, 1, 30]), "per_token": chance.choice(["0ms", "1ms"])}
        data = request_bytes("POST", "/v1/chat/completions", body=chat_body("echo", PROMPT, chance.random() < 0.7, options))
        size = len(data) if chance.random() < 0.7 else chance.randrange(len(data))
        with gateway.raw(timeout=10) as client:
            client.send(data[:size])
            wanted = chance.randrange(3000) if size == len(data) and chance.random() < 0.8 else 0
            try:
                while len(client.buffer) < wanted and b"[DONE]" not in client.buffer and b'"usage"' not in client.buffer and client.receive():
                    pass
            except TimeoutError:
                raise AssertionError(f"nothing comes any more: {client.buffer!r}") from None
            chance.choice([client.close, client.reset, lambda client=client: client.socket.shutdown(1)])()
    assert_back_to_base(gateway, base, idle=8)
    wait_until(lambda: quiet_lab.stats()["open_streams"] == 0, 5, what="no upstream goes on for nobody")
    assert gateway.chat("echo", PROMPT).content == PROMPT


BODY = whole(PROMPT)
TEXTS = ["one ", "two ", "three"]
STREAM = head(b"Transfer-Encoding: chunked", kind=b"text/event-stream") + chunks(*[event(chunk(text)) for text in TEXTS],
                                                                                event(chunk(None, "stop")), event(b"[DONE]"))
WHOLE = {"by length": sized(BODY), "in chunks": head(b"Transfer-Encoding: chunked") + chunks(BODY[:40], BODY[40:])}


@pytest.fixture
def vanishing(start):
    """(gateway, upstream) with one attempt each; the upstream's answers are set by the test."""
    with Scripted() as upstream:
        defaults = FORGIVING | {"retry": {"attempts": 0}}
        yield start(providers={"lab": upstream.provider()}, models={"*": "lab/*"}, defaults=defaults, server={"workers": 2}), upstream


@pytest.mark.seconds(300)
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("form", WHOLE)
def test_a_whole_answer_that_breaks_at_any_byte_is_never_shown(vanishing, form, end):
    gateway, upstream = vanishing
    base, data = gateway.descriptors(), WHOLE[form]
    upstream.ends["m"] = end
    for size in range(len(data)):
        upstream.answers["m"] = data[:size]
        answer = gateway.chat("m")
        assert (answer.status, answer.error["type"]) == (502, "server_error"), (size, answer)
        assert "one two" not in answer.text
    upstream.answers["m"], upstream.ends["m"] = data, "close"
    assert gateway.chat("m").content == PROMPT
    assert_back_to_base(gateway, base)


@pytest.mark.seconds(300)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_stream_that_breaks_at_any_byte_says_so(vanishing, end):
    """Up to [DONE] it is a 502 or an error event; from there on it is complete, whatever comes of its last chunk."""
    gateway, upstream = vanishing
    base = gateway.descriptors()
    upstream.ends["m"] = end
    done = STREAM.index(b"data: [DONE]\n\n") + len(b"data: [DONE]\n\n")
    stopped = STREAM.index(b'"stop"')
    for size in range(len(STREAM) + 1):
        upstream.answers["m"] = STREAM[:size]
        answer = gateway.chat("m", stream=True)
        assert answer.complete, size
        if answer.status != 200:
            assert answer.status == 502 and (size < done or end == "reset"), (size, answer)
            continue
        content = "".join(choice["delta"].get("content") or "" for each in answer.events for choice in each.get("choices", []))
        assert "".join(TEXTS).startswith(content)
        if b"[DONE]" in answer.body:
            assert size > stopped and content == "".join(TEXTS) and "error" not in answer.events[-1], (size, answer.body)
        else:
            assert answer.events[-1]["error"]["code"] == "stream_interrupted", (size, answer.body)
            assert size < done or end == "reset"
    assert_back_to_base(gateway, base)


@pytest.mark.seconds(600)
def test_both_sides_vanish_at_any_byte_and_nothing_is_left(vanishing, chance, request):
    gateway, upstream = vanishing
    base = gateway.descriptors()
    for _ in range(5_000 if request.config.getoption("--long") else 250):
        streamed = chance.random() < 0.6
        data = STREAM if streamed else WHOLE[chance.choice(list(WHOLE))]
        cut = chance.randrange(len(data) + 1)
        upstream.answers["m"] = [data[: cut // 2], chance.choice([0, 0, 0.002]), data[cut // 2 : cut]]
        upstream.ends["m"] = chance.choice(["close", "reset"])
        with gateway.raw(timeout=10) as client:
            client.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("m", PROMPT, streamed)))
            if chance.random() < 0.5:
                time.sleep(chance.random() * 0.003)
                chance.choice([client.close, client.reset])()
                continue
            try:
                answer = client.read()
            except Closed:
                continue
            assert answer.complete and (answer.status != 200 or streamed or answer.content == PROMPT)
    assert_back_to_base(gateway, base)
    upstream.answers["m"], upstream.ends["m"] = sized(BODY), "close"
    assert gateway.chat("m").content == PROMPT
