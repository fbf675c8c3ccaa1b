#include "core/types/splice.hpp"

#include <cassert>

namespace sluice {

std::vector<std::string_view> spliced(std::string_view original, std::vector<Edit> const& edits) {
    std::vector<std::string_view> pieces;
    pieces.reserve(2 * edits.size() + 1);
    std::size_t at = 0;
    auto add = [&pieces](std::string_view piece) {
        if (!piece.empty()) pieces.push_back(piece);
    };
    for (auto const& edit : edits) {
        assert(edit.offset >= at && edit.offset + edit.length <= original.size());
        add(original.substr(at, edit.offset - at));
        add(edit.text);
        at = edit.offset + edit.length;
    }
    add(original.substr(at));
    return pieces;
}

std::size_t spliced_size(std::string_view original, std::vector<Edit> const& edits) {
    std::size_t size = original.size();
    for (auto const& edit : edits) size = size - edit.length + edit.text.size();
    return size;
}

}  // namespace sluice
