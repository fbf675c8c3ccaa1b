#include "server/store/shared_limits.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "server/store/lease_scripts.hpp"

namespace sluice::store {

using std::chrono::milliseconds;

namespace {

/// All keys are in one slot of a cluster.
constexpr std::string_view prefix = "{sluice}:";
constexpr std::string_view generation_key = "{sluice}:generation";

constexpr auto keep = std::chrono::duration_cast<milliseconds>(LeaseTimes::keep);

constexpr std::array scripts{&lease_scripts::beat,   &lease_scripts::step,   &lease_scripts::begin,
                             &lease_scripts::shrink, &lease_scripts::forget, &lease_scripts::found};

std::string sha1_of(char const* script) {
    std::string_view const bytes(script);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, ::EVP_sha1(), nullptr);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
    return hex;
}

template <char const* const* Script>
std::string const& hash_of() {
    static std::string const hash = sha1_of(*Script);
    return hash;
}

std::string text(std::int64_t value) { return std::to_string(value); }
std::string text(milliseconds value) { return std::to_string(value.count()); }
std::string text(WallTime at) { return std::to_string(at.time_since_epoch().count()); }

std::int64_t read_number(std::string_view digits) {
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

Error failed(std::string_view what) {
    return Error{.kind = ErrorKind::ledger_unavailable, .detail = "Redis: " + std::string(what)};
}

SharedLimits::Answer read_answer(RedisReply const& reply) {
    using enum SharedLimits::Answer;
    static std::map<std::string, SharedLimits::Answer, std::less<>> const known{
        {"ok", ok},       {"other", other}, {"late", late},   {"absent", absent},
        {"moved", moved}, {"there", there}, {"alive", alive}, {"taken", late}};
    if (reply.list.empty()) return lost;
    auto const found = known.find(reply.list.front().text);
    return found == known.end() ? lost : found->second;
}

std::string_view name_of(SharedLimits::Way way) {
    switch (way) {
        case SharedLimits::Way::retake:
            return "retake";
        case SharedLimits::Way::give_back:
            return "return";
        case SharedLimits::Way::leave:
            return "leave";
        case SharedLimits::Way::take:
            break;
    }
    return "take";
}

}  // namespace

SharedLimits::SharedLimits(std::unique_ptr<RedisClient> redis, std::int64_t epoch)
    : redis_(std::move(redis)), epoch_(epoch) {}

std::string SharedLimits::key(std::string_view name) const {
    return std::string(prefix) + generation_ + ':' + std::string(name);
}

std::string SharedLimits::limit_key(SharedLimit const& limit) const { return key("limit:" + limit.text()); }

void SharedLimits::join(std::string generation) {
    generation_ = std::move(generation);
    confirmed_ = 0;
}

/// Scripts go by their hash; a Redis that does not know one has done nothing of it. An error of one command is an error
/// of all: scripts do not fail.
Result<std::vector<RedisReply>> SharedLimits::run(std::vector<RedisCommand> const& commands, Instant until) {
    SLUICE_TRY(auto replies, redis_->run(commands, until));
    if (!replies.empty() && replies.front().kind == RedisReply::Kind::error &&
        replies.front().text.starts_with("NOSCRIPT")) {
        std::vector<RedisCommand> load;
        load.reserve(scripts.size());
        for (auto const* const script : scripts) load.push_back({"SCRIPT", "LOAD", *script});
        SLUICE_CHECK(redis_->run(load, until));
        SLUICE_TRY(replies, redis_->run(commands, until));
    }
    for (auto const& reply : replies)
        if (reply.kind == RedisReply::Kind::error) return std::unexpected(failed(reply.text));
    return replies;
}

// --- renewing --------------------------------------------------------------------------------------------------------

Result<SharedLimits::Beat> SharedLimits::beat(Instant until) {
    ++number_;
    SLUICE_TRY(auto const replies,
               run({{"EVALSHA", hash_of<&lease_scripts::beat>(), "4", std::string(generation_key), key("alive"),
                     beat_key(), key("short"), generation_, text(epoch_), number(), text(confirmed_),
                     text(LeaseTimes::validity), text(LeaseTimes::settling), text(keep)}},
                   until));
    auto const& reply = replies.front();
    Beat beat{.answer = read_answer(reply)};
    if (beat.answer == Answer::other && reply.list.size() > 1) join(reply.list[1].text);
    if (beat.answer != Answer::ok || reply.list.size() < 5) return beat;
    confirmed_ = number_;
    beat.was_late = reply.list[1].number != 0;
    for (auto const& limit : reply.list[3].list) beat.short_of.insert(limit.text);
    for (auto const& epoch : reply.list[4].list) beat.dead.push_back(read_number(epoch.text));
    return beat;
}

RedisCommand SharedLimits::step_command(Step const& step) const {
    auto const& limit = step.limit;
    auto const length = limit.is_rolling() ? milliseconds(limit.per.length + limit.per.length / 60) : milliseconds(0);
    return {"EVALSHA",
            hash_of<&lease_scripts::step>(),
            "6",
            std::string(generation_key),
            key("alive"),
            beat_key(),
            key("short"),
            limit_key(limit),
            key("limits"),
            generation_,
            text(epoch_),
            number(),
            text(step.window_began),
            text(limit.units_down(step.most)),
            text(limit.units_up(step.settled + step.reserved)),
            text(limit.units_down(step.settled)),
            text(limit.units_down(step.held)),
            text(limit.units_up(step.wanted)),
            text(limit.units_up(step.least_wanted)),
            std::string(name_of(step.way)),
            text(length),
            limit.text(),
            text(keep),
            step.is_new ? "1" : "0"};
}

Result<std::vector<SharedLimits::Granted>> SharedLimits::steps(std::span<Step const> steps) {
    std::vector<RedisCommand> commands;
    commands.reserve(steps.size());
    for (auto const& step : steps) commands.push_back(step_command(step));
    SLUICE_TRY(auto const replies, run(commands));
    std::vector<Granted> granted;
    granted.reserve(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        auto const& list = replies[i].list;
        auto amount = [&](std::size_t place) {
            return place < list.size() ? read_number(list[place].text) * steps[i].limit.unit : 0;
        };
        granted.push_back({.answer = read_answer(replies[i]), .amount = amount(1), .settled_elsewhere = amount(2)});
    }
    return granted;
}

Result<> SharedLimits::leave() {
    SLUICE_CHECK(run({{"ZREM", key("alive"), text(epoch_)}, {"DEL", beat_key()}}));
    return {};
}

// --- counting anew ---------------------------------------------------------------------------------------------------

Result<SharedLimits::Answer> SharedLimits::begin(Beginning const& beginning) {
    auto const& limit = beginning.limit;
    RedisCommand command{"EVALSHA",
                         hash_of<&lease_scripts::begin>(),
                         "3",
                         std::string(generation_key),
                         limit_key(limit),
                         key("limits"),
                         generation_,
                         text(beginning.window_began),
                         limit.text(),
                         text(keep)};
    auto add = [&command](std::string field, std::int64_t value) {
        command.push_back(std::move(field));
        command.push_back(text(value));
    };
    add(limit.is_rolling() ? "s:" + text(beginning.counts_until) : "spent", limit.units_up(beginning.spent));
    for (auto const& part : beginning.parts) {
        add("r:" + text(part.epoch), limit.units_up(part.granted));
        add("u:" + text(part.epoch), limit.units_down(part.settled));
    }
    SLUICE_TRY(auto const replies, run({std::move(command)}));
    return read_answer(replies.front());
}

Result<std::vector<SharedLimit>> SharedLimits::limits() {
    SLUICE_TRY(auto const replies, run({{"ZRANGE", key("limits"), "0", "-1"}}));
    std::vector<SharedLimit> limits;
    for (auto const& each : replies.front().list)
        if (auto limit = SharedLimit::read(each.text)) limits.push_back(*std::move(limit));
    return limits;
}

Result<std::vector<SharedLimits::Share>> SharedLimits::shares(std::span<SharedLimit const> limits, std::int64_t epoch) {
    std::vector<RedisCommand> commands;
    for (auto const& limit : limits) commands.push_back({"HMGET", limit_key(limit), "began", "r:" + text(epoch)});
    if (commands.empty()) return std::vector<Share>{};
    SLUICE_TRY(auto const replies, run(commands));
    std::vector<Share> shares;
    for (std::size_t i = 0; i < replies.size(); ++i) {
        auto const& fields = replies[i].list;
        if (fields.size() < 2 || fields[1].kind == RedisReply::Kind::nothing) continue;
        shares.push_back({.limit = i, .window_began = WallTime(milliseconds(read_number(fields[0].text)))});
    }
    return shares;
}

Result<SharedLimits::Answer> SharedLimits::shrink(SharedLimit const& limit, WallTime window_began, Part const& part,
                                                  bool gone, WallTime counts_until) {
    SLUICE_TRY(auto const replies,
               run({{"EVALSHA", hash_of<&lease_scripts::shrink>(), "3", std::string(generation_key), key("alive"),
                     limit_key(limit), generation_, text(part.epoch), text(LeaseTimes::settling), text(window_began),
                     text(limit.units_up(part.granted)), text(limit.units_down(part.settled)), gone ? "1" : "0",
                     limit.is_rolling() ? text(counts_until) : "0"}}));
    return read_answer(replies.front());
}

Result<SharedLimits::Answer> SharedLimits::forget_process(std::int64_t epoch) {
    SLUICE_TRY(auto const replies, run({{"EVALSHA", hash_of<&lease_scripts::forget>(), "1", key("alive"), text(epoch),
                                         text(LeaseTimes::settling)}}));
    return read_answer(replies.front());
}

// --- generations -----------------------------------------------------------------------------------------------------

Result<std::string> SharedLimits::find_generation() {
    SLUICE_TRY(auto const replies, run({{"GET", std::string(generation_key)}}));
    return replies.front().text;
}

Result<bool> SharedLimits::take_lock(std::string const& name, milliseconds at_most) {
    SLUICE_TRY(auto const replies, run({{"SET", std::string(prefix) + name, text(epoch_), "NX", "PX", text(at_most)}}));
    return replies.front().kind == RedisReply::Kind::text;
}

Result<bool> SharedLimits::found_generation(std::string const& lock, std::string const& generation) {
    SLUICE_TRY(auto const replies, run({{"EVALSHA", hash_of<&lease_scripts::found>(), "2", std::string(generation_key),
                                         std::string(prefix) + lock, text(epoch_), generation, text(keep)}}));
    return read_answer(replies.front()) == Answer::ok;
}

}  // namespace sluice::store
