"""A request for each rule of a profile that makes just that rule act, and what must then be true of what is sent.

The rules say when they apply and what they do; the requests follow from that. A rule for which no request is found here
needs a golden case.
"""

import copy
import json
import re
from dataclasses import dataclass

from imitated import QUESTION, TOOLS, at, covers

EFFORTS = ["high", "low", "medium", "minimal", "none", "xhigh", "max"]
CALL = {"id": "call_abcdefghijklmnop1234", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Oslo\"}"}}

# Values to try for a field, the usual one first.
VALUES = {
    "reasoning_effort": EFFORTS, "n": [2, 1, 5, 200], "temperature": [0.5, 3, 1.7, 0.1, 0, 1], "top_p": [0.5], "logprobs": [True, False],
    "top_logprobs": [3, 20], "logit_bias": [{"50256": -100}, {}], "frequency_penalty": [0.5, 0], "presence_penalty": [0.5, 0],
    "stop": [["\n"], [f"s{number}" for number in range(40)]], "max_tokens": [100, 5], "max_completion_tokens": [100, 5], "seed": [7],
    "user": ["u-1"], "store": [True], "metadata": [{"a": "b"}], "stream_options": [{"include_usage": True}], "tools": [TOOLS[:1], []],
    "tool_choice": ["auto", "required", "none", {"type": "function", "function": {"name": "get_weather"}}], "parallel_tool_calls": [True, False],
    "service_tier": ["scale", "auto", "flex"], "models": [["a/b"]], "route": ["fallback"], "provider": [{"sort": "price"}], "plugins": [[{"id": "web"}]],
    "response_format": [{"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}, {"type": "json_object"}],
    "thinking": [{"type": "enabled", "budget_tokens": 100}, {"type": "disabled"}], "reasoning": [{"effort": "high"}, {"enabled": False}],
    "usage": [{"include": True}], "functions": [[{"name": "f", "parameters": {"type": "object"}}]], "enable_thinking": [True, False],
    "reasoning_format": ["raw", "parsed"], "include_reasoning": [True], "structured_outputs": [True], "verbosity": ["low"], "extra_body": [{"a": 1}],
    "custom": [{"name": "c"}], "allowed_tools": [{"mode": "auto", "tools": []}], "strict": [True], "additionalProperties": [False],
    "$schema": ["http://json-schema.org/draft-07/schema#"], "items": [[{"type": "string"}]], "exclusiveMinimum": [0], "exclusiveMaximum": [9],
    "uniqueItems": [True], "const": ["x"], "role": ["developer"], "name": ["anna"], "id": [CALL["id"]], "tool_call_id": [CALL["id"]],
    "url": ["https://example.com/cat.png", "file:///tmp/cat.png", "data:image/png;base64,AAAA"], "content": [[{"type": "text", "text": QUESTION}]],
    "reasoning_content": ["I think"], "reasoning_details": [[{"type": "reasoning.text", "text": "I think"}]], "keep": ["all"],
    "include_obfuscation": [True], "budget_tokens": [100], "input_audio": [{"data": "AAAA", "format": "wav"}],
}


@dataclass
class Trigger:
    model: str
    request: dict
    value: object  # of the field before the rule
    stream: bool


# --- building ---------------------------------------------------------------------------------------------------------


def put(document, path, value):
    """Sets what `path` leads to, and makes what it leads through."""
    steps = re.findall(r"\[\]|[^.\[\]]+", path.replace(".**", ""))
    for number, step in enumerate(steps[:-1]):
        follows = steps[number + 1]
        if step == "[]":
            if not document:
                document.append([] if follows == "[]" else {})
            document = document[0]
        else:
            document = document.setdefault(step, [] if follows == "[]" else {})
    if steps[-1] == "[]":
        document[:] = [value]
    else:
        document[steps[-1]] = value


def messages_with(path, value):
    """A conversation in which that member of a message makes sense."""
    inner = path.removeprefix("messages[].")
    user, reply = {"role": "user", "content": QUESTION}, {"role": "assistant", "content": "", "tool_calls": [copy.deepcopy(CALL)]}
    result = {"role": "tool", "tool_call_id": CALL["id"], "content": "{}"}
    if inner == "role":
        return [{"role": value, "content": "Be brief."}, user]
    if inner.startswith("content[]"):
        member = inner.removeprefix("content[].").split(".")[0]
        part = {"type": member, member: {"url": value} if "url" in inner else value}
        return [{"role": "user", "content": [{"type": "text", "text": QUESTION}, part]}]
    if inner in ("tool_call_id",) or inner.startswith("tool_calls"):
        if inner.endswith("custom"):
            reply["tool_calls"] = [{"id": CALL["id"], "type": "custom", "custom": value}]
        return [user, reply, result]
    if inner.startswith("reasoning"):
        return [user, {"role": "assistant", "content": "Well.", inner: value}, user]
    return [{**user, inner: value}]


def request_with(path, value):
    request = {}
    if path.startswith("messages[]."):
        request["messages"] = messages_with(path, value)
    elif path.startswith("tools[]."):
        request["tools"] = copy.deepcopy(TOOLS[:1])
        if path == "tools[].custom":
            request["tools"] = [{"type": "custom", "custom": value}]
        else:
            put(request, path, value)
    elif value is not ABSENT:
        put(request, path, value)
        if path.startswith("response_format.json_schema"):
            request["response_format"]["type"] = "json_schema"
            request["response_format"]["json_schema"].setdefault("name", "a")
    return request


ABSENT = object()


def set_condition(request, path, condition):
    """Makes a condition on another field hold, as well as that is possible."""
    name = path.split(".")[-1].removesuffix("[]")
    candidates = VALUES.get(name, [True])
    if isinstance(condition, list):
        candidates = condition
    elif condition == "absent":
        request.pop(path.split(".")[0], None)
        return
    elif condition == "empty":
        candidates = [[]]
    elif condition.startswith((">", "<")):
        sign, bound = condition.split(" ")
        candidates = [float(bound) + (1 if ">" in sign else -0.1)]
        candidates = [int(each) if each == int(each) else each for each in candidates]
    for value in candidates:
        put(request, path, value)
        if holds(request, None, path, condition):
            return


# --- conditions -------------------------------------------------------------------------------------------------------


def find(request, path):
    """As at(), and `**` for any depth."""
    if ".**." not in path:
        return at(request, path)
    before, after = path.split(".**.", 1)
    found, queue = [], at(request, before)
    while queue:
        value = queue.pop()
        found += at(value, after) if isinstance(value, dict) else []
        queue += list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return found


def fits(value, condition):
    if isinstance(condition, list):
        return any(type(value) is type(wanted) and value == wanted or (isinstance(value, (int, float)) and not isinstance(value, bool) and
                   isinstance(wanted, (int, float)) and not isinstance(wanted, bool) and value == wanted) for wanted in condition)
    if condition == "present":
        return value is not None
    if condition == "empty":
        return value in ([], {}, "")
    if condition.startswith("^"):
        return isinstance(value, str) and value.startswith(condition[1:])
    if condition[0] in "<>":
        sign, bound = condition.split(" ")
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return False
        return {">": value > float(bound), ">=": value >= float(bound), "<": value < float(bound), "<=": value <= float(bound)}[sign]
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    if condition == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kinds[condition])


def holds(request, field, path, condition):
    """A path with a dot in front is a sibling of the field; every place of the field is alike in our requests."""
    full = path
    if path.startswith("."):
        owner = field.rsplit(".", 1)[0] if "." in field else ""
        full = f"{owner}{path}" if owner else path[1:]
    found = find(request, full)
    if condition == "absent":
        return all(each is None for each in found)
    return any(fits(each, condition) for each in found)


def applies(rule, model, request):
    if not covers(rule, model):
        return False
    if rule["do"] != "default" and rule["do"] != "force" and not [each for each in find(request, rule["field"]) if each is not None]:
        return False
    if rule["do"] == "default" and [each for each in find(request, rule["field"]) if each is not None]:
        return False
    return (all(holds(request, rule["field"], *each) for each in rule.get("when", {}).items()) and
            not any(holds(request, rule["field"], *each) for each in rule.get("unless", {}).items()))


def models_for(provider, rule):
    """Ids to try: the ones of the tests, then what the patterns spell."""
    names = list(provider.test.get("models", {}).values())
    for pattern in rule.get("models", []):
        if not pattern.startswith("!"):
            names += [pattern.replace("*", ""), pattern.replace("*", "-lab"), pattern.replace("*", "x")]
    return [name for name in names if name and covers(rule, name)]


def values_for(rule):
    name = rule["field"].split(".")[-1].removesuffix("[]")
    own = rule.get("when", {}).get(rule["field"])
    values = list(own) if isinstance(own, list) else []
    values += [key for key in rule.get("map", {}) if key != "*"]
    values += VALUES.get(name, [True, "x"])
    if rule["do"] in ("default", "force"):
        values.append(ABSENT)
    if rule["do"] == "clamp":
        values = [2, rule["most"] + 1 if "most" in rule else rule.get("least", 1) - 1, *values]  # no temperature above 2 gets this far
    return values


def changes(rule, value):
    """Whether the rule does something to that value."""
    if rule["do"] == "clamp" and value is not ABSENT:
        if "most_items" in rule:
            return isinstance(value, list) and len(value) > rule["most_items"]
        return isinstance(value, (int, float)) and (value > rule.get("most", value) or value < rule.get("least", value))
    if "map" in rule:
        return isinstance(value, (str, int, bool)) and (value in rule["map"] or "*" in rule["map"]) and rule["map"].get(value, rule["map"].get("*")) != value
    if "nearest" in rule:
        return value in EFFORTS and value not in rule["nearest"]
    if rule["do"] == "force":
        return value != rule["value"] or "instruct" in rule
    if rule.get("as") == "logprobs_count":
        return value is True
    return True


def trigger(provider, rule):
    """A request on which `rule` acts and no earlier rule of the same field does; None if there is none."""
    rules = provider.rules
    position = next(index for index, other in enumerate(rules) if other is rule)
    for value in values_for(rule):
        if not changes(rule, value):
            continue
        request = request_with(rule["field"], value)
        for path, condition in rule.get("when", {}).items():
            if not path.startswith(".") and not holds(request, rule["field"], path, condition):
                set_condition(request, path, condition)
        if rule["field"].startswith(("tool_choice", "parallel_tool_calls")) and "tools" not in request and rule.get("when", {}).get("tools") != "absent":
            request["tools"] = copy.deepcopy(TOOLS[:1])
        if rule["field"].startswith("stream_options"):
            request["stream"] = not holds({"stream": True}, "", "stream", rule.get("unless", {}).get("stream", []))
        for model in models_for(provider, rule):
            before = [other for other in rules[:position] if other["do"] == "reject" or
                      (touches(other, rule) and (other["field"] != rule["field"] or changes(other, value)))]
            if applies(rule, model, request) and not any(applies(other, model, request) for other in before):
                stream = bool(request.pop("stream", False))
                return Trigger(model, request, value, stream)
    return None


def stands(provider, rule, made):
    """Whether no later rule may change what this one did."""
    rules = provider.rules
    position = next(index for index, other in enumerate(rules) if other is rule)
    targets = {rule["field"], rule.get("to")}
    return not any(other["field"] in targets and other["do"] != "reject" and covers(other, made.model) for other in rules[position + 1 :])


def touches(other, rule):
    """Whether `other` may have changed what `rule` looks at."""
    roots = {re.split(r"[.\[]", path)[0] for path in [rule["field"], *rule.get("when", {}), *rule.get("unless", {})] if not path.startswith(".")}
    if other["field"] == rule["field"]:
        return True
    return other.get("to") == rule["field"] or other["field"] in roots or (other["field"] in rule.get("when", {}))


CHANGES = {"drop": "dropped", "rename": "renamed", "clamp": "clamped", "default": "added", "force": "forced", "convert": "converted"}


# --- what must be true of what is sent --------------------------------------------------------------------------------


def verify(rule, made, sent):
    """`sent`: what the provider got."""
    field, found = rule["field"], find(sent, rule["field"])
    do = rule["do"]
    if do == "drop":
        assert not found, f"{field} was sent: {found}"
    elif do == "rename":
        assert not found, f"{field} was sent beside {rule['to']}"
        owner = field.rsplit(".", 1)[0] + "." if "." in field else ""
        assert find(sent, owner + rule["to"]), f"{rule['to']} is missing"
    elif do == "clamp" and "most_items" in rule:
        assert len(found[0]) <= rule["most_items"], found
    elif do == "clamp":
        assert rule.get("least", found[0]) <= found[0] <= rule.get("most", found[0]), found
    elif do in ("default", "force"):
        assert found == [rule["value"]], f"{field} is {found}"
    elif "map" in rule:
        wanted = rule["map"].get(made.value, rule["map"].get("*"))
        owner = field.rsplit(".", 1)[0] + "." if "." in field and "to" in rule else ""
        target = owner + rule["to"] if "to" in rule else field
        assert wanted is None and not find(sent, target) or find(sent, target)[:1] == [wanted], f"{target} is {find(sent, target)}, not {wanted}"
    elif "nearest" in rule:
        target = find(sent, rule.get("to", field))
        assert not target or target[0] in rule["nearest"], target
    elif rule.get("as") == "nine_alphanumerics":
        assert found and all(re.fullmatch("[A-Za-z0-9]{9}", each) for each in found), found
    elif rule.get("as") == "thinking_part":
        assert not found and at(sent, "messages[].content[].thinking"), sent
    elif rule.get("as") == "plain_text":
        assert all(isinstance(each, str) for each in found), found
    elif rule.get("as") == "logprobs_count":
        assert found and isinstance(found[0], int) and not isinstance(found[0], bool), found
    elif rule.get("as") == "tools_from_functions":
        assert not found and at(sent, "tools[].function.name"), sent
    else:
        raise AssertionError(f"nothing checks {rule}")
    if "instruct" in rule:
        begin = rule["instruct"].split("{value}")[0].strip()
        texts = json.dumps([message for message in sent["messages"] if message["role"] == "system"])
        assert begin[:40] in texts, f"the instruction is missing: {texts}"
