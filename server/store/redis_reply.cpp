#include "server/store/redis_reply.hpp"

#include <charconv>
#include <utility>

namespace sluice::store {

namespace {

constexpr std::size_t deepest = 4;
constexpr std::int64_t longest_text = 64 << 20;
constexpr std::int64_t longest_list = 1 << 20;

enum class Step : std::uint8_t { done, short_of_bytes, broken };

class Parser {
public:
    explicit Parser(std::string_view bytes) : bytes_(bytes) {}
    std::size_t at() const { return at_; }

    Step read(RedisReply& reply, std::size_t depth = 0) {
        std::string_view line;
        if (!read_line(line)) return Step::short_of_bytes;
        if (line.empty() || depth > deepest) return Step::broken;
        char const type = line.front();
        line.remove_prefix(1);
        if (type == '+' || type == '-') {
            reply.kind = type == '+' ? RedisReply::Kind::text : RedisReply::Kind::error;
            reply.text = line;
            return Step::done;
        }
        std::int64_t number = 0;
        auto const [end, problem] = std::from_chars(line.data(), line.data() + line.size(), number);
        if (problem != std::errc() || end != line.data() + line.size()) return Step::broken;
        switch (type) {
            case ':':
                reply.kind = RedisReply::Kind::number;
                reply.number = number;
                return Step::done;
            case '$':
                return read_text(reply, number);
            case '*':
                return read_list(reply, number, depth);
            default:
                return Step::broken;
        }
    }

private:
    bool read_line(std::string_view& line) {
        auto const end = bytes_.find("\r\n", at_);
        if (end == std::string_view::npos) return false;
        line = bytes_.substr(at_, end - at_);
        at_ = end + 2;
        return true;
    }

    Step read_text(RedisReply& reply, std::int64_t size) {
        if (size == -1) return Step::done;
        if (size < 0 || size > longest_text) return Step::broken;
        auto const length = static_cast<std::size_t>(size);
        if (bytes_.size() - at_ < length + 2) return Step::short_of_bytes;
        if (bytes_.substr(at_ + length, 2) != "\r\n") return Step::broken;
        reply.kind = RedisReply::Kind::text;
        reply.text = bytes_.substr(at_, length);
        at_ += length + 2;
        return Step::done;
    }

    Step read_list(RedisReply& reply, std::int64_t size, std::size_t depth) {
        if (size == -1) return Step::done;
        if (size < 0 || size > longest_list) return Step::broken;
        reply.kind = RedisReply::Kind::list;
        for (std::int64_t i = 0; i < size; ++i)
            if (auto const step = read(reply.list.emplace_back(), depth + 1); step != Step::done) return step;
        return Step::done;
    }

    std::string_view bytes_;
    std::size_t at_ = 0;
};

}  // namespace

std::expected<std::optional<RedisReply>, std::string_view> RedisReader::next() {
    RedisReply reply;
    Parser parser(unread_);
    switch (parser.read(reply)) {
        case Step::done:
            unread_.erase(0, parser.at());
            return std::move(reply);
        case Step::short_of_bytes:
            return std::nullopt;
        case Step::broken:
            break;
    }
    return std::unexpected(std::string_view("this is no answer of Redis"));
}

void append_command(std::string& out, std::vector<std::string> const& words) {
    out += '*' + std::to_string(words.size()) + "\r\n";
    for (auto const& word : words) {
        out += '$' + std::to_string(word.size()) + "\r\n";
        out += word;
        out += "\r\n";
    }
}

}  // namespace sluice::store
