"""The providers that the lab imitates: what tests/fixtures/providers/<name>/ and the catalogue say about each.

A folder is a provider is a set of tests. Nothing here knows a provider's name.
"""

import copy
import fnmatch
import functools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from harness import ROOT

FIXTURES = ROOT / "tests/fixtures/providers"
CATALOGUE = ROOT / "config/catalogue/providers"
RULE_SETS = ROOT / "config/catalogue/rules.yaml"

QUESTION = "alpha beta gamma"
USUAL_ERRORS = {"rate-limit", "invalid", "server", "overloaded"}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "The weather somewhere", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "get_time", "description": "The time somewhere", "parameters": {
        "type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}}},
]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": {
    "type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"], "additionalProperties": False}}}


def load(path):
    return yaml.safe_load(path.read_text())


def merged(base, over, depth=0):
    """As server/lab/provider_files.cpp: mappings are merged, ~ takes a member away, anything else replaces."""
    out = copy.deepcopy(base)
    for key, value in over.items():
        if value is None and depth < 2 and key in out:
            del out[key]
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value, depth + 1)
        else:
            out[key] = value
    return out


@dataclass
class Case:
    """One golden case: a request, what the provider must get, and what the client must see."""

    provider: str
    name: str
    about: str
    model: str
    request: dict
    headers: dict
    mode: str  # whole, stream, both
    expect: dict

    @property
    def fields(self):
        """The fields whose rules it proves."""
        named = self.expect.get("receipt", []) + self.expect.get("proves", [])
        refused = self.expect.get("answer", {}).get("error.param")
        return set(named) | ({refused} if refused else set())


@dataclass
class Imitated:
    name: str
    lab: dict = field(repr=False)
    cases: list = field(default_factory=list, repr=False)
    profile: dict | None = field(default=None, repr=False)  # of the catalogue; None: there is none yet

    @property
    def test(self):
        return self.lab.get("test", {})

    @property
    def type(self):
        return self.test.get("type", self.name)

    @property
    def key(self):
        return self.lab.get("auth", {}).get("keys", [f"lab-key-{self.name}"])[0]

    @property
    def base_path(self):
        paths = self.lab["path"]
        path = paths if isinstance(paths, str) else paths[0]
        return self.test.get("base", path.removesuffix("/chat/completions"))

    def model(self, use="chat"):
        models = self.test.get("models", {})
        return models.get(use, models["chat"])

    @property
    def variables(self):
        """What its address must be told, as its profile's examples say."""
        needed = (self.profile or {}).get("variables", {})
        return {name: str(facts["example"]) for name, facts in needed.items() if "default" not in facts}

    @property
    def errors(self):
        return sorted(USUAL_ERRORS | set(self.lab.get("errors", {})))

    def says(self, capability, otherwise):
        return self.test.get(capability, otherwise)

    @functools.cached_property
    def rules(self):
        return expanded_rules(self.profile or {})

    @property
    def rule_names(self):
        """Name -> rule: its number and its field."""
        return {f"{number}-{re.sub(r'[^A-Za-z0-9_]+', '_', rule['field']).strip('_')}": rule
                for number, rule in enumerate(self.rules, 1) if rule.get("do", "keep") != "keep"}

    def is_proven_by(self, rule):
        return [case for case in self.cases if rule["field"] in case.fields and covers(rule, case.model)]


def covers(rule, model):
    patterns = rule.get("models", [])
    for pattern in patterns:
        if fnmatch.fnmatchcase(model, pattern.removeprefix("!").replace("[", "[[]")):
            return not pattern.startswith("!")
    return not patterns


def expanded_rules(profile):
    sets = (load(RULE_SETS) or {}) if RULE_SETS.exists() else {}
    out = []
    for rule in profile.get("parameters", []):
        if set(rule) >= {"use"}:
            out += [inner | {"set": rule["use"]} for inner in sets[rule["use"]]]
        else:
            out.append(dict(rule))
    return out


def read_cases(folder, name, lab):
    cases, paths = [], list((folder / "cases").glob("*.yaml"))
    if "cases" in lab.get("test", {}):  # those of a relative count for it, too; its own win
        own = {path.name for path in paths}
        paths += [path for path in (folder.parent / lab["test"]["cases"] / "cases").glob("*.yaml") if path.name not in own]
    for path in sorted(paths, key=lambda path: path.name):
        written = load(path)
        request = written.get("request", {})
        mode = written.get("mode") or ("stream" if request.get("stream") else "both")
        cases.append(Case(name, path.stem, written["about"], written.get("model", lab["test"]["models"]["chat"]), request,
                          written.get("headers", {}), mode, written["expect"]))
    return cases


def read_providers(fixtures=FIXTURES, catalogue=CATALOGUE):
    written = {path.parent.name: load(path) for path in sorted(Path(fixtures).glob("*/lab.yaml"))}

    def whole(name):
        own = written[name]
        return merged(whole(own["like"]), own) if "like" in own else own

    providers = {}
    for name in written:
        lab = whole(name)
        providers[name] = Imitated(name, lab, read_cases(Path(fixtures) / name, name, lab))
        profile = Path(catalogue) / f"{providers[name].type}.yaml"
        if profile.exists():
            providers[name].profile = load(profile)[providers[name].type]
    return providers


def settings(providers, lab_port):
    """(providers, models) of a gateway's configuration. Every error is a provider of its own: a credential that is benched
    after one must not be missing in the next test."""
    out, models = {}, {}
    for each in providers.values():
        if each.profile is None:
            continue
        def entry(key):
            return {"type": each.type, "base_url": f"http://127.0.0.1:{lab_port}/providers/{each.name}{each.base_path}",
                    "api_key": key, **({"variables": each.variables} if each.variables else {}), **each.test.get("settings", {})}

        name, once = each.name, {"retry": {"attempts": 0}}
        out[name] = entry(each.key)
        models[f"{name}/*"] = f"{name}/*"
        for error in each.errors:
            out[f"{name}--{error}"] = entry(each.key)
            models[f"{name}/error:{error}"] = {"targets": [f"{name}--{error}/error:{error}"], **once}
        out[f"{name}--refused"] = entry("lab-key-of-somebody-else")
        models[f"{name}/refused"] = {"targets": [f"{name}--refused/{each.model()}"], **once}
        out[f"{name}--limited"] = entry(each.key)
        models[f"{name}/limited"] = {"targets": [f"{name}--limited/error:rate-limit", f"{name}/{each.model()}"]}
    return out, models


# --- documents and paths ----------------------------------------------------------------------------------------------


def at(document, path):
    """The values that `path` leads to: `a.b`, `list[].b`, `list[0].b`, `list[-1]`."""
    values = [document]
    for step in re.findall(r"\[-?\d*\]|[^.\[\]]+", path):
        if step == "[]":
            values = [entry for value in values if isinstance(value, list) for entry in value]
        elif step.startswith("["):
            index = int(step[1:-1])
            values = [value[index] for value in values if isinstance(value, list) and -len(value) <= index < len(value)]
        else:
            values = [value[step] for value in values if isinstance(value, dict) and step in value]
    return values


def check(document, wanted, what):
    """`wanted`: path -> value, `~pattern`, `present` or `absent`; and `gone`: paths that must not be there."""
    for path in wanted.get("gone", []):
        assert not at(document, path), f"{what}: {path} is there: {at(document, path)}"
    for path, value in wanted.items():
        if path == "gone":
            continue
        found = at(document, path)
        if value == "absent":
            assert all(each is None for each in found), f"{what}: {path} is {found}"
        elif value == "present":
            assert found and all(each is not None for each in found), f"{what}: {path} is missing in {document}"
        elif isinstance(value, str) and value.startswith("~"):
            assert found and all(re.search(value[1:], each if isinstance(each, str) else json.dumps(each)) for each in found), \
                f"{what}: {path} is {found}, not like {value}"
        else:
            assert found == [value] or (found and all(each == value for each in found)), f"{what}: {path} is {found}, not {value!r}"


def assembled(events):
    """A stream as the whole answer would have been."""
    choices, out = {}, {}
    for event in events:
        for key in ("id", "model", "usage", "error"):
            if event.get(key) is not None:
                out[key] = event[key]
        for choice in event.get("choices", []):
            whole = choices.setdefault(choice["index"], {"index": choice["index"], "message": {}, "finish_reason": None})
            whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
            message = whole["message"]
            for name, value in (choice.get("delta") or {}).items():
                if name == "tool_calls":
                    add_calls(message.setdefault("tool_calls", []), value)
                elif isinstance(value, str) and name not in ("role", "obfuscation"):
                    message[name] = message.get(name, "") + value
                elif isinstance(value, list):
                    message[name] = message.get(name, []) + value
                elif value is not None:
                    message[name] = value
    return {**out, "choices": [choices[index] for index in sorted(choices)]}


def add_calls(calls, deltas):
    """As SDKs do: `index` says which call a delta belongs to."""
    for delta in deltas:
        assert isinstance(delta.get("index"), int), f"a tool call's delta without index: {delta}"
        assert delta["index"] <= len(calls), f"index {delta['index']} behind {len(calls)} calls"
        if delta["index"] == len(calls):
            assert delta.get("id") and delta.get("type") == "function" and delta["function"].get("name"), delta
            more = {key: value for key, value in delta.items() if key not in ("index", "id", "type", "function")}
            calls.append({"id": delta["id"], "type": "function", "function": {"name": delta["function"]["name"], "arguments": ""}, **more})
        else:
            assert not delta.get("id") or delta["id"] == calls[delta["index"]]["id"], f"a second id for one call: {delta}"
        arguments = delta.get("function", {}).get("arguments") or ""
        assert isinstance(arguments, str), delta
        calls[delta["index"]]["function"]["arguments"] += arguments
