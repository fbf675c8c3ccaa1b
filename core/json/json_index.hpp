#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "core/json/json_value.hpp"

namespace sluice {

/// Whether an escape may name half of a surrogate pair. A stream may cut a pair between two chunks; a request may not.
enum class Surrogates : std::uint8_t { paired, any };

/// What JsonIndex::read refuses beyond the grammar of RFC 8259.
struct JsonLimits {
    static constexpr std::size_t depth = 128;  ///< objects and arrays inside one another
    std::size_t values = 1'000'000;            ///< member names are not counted
    std::size_t number_length = 64;            ///< and every number is finite as a double
    Surrogates surrogates = Surrogates::paired;
};

/// Why a text is not one JSON value, and where.
struct JsonFault {
    std::size_t offset = 0;
    std::string_view problem;  ///< static text
    friend bool operator==(JsonFault const&, JsonFault const&) = default;
};

/// Where the tokens of one JSON text stand. Reading checks the whole text, strictly and without recursion; afterwards
/// values are walked in place, nothing is copied and numbers keep their digits. Reused for many texts it does not
/// allocate. One thread at a time.
class JsonIndex {
public:
    /// The value that `text` is. It and all its parts hold until the next call, and while `text` lives.
    std::expected<JsonValue, JsonFault> read(std::string_view text, JsonLimits const& limits = {});

    /// Gives the memory back if the last text was larger than `text_size`. Values read before are gone.
    void shrink_to(std::size_t text_size);

private:
    /// A token's offset in the text; behind that of an opening bracket the distance to what follows its closing one.
    /// The text's size stands behind the last.
    std::unique_ptr<std::uint32_t[]> tokens_;
    std::size_t capacity_ = 0;  ///< the longest text that there is room for
};

}  // namespace sluice
