#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// The candidate that `word` most probably means, or "" if none is near: at most a third of the letters are wrong.
std::string nearest(std::string_view word, std::span<std::string_view const> candidates);
std::string nearest(std::string_view word, std::vector<std::string> const& candidates);

/// At most 64 characters of a user's text, without control characters, to be quoted in a message.
std::string clipped(std::string_view text);

/// "a, b, c"
std::string joined(std::span<std::string_view const> words);
std::string joined(std::vector<std::string> const& words);

/// "; did you mean `x`?", or "; known: a, b, c", or "" when there are no candidates.
std::string suggestion(std::string_view word, std::vector<std::string> const& candidates);

/// At most one '*' on the left: whether `name` fits, and what the star stood for.
struct StarMatch {
    bool fits = false;
    std::string_view star;
};
StarMatch match_star(std::string_view pattern, std::string_view name);

/// `pattern` with its first star replaced.
std::string fill_star(std::string_view pattern, std::string_view star);

/// Lower-case hex.
std::string sha256_hex(std::string_view bytes);

/// `path` as seen from `directory`, unless it is absolute.
std::string path_from(std::string_view directory, std::string_view path);
std::string directory_of(std::string_view path);

bool is_loopback(std::string_view host);

}  // namespace sluice::config
