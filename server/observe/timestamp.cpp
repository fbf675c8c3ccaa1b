#include "server/observe/timestamp.hpp"

#include <fmt/format.h>

namespace sluice::observe {
namespace {

std::string to_text(std::chrono::sys_seconds second) {
    auto const day = std::chrono::floor<std::chrono::days>(second);
    std::chrono::year_month_day const date(day);
    std::chrono::hh_mm_ss const time(second - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                       time.minutes().count(), time.seconds().count());
}

}  // namespace

void Timestamp::append(LineBuffer& out, std::chrono::system_clock::time_point time) {
    auto const second = std::chrono::floor<std::chrono::seconds>(time);
    if (second != second_) {
        second_ = second;
        text_ = to_text(second);
    }
    auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(time - second).count();
    out.raw(text_);
    out.need(4);
    out.put(static_cast<char>('0' + ms / 100));
    out.put(static_cast<char>('0' + ms / 10 % 10));
    out.put(static_cast<char>('0' + ms % 10));
    out.put('Z');
}

}  // namespace sluice::observe
