#include "server/lab/kitchen.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "server/lab/variant.hpp"

namespace sluice::lab {
namespace {

constexpr std::size_t most_kept = 1024;
constexpr std::size_t largest_kept = 4 << 20;

std::string_view bearer_of(Request const& request) {
    auto value = request.header("authorization");
    if (value.starts_with("Bearer ") || value.starts_with("bearer ")) value.remove_prefix(7);
    return value;
}

std::shared_ptr<Answer const> shared_answer(Answer answer) { return std::make_shared<Answer const>(std::move(answer)); }

bool can_be_kept(ChatRequest const& chat, Options const& options) {
    return options.precomputed && !options.echo && !options.is_random() && chat.tools.empty() &&
           chat.response_format.empty() && chat.n == 1 && !chat.logprobs && !chat.max_tokens;
}

}  // namespace

Kitchen::Found Kitchen::find_options(ChatRequest const& chat, Request const& request, Route const& route) {
    if (auto version = shared_.scenarios->version(); version != version_) {
        version_ = version;
        options_.clear();
        answers_.clear();
    }
    Selection selection{chat.model, route.scenario, chat.lab, request.header("x-lab")};
    key_.clear();
    for (auto part : {selection.model, selection.path_scenario, selection.body_options, selection.header_options})
        key_.append(part).push_back('\0');
    if (auto known = options_.find(key_); known != options_.end()) return known->second;
    auto found = shared_.scenarios->resolve(selection);
    if (!found) return found;
    if (options_.size() >= most_kept) {
        options_.clear();
        answers_.clear();
    }
    options_.emplace(key_, *found);
    return found;
}

std::shared_ptr<Answer const> Kitchen::cook(ChatRequest const& chat, Options const& options, Context const& context) {
    if (!can_be_kept(chat, options)) return shared_answer(make_answer(chat, options, context));
    auto flags =
        static_cast<char>('0' + chat.stream + 2 * chat.include_usage + 4 * context.close + 8 * context.http_1_0);
    key_ += flags;
    key_ += std::to_string(chat.prompt_bytes);
    if (auto known = answers_.find(key_); known != answers_.end()) return known->second;
    auto answer = shared_answer(make_answer(chat, options, context));
    if (answers_.size() >= most_kept) answers_.clear();
    if (answer->bytes.size() <= largest_kept) answers_.emplace(key_, answer);
    return answer;
}

/// A provider's profile says everything; nothing is kept, and nothing is random.
Dish Kitchen::prepare_for_provider(Request const& request, Route const& route, Context context) {
    Dish dish;
    dish.bill.key = request.header("x-request-id");
    auto owner = std::make_shared<Options>();
    std::string body = request.body;
    auto found = shared_.providers.find(route.provider);
    if (found == shared_.providers.end()) {
        owner->status = 404;
        owner->error_message = "the lab imitates no such provider";
    } else {
        auto judgement = found->second.judge(request, route.path);
        dish.bill.model = std::string(route.provider) + '/' + judgement.model;
        body = std::move(judgement.body);
        auto options = read_options(nlohmann::json::parse(judgement.options));
        if (options) {
            *owner = *std::move(options);
        } else {
            owner->status = 400;
            owner->error_message = options.error();
        }
    }
    body.reserve(body.size() + body_padding);
    auto chat = read_chat_request(body);
    if (!chat && owner->status < 300) {
        owner->status = 400;
        owner->error_message = chat.error();
    }
    context.seed = hash_text(shared_.seed, dish.bill.model);
    dish.answer = shared_answer(make_answer(chat.value_or(ChatRequest{}), *owner, context));
    dish.options = owner.get();
    dish.owner = std::move(owner);
    dish.bill.status = dish.answer->status;
    dish.bill.is_stream = dish.answer->is_stream;
    return dish;
}

Dish Kitchen::prepare(Request const& request, Route const& route, Context context, unsigned served) {
    if (!route.provider.empty()) return prepare_for_provider(request, route, context);
    static auto const none = std::make_shared<Options const>();
    Dish dish;
    dish.owner = none;
    dish.options = none.get();
    dish.bill.key = request.header("x-request-id");
    auto refuse = [&dish, &context](unsigned status, std::string_view message, std::string_view code) {
        dish.answer = shared_answer(plain_error(status, message, code, context));
        dish.bill.status = status;
    };
    auto chat = read_chat_request(request.body);
    if (!chat) return refuse(400, chat.error(), "invalid_request"), dish;
    dish.bill.model = chat->model;
    auto found = find_options(*chat, request, route);
    if (!found) {
        bool is_unknown = found.error().status == 404;
        refuse(found.error().status, found.error().message, is_unknown ? "model_not_found" : "invalid_lab_option");
        return dish;
    }
    dish.owner = *found;
    Options const& base = *dish.owner;
    if (base.key) dish.bill.key = *base.key;
    auto key = dish.bill.key;
    if (key.empty() && (base.is_random() || base.fail_first > 0))
        key = "body-" + std::to_string(hash_text(0, request.body));
    auto attempt = key.empty() ? 1U : shared_.stats.count_attempt(key);
    context.seed = hash_text(shared_.seed + attempt, key);
    Random random(context.seed ^ 0x5851f42d4c957f2dULL);
    dish.options = &choose_variant(base, bearer_of(request), attempt, random);
    if (dish.options->max_requests > 0 && served >= dish.options->max_requests) context.close = true;
    // A refused key's options are not the ones the key of the cache stands for.
    dish.answer =
        dish.options == &base ? cook(*chat, base, context) : shared_answer(make_answer(*chat, *dish.options, context));
    dish.bill.status = dish.answer->status;
    dish.bill.is_stream = dish.answer->is_stream;
    return dish;
}

}  // namespace sluice::lab
