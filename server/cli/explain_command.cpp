#include "server/cli/explain_command.hpp"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include "providers/openai/dialect.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/http_client.hpp"
#include "server/cli/settings_file.hpp"
#include "server/cli/terminal.hpp"
#include "server/explain/explain.hpp"

namespace sluice::cli {
namespace {

int refuse(std::string const& message) {
    fmt::print(stderr, "sluice explain: {}\n", message);
    return exit_usage;
}

std::optional<std::string> read_body(std::string const& file) {
    if (file.empty()) return std::string();
    if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    std::ifstream in(file, std::ios::binary);
    if (!in) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(in), {});
}

/// "Name: value" into lower case and trimmed; false: it is none.
bool add_header(std::string const& line, explain::Question& question) {
    auto const colon = line.find(':');
    if (colon == std::string::npos || colon == 0) return false;
    auto name = line.substr(0, colon);
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    auto const begin = line.find_first_not_of(' ', colon + 1);
    question.headers[name] = begin == std::string::npos ? "" : line.substr(begin);
    return true;
}

int print(std::string const& answer, bool json) {
    auto const colour = wants_colour(stdout) ? explain::Colour::ansi : explain::Colour::none;
    fmt::print("{}", json ? answer + (answer.ends_with('\n') ? "" : "\n") : explain::to_text(answer, colour));
    return answer.find("\"order\":[]") == std::string::npos ? exit_ok : exit_failed;
}

int ask_gateway(ExplainOptions const& options, explain::Question const& question) {
    ClientCall request{.method = "POST", .url = options.admin_url + "/admin/explain"};
    request.headers["content-type"] = "application/json";
    if (!options.token.empty()) request.headers["authorization"] = "Bearer " + options.token;
    request.body = to_json(question);
    std::string text;
    auto const answer = call(request, [&text](std::string_view piece) { text += piece; });
    if (!answer) {
        fmt::print(stderr, "sluice explain: no gateway at {}: {}\n", options.admin_url, answer.error().detail.str());
        return exit_unavailable;
    }
    if (answer->status == 200) return print(text, options.json);
    fmt::print(stderr, "sluice explain: {} {}\n", answer->status, text);
    return answer->status == 401 || answer->status == 403 ? exit_refused : exit_failed;
}

int plan_here(ExplainOptions const& options, explain::Question const& question) {
    auto settings = load_settings(options.config_file);
    if (!settings) return exit_configuration;
    HealthRegistry health;
    LimitBook limits;
    limits.configure(settings->limits);
    auto const snapshot = Snapshot::make(*std::move(settings), health, &limits);
    auto const openai = make_openai_dialect({});
    auto const dialects = [&openai](std::string_view name) { return name == "openai" ? openai.get() : nullptr; };
    std::random_device random;
    explain::Moment const moment{.now = std::chrono::steady_clock::now(),
                                 .time = std::chrono::system_clock::now(),
                                 .draw = (std::uint64_t{random()} << 21U) ^ random()};
    auto const answer = explain::explain(question, *snapshot, dialects, moment, &limits);
    if (answer) return print(*answer, options.json);
    auto const& error = answer.error();
    auto const text = error.message.empty() ? std::string(describe(error.kind).message) : error.message.str();
    fmt::print(stderr, "sluice explain: {}: {}\n", code_of(error), text);
    return exit_failed;
}

}  // namespace

int run_explain(ExplainOptions const& options) {
    auto body = read_body(options.body_file);
    if (!body) return refuse("there is no file " + options.body_file);
    if (options.model.empty() && body->empty()) return refuse("--model or --body is needed");
    explain::Question question{
        .model = options.model, .key = options.key, .headers = {}, .body = *std::move(body), .seed = options.seed};
    for (auto const& line : options.headers) {
        if (!add_header(line, question)) return refuse("--header takes 'name: value', not '" + shown(line) + "'");
    }
    return options.admin_url.empty() ? plan_here(options, question) : ask_gateway(options, question);
}

}  // namespace sluice::cli
