#include "tests/fuzz/http_mutator.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace sluice::fuzz {
namespace {

using std::string;
using std::string_view;

class Mutation {
public:
    Mutation(string text, unsigned seed, std::initializer_list<string_view> fields)
        : text_(std::move(text)), fields_(fields), random_(seed) {}

    string apply() {
        auto const rounds = 1 + below(3);
        for (std::size_t i = 0; i < rounds; ++i) one();
        return std::move(text_);
    }

private:
    struct Range {
        std::size_t begin = 0;
        std::size_t size = 0;  ///< with the line's end
    };

    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }
    string_view any_of(std::initializer_list<string_view> choices) { return choices.begin()[below(choices.size())]; }

    void one() {
        switch (below(11)) {
            case 0:
                return double_line();
            case 1:
                return drop_line();
            case 2:
                return move_line();
            case 3:
            case 4:
                return add_field();
            case 5:
                return change_line_end();
            case 6:
                return insert_at_seam();
            case 7:
                return change_case();
            case 8:
                return fit_length();
            case 9:
                return chunk_body();
            default:
                return append_message();
        }
    }

    /// The lines up to the first blank one.
    std::vector<Range> head_lines() const {
        std::vector<Range> lines;
        for (std::size_t at = 0; at < text_.size();) {
            auto const end = std::min(text_.find('\n', at), text_.size() - 1) + 1;
            bool const blank = end - at <= 2 && !lines.empty();
            if (blank) break;
            lines.push_back({at, end - at});
            at = end;
        }
        return lines;
    }
    Range any_line() {
        auto const lines = head_lines();
        return lines.empty() ? Range{} : lines[below(lines.size())];
    }
    /// Where a line begins, but not the first.
    std::size_t any_place() {
        auto const lines = head_lines();
        if (lines.empty()) return text_.size();
        auto const& line = lines[below(lines.size())];
        return line.begin + line.size;
    }
    std::size_t body() const {
        auto const end = text_.find("\r\n\r\n");
        return end == string::npos ? text_.size() : end + 4;
    }

    void double_line() {
        auto const line = any_line();
        string const copy = text_.substr(line.begin, line.size);
        text_.insert(any_place(), copy);
    }
    void drop_line() {
        auto const line = any_line();
        text_.erase(line.begin, line.size);
    }
    void move_line() {
        auto const line = any_line();
        string const copy = text_.substr(line.begin, line.size);
        text_.erase(line.begin, line.size);
        text_.insert(any_place(), copy);
    }
    void add_field() { text_.insert(any_place(), string(*(fields_.begin() + below(fields_.size()))) + "\r\n"); }
    void change_line_end() {
        auto const line = any_line();
        auto const end = text_.find("\r\n", line.begin);
        if (end == string::npos) return;
        text_.replace(end, 2, any_of({"\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", " \r\n", "\r\n\r\n", ""}));
    }
    /// Beside a blank, a colon, a comma or the end of a line.
    void insert_at_seam() {
        auto const line = any_line();
        auto const seam = text_.find_first_of(" :,;=\r", line.begin + below(line.size));
        if (seam == string::npos) return;
        constexpr std::array<string_view, 14> odd{
            {" ", "\t", ",", ":", ";", "\x0B", "\x0C", "\x7F", "\"", "\\", "0", "+", "\xC2\xA0", "-"}};
        auto const pick = below(odd.size() + 1);
        text_.insert(seam + below(2), pick == odd.size() ? string(1, '\0') : string(odd[pick]));
    }
    void change_case() {
        auto const line = any_line();
        for (std::size_t i = line.begin; i < line.begin + line.size && text_[i] != ':'; ++i) {
            bool const letter = (text_[i] >= 'a' && text_[i] <= 'z') || (text_[i] >= 'A' && text_[i] <= 'Z');
            if (letter && below(2) == 0) text_[i] = static_cast<char>(text_[i] ^ 0x20);
        }
    }
    void fit_length() {
        auto const rest = text_.size() - body();
        auto const length = below(4) == 0 ? rest + 1 : below(rest + 1);
        text_.insert(any_place(), "Content-Length: " + std::to_string(length) + "\r\n");
    }
    void chunk_body() {
        auto const begin = body();
        string const rest = text_.substr(begin);
        std::array<char, 20> size{};
        std::snprintf(size.data(), size.size(), below(2) == 0 ? "%zx" : "%04zX", rest.size());
        string chunks = rest.empty() ? "" : string(size.data()) + "\r\n" + rest + "\r\n";
        chunks += any_of({"0\r\n\r\n", "0;a=b\r\n\r\n", "0\r\nX: y\r\n\r\n", "00\r\n\r\n", "0\n\n"});
        text_.replace(begin, string::npos, chunks);
        if (begin >= 2 && begin < text_.size()) text_.insert(begin - 2, "Transfer-Encoding: chunked\r\n");
    }
    void append_message() {
        string const whole = text_;
        text_ += any_of({"", "\r\n", "\r\n\r\n", "0\r\n\r\n"});
        text_ += whole;
    }

    string text_;
    std::initializer_list<string_view> fields_;
    std::minstd_rand random_;
};

}  // namespace

std::size_t mutate_http(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed,
                        std::initializer_list<std::string_view> fields) {
    if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, most);
    string const text = Mutation(string(reinterpret_cast<char const*>(data), size), seed, fields).apply();
    std::size_t const kept = std::min(text.size(), most);
    std::copy_n(text.begin(), kept, data);
    return kept;
}

}  // namespace sluice::fuzz
