#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Replaces `length` bytes at `offset` of a text by `text`.
struct Edit {
    std::size_t offset = 0;
    std::size_t length = 0;
    std::string text{};
    friend bool operator==(Edit const&, Edit const&) = default;
};

/// The edited text as pieces for one vectored write: views into `original` and into the edits, which must both outlive
/// the result and stay where they are. `edits` are sorted by offset and do not overlap (asserted).
std::vector<std::string_view> spliced(std::string_view original, std::vector<Edit> const& edits);

/// The length of the edited text.
std::size_t spliced_size(std::string_view original, std::vector<Edit> const& edits);

}  // namespace sluice
