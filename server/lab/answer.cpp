#include "server/lab/answer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/lab/chunk_text.hpp"
#include "server/lab/decorator.hpp"
#include "server/lab/error_body.hpp"
#include "server/lab/http_text.hpp"
#include "server/lab/json_text.hpp"
#include "server/lab/stream_body.hpp"

namespace sluice::lab {
namespace {

Identity identity_of(ChatRequest const& request, Options const& options, std::uint64_t seed) {
    Identity identity;
    identity.id = fmt::format("chatcmpl-lab{:016x}", Random(seed).next());
    identity.model = options.report_model.value_or(std::string(request.model));
    return identity;
}

/// The content, with its words stretched so that events or the whole body get the size that was asked for.
Content sized_content(Identity const& identity, ChatRequest const& request, Options options, Random random) {
    std::size_t word_bytes = 0;
    if (options.chunk_bytes > 0) {
        auto overhead = event_overhead(identity, options);
        word_bytes = options.chunk_bytes > overhead ? options.chunk_bytes - overhead : 1;
    }
    if (options.answer_bytes == 0) return make_content(request, options, random, word_bytes);
    std::string filler;
    while (filler.size() < options.answer_bytes) filler += filler.empty() ? "water" : " flows";
    std::size_t room = options.answer_bytes;
    Content content;
    for (int tries = 0; tries < 4; ++tries) {
        options.text = filler.substr(0, room);
        auto fresh = random;
        content = make_content(request, options, fresh, 0);
        auto size = completion_json(identity, options, request, content).size();
        if (size == options.answer_bytes) break;
        auto excess = static_cast<std::ptrdiff_t>(size) - static_cast<std::ptrdiff_t>(options.answer_bytes);
        auto wanted = static_cast<std::ptrdiff_t>(room) - excess;
        if (wanted < 1) break;
        room = std::min(static_cast<std::size_t>(wanted), filler.size());
    }
    return content;
}

void add_headers(Options const& options, Message& message, std::string const& id) {
    message.headers.emplace_back("x-request-id", "lab-" + id.substr(id.size() - 16));
    for (auto const& header : options.headers) message.headers.push_back(header);
    if (options.content_type) message.content_type = *options.content_type;
    if (options.no_content_type) message.content_type.clear();
}

Message error_message(Options const& options, unsigned status, Context const& context) {
    Message message{.status = status, .content_type = std::string(error_content_type(options.error_shape))};
    message.body = {{{}, error_body(options.error_shape, error_facts(options, status)), 0}};
    message.headers = retry_headers(options, context.unix_seconds);
    return message;
}

Message completion(Identity const& identity, ChatRequest const& request, Options const& options, Random& random,
                   Answer& answer) {
    auto content = sized_content(identity, request, options, random);
    answer.usage = content.usage;
    answer.usage_reported = options.usage != UsageMode::missing;
    Message message{.content_type = "application/json"};
    message.delay = draw(options.ttft, random);
    for (std::uint64_t i = 1; i < content.usage.completion; ++i) message.delay += draw(options.per_token, random);
    auto text = std::string(options.blank_first, '\n') +
                Decorator(options).answer(completion_json(identity, options, request, content));
    if (options.bad_json_after) text.resize(text.size() / 2);
    message.body = {{{}, std::move(text), content.usage.completion}};
    return message;
}

Message stream(Identity const& identity, ChatRequest const& request, Options const& options, Random& random,
               Answer& answer) {
    auto content = sized_content(identity, request, options, random);
    answer.usage = content.usage;
    bool on_request = options.usage == UsageMode::normal || options.usage == UsageMode::null;
    answer.usage_reported = options.usage != UsageMode::missing && (!on_request || request.include_usage);
    answer.is_stream = true;
    Message message{.content_type = "text/event-stream; charset=utf-8"};
    message.headers = {{"cache-control", "no-cache"}};
    message.body = stream_body(identity, options, request, content, random);
    if (options.blank_first > 0)
        message.body.insert(message.body.begin(), {{}, std::string(options.blank_first, '\n'), 0});
    return message;
}

Answer raw_answer(Options const& options) {
    Answer answer;
    Random random(0);
    answer.bytes = *options.raw;
    answer.writes = {{draw(options.header_delay, random), answer.bytes.size(), 0}};
    answer.end = End::cut;
    return answer;
}

}  // namespace

Answer make_answer(ChatRequest const& request, Options const& options, Context const& context) {
    if (options.raw) return raw_answer(options);
    Random random(context.seed);
    auto identity = identity_of(request, options, context.seed);
    auto delay = draw(options.header_delay, random);
    Answer answer;
    Message message;
    if (options.redirect) {
        message.status = options.status >= 300 && options.status < 400 ? options.status : 307;
        message.headers = {{"location", *options.redirect}};
    } else if (options.body) {
        message.content_type = request.stream && options.status < 300 ? "text/event-stream" : "application/json";
        message.status = options.status;
        message.body = {{{}, *options.body, 0}};
    } else if (options.status >= 300) {
        message = error_message(options, options.status, context);
    } else if (options.ok_error) {
        message = error_message(options, 502, context);
        message.status = 200;
    } else if (request.stream) {
        message = stream(identity, request, options, random, answer);
    } else {
        message = completion(identity, request, options, random, answer);
    }
    message.delay += delay;
    if (message.status == 200 && options.status < 300) message.status = options.status;
    add_headers(options, message, identity.id);
    write_message(std::move(message), options, context, answer);
    return answer;
}

Answer plain_answer(unsigned status, std::string_view content_type, std::string body, Context const& context) {
    Answer answer;
    Message message{.status = status, .content_type = std::string(content_type)};
    message.body = {{{}, std::move(body), 0}};
    write_message(std::move(message), Options{}, context, answer);
    return answer;
}

Answer plain_error(unsigned status, std::string_view message, std::string_view code, Context const& context) {
    ErrorFacts facts{status, std::string(message), "invalid_request_error", json_quoted(code), "null", ""};
    return plain_answer(status, "application/json", error_body(ErrorShape::openai, facts), context);
}

}  // namespace sluice::lab
