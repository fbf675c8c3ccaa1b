#include "providers/openai/safe_text.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace sluice;

TEST_CASE("an upstream's words lose what is secret in them", "[error]") {
    auto const [text, safe] = GENERATE(table<std::string, std::string>({
        {"Incorrect API key provided: sk-proj-abc123***XYZ. You can find your key at https://x.test/keys.",
         "Incorrect API key provided: [redacted] You can find your key at https://x.test/keys."},
        {"key gsk_AbCdEf0123456789 is bad", "key [redacted] is bad"},
        {"Invalid Bearer abc.def-123", "Invalid Bearer [redacted]"},
        {"Rate limit reached for gpt-4o in organization org-AbCdEfGh12345678 on tokens per min",
         "Rate limit reached for gpt-4o in organization [redacted] on tokens per min"},
        {"project proj_1a2b3c4d has no access", "project [redacted] has no access"},
        {"Function 'f1': Not found for account 'x9Kd82'", "Function 'f1': Not found for account '[redacted]'"},
        {"Function 'f': Not found for account '0123456789'", "Function 'f': Not found for account '[redacted]'"},
        {"consumer 'project_number:123456789012' has exceeded its quota",
         "consumer 'project_number:[redacted]' has exceeded its quota"},
        {"Permission denied on resource projects/my-project-7/locations/us",
         "Permission denied on resource projects/[redacted]/locations/us"},
        {"model accounts/fireworks/models/llama-v3p1-8b is missing",
         "model accounts/fireworks/models/llama-v3p1-8b is missing"},
        {"User: arn:aws:sts::123456789012:assumed-role/Admin/bob is not authorized",
         "User: [redacted] is not authorized"},
        {"for account 123456789012 in us-east-1", "for account [redacted] in us-east-1"},
        {"Account ID: 123456789012.", "Account ID: [redacted]"},
        {"quota of 210987654321 is used up", "quota of [redacted] is used up"},
        {"Your account org-8c0f3b7e<ak-f2e1d0c9b8a7> request reached organization max RPM: 3",
         "Your account [redacted]<[redacted]> request reached organization max RPM: 3"},
        {"workspace ws-a1b2c3d4e5 is not in this region", "workspace [redacted] is not in this region"},
        {"workspace id llm-4x7c is unknown", "workspace id [redacted] is unknown"},
        {"Too many requests for team 0f6c2d1e-1111-4222-8333-444455556666", "Too many requests for team [redacted]"},
        {"see https://user:pa55@host.test/x", "see https://[redacted]@host.test/x"},
        {"GET /v1?api_key=abc123&x=1", "GET /v1?api_key=[redacted]&x=1"},
        {"hash 0123456789abcdef0123456789abcdef!", "hash [redacted]!"},
        {"xai-AbC123456789 nvapi-Xy_1 hf_abcdefghij AIzaSyA1234567890abcdefg",
         "[redacted] [redacted] [redacted] [redacted]"},
        {"two\nlines\r\n\tand\x01 more  ", "two lines and more"},
        {"max_tokens 5000 is over 4096 for meta-llama/Llama-3.3-70B-Instruct-Turbo-128K",
         "max_tokens 5000 is over 4096 for meta-llama/Llama-3.3-70B-Instruct-Turbo-128K"},
        {"your account is suspended", "your account is suspended"},
        {"<html><body>502</body></html>", ""},
        {"error: <!DOCTYPE HTML><title>x", ""},
        {"unknown token <|im_start|>", "unknown token <|im_start|>"},
        {"", ""},
    }));
    CAPTURE(text);
    CHECK(openai::safe_text(text) == safe);
}

TEST_CASE("long words are cut between characters", "[error]") {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "\xC3\xA9";
    auto const safe = openai::safe_text("x" + text);
    CHECK(safe.size() <= 512);
    CHECK(safe.ends_with("\xC3\xA9..."));
}

TEST_CASE("only plain identifiers pass as code or param", "[error]") {
    CHECK(openai::safe_identifier("context_length_exceeded") == "context_length_exceeded");
    CHECK(openai::safe_identifier("messages[0].content") == "messages[0].content");
    CHECK(openai::safe_identifier("The service is unavailable").empty());
    CHECK(openai::safe_identifier("sk-abc123").empty());
    CHECK(openai::safe_identifier(std::string(65, 'a')).empty());
    CHECK(openai::safe_identifier("a\nb").empty());
    CHECK(openai::safe_identifier("").empty());
}
