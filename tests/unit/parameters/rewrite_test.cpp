#include "tests/unit/parameters/rewriting.hpp"

using namespace sluice;
using namespace sluice::parameters;
using nlohmann::json;
using Lines = std::vector<std::string>;

TEST_CASE("what no rule names keeps every byte", "[parameters]") {
    std::string const body =
        R"({ "x" : 1.00000000000000000001 ,"model":"m","temperature": 1e0, )" + std::string(hello) + " }";
    auto const made = rewritten("[{ field: seed, do: drop }, { field: temperature, models: [other], do: drop }]", body);
    CHECK(made.body == body);
    CHECK(made.adjusted.empty());
}

TEST_CASE("drop takes a field out, with its comma, wherever it stands", "[parameters]") {
    auto const drop = "[{ field: a, do: drop }, { field: b, do: drop }, { field: z, do: drop }]";
    auto const [body, rest] = GENERATE(table<std::string, std::string>({
        {R"({"a":1,"model":"m","messages":[{"role":"user","content":"hi"}]})",
         R"({"model":"m","messages":[{"role":"user","content":"hi"}]})"},
        {R"({"a":1,"b":2,"model":"m","messages":[{"role":"user","content":"hi"}]})",
         R"({"model":"m","messages":[{"role":"user","content":"hi"}]})"},
        {R"({"model":"m" , "a":1 , "messages":[{"role":"user","content":"hi"}]})",
         R"({"model":"m" , "messages":[{"role":"user","content":"hi"}]})"},
        {R"({"model":"m","messages":[{"role":"user","content":"hi"}],"z":[{"q":1}],"b":2 })",
         R"({"model":"m","messages":[{"role":"user","content":"hi"}] })"},
        {R"({"a":1,"model":"m","b":{},"messages":[{"role":"user","content":"hi"}],"z":"}"})",
         R"({"model":"m","messages":[{"role":"user","content":"hi"}]})"},
        {R"({"\u0061":1,"model":"m","messages":[{"role":"user","content":"hi"}]})",
         R"({"model":"m","messages":[{"role":"user","content":"hi"}]})"},
    }));
    CHECK(rewritten(drop, body).body == rest);
}

TEST_CASE("a null says nothing: it goes without a line on the receipt", "[parameters]") {
    auto const made = rewritten("[{ field: seed, do: drop }]", with_hello(R"("seed":null)"));
    CHECK(made.body == R"({"model":"m",)" + std::string(hello) + "}");
    CHECK(made.adjusted.empty());
}

TEST_CASE("clamp brings numbers into a range, and cuts lists", "[parameters]") {
    auto const rules =
        "[{ field: temperature, do: clamp, least: 0.1, most: 1.5 }, { field: stop, do: clamp, most_items: 2 }]";
    CHECK(json::parse(rewritten(rules, with_hello(R"("temperature":1.8)")).body)["temperature"] == 1.5);
    CHECK(json::parse(rewritten(rules, with_hello(R"("temperature":0)")).body)["temperature"] == 0.1);
    CHECK(rewritten(rules, with_hello(R"("temperature":1.50)")).body == with_hello(R"("temperature":1.50)"));
    CHECK(rewritten(rules, with_hello(R"("stop":["a", "b","c"])")).body == with_hello(R"("stop":["a","b"])"));
    CHECK(rewritten(rules, with_hello(R"("stop":["a", "b"])")).body == with_hello(R"("stop":["a", "b"])"));
    CHECK(rewritten(rules, with_hello(R"("stop":"abc")")).body == with_hello(R"("stop":"abc")"));
    CHECK(rewritten(rules, with_hello(R"("temperature":1.8)")).adjusted == Lines{"temperature clamped minor"});
}

TEST_CASE("rename changes the name and keeps the value's bytes; the new name, if given, wins", "[parameters]") {
    auto const rules = "[{ field: max_tokens, do: rename, to: max_completion_tokens }]";
    auto const made = rewritten(rules, with_hello(R"("max_tokens" : 1000)"));
    CHECK(made.body == with_hello(R"("max_completion_tokens" : 1000)"));
    CHECK(made.adjusted == Lines{"max_tokens renamed exact"});
    CHECK(rewritten(rules, with_hello(R"("max_tokens":5,"max_completion_tokens":9)")).body ==
          with_hello(R"("max_completion_tokens":9)"));
    CHECK(rewritten(rules, with_hello(R"("max_tokens":5,"max_completion_tokens":null)")).body ==
          with_hello(R"("max_completion_tokens":5)"));
}

TEST_CASE("rules see what the ones before them left", "[parameters]") {
    auto const rules = R"([{ field: max_tokens, do: rename, to: max_completion_tokens },
                           { field: max_completion_tokens, do: clamp, least: 16 }])";
    auto const made = rewritten(rules, with_hello(R"("max_tokens":1)"));
    CHECK(made.body == with_hello(R"("max_completion_tokens":16)"));
    CHECK(made.adjusted == Lines{"max_tokens renamed exact", "max_completion_tokens clamped minor"});
}

TEST_CASE("default adds what is absent, force sets what is different", "[parameters]") {
    auto const add = "[{ field: safe, do: default, value: { mode: strict } }]";
    CHECK(json::parse(rewritten(add, with_hello(R"("x":1)")).body)["safe"] == json{{"mode", "strict"}});
    CHECK(json::parse(rewritten(add, with_hello(R"("safe":null)")).body)["safe"] == json{{"mode", "strict"}});
    CHECK(rewritten(add, with_hello(R"("safe":false)")).body == with_hello(R"("safe":false)"));
    auto const force = "[{ field: n, do: force, value: 1 }]";
    CHECK(json::parse(rewritten(force, with_hello(R"("n":3)")).body)["n"] == 1);
    CHECK(rewritten(force, with_hello(R"("n":1)")).body == with_hello(R"("n":1)"));
    CHECK(rewritten(force, with_hello(R"("x":1)")).adjusted == Lines{"n forced minor"});
}

TEST_CASE("convert translates values, and moves them where `to` says", "[parameters]") {
    auto const choice = "[{ field: tool_choice, do: convert, map: { required: any } }]";
    CHECK(json::parse(rewritten(choice, with_hello(R"("tool_choice":"required")")).body)["tool_choice"] == "any");
    CHECK(rewritten(choice, with_hello(R"("tool_choice":"auto")")).adjusted.empty());
    auto const effort =
        "[{ field: reasoning_effort, do: convert, to: enable_thinking, map: { none: false, \"*\": true } }]";
    auto made = json::parse(rewritten(effort, with_hello(R"("reasoning_effort":"none")")).body);
    CHECK(made["enable_thinking"] == false);
    CHECK_FALSE(made.contains("reasoning_effort"));
    made = json::parse(rewritten(effort, with_hello(R"("reasoning_effort":"high","enable_thinking":false)")).body);
    CHECK(made["enable_thinking"] == false);  // what the client says itself wins
    CHECK_FALSE(made.contains("reasoning_effort"));
    auto const gone = "[{ field: service_tier, do: convert, map: { priority: ~ } }]";
    CHECK(rewritten(gone, with_hello(R"("service_tier":"priority")")).body ==
          R"({"model":"m",)" + std::string(hello) + "}");
}

TEST_CASE("conditions are about other fields, the field's neighbours and the model", "[parameters]") {
    auto const rules =
        "[{ field: temperature, models: [\"!gpt-5-chat*\", \"gpt-5*\"], unless: { reasoning_effort: [none] }, do: drop "
        "}]";
    auto const body = with_hello(R"("temperature":0.5)");
    CHECK(rewritten(rules, body, "gpt-5-mini").body != body);
    CHECK(rewritten(rules, body, "gpt-5-chat-latest").body == body);
    CHECK(rewritten(rules, body, "gpt-4o").body == body);
    auto const off = with_hello(R"("temperature":0.5,"reasoning_effort":"none")");
    CHECK(rewritten(rules, off, "gpt-5-mini").body == off);
    auto const stream = "[{ field: tools, when: { stream: [true], tools: present }, do: reject }]";
    CHECK(rewritten(stream, with_hello(R"("tools":[{}],"stream":true)")).refused == Lines{"tools"});
    CHECK(rewritten(stream, with_hello(R"("tools":[{}],"stream":false)")).refused.empty());
    auto const several = "[{ field: n, when: { n: \"> 1\" }, do: reject }]";
    CHECK(rewritten(several, with_hello(R"("n":2)")).refused == Lines{"n"});
    CHECK(rewritten(several, with_hello(R"("n":1)")).refused.empty());
    auto const same = "[{ field: response_format, do: force, value: { type: json_object, n: [1, \"a\"] } }]";
    CHECK(rewritten(same, with_hello(R"("response_format":{ "n" : [1.0, "\u0061"], "type" : "json_object" })"))
              .adjusted.empty());
    CHECK_FALSE(rewritten(same, with_hello(R"("response_format":{"type":"json_object","n":[1]})")).adjusted.empty());
    CHECK_FALSE(
        rewritten(same, with_hello(R"("response_format":{"type":"json_object","n":[1,"a"],"x":1})")).adjusted.empty());
    auto const inner =
        "[{ field: response_format, when: { response_format.type: [json_schema] }, do: force, value: { type: "
        "json_object } }]";
    CHECK(json::parse(rewritten(inner, with_hello(R"("response_format":{"type":"json_schema","json_schema":{}})"))
                          .body)["response_format"] == json{{"type", "json_object"}});
    CHECK(rewritten(inner, with_hello(R"("response_format":{"type":"text"})")).adjusted.empty());
}

TEST_CASE("fields inside of messages and tools", "[parameters]") {
    std::string const body =
        R"({"model":"m","messages":[{"role":"developer","name":"d","content":"x"},)"
        R"({"role":"user","content":[{"type":"text","text":"a","cache_control":{}}]}],)"
        R"("tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":)"
        R"({"$schema":"s","type":"object","properties":{"q":{"$schema":"t","type":"string"}}}}}]})";
    auto const made =
        rewritten(R"([{ field: "messages[].role", do: convert, map: { developer: system }, severity: exact },
                                    { field: "messages[].name", do: drop },
                                    { field: "messages[].content[].cache_control", do: drop },
                                    { field: "tools[].function.strict", do: drop },
                                    { field: "tools[].function.parameters.**.$schema", do: drop }])",
                  body);
    auto expected = json::parse(body);
    expected["messages"][0]["role"] = "system";
    expected["messages"][0].erase("name");
    expected["messages"][1]["content"][0].erase("cache_control");
    expected["tools"][0]["function"].erase("strict");
    expected["tools"][0]["function"]["parameters"].erase("$schema");
    expected["tools"][0]["function"]["parameters"]["properties"]["q"].erase("$schema");
    CHECK(json::parse(made.body) == expected);
    CHECK(made.adjusted == Lines{"messages[].role converted exact", "messages[].name dropped minor",
                                 "messages[].content[].cache_control dropped minor",
                                 "tools[].function.strict dropped minor",
                                 "tools[].function.parameters.**.$schema dropped minor"});
}

TEST_CASE("a neighbour of a field decides", "[parameters]") {
    std::string const body = R"({"model":"m","messages":[{"role":"user","content":[)"
                             R"({"type":"image_url","image_url":{"url":"https://example.com/x.png"}}]}]})";
    auto const rules = R"([{ field: "messages[].content[].image_url.url", unless: { .url: "^data:" }, do: reject }])";
    CHECK(rewritten(rules, body).refused.size() == 1);
    auto inlined = body;
    inlined.replace(inlined.find("https://example.com/x.png"), 25, "data:image/png;base64,AA==");
    CHECK(rewritten(rules, inlined).refused.empty());
    auto const roles = R"([{ field: "messages[].name", when: { .role: [user] }, do: drop }])";
    std::string const two =
        R"({"model":"m","messages":[{"role":"user","name":"u","content":"x"},{"role":"assistant","name":"a","content":"y"}]})";
    auto const made = json::parse(rewritten(roles, two).body);
    CHECK_FALSE(made["messages"][0].contains("name"));
    CHECK(made["messages"][1]["name"] == "a");
}

TEST_CASE("thoughts of the history go where the provider wants them", "[parameters]") {
    std::string const body =
        R"({"model":"m","messages":[{"role":"user","content":"q"},)"
        R"({"role":"assistant","reasoning_content":"because","content":"a"},{"role":"assistant","content":null,"reasoning_content":"r"}]})";
    auto const renamed =
        json::parse(rewritten(R"([{ field: "messages[].reasoning_content", do: rename, to: reasoning }])", body).body);
    CHECK(renamed["messages"][1]["reasoning"] == "because");
    CHECK_FALSE(renamed["messages"][1].contains("reasoning_content"));
    auto const parts = json::parse(
        rewritten(R"([{ field: "messages[].reasoning_content", do: convert, as: thinking_part }])", body).body);
    CHECK(
        parts["messages"][1] ==
        json::parse(
            R"({"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"because"}]},{"type":"text","text":"a"}]})"));
    CHECK(
        parts["messages"][2] ==
        json::parse(R"({"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]}]})"));
}

TEST_CASE("an instruction goes in front of the messages", "[parameters]") {
    auto const rules =
        R"([{ field: tool_choice, do: convert, map: { required: auto }, instruct: "Call a tool, not {value}." }])";
    auto const made = json::parse(rewritten(rules, with_hello(R"("tool_choice":"required")")).body);
    CHECK(made["tool_choice"] == "auto");
    CHECK(made["messages"][0] == json{{"role", "system"}, {"content", R"(Call a tool, not "required".)"}});
    CHECK(made["messages"].size() == 2);
}

TEST_CASE("an instruction also comes when the value is already the one that is forced", "[parameters]") {
    auto const rules = R"([{ field: response_format, when: { response_format.type: [json_object] }, do: force,
                             value: { type: json_object }, severity: exact, instruct: "Answer with JSON." }])";
    auto const made = json::parse(rewritten(rules, with_hello(R"("response_format":{"type":"json_object"})")).body);
    CHECK(made["messages"].size() == 2);
}

TEST_CASE("the policy decides about what is not exact", "[parameters]") {
    auto const rules = R"([{ field: max_tokens, do: rename, to: max_completion_tokens }, { field: seed, do: drop },
                           { field: temperature, do: clamp, most: 1 }, { field: n, when: { n: "> 1" }, do: reject }])";
    auto const body = with_hello(R"("max_tokens":5,"seed":1,"temperature":2,"n":2)");
    auto const passed = rewritten(rules, body, "m", UnsupportedPolicy::pass);
    CHECK(passed.body == with_hello(R"("max_completion_tokens":5,"seed":1,"temperature":2,"n":2)"));
    CHECK(passed.refused.empty());
    CHECK(rewritten(rules, body, "m", UnsupportedPolicy::drop).refused == Lines{"n"});
    auto const strict = rewritten(rules, body, "m", UnsupportedPolicy::reject);
    CHECK(strict.refused == Lines{"seed", "temperature", "n"});
    CHECK(rewritten(rules, with_hello(R"("max_tokens":5,"temperature":1)"), "m", UnsupportedPolicy::reject)
              .refused.empty());
}

TEST_CASE("rules may refuse where one rejects, and all may under the policy that rejects", "[parameters]") {
    auto const [yaml, drop, reject] = GENERATE(table<std::string, bool, bool>({
        {"[]", false, false},
        {"[{ field: seed, do: drop }]", false, true},
        {"[{ field: seed, do: drop }, { field: n, do: reject }]", true, true},
    }));
    CAPTURE(yaml);
    ParameterRules const rules = rules_of(yaml);
    CHECK_FALSE(rules.may_refuse(UnsupportedPolicy::pass));
    CHECK(rules.may_refuse(UnsupportedPolicy::drop) == drop);
    CHECK(rules.may_refuse(UnsupportedPolicy::reject) == reject);
}

TEST_CASE("together's logprobs, and the old functions", "[parameters]") {
    auto const count = "[{ field: logprobs, do: convert, as: logprobs_count }]";
    auto made = json::parse(rewritten(count, with_hello(R"("logprobs":true,"top_logprobs":3)")).body);
    CHECK(made["logprobs"] == 3);
    CHECK_FALSE(made.contains("top_logprobs"));
    made = json::parse(rewritten(count, with_hello(R"("top_logprobs":3,"logprobs":false)")).body);
    CHECK_FALSE(made.contains("logprobs"));
    auto const functions = "[{ field: functions, do: convert, as: tools_from_functions }]";
    made = json::parse(
        rewritten(functions, with_hello(R"("functions":[{"name":"f"}],"function_call":{"name":"f"})")).body);
    CHECK(made["tools"] == json::parse(R"([{"type":"function","function":{"name":"f"}}])"));
    CHECK(made["tool_choice"] == json::parse(R"({"type":"function","function":{"name":"f"}})"));
    CHECK_FALSE(made.contains("functions"));
    CHECK_FALSE(made.contains("function_call"));
}

TEST_CASE("a change inside of a field that goes is dropped with it", "[parameters]") {
    auto const made = rewritten(R"([{ field: "tools[].function.strict", do: drop }, { field: tools, do: drop }])",
                                with_hello(R"("tools":[{"function":{"strict":true}}])"));
    CHECK(made.body == R"({"model":"m",)" + std::string(hello) + "}");
}

TEST_CASE("rules see the first 256 members, and what is behind them stays whole", "[parameters]") {
    std::string body = "{";
    for (int i = 0; i < 300; ++i) body += "\"a" + std::to_string(i) + "\":0,";
    body += R"("model":"m",)" + std::string(hello) + "}";
    std::string rules = "[";
    for (int i = 0; i < 300; ++i)
        rules += (i == 0 ? "{ field: a" : ", { field: a") + std::to_string(i) + ", do: drop }";
    auto const made = json::parse(rewritten(rules + "]", body).body);
    CHECK(made.size() == 300 - 256 + 2);
    CHECK_FALSE(made.contains("a255"));
    CHECK(made.contains("a256"));
}
