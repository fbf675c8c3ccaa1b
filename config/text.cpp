#include "config/text.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace sluice::config {
namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`, ignoring case.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            bool const same = lower(a[i - 1]) == lower(b[j - 1]);
            rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (same ? 0 : 1)});
            bool const swapped =
                i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped) rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[a.size()][b.size()];
}

std::vector<std::string_view> views(std::vector<std::string> const& words) { return {words.begin(), words.end()}; }

}  // namespace

std::string nearest(std::string_view word, std::span<std::string_view const> candidates) {
    constexpr std::size_t longest = 64;  // longer words are no typing errors, and the distance is quadratic
    constexpr std::size_t many = 1000;
    if (word.empty() || word.size() > longest || candidates.size() > many) return {};
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (std::string_view candidate : candidates) {
        if (candidate.size() > longest) continue;
        std::size_t const steps = distance(word, candidate);
        if (steps >= best_distance) continue;
        best = candidate;
        best_distance = steps;
    }
    return std::string(best);
}

std::string nearest(std::string_view word, std::vector<std::string> const& candidates) {
    return nearest(word, views(candidates));
}

std::string clipped(std::string_view text) {
    constexpr int longest = 64;
    std::string out;
    int characters = 0;
    for (char c : text) {
        bool const continues = (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
        if (!continues && ++characters > longest) return out + "...";
        bool const is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
        out += is_control ? ' ' : c;
    }
    return out;
}

std::string joined(std::span<std::string_view const> words) {
    std::string out;
    for (std::string_view word : words) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

std::string joined(std::vector<std::string> const& words) { return joined(views(words)); }

std::string suggestion(std::string_view word, std::vector<std::string> const& candidates) {
    if (auto const best = nearest(word, candidates); !best.empty()) return "; did you mean `" + best + "`?";
    if (candidates.empty()) return {};
    constexpr std::size_t shown_at_most = 30;
    if (candidates.size() <= shown_at_most) return "; known: " + joined(candidates);
    std::vector<std::string> const first(candidates.begin(), candidates.begin() + shown_at_most);
    return "; known: " + joined(first) + " ...";
}

StarMatch match_star(std::string_view pattern, std::string_view name) {
    auto const star = pattern.find('*');
    if (star == std::string_view::npos) return {.fits = pattern == name, .star = {}};
    auto const head = pattern.substr(0, star);
    auto const tail = pattern.substr(star + 1);
    bool const fits = name.size() >= head.size() + tail.size() && name.starts_with(head) && name.ends_with(tail);
    if (!fits) return {};
    return {.fits = true, .star = name.substr(head.size(), name.size() - head.size() - tail.size())};
}

std::string fill_star(std::string_view pattern, std::string_view star) {
    std::string out(pattern);
    if (auto const at = out.find('*'); at != std::string::npos) out.replace(at, 1, star);
    return out;
}

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out += "0123456789abcdef"[digest[i] >> 4];
        out += "0123456789abcdef"[digest[i] & 15];
    }
    return out;
}

std::string directory_of(std::string_view path) {
    auto const slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string path_from(std::string_view directory, std::string_view path) {
    if (path.starts_with('/') || directory == "." || directory.empty()) return std::string(path);
    std::string out(directory);
    if (!out.ends_with('/')) out += '/';
    return out.append(path);
}

bool is_loopback(std::string_view host) {
    if (host == "localhost" || host == "::1" || host == "[::1]") return true;
    bool const dotted = std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
    return dotted && host.starts_with("127.") && std::ranges::count(host, '.') == 3;
}

}  // namespace sluice::config
