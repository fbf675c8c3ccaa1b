#include "config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "config/text.hpp"
#include "config/yaml_text.hpp"

namespace sluice::config {
namespace {

/// Ends the parse from inside a callback: there is no other way out of yaml-cpp.
struct GivenUp : std::runtime_error {
    GivenUp(Position where, std::string const& message) : std::runtime_error(message), at(std::move(where)) {}
    Position at;
};

std::size_t size_of(Node const& node) {
    std::size_t size = 1;
    for (Node const& item : node.items) size += size_of(item);
    for (Entry const& entry : node.entries) size += size_of(entry.value);
    return size;
}

/// Builds the tree from yaml-cpp's events rather than from its nodes: those drop duplicate keys, leave merge keys
/// unresolved and share what an alias repeats (yaml-cpp 0.7).
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(std::string file, LineIndex const& lines, TreeLimits const& limits, std::vector<Problem>& problems)
        : file_(std::move(file)), lines_(lines), limits_(limits), problems_(problems) {}

    Node take() { return std::move(root_); }

    void OnDocumentStart(YAML::Mark const& /*mark*/) override {}
    void OnDocumentEnd() override {}
    void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        add(Node(Node::Shape::null, place(mark)), anchor);
    }
    void OnScalar(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                  std::string const& value) override {
        check_tag(mark, tag);
        if (!lines_.closes_quote(mark.pos)) throw GivenUp(place(mark), "a quote that is never closed");
        add(Node(Node::Shape::scalar, place(mark), value), anchor);
    }
    void OnAlias(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        auto const found = anchors_.find(anchor);
        if (found == anchors_.end()) throw GivenUp(place(mark), "an alias may not stand inside the value it repeats");
        count(found->second.second, mark);
        Node copy = found->second.first;
        add(std::move(copy), YAML::NullAnchor);
    }
    void OnSequenceStart(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        check_tag(mark, tag);
        open(Node(Node::Shape::list, place(mark)), anchor, mark);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        check_tag(mark, tag);
        open(Node(Node::Shape::map, place(mark)), anchor, mark);
    }
    void OnMapEnd() override {
        merge(frames_.back());
        close();
    }

private:
    struct Frame {
        Node node;
        YAML::anchor_t anchor = YAML::NullAnchor;
        bool has_key = false;
        bool skip = false;  ///< the key was refused: read its value, and forget it
        std::string key{};
        Position key_at{};
        std::unordered_map<std::string, Position> keys{};
        std::vector<Node> merged{};
    };

    Position place(YAML::Mark const& mark) const {
        return Position{file_, mark.line + 1, lines_.column(mark.line, mark.column)};
    }
    void report(Position at, std::string message) {
        problems_.push_back({.severity = Severity::error, .at = std::move(at), .message = std::move(message)});
    }
    void check_tag(YAML::Mark const& mark, std::string const& tag) {
        if (tag.empty() || tag == "?" || tag == "!" || tag == "tag:yaml.org,2002:str") return;
        report(place(mark), "YAML tags are not used here: write the plain value");
    }
    void count(std::size_t more, YAML::Mark const& mark) {
        nodes_ += more;
        if (nodes_ > limits_.nodes)
            throw GivenUp(place(mark), "too many values, aliases counted as often as they stand");
    }

    void open(Node node, YAML::anchor_t anchor, YAML::Mark const& mark) {
        if (frames_.size() >= limits_.depth) throw GivenUp(node.at, "nested too deeply");
        count(1, mark);
        if (expects_key()) report(node.at, "a key must be a word");
        frames_.push_back(Frame{.node = std::move(node), .anchor = anchor});
    }
    void close() {
        Frame frame = std::move(frames_.back());
        frames_.pop_back();
        add(std::move(frame.node), frame.anchor);
    }
    bool expects_key() const {
        return !frames_.empty() && frames_.back().node.shape == Node::Shape::map && !frames_.back().has_key;
    }

    void add(Node node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, size_of(node)};
        if (frames_.empty()) {
            root_ = std::move(node);
            return;
        }
        Frame& frame = frames_.back();
        if (frame.node.shape == Node::Shape::list) {
            if (++nodes_ > limits_.nodes) throw GivenUp(node.at, "too many values");
            frame.node.items.push_back(std::move(node));
        } else if (!frame.has_key) {
            take_key(frame, node);
        } else {
            take_value(frame, std::move(node));
        }
    }
    void take_key(Frame& frame, Node const& node) {
        frame.has_key = true;
        frame.skip = false;
        frame.key = node.text;
        frame.key_at = node.at;
        if (++nodes_ > limits_.nodes) throw GivenUp(node.at, "too many values");
        if (node.shape != Node::Shape::scalar || node.text.empty()) {
            if (node.shape == Node::Shape::scalar || node.shape == Node::Shape::null) report(node.at, "a key is empty");
            frame.skip = true;
            return;
        }
        if (frame.key == "<<") return;
        auto const [first, is_new] = frame.keys.try_emplace(frame.key, frame.key_at);
        if (is_new) return;
        frame.skip = true;
        report(frame.key_at, "duplicate key `" + clipped(frame.key) + "`: it stands already on line " +
                                 std::to_string(first->second.line));
        problems_.back().about_key = true;
    }
    void take_value(Frame& frame, Node node) {
        frame.has_key = false;
        if (frame.skip) return;
        if (frame.key == "<<") {
            frame.merged.push_back(std::move(node));
            return;
        }
        if (node.shape == Node::Shape::null) node.at = frame.key_at;
        frame.node.entries.push_back(Entry{frame.key, frame.key_at, std::move(node)});
    }

    /// `<<: *defaults` or `<<: [*a, *b]`: keys that the map doesn't have itself; of several maps the first wins.
    void merge(Frame& frame) {
        for (Node& merged : frame.merged) {
            if (merged.shape == Node::Shape::map) {
                merge_map(frame, merged);
            } else if (merged.shape == Node::Shape::list) {
                for (Node& item : merged.items) merge_map(frame, item);
            } else {
                report(merged.at, "`<<` takes an alias of a map, or a list of them");
            }
        }
    }
    void merge_map(Frame& frame, Node& map) {
        if (map.shape != Node::Shape::map) {
            report(map.at, "`<<` takes an alias of a map, or a list of them");
            return;
        }
        for (Entry& entry : map.entries) {
            if (frame.keys.try_emplace(entry.key, entry.at).second) frame.node.entries.push_back(std::move(entry));
        }
    }

    std::string file_;
    LineIndex const& lines_;
    TreeLimits limits_;
    std::vector<Problem>& problems_;
    Node root_;
    std::vector<Frame> frames_;
    std::unordered_map<YAML::anchor_t, std::pair<Node, std::size_t>> anchors_;
    std::size_t nodes_ = 0;
};

}  // namespace

Node::Node() = default;
Node::Node(Shape kind, Position place, std::string scalar)
    : shape(kind), at(std::move(place)), text(std::move(scalar)) {}

Node const* Node::find(std::string_view key) const {
    auto const found = std::ranges::find_if(entries, [key](Entry const& entry) { return entry.key == key; });
    return found == entries.end() ? nullptr : &found->value;
}

std::optional<Node> parse_yaml(std::string_view text, std::string const& file, std::vector<Problem>& problems,
                               TreeLimits const& limits) {
    auto const report = [&problems](Position at, std::string message) {
        problems.push_back({.severity = Severity::error, .at = std::move(at), .message = std::move(message)});
    };
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.size() > limits.bytes) {
        report({file, 0, 0}, "larger than " + std::to_string(limits.bytes / 1024) + " KiB");
        return std::nullopt;
    }
    LineIndex const lines(text);
    if (auto const bad = lines.first_bad_byte()) {
        report({file, bad->line, bad->column}, "not UTF-8 text");
        return std::nullopt;
    }
    TreeBuilder builder(file, lines, limits, problems);
    // yaml-cpp throws on what it can't read, and only this function calls it.
    try {
        std::istringstream in{std::string(text)};
        YAML::Parser parser(in);
        parser.HandleNextDocument(builder);
        Position const next{file, static_cast<int>(lines.count()), 1};
        if (parser) report(next, "a second YAML document: one file is one document");
        return builder.take();
    } catch (GivenUp const& error) {
        report(error.at, error.what());
    } catch (YAML::Exception const& error) {
        int const line = std::max(0, error.mark.line);
        int const column = std::max(0, error.mark.column);
        report({file, line + 1, lines.column(line, column)}, explain_yaml(error.msg, lines.line(line), column));
    } catch (std::exception const& error) {
        report({file, 0, 0}, std::string("not readable as YAML: ") + error.what());
    }
    return std::nullopt;
}

}  // namespace sluice::config
