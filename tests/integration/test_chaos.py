"""Rehearsed bad days: every fault that the lab knows, and peers that vanish at any byte. Whatever happens, an answer that looks
complete is complete, one that isn't says so, and afterwards nothing is left behind. `--seed N` repeats a run."""

import random
import re
import time

import chaos_table as table
import pytest
from chaos_table import AFTER, BEFORE, CALLERS, FOR_ALL, OK
from harness import FORGIVING, ROOT, SLOW, Closed, Gateway, Lab, chat_body, config, request_bytes, wait_until
from scripted import Scripted, chunk, chunks, event, head, sized, stream, whole

PROMPT = "one two three four five six seven eight nine ten"


def patience(seconds):
    return dict.fromkeys(["whole_answer", "first_token", "idle"], f"{int(seconds * SLOW * 1000)}ms")


# Rows that end by a timeout, by their names; the others must not end by one because the machine is busy.
SILENT = re.compile(r"never-comes|silence")


def row_of(name, kind, who):
    """The name of a row's provider, and of its model."""
    return re.sub(r"[^a-z0-9]+", "-", f"{name} {kind} {who}".lower()).strip("-")


@pytest.fixture(scope="module")
def gateway(folder, lab):
    """A provider of its own for each row: what a credential went through must not decide about the next row. `alone` has no
    other target, `pair` has a good one behind it."""
    kinds = [(name, kind) for name in BEFORE for kind in ("whole", "stream")] + [(name, "after") for name in AFTER]
    rows = {row_of(name, kind, who): who for name, kind in kinds for who in ("alone", "pair")}
    assert len(rows) == 2 * len(kinds)
    providers = {row: {"type": "openai", "base_url": lab.url(), "api_key": f"sk-{row}"} for row in rows}
    providers["good"] = {"type": "openai", "base_url": lab.url(), "api_key": "sk-good"}
    models = {row: {"targets": [f"{row}/echo", "good/echo"][: 1 + (who == "pair")], "retry": {"attempts": int(who == "pair")},
                    "timeout": patience(0.8 if SILENT.search(row) else 5)} for row, who in rows.items()}
    with Gateway(folder, config(lab, providers=providers, models=models, defaults=FORGIVING), name="chaos") as running:
        yield running


def play(gateway, row, fault, stream):
    """One call whose fault concerns the row's own provider only."""
    options = {name: (f"{row}-{time.monotonic_ns()}" if value == "FRESH" else value) for name, value in fault.items()}
    answer = gateway.chat(row, PROMPT, stream=stream, lab=options if options.keys() & FOR_ALL else {"keys": {f"sk-{row}": options}})
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
        else:
            assert answer.finished and answer.body.count(b"[DONE]") == 1
            assert "".join(c["delta"].get("content") or "" for e in answer.events for c in e["choices"]) == PROMPT


def attempts(answer):
    """How many there were, and who answered; the log says the same, but a moment later."""
    return int(answer.header("x-sluice-attempts")), answer.header("x-sluice-provider")


def cases():
    """(fault, whole or stream, outcome): a fault that only streams can have has no outcome for whole answers."""
    for name, (_, in_whole, in_stream) in BEFORE.items():
        for kind, outcome in (("whole", in_whole), ("stream", in_stream)):
            if outcome is not None:
                yield pytest.param(name, kind, outcome, id=f"{name}-{kind}")


@pytest.mark.parametrize("name, kind, outcome", list(cases()))
def test_a_fault_before_the_first_token_has_its_outcome(gateway, name, kind, outcome):
    row = row_of(name, kind, "alone")
    answer = play(gateway, row, BEFORE[name][0], kind == "stream")
    assert attempts(answer) == (1, row)
    if outcome == OK:
        assert answer.status == 200
    else:
        assert (answer.status, answer.error["code"]) in (outcome if isinstance(outcome, set) else {outcome}), answer


@pytest.mark.parametrize("name, kind, outcome", list(cases()))
def test_another_target_takes_over_and_nobody_notices(gateway, name, kind, outcome):
    """Except where nothing was wrong, and where the request was."""
    row = row_of(name, kind, "pair")
    answer = play(gateway, row, BEFORE[name][0], kind == "stream")
    if outcome == OK:
        assert answer.status == 200 and attempts(answer) == (1, row)
    elif outcome in CALLERS:
        assert (answer.status, answer.error["code"]) == outcome and attempts(answer) == (1, row)
    else:
        assert answer.status == 200 and attempts(answer) == (2, "good")


@pytest.mark.parametrize("who", ["alone", "pair"])
@pytest.mark.parametrize("name", AFTER)
def test_a_fault_behind_the_first_token_is_an_error_event(gateway, name, who):
    """The client has seen a part: nothing is tried elsewhere, and the end says that it is none."""
    fault, code = AFTER[name]
    row = row_of(name, "after", who)
    for _ in range(3):  # on a busy machine the fault may have come with the first token: then nobody has seen a part
        answer = play(gateway, row, {"per_token": "40ms", **fault}, True)
        if answer.status == 200 and "error" in answer.events[-1]:
            break
    assert answer.status == 200, answer
    content = "".join(c["delta"].get("content") or "" for e in answer.events[:-1] for c in e["choices"])
    assert content.startswith(PROMPT[:3])
    assert answer.events[-1]["error"]["code"] == code
    assert not any(choice.get("finish_reason") for each in answer.events[:-1] for choice in each["choices"])
    logged = gateway.logged(answer.header("x-request-id"))["attempts"]
    assert len(logged) == 1 and logged[0]["provider"] == row and logged[0]["result"] != "ok"


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
    """The lab is one of its own: a refusing one can't be asked to stop."""
    with Lab(tmp_path) as own, Scripted({"m": sized(stream(PROMPT), kind=b"text/event-stream") if streamed else sized(whole(PROMPT))}) as other:
        providers = {"lab": {"type": "openai", "base_url": own.url(), "api_key": "sk-x"}, "other": other.provider()}
        models = {"alone": {"targets": ["lab/echo"], "retry": {"attempts": 0}, "timeout": patience(0.8)},
                  "pair": {"targets": ["lab/echo", "other/m"], "timeout": patience(2)}}
        defaults = FORGIVING | {"retry": {**FORGIVING["retry"], "attempts": 1}}
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


def assert_back_to_base(gateway, base):
    """Descriptors, gauges and pools are where they were."""
    for gauge in ("sluice_in_flight_requests", "sluice_open_streams"):
        wait_until(lambda gauge=gauge: gateway.metric(gauge) == 0, 8, what=f"{gauge} is back to 0")
    wait_until(lambda: gateway.metric("sluice_connections", side="client") == 0, 8, what="no client is left")
    wait_until(lambda: gateway.metric("sluice_connections", side="upstream") == 0, 8, what="the pools are back")
    wait_until(lambda: gateway.descriptors() <= base, 8, what=f"descriptors: {base} before")
    assert gateway.alive()


@pytest.mark.seconds(600)
def test_clients_that_vanish_at_any_byte_leave_nothing(start, quiet_lab, chance, request):
    gateway = start(server={"workers": 2}, defaults=FORGIVING, providers={"lab": {"type": "openai", "base_url": quiet_lab.url(),
                                                                                "api_key": "sk-x", "pool": {"idle_time": "300ms"}}})
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
    assert_back_to_base(gateway, base)
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
        provider = upstream.provider(pool={"idle_time": "300ms"})
        yield start(providers={"lab": provider}, models={"*": "lab/*"}, defaults=defaults, server={"workers": 2}), upstream


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
