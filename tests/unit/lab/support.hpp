#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "server/lab/answer.hpp"

namespace sluice::lab {

/// Options from JSON text; fails the test if they are wrong.
Options options_from(std::string_view json);

/// A request that asks for `model` `echo` with one user message, changed by the members of `json`.
struct Asked {
    std::string body;
    ChatRequest request;
    explicit Asked(std::string_view json);
};

Answer answer_to(std::string_view request_json, std::string_view options_json, Context const& context = {});

std::string head_of(Answer const& answer);
/// The body without its chunked coding.
std::string body_of(Answer const& answer);
/// The data of every event in `body` (LF line ends only).
std::vector<std::string> data_of(std::string_view body);
Duration total_wait(Answer const& answer);

}  // namespace sluice::lab
