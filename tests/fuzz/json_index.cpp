// Any bytes: we accept exactly what nlohmann's parser accepts, within our limits, and walk to the same values. The
// answers of upstreams come in through the same door.
#include "core/json/json_index.hpp"

#include <nlohmann/json.hpp>
#include <string>

#include "core/json/json_string.hpp"
#include "core/types/chat_request.hpp"
#include "providers/openai/answer.hpp"
#include "providers/openai/errors.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;

nlohmann::json rebuilt(JsonValue value) {
    if (value.is(JsonType::object)) {
        auto object = nlohmann::json::object();
        for (auto const& member : value.members()) object[unescaped(member.name)] = rebuilt(member.value);
        return object;
    }
    if (value.is(JsonType::array)) {
        auto array = nlohmann::json::array();
        for (auto const element : value.elements()) array.push_back(rebuilt(element));
        return array;
    }
    if (value.is(JsonType::string)) return value.unescaped();
    return nlohmann::json::parse(value.raw());
}

/// What nlohmann takes beyond RFC 8259 (a NUL ends the text for it), and what we refuse beyond it.
bool is_outside_of_comparison(std::string_view text, JsonFault const& fault) {
    return text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string_view::npos ||
           fault.problem.find("deeply") != std::string_view::npos ||
           fault.problem.find("too long") != std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    std::string const text(reinterpret_cast<char const*>(bytes), size);
    JsonIndex index;
    auto const value = index.read(text);
    auto const reference = nlohmann::json::parse(text, nullptr, false);
    if (value) {
        fuzz::require(!reference.is_discarded(), "what we accept is JSON");
        fuzz::require(rebuilt(*value) == reference, "we read the same values");
    } else {
        fuzz::require(reference.is_discarded() || is_outside_of_comparison(text, value.error()),
                      "what is JSON we accept");
        fuzz::require(value.error().offset <= text.size() && !value.error().problem.empty(),
                      "a refusal has a place and a reason");
    }
    (void)openai::read_answer({}, text);
    auto const error = openai::error_of_answer(400, {{"retry-after", text.substr(0, 64)}}, text, {});
    fuzz::require(error.message.str().size() <= 512 && error.message.str().find('\n') == std::string::npos,
                  "a message is one short line");
    return 0;
}
