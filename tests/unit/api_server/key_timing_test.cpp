#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>
#include <tuple>

#include "server/api/keyring.hpp"

namespace sluice::api {
namespace {

using Nanoseconds = std::vector<std::int64_t>;

constexpr std::size_t samples = 100'000;  // of both kinds of key together, at least, in one comparison
constexpr unsigned rings = 50;            // that they are spread over: where a ring lies in memory makes a difference
constexpr std::uint32_t keys_of_a_kind = 100;  // a ring of 300 stays in the first cache: work is compared, not memory
constexpr unsigned repetitions = 9;
std::chrono::sys_seconds const now{std::chrono::seconds(1'800'000'000)};

enum class Kind : std::uint8_t { known, disabled, expired, unknown, almost_known };

/// All of one length, as a gateway's own keys are.
std::string key_text(unsigned ring, Kind kind, std::uint32_t number) {
    auto const stem = kind == Kind::almost_known ? Kind::known : kind;
    auto text = fmt::format("sk-key-{:08}-{}-{:08}-abcdefghijklmnopqrstuvwxyz", ring, static_cast<int>(stem), number);
    if (kind == Kind::almost_known) text.back() = '!';
    return text;
}

std::string sha256(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    SHA256(reinterpret_cast<unsigned char const*>(text.data()), text.size(), digest.data());
    std::string hex;
    for (unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
    return hex;
}

Keyring make_ring(unsigned number) {
    std::vector<KeySettings> keys;
    for (std::uint32_t i = 0; i < keys_of_a_kind; ++i) {
        for (auto const kind : {Kind::known, Kind::disabled, Kind::expired}) {
            auto const text = key_text(number, kind, i);
            keys.push_back({.caller = {.name = text},
                            .sha256_hex = sha256(text),
                            .expires = {},
                            .disabled = kind == Kind::disabled});
            if (kind == Kind::expired) keys.back().expires = now - std::chrono::hours(1);
        }
    }
    std::ranges::shuffle(keys, std::mt19937(number));
    return Keyring::from(keys, AuthMode::keys).value();
}

/// What is done with a key, as a request brings it.
using Work = std::function<void(Keyring const&, http::RequestHead const&, std::string_view key)>;

/// The times of two kinds of key, each to its own list.
class Duel {
public:
    Duel(char const* title, Kind a, Kind b, Work work) : title(title), kinds_{a, b}, work_(std::move(work)) {}

    /// In turn by chance, so that whatever else the machine does meets both alike. The text is at the same place in
    /// memory each time.
    void fight(Keyring const& keys, unsigned ring, std::mt19937& chance) {
        struct Turn {
            std::size_t who;
            std::string text;
            std::int64_t time = 0;
        };
        std::vector<Turn> turns(samples / rings);
        for (auto& turn : turns) {
            turn.who = chance() % 2;
            turn.text = key_text(ring, kinds_[turn.who], static_cast<std::uint32_t>(chance() % keys_of_a_kind));
        }
        std::string bearer = "Bearer " + turns.front().text;
        auto const key = std::string_view(bearer).substr(7);
        http::RequestHead head;
        head.fields = {{"host", "h"}, {"authorization", bearer}};
        for (auto& turn : turns) {
            std::ranges::copy(turn.text, bearer.begin() + 7);
            auto const begin = std::chrono::steady_clock::now();
            work_(keys, head, key);
            turn.time = std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count();
        }
        for (auto const& turn : turns) times[turn.who].push_back(turn.time);
    }

    char const* title;
    std::array<Nanoseconds, 2> times{};

private:
    std::array<Kind, 2> kinds_;
    Work work_;
};

/// The chance that times of one and the same thing differ so much: Mann and Whitney's test, two-sided. Of what lies
/// below the 90th percentile of both together; what is above is the rest of the machine.
double chance_of(std::array<Nanoseconds, 2> times) {
    Nanoseconds all(times[0]);
    all.insert(all.end(), times[1].begin(), times[1].end());
    std::ranges::sort(all);
    auto const most = all[all.size() * 9 / 10];
    auto const trim = [most](Nanoseconds& some) { std::erase_if(some, [most](auto time) { return time > most; }); };
    trim(all);
    trim(times[0]);
    trim(times[1]);
    std::ranges::sort(times[0]);
    double ranks = 0;  // of the first kind's times among all, equal ones at their mean
    double ties = 0;
    for (auto begin = all.begin(); begin != all.end();) {
        auto const end = std::upper_bound(begin, all.end(), *begin);
        auto const equal = static_cast<double>(end - begin);
        auto const [from, to] = std::ranges::equal_range(times[0], *begin);
        ranks += (static_cast<double>(begin - all.begin()) + (equal + 1) / 2) * static_cast<double>(to - from);
        ties += equal * equal * equal - equal;
        begin = end;
    }
    auto const n = static_cast<double>(times[0].size());
    auto const m = static_cast<double>(times[1].size());
    auto const sigma = std::sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))));
    auto const z = (ranks - n * (n + 1) / 2 - n * m / 2) / sigma;
    return std::erfc(std::abs(z) / std::sqrt(2.0));
}

std::int64_t median(Nanoseconds times) {
    auto const middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::ranges::nth_element(times, middle);
    return *middle;
}

std::vector<Duel> duels() {
    Work const look_up = [](Keyring const& keys, http::RequestHead const&, std::string_view key) {
        std::ignore = keys.look_up(key, now);
    };
    Work const identify = [](Keyring const& keys, http::RequestHead const& head, std::string_view) {
        std::ignore = keys.identify(head, now);
    };
    return {{"known/unknown", Kind::known, Kind::unknown, look_up},
            {"almost known/unknown", Kind::almost_known, Kind::unknown, identify},
            {"disabled/unknown", Kind::disabled, Kind::unknown, identify},
            {"expired/unknown", Kind::expired, Kind::unknown, identify}};
}

}  // namespace

// R22. A figure that the rest of the machine spoils now and then: a difference counts that most repetitions see.
//   unit_api_server "[.timing]"
TEST_CASE("the time that the look at a key takes does not tell whether it is known", "[.timing]") {
    std::mt19937 chance(22);
    std::vector<std::vector<double>> chances(duels().size());
    std::vector<std::string> medians(duels().size());
    for (unsigned repetition = 0; repetition < repetitions; ++repetition) {
        auto all = duels();
        for (unsigned ring = 0; ring < rings; ++ring) {
            auto const number = repetition * rings + ring;
            auto const keys = make_ring(number);
            auto first = duels();  // memory is cold: thrown away
            for (auto& duel : first) duel.fight(keys, number, chance);
            for (auto& duel : all) duel.fight(keys, number, chance);
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            chances[i].push_back(chance_of(all[i].times));
            medians[i] = fmt::format("{}, {}", median(all[i].times[0]), median(all[i].times[1]));
        }
    }
    auto const all = duels();
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::ranges::sort(chances[i]);
        auto const middle = chances[i][repetitions / 2];
        fmt::print("{}: p {:.4f} (median of {}; least {:.4f}), {} ns\n", all[i].title, middle, repetitions,
                   chances[i].front(), medians[i]);
        CAPTURE(all[i].title);
        CHECK(middle > 0.01);
    }
}

}  // namespace sluice::api
