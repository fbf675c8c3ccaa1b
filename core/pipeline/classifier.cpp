#include "core/pipeline/classifier.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/pipeline/answer_headers.hpp"
#include "core/pipeline/call_money.hpp"
#include "core/pipeline/classifier_question.hpp"
#include "core/pipeline/target_pass.hpp"
#include "core/policy/filters.hpp"
#include "core/stream/usage_tally.hpp"

namespace sluice {
namespace {

constexpr std::size_t most_answer_bytes = 64 * 1024;
constexpr std::size_t readable_behind = 64;  ///< simdjson reads ahead

std::unexpected<Error> invalid(std::string detail) {
    return std::unexpected(Error{.kind = ErrorKind::upstream_invalid_response, .detail = std::move(detail)});
}

/// One question to a classifier. Its destructor adds the Attempt to the outcome.
class ClassifierRun {
public:
    ClassifierRun(RequestRun& run, TargetPass pass, bool has_own_key);
    ClassifierRun(ClassifierRun const&) = delete;
    ClassifierRun& operator=(ClassifierRun const&) = delete;
    ~ClassifierRun();

    Task<std::optional<unsigned>> go();

private:
    Task<Result<unsigned>> ask();
    Task<Result<>> read_body(Exchange& exchange);
    Result<unsigned> read_answer();
    void conclude(Result<unsigned> const& result);
    Usage usage() const;

    RequestRun& run_;
    TargetRuntime const& target_;
    TargetPass pass_;
    Dialect const* dialect_;
    Instant started_;
    Instant until_;
    std::string question_;
    ChatRequest chat_;
    std::string answer_;
    std::optional<AnswerFacts> facts_{};
    Attempt record_;
    CallMoney money_{};
    bool has_own_key_;
    bool sent_ = false;
    bool concluded_ = false;
};

ClassifierRun::ClassifierRun(RequestRun& run, TargetPass pass, bool has_own_key)
    : run_(run),
      target_(*run.model->classifier),
      pass_(std::move(pass)),
      dialect_(run.parts.dialects(target_.provider->settings->dialect)),
      started_(run.parts.clock.now()),
      until_(earlier(run.deadline, started_ + run.model->settings->classifier->timeout)),
      question_(classifier_body(run.request.chat, run.model->settings->classifier->max_input)),
      chat_(classifier_request(question_)),
      has_own_key_(has_own_key) {
    record_.provider = target_.provider->settings->name;
    record_.target_model = fill_star(target_.model, run.routing.star);
    if (auto const* const credential = pass_.credential()) record_.credential = credential->name;
    record_.reason = "classifier";
    record_.classifies = true;
}

ClassifierRun::~ClassifierRun() {
    if (!concluded_) {
        record_.result = AttemptResult::cancelled;
        record_.uncertain = sent_;
    }
    record_.duration = run_.parts.clock.now() - started_;
    run_.outcome.upstream_time += record_.duration;
    record_.usage = usage();
    if (record_.usage.source != UsageSource::none) {
        auto const* const price = run_.snapshot.price_of(target_, record_.target_model);
        if (price != nullptr) record_.sheet_cost = cost_of(record_.usage, *price);
        run_.cost = sum(run_.cost, record_.cost());
        run_.sheet_cost = sum(run_.sheet_cost, record_.sheet_cost);
    }
    money_.settle(record_, run_.parts.clock.now());
    run_.outcome.attempts.push_back(std::move(record_));
}

Task<std::optional<unsigned>> ClassifierRun::go() {
    auto const result = co_await ask();
    conclude(result);
    if (!result) co_return std::nullopt;
    co_return *result;
}

Task<Result<unsigned>> ClassifierRun::ask() {
    auto const& provider = *target_.provider->settings;
    if (dialect_ == nullptr) co_return invalid("no dialect is called " + provider.dialect);
    TargetView const view{.provider = provider, .model = record_.target_model};
    SLUICE_CO_TRY(auto const encoded, dialect_->encode(chat_, view));
    CallMoney::Call const asked{
        .target = target_, .target_model = record_.target_model, .chat = chat_, .is_own_key = has_own_key_};
    SLUICE_CO_TRY(money_, CallMoney::reserve(run_, asked, started_));
    SLUICE_CO_CHECK(co_await money_.record(record_, run_.cancellation));
    auto const body = spliced(chat_.body, encoded.edits);
    static Headers const no_headers;
    UpstreamCall const call{.provider = provider,
                            .credential = pass_.credential(),
                            .path = encoded.path,
                            .body = body,
                            .body_size = spliced_size(chat_.body, encoded.edits),
                            .request_id = run_.request.request_id,
                            .accept = "application/json",
                            .client_headers = no_headers,
                            .timeout = target_.timeout,
                            .deadline = until_,
                            .cancellation = run_.cancellation};
    SLUICE_CO_TRY(auto const exchange, co_await run_.parts.upstream.call(call));
    sent_ = true;
    record_.reused_connection = exchange->reused_connection();
    record_.connect = exchange->connect_time();
    SLUICE_CO_TRY(auto const* const head, co_await exchange->head(until_));
    record_.upstream_status = head->status;
    record_.upstream_request_id = find(head->headers, "x-request-id").substr(0, 128);
    auto const limits = dialect_->read_limits(head->headers);
    if (!limits.empty()) pass_.note_limits(limits, TargetPass::Elsewhere::nobody, run_.parts.clock.now());
    bool const is_answer = head->status >= 200 && head->status <= 299;
    if (is_answer && !has_json(*head)) co_return invalid("the answer's content type is not JSON");
    auto const whole = co_await read_body(*exchange);
    if (!is_answer) {
        if (head->status >= 400 && head->status != 408) exchange->keep_connection();
        co_return std::unexpected(dialect_->read_error(head->status, head->headers, answer_));
    }
    if (!whole) co_return std::unexpected(whole.error());
    auto complexity = read_answer();
    if (facts_) exchange->keep_connection();
    co_return complexity;
}

/// Reads to the end, so that the connection can be used again.
Task<Result<>> ClassifierRun::read_body(Exchange& exchange) {
    while (true) {
        SLUICE_CO_TRY(auto const piece, co_await exchange.read(until_));
        if (piece.empty()) break;
        if (piece.size() > most_answer_bytes - answer_.size()) co_return invalid("the answer is too long");
        answer_ += piece;
        answer_.reserve(answer_.size() + readable_behind);
    }
    co_return Result<>();
}

Result<unsigned> ClassifierRun::read_answer() {
    answer_.reserve(answer_.size() + readable_behind);
    SLUICE_TRY(facts_, dialect_->read_answer(chat_, record_.target_model, *target_.provider->settings, answer_));
    std::string text;
    for (auto const piece : spliced(answer_, facts_->edits)) text += piece;
    auto const complexity = classified_complexity(text);
    if (!complexity) return invalid("no whole number from 0 to 100 in the answer");
    return *complexity;
}

void ClassifierRun::conclude(Result<unsigned> const& result) {
    concluded_ = true;
    auto const now = run_.parts.clock.now();
    if (result) {
        record_.result = AttemptResult::ok;
        return pass_.succeeded(started_, now);
    }
    auto const& error = result.error();
    auto verdict = verdict_of(error.kind);
    // Whoever refuses our question is of no use: the breaker is the classifier's own, and opens.
    if (verdict == Verdict::success) verdict = Verdict::failure;
    if (now >= run_.deadline) verdict = Verdict::silent;  // it had less time than it may take
    pass_.failed(error, verdict, now, run_.parts.clock.random());
    record_.result = classify_attempt(error);
    record_.uncertain = sent_ && !facts_ && record_.upstream_status < 300;
    record_.reason += "; ";
    auto const& why = error.detail.empty() ? error.message : error.detail;
    record_.reason += why.empty() ? describe(error.kind).message : std::string_view(why);
}

/// What the provider says; an estimate where nobody waited for the answer.
Usage ClassifierRun::usage() const {
    if (facts_) return facts_->usage;
    bool const given_up = record_.result == AttemptResult::cancelled && record_.uncertain;
    return given_up ? UsageTally(chat_.prompt_bytes).usage() : Usage{};
}

}  // namespace

bool wants_classifier(Routing const& routing, Snapshot const& snapshot) {
    auto const& classifier = routing.model->classifier;
    bool const sorted = routing.steering != nullptr && routing.steering->sort != SortBy::nothing;
    if (!classifier || !routing.is_choice() || routing.bound || sorted) return false;
    RequestFacts const question;  // it needs nothing that the request needs
    auto input = routing.input();
    PlanInput const asked{.facts = question,
                          .candidates = {},
                          .steering = input.steering,
                          .model_filter = input.model_filter,
                          .caller_filter = input.caller_filter};
    Candidate const candidate{.name = classifier->name,
                              .provider = classifier->provider->settings->name,
                              .traits = classifier->traits,
                              .price = snapshot.price_of(*classifier, fill_star(classifier->model, routing.star))};
    return !unfitness(asked, candidate);
}

Task<std::optional<unsigned>> ask_classifier(RequestRun& run) {
    auto const& target = *run.model->classifier;
    TargetPass::Wish const wish{.own_key = run.request.own_key_for(target.provider->settings->name)};
    auto pass = TargetPass::enter(target, run.parts.clock.now(), wish);
    if (!pass) co_return std::nullopt;
    ClassifierRun asking(run, *std::move(pass), wish.own_key != nullptr);
    co_return co_await asking.go();
}

}  // namespace sluice
