#include "server/store/json_rows.hpp"

#include <algorithm>
#include <utility>

#include "core/types/error.hpp"

namespace sluice::store {

void JsonRows::begin_row() {
    rows_ += rows_.empty() ? "[{" : "},{";
    first_in_row_ = true;
}

void JsonRows::name(std::string_view column) {
    if (!first_in_row_) rows_ += ',';
    first_in_row_ = false;
    rows_ += '"';
    rows_ += column;
    rows_ += "\":";
}

JsonRows& JsonRows::add(std::string_view column, std::int64_t value) {
    name(column);
    rows_ += std::to_string(value);
    return *this;
}

JsonRows& JsonRows::add(std::string_view column, std::optional<NanoUsd> value) {
    return value ? add(column, *value) : *this;
}

JsonRows& JsonRows::add(std::string_view column, std::string_view value) {
    name(column);
    if (value.find('\0') == std::string_view::npos) {
        rows_ += json_quoted(value);
    } else {
        std::string without(value);
        std::ranges::replace(without, '\0', ' ');
        rows_ += json_quoted(without);
    }
    return *this;
}

JsonRows& JsonRows::add_flag(std::string_view column, bool value) {
    name(column);
    rows_ += value ? "true" : "false";
    return *this;
}

std::string JsonRows::take() {
    if (rows_.empty()) return "[]";
    rows_ += "}]";
    return std::exchange(rows_, {});
}

}  // namespace sluice::store
