#include "support.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sluice::lab {

using nlohmann::json;

Options options_from(std::string_view text) {
    auto options = read_options(json::parse(text));
    if (!options) FAIL(options.error());
    return *options;
}

Asked::Asked(std::string_view text) {
    json full{{"model", "test"}, {"messages", json::array({{{"role", "user"}, {"content", "one two three"}}})}};
    full.update(json::parse(text));
    body = full.dump();
    body.reserve(body.size() + body_padding);
    auto read = read_chat_request(body);
    if (!read) FAIL(read.error());
    request = *read;
}

Answer answer_to(std::string_view request_json, std::string_view options_json, Context const& context) {
    Asked asked(request_json);
    return make_answer(asked.request, options_from(options_json), context);
}

std::string head_of(Answer const& answer) { return answer.bytes.substr(0, answer.bytes.find("\r\n\r\n") + 4); }

std::string body_of(Answer const& answer) {
    auto rest = answer.bytes.substr(head_of(answer).size());
    if (head_of(answer).find("chunked") == std::string::npos) return rest;
    std::string body;
    while (!rest.empty()) {
        auto size = std::stoul(rest, nullptr, 16);
        auto begin = rest.find("\r\n") + 2;
        body += rest.substr(begin, size);
        if (size == 0 || begin + size + 2 >= rest.size()) break;
        rest.erase(0, begin + size + 2);
    }
    return body;
}

std::vector<std::string> data_of(std::string_view body) {
    std::vector<std::string> out;
    for (std::size_t at = 0; (at = body.find("data: ", at)) != std::string_view::npos;) {
        auto end = body.find('\n', at);
        out.emplace_back(body.substr(at + 6, end - at - 6));
        at = end;
    }
    return out;
}

Duration total_wait(Answer const& answer) {
    Duration total{};
    for (auto const& write : answer.writes) total += write.wait;
    return total;
}

}  // namespace sluice::lab
