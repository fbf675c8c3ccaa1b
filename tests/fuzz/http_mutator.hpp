#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace sluice::fuzz {

/// For LLVMFuzzerCustomMutator of the two HTTP targets: half of the time what libFuzzer does by itself, else a change
/// of the kind that parsers disagree about: a line doubled, dropped or moved, one of `fields` put in, another line end,
/// a blank, a control byte or a comma where it hurts, a length that fits or does not, a second message behind the
/// first.
std::size_t mutate_http(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed,
                        std::initializer_list<std::string_view> fields);

}  // namespace sluice::fuzz
