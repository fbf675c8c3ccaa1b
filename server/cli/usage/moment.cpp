#include "server/cli/usage/moment.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace sluice::cli {
namespace {

using namespace std::chrono;

std::optional<seconds> unit_of(char letter) {
    switch (letter) {
        case 'd':
            return days(1);
        case 'h':
            return hours(1);
        case 'm':
            return minutes(1);
        case 's':
            return seconds(1);
        default:
            return std::nullopt;
    }
}

/// A number of exactly so many digits at `text[at]`.
std::optional<unsigned> digits(std::string_view text, std::size_t at, std::size_t count) {
    if (text.size() < at + count) return std::nullopt;
    auto const found = text.substr(at, count);
    unsigned number = 0;
    auto const [stop, error] = std::from_chars(found.data(), found.data() + found.size(), number);
    if (error != std::errc() || stop != found.data() + found.size()) return std::nullopt;
    return number;
}

std::optional<sys_days> read_date(std::string_view text) {
    auto const year_number = digits(text, 0, 4);
    auto const month_number = digits(text, 5, 2);
    auto const day_number = digits(text, 8, 2);
    if (!year_number || !month_number || !day_number || text[4] != '-' || text[7] != '-') return std::nullopt;
    year_month_day const date{year(static_cast<int>(*year_number)), month(*month_number), day(*day_number)};
    if (!date.ok()) return std::nullopt;
    return sys_days(date);
}

/// "T12:00:00Z"
std::optional<seconds> read_time(std::string_view text) {
    auto const hour = digits(text, 1, 2);
    auto const minute = digits(text, 4, 2);
    auto const second = digits(text, 7, 2);
    bool const shaped = text.size() == 10 && text[0] == 'T' && text[3] == ':' && text[6] == ':' && text[9] == 'Z';
    if (!shaped || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    return hours(*hour) + minutes(*minute) + seconds(*second);
}

}  // namespace

std::optional<WallTime> read_moment(std::string_view text, WallTime now) {
    constexpr std::size_t date_length = 10;
    if (text.size() >= date_length) {
        auto const date = read_date(text.substr(0, date_length));
        if (!date) return std::nullopt;
        if (text.size() == date_length) return WallTime(*date);
        auto const time = read_time(text.substr(date_length));
        if (!time) return std::nullopt;
        return WallTime(*date + *time);
    }
    auto const unit = text.size() < 2 ? std::nullopt : unit_of(text.back());
    auto const count = text.size() < 2 ? std::nullopt : digits(text, 0, text.size() - 1);
    if (!unit || !count) return std::nullopt;
    return now - *unit * std::int64_t{*count};
}

}  // namespace sluice::cli
