#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/known_model.hpp"

namespace sluice::cli {

/// One end of a switch.
struct Side {
    config::Profile const* profile = nullptr;
    std::string model;
    config::KnownModel known{};
    std::vector<std::string> hints{};  ///< "the id was taken from ...", "did you mean ...": for the report

    std::string name() const { return profile->name + "/" + model; }
};

/// Of "groq/llama-3.3-70b-versatile". The error says what is wrong and what is known.
std::expected<Side, std::string> read_from(std::string_view text);

/// The same, and of "cerebras" alone: there, the model that the catalogue takes for the same as `from`'s.
std::expected<Side, std::string> read_to(std::string_view text, Side const& from);

}  // namespace sluice::cli
