"""docs/providers.md and docs/providers/<name>.md: what the tests of test_providers.py prove, and what the profiles say."""

import re
from pathlib import Path

import yaml
from harness import ROOT

TEST = "tests/integration/test_providers.py"
TITLES = {"chat": "chat", "stream": "stream", "tools": "tools", "parallel": "parallel tools", "reasoning": "reasoning",
          "json_schema": "JSON schema", "usage": "usage", "errors": "errors", "rate_limit": "rate limit", "auth": "our key stays ours"}
HEADER = "<!-- Generated: pytest tests/integration/test_providers.py --write-docs. A test compares; don't edit. -->\n"


def write(outcomes):
    from test_providers import CAPABILITIES, PROVIDERS
    (ROOT / "docs/providers").mkdir(exist_ok=True)
    for page in names(PROVIDERS):
        (ROOT / "docs" / page).write_text(render(page, PROVIDERS, list(CAPABILITIES), outcomes))


# --- pages ------------------------------------------------------------------------------------------------------------


def names(providers):
    return ["providers.md", *(f"providers/{name}.md" for name in providers)]


def render(page, providers, capabilities, results=None):
    """`results`: test -> outcome; None: all passed."""
    if page == "providers.md":
        return overview(providers, capabilities, results)
    return one(providers[Path(page).stem], capabilities, results)


def passed(test, results):
    return results is None or results.get(test) == "passed"


def cell(provider, capability, results):
    words = {"tools": provider.says("tools", "yes"), "parallel": provider.says("tools", "yes"), "reasoning": provider.says("reasoning", "shown"),
             "json_schema": provider.says("schema", "yes")}
    if capability == "reasoning" and "reasoning" not in provider.test.get("models", {}):
        return "-"
    if not passed(f"test_capability[{provider.name}-{capability}]", results):
        return "**fails**"
    return {"shown": "yes", "counted": "counted"}.get(words.get(capability, "yes"), words.get(capability, "yes"))


def proven(provider, results):
    """(rules that a passing case proves, rules)"""
    good = [name for name in provider.rule_names if passed(f"test_rule[{provider.name}-{name}]", results)]
    return len(good), len(provider.rule_names)


def overview(providers, capabilities, results):
    out = [HEADER, "# Providers\n"]
    out.append(
        "Every provider of the catalogue, and what the tests prove about it over real sockets: the gateway before the lab, which imitates\n"
        f"that provider ([how](guides/lab.md#providers)). A cell stands for one test: `{TEST}::test_capability[PROVIDER-CAPABILITY]`, with the id\n"
        "from the head of its column. The last columns count the rules for parameters that a test proves (`test_rule[PROVIDER-NUMBER-FIELD]`, named\n"
        "on the provider's page), and its golden cases (`test_case[PROVIDER-CASE]`).\n")
    out.append("*yes*: works as at OpenAI · *counted*: the provider tells how much it thought, but not what · *json_object*: the schema becomes\n"
               "an instruction, and the receipt says so · *unsupported*: refused with a 400 that names the field, or\n"
               "taken out and on the receipt; never lost silently · *unknown*: not documented; what was sent and the receipt agree · *-*: it has none\n")
    heads = ["provider", *(f"{TITLES[capability]}<br>`{capability}`" for capability in capabilities), "rules proven", "cases"]
    out.append("| " + " | ".join(heads) + " |")
    out.append("|---" * len(heads) + "|")
    for provider in providers.values():
        good, rules = proven(provider, results)
        cases = sum(passed(f"test_case[{provider.name}-{case.name}]", results) for case in provider.cases)
        cells = [cell(provider, capability, results) for capability in capabilities]
        out.append(f"| [{provider.name}](providers/{provider.name}.md) | " + " | ".join(cells) +
                   f" | {good}/{rules} | {cases}/{len(provider.cases)} |")
    out.append("\nAdding a provider takes one file, `config/catalogue/providers/NAME.yaml` ([format](guides/provider-profiles.md)), and one folder,\n"
               f"`tests/fixtures/providers/NAME/` ([format](guides/lab.md#providers)): `{TEST}::test_a_new_provider_takes_one_file_and_one_folder`.\n")
    return "\n".join(out)


def code(text):
    return f"`{text}`"


def short(value):
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).strip().removesuffix("\n...")
    return code(text.replace("|", "\\|"))


BOUNDS = {"least": "at least {}", "most": "at most {}", "most_items": "at most {} entries"}


def action(rule):
    """What a rule does, in words."""
    do = rule.get("do", "")
    if do == "rename":
        text = f"is sent as `{rule['to']}`"
    elif do == "clamp":
        bounds = [words.format(rule[key]) for key, words in BOUNDS.items() if key in rule]
        text = "is brought to " + ", ".join(bounds)
    elif do in ("default", "force"):
        text = {"default": "is added where absent: ", "force": "is set to "}[do] + short(rule.get("value"))
    elif do == "convert":
        how = short(rule["map"]) if "map" in rule else f"nearest of {short(rule['nearest'])}" if "nearest" in rule else code(rule.get("as", ""))
        text = f"is translated: {how}" + (f", as `{rule['to']}`" if "to" in rule else "")
    else:
        text = {"drop": "is dropped", "reject": "is refused"}.get(do, do)
    if "instruct" in rule:
        text += "; an instruction takes its place" if do == "drop" else "; an instruction is added"
    conditions = [f"{word} {short(rule[word])}" for word in ("when", "unless") if word in rule]
    return text + (" " + ", ".join(conditions) if conditions else "")


def source_of(profile, fact):
    """`what, date (evidence)` of a fact's source."""
    source = profile.get("sources", {}).get(fact.get("source"), fact.get("source", ""))
    if isinstance(source, dict):
        return f"{source.get('what', '')}, {source.get('date', '')} ({source.get('evidence', '')})"
    return str(source or "")


def one(provider, capabilities, results):
    profile = provider.profile or {}
    out = [HEADER, f"# {profile.get('title', provider.name)}\n"]
    if not profile:
        return "\n".join([*out, "There is no profile yet: the lab imitates it, the gateway can't reach it.\n"])
    status = {"retired": "**Retired.** ", "unverified": "**Not verified.** "}.get(profile.get("status"), "")
    out.append(f"{status}{provider.lab.get('about', '')}\n")
    out += address(profile)
    out += section("Variables", variables(profile))
    out += section("Parameters", parameters(provider, profile, results))
    out += section("Models", models(profile))
    out += section("Limits", limits(profile))
    out += section("Notes", [f"- {note}" for note in profile.get("notes", [])])
    out += section("What the tests prove", tests(provider, capabilities, results))
    out += section("Sources", sources(profile))
    return "\n".join(out) + "\n"


def section(title, lines):
    return [f"\n## {title}\n", *lines] if lines else []


def address(profile):
    auth = profile.get("auth", {})
    keys = [auth.get("env"), *auth.get("other_env", [])]
    how = {"bearer": "`Authorization: Bearer KEY`", "header": f"header `{auth.get('header', 'api-key')}`", "none": "none"}.get(auth.get("scheme"), "")
    rows = [("address", code(profile.get("base_url", "")) + (f", or from `{profile['base_url_env']}`" if "base_url_env" in profile else "")),
            ("chat", code(profile["chat_path"]) if "chat_path" in profile else ""), ("key", how),
            ("from", ", ".join(code(key) for key in keys if key)), ("regions", ", ".join(profile.get("regions", []))),
            ("chooses providers itself", "yes" if profile.get("router") else ""),
            ("to go on with a text", ", ".join(f"`{each['field']}: {str(each.get('value', True)).lower()}` in the {each['in']}"
                                               for each in profile.get("continue_with", []))),
            ("headers", ", ".join(code(f"{name}: {value}") for name, value in profile.get("headers", {}).items())),
            ("the client's headers that go on", ", ".join(map(code, profile.get("forward_headers", [])))),
            ("headers that come back", ", ".join(map(code, profile.get("answer_headers", [])))),
            ("a closed connection ends the bill", {True: "yes", False: "no"}.get(profile.get("cancel_stops_billing"), ""))]
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows if value)]


def variables(profile):
    rows = profile.get("variables", {})
    lines = ["| variable | from | default | values | example | why |", "|---|---|---|---|---|---|"] if rows else []
    for name, facts in rows.items():
        facts = facts or {}
        lines.append(f"| `{name}` | {code(facts['env']) if 'env' in facts else ''} | {facts.get('default', 'must be set')} | "
                     f"{', '.join(map(str, facts.get('values', [])))} | {facts.get('example', '')} | {facts.get('why', '')} |")
    return lines


def parameters(provider, profile, results):
    lines = [f"In this order. The last column completes the test's name, `test_rule[{provider.name}-...]`.\n",
             "| field | models | what happens | why | source | proven by |", "|---|---|---|---|---|---|"] if provider.rules else []
    for name, rule in provider.rule_names.items():
        proof = f"`{name}`" if passed(f"test_rule[{provider.name}-{name}]", results) else "**fails**"
        models = " ".join(map(code, rule.get("models", [])))
        source = f"the set `{rule['set']}`" if "set" in rule else source_of(profile, rule)
        field = code(rule["field"].replace("|", "\\|"))
        lines.append(f"| {field} | {models} | {action(rule)} | {rule.get('why', '')} | {source} | {proof} |")
    return lines


def models(profile):
    lines = []
    for entry in profile.get("models", []):
        facts = ", ".join(f"{key}: {yaml.safe_dump(value).strip().removesuffix('...').strip()}" for key, value in entry.items() if key not in ("match", "source"))
        lines.append(f"| {' '.join(map(code, entry.get('match', [])))} | {facts} | {source_of(profile, entry)} |")
    return ["| models | facts | source |", "|---|---|---|", *lines] if lines else []


def limits(profile):
    lines = []
    for entry in profile.get("limits", []):
        facts = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in entry.items() if key not in ("tier", "source"))
        lines.append(f"| {entry.get('tier', '')} | {facts} | {source_of(profile, entry)} |")
    return ["| tier | limits | source |", "|---|---|---|", *lines] if lines else []


def tests(provider, capabilities, results):
    lines = [f"`{TEST}`:\n", "| what | result | test |", "|---|---|---|"]
    for capability in capabilities:
        result = cell(provider, capability, results)
        if result != "-":
            lines.append(f"| {TITLES[capability]} | {result} | `test_capability[{provider.name}-{capability}]` |")
    for case in provider.cases:
        test = f"test_case[{provider.name}-{case.name}]"
        about = re.sub(r"\s+", " ", case.about).replace("|", "\\|")
        lines.append(f"| {about} | {'yes' if passed(test, results) else '**fails**'} | `{test}` |")
    return lines


def sources(profile):
    rows = profile.get("sources", {})
    if not rows and "source" in profile:
        return [f"{profile['source']} ({profile.get('date', '')})"]
    return [f"- `{name}`: {facts.get('what', '')}, {facts.get('date', '')} ({facts.get('evidence', '')})" for name, facts in rows.items()]
