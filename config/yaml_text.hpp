#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// The lines of a text, to turn byte columns into columns of characters and to quote a line. The text must outlive it.
class LineIndex {
public:
    explicit LineIndex(std::string_view text);

    std::size_t count() const { return starts_.size(); }
    /// Line `index`, from 0, without its end; empty past the last one.
    std::string_view line(int index) const;
    /// The column of a byte, in characters, from 1.
    int column(int index, int byte) const;

    /// False if a quoted text starts at byte `at` and the file ends before it does: yaml-cpp 0.7 takes what there is.
    bool closes_quote(int at) const;

    struct Place {
        int line;
        int column;
    };
    /// Where the text stops being UTF-8, or holds a NUL.
    std::optional<Place> first_bad_byte() const;

private:
    std::string_view text_;
    std::vector<std::size_t> starts_;
};

/// yaml-cpp's message in the words of somebody who edits a configuration. `byte` is the column that it complains about.
std::string explain_yaml(std::string_view message, std::string_view line, int byte);

/// `text` as it must be written to be read back as the same string: plain where that is safe, else in double quotes.
std::string yaml_scalar(std::string_view text);

/// A line for an error message: what stands behind a key that holds a secret is masked, unless it is a `${VAR}`, a map
/// or `none`; control characters become spaces and long lines end in "...".
std::string safe_excerpt(std::string_view line, std::vector<std::string> const& secret_keys);

}  // namespace sluice::config
