"""A new configuration is taken up whole, or not at all; requests in flight finish on theirs."""

import json
import signal
import threading
import time

import pytest
from harness import Gateway, chat_body, config, request_bytes, wait_until


def models_of(gateway):
    return {model["id"] for model in gateway.ask("GET", "/v1/models").json()["data"]}


def successful(gateway):
    return gateway.metric("sluice_config_last_reload_successful")


@pytest.fixture
def gateway(start):
    return start(models={"one": "lab/fast"})


def test_sighup_takes_up_a_good_file(gateway, lab):
    gateway.write_config(config(lab, models={"two": "lab/fast"}))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: models_of(gateway) == {"two"}, 8, step=0.05, what="the new model")
    assert gateway.chat("two").status == 200
    assert gateway.chat("one").status == 404
    assert successful(gateway) == 1


@pytest.mark.parametrize("text, place", [
    ('{"version": 1, "modles": {}}', ":1:"),
    ("version: 1\nmodels:\n  a: nowhere/x\n", ":3:"),
    ("version: 1\n  bad: [", ""),
    ("", ""),
])
def test_a_bad_file_changes_nothing_and_says_why(gateway, text, place):
    before = models_of(gateway)
    gateway.write_config(text)
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: successful(gateway) == 0, 8, step=0.05, what="the metric says so")
    assert models_of(gateway) == before
    assert gateway.chat("one").status == 200
    assert gateway.config_path.name + place in gateway.err.replace("\\n", "\n")


def test_a_mended_file_is_taken_up_again(gateway, lab):
    gateway.write_config("version: 2")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: successful(gateway) == 0, 8, step=0.05, what="refused")
    gateway.write_config(config(lab, models={"three": "lab/fast"}))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: successful(gateway) == 1 and models_of(gateway) == {"three"}, 8, step=0.05, what="taken up")


def test_a_changed_file_is_noticed_without_a_signal(gateway, lab):
    gateway.write_config(config(lab, models={"noticed": "lab/fast"}))
    wait_until(lambda: models_of(gateway) == {"noticed"}, 10, step=0.1, what="the changed file")


def test_a_swapped_symlink_is_noticed_as_kubernetes_does_it(lab, tmp_path):
    for number in (1, 2):
        version = tmp_path / f"..version{number}"
        version.mkdir()
        (version / "sluice.yaml").write_text(json.dumps(config(lab, models={f"v{number}": "lab/fast"})))
    data = tmp_path / "..data"
    data.symlink_to("..version1")
    mounted = tmp_path / "sluice.yaml"
    mounted.symlink_to("..data/sluice.yaml")
    with Gateway(tmp_path, mounted, name="mounted") as gateway:
        assert models_of(gateway) == {"v1"}
        fresh = tmp_path / "..data_tmp"
        fresh.symlink_to("..version2")
        fresh.replace(data)
        wait_until(lambda: models_of(gateway) == {"v2"}, 10, step=0.1, what="the swapped symlink")


def test_a_secret_file_is_read_again(start, lab, tmp_path):
    secret = tmp_path / "key"
    secret.write_text("sk-first-secret-value\n")
    gateway = start(providers={"lab": {"type": "openai", "base_url": lab.url(), "api_key": {"file": str(secret)}}}, models={"m": "lab/fast"})
    gateway.chat("m")
    assert lab.last()["headers"]["authorization"] == "Bearer sk-first-secret-value"
    secret.write_text("sk-second-secret-value\n")
    gateway.signal(signal.SIGHUP)

    def sent():
        gateway.chat("m")
        return lab.last()["headers"]["authorization"]

    wait_until(lambda: sent() == "Bearer sk-second-secret-value", 8, step=0.1, what="the new key is sent")


def test_a_stream_in_flight_finishes_on_its_own_configuration(gateway, lab):
    with gateway.raw(timeout=20) as connection:
        body = chat_body("one", stream=True, lab={"per_token": "50ms", "tokens": 30})
        connection.send(request_bytes("POST", "/v1/chat/completions", body=body))
        time.sleep(0.3)
        gateway.write_config(config(lab, models={"other": "lab/fast"}))
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: models_of(gateway) == {"other"}, 8, step=0.05, what="the new model")
        answer = connection.read()
    assert answer.finished and answer.complete


def test_no_request_is_lost_while_it_reloads(gateway, lab):
    stop, failures, done = threading.Event(), [], [0]

    def ask_on():
        with gateway.raw() as connection:
            while not stop.is_set():
                answer = connection.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("one"))).read()
                done[0] += 1
                if answer.status != 200 or answer.closed:
                    failures.append(answer)

    threads = [threading.Thread(target=ask_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(10):
        gateway.write_config(config(lab, models={"one": "lab/fast", f"extra{number}": "lab/fast"}))
        gateway.signal(signal.SIGHUP)
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert not failures and done[0] > 40
