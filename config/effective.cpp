#include "config/effective.hpp"

#include <algorithm>

#include "config/text.hpp"
#include "config/yaml_text.hpp"

namespace sluice::config {

std::vector<EffectiveLine> written_only(std::vector<EffectiveLine> const& lines) {
    std::vector<EffectiveLine> kept;
    std::size_t needed_depth = 0;  // lines above it, up to here, hold something that was written
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
        bool const is_parent = line->value.empty();
        if (line->written || (is_parent && line->depth < needed_depth)) {
            kept.push_back(*line);
            needed_depth = line->depth;
        } else if (line->starts_item && !kept.empty() && kept.back().depth == line->depth) {
            kept.back().starts_item = true;
        }
    }
    std::ranges::reverse(kept);
    return kept;
}

std::string flow_of(std::span<EffectiveLine const> lines, std::string_view alone) {
    auto const kept = written_only({lines.begin(), lines.end()});
    if (kept.size() == 1 && kept.front().key == alone) return kept.front().value;
    std::string out;
    std::size_t depth = 0;
    bool is_first = true;
    for (EffectiveLine const& line : kept) {
        for (; depth > line.depth; --depth) out += " }";
        out += is_first ? "" : ", ";
        out += yaml_scalar(line.key) + ": " + (line.value.empty() ? "{ " : line.value);
        is_first = line.value.empty();
        depth = line.depth + (line.value.empty() ? 1 : 0);
    }
    for (; depth > 0; --depth) out += " }";
    return "{ " + out + " }";
}

std::string to_yaml(std::vector<EffectiveLine> const& lines) {
    constexpr std::size_t comment_column = 52;
    std::string out;
    for (EffectiveLine const& line : lines) {
        std::string text(line.depth * 2, ' ');
        if (line.starts_item) text.replace(text.size() - 2, 2, "- ");
        text += yaml_scalar(line.key) + ":";
        if (!line.value.empty()) text += " " + line.value;
        if (!line.origin.empty()) {
            text.append(text.size() < comment_column ? comment_column - text.size() : 1, ' ');
            text += "# " + line.origin;
        }
        out += text + "\n";
    }
    return out;
}

std::string hash_of(std::vector<EffectiveLine> const& lines) {
    std::string canonical;
    for (EffectiveLine const& line : lines) {
        canonical += line.path + "=" + (line.fingerprint.empty() ? line.value : line.fingerprint) + "\n";
    }
    return sha256_hex(canonical).substr(0, 16);
}

}  // namespace sluice::config
