#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/limits.hpp"
#include "core/types/nano_usd.hpp"

namespace sluice::store {

/// Rows as one JSON array of objects, for json_to_recordset(): a statement takes any number of rows as one parameter.
class JsonRows {
public:
    void begin_row();
    JsonRows& add(std::string_view column, std::int64_t value);
    JsonRows& add(std::string_view column, NanoUsd value) { return add(column, value.count); }
    JsonRows& add(std::string_view column, WallTime value) { return add(column, value.time_since_epoch().count()); }
    /// Left out, which reads as NULL, where it is absent.
    JsonRows& add(std::string_view column, std::optional<NanoUsd> value);
    /// What PostgreSQL can't store as text is replaced.
    JsonRows& add(std::string_view column, std::string_view value);
    JsonRows& add_flag(std::string_view column, bool value);

    bool empty() const { return rows_.empty(); }
    std::string take();

private:
    void name(std::string_view column);
    std::string rows_{};
    bool first_in_row_ = true;
};

}  // namespace sluice::store
