#include <algorithm>
#include <cctype>
#include <span>

#include "config/catalogue.hpp"
#include "config/interpolate.hpp"
#include "config/reader.hpp"
#include "config/text.hpp"
#include "config/values.hpp"

/// The leaves of Reader: scalars, lists, headers and secrets.
namespace sluice::config {
namespace {

std::string without_line_end(std::string text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

/// A secret goes into a header: visible ASCII only. Empty: it may.
std::string unfit_for_header(std::string_view secret) {
    if (secret.empty()) return "is empty";
    bool const visible = std::ranges::all_of(secret, [](char c) { return c > ' ' && c < 0x7F; });
    return visible ? "" : "holds a space, a line break or a character that no header can carry";
}

/// Other programs' ways to name a variable, taken for a key, would be sent to the provider.
bool looks_like_reference(std::string_view text) {
    return text.starts_with("os.environ/") || text.starts_with("env.") || text.starts_with("env::") ||
           (text.starts_with('$') && !text.starts_with("${") && !text.starts_with("$$"));
}

bool is_header_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("!#$%&'*+-.^_`|~").contains(c);
    });
}

/// Why a header may not be configured; empty: it may.
std::string reserved_header(std::string name) {
    std::ranges::transform(name, name.begin(),
                           [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
    if (name == "authorization") return "is set from `api_key`";
    constexpr std::string_view ours[] = {
        "host",    "content-length", "transfer-encoding", "connection",      "content-type",       "te", "trailer",
        "upgrade", "expect",         "keep-alive",        "accept-encoding", "proxy-authorization"};
    return std::ranges::find(ours, name) == std::end(ours) ? "" : "is set by Sluice";
}

}  // namespace

std::optional<Reader::Scalar> Reader::scalar_of(Node const& node, std::string_view what) {
    if (node.shape == Node::Shape::null) {
        error(node.at, "`" + std::string(what) + "` is empty");
        return std::nullopt;
    }
    if (node.shape != Node::Shape::scalar) {
        error(node.at, "`" + std::string(what) + "` must be a single value");
        return std::nullopt;
    }
    auto expanded = interpolate(node.text, environment_);
    if (!expanded) {
        error(node.at, std::move(expanded.error()));
        return std::nullopt;
    }
    std::string origin = shown(node.at);
    std::string set;
    for (std::string const& name : expanded->variables) {
        if (environment_ && environment_(name)) set += (set.empty() ? "env " : ", ") + name;
    }
    if (!set.empty()) origin = set;
    bool const is_literal = expanded->variables.empty();
    std::string subject = (is_literal ? "`" : "the value of `") + clipped(node.text) + "`";
    return Scalar{std::move(expanded->text), std::move(origin), std::move(subject)};
}

void Reader::scalar(Field const& field, void* object, Node const& node, Where const& where) {
    auto text = scalar_of(node, where.child(field.key));
    if (!text) return;
    if (field.kind == Kind::path && !text->text.empty()) text->text = path_from(directory_of(node.at.file), text->text);
    bool const holds_password = (field.kind == Kind::url || field.kind == Kind::proxy_url) && text->text.contains('@');
    if (holds_password) {
        literals_.push_back(node.text);
        text->subject = "this URL";
    }
    if (field.kind == Kind::hash) {
        literals_.push_back(node.text);
        text->subject = "this";
    }
    auto value = parse_value(field, text->text);
    if (!value) return error(node.at, text->subject + " " + value.error());
    bool const may_refer = field.kind == Kind::target || field.kind == Kind::text;
    if (may_refer) subjects_[where.child(field.key)] = text->subject;
    field.bind.assign(object, *value);
    std::string const fingerprint = field.kind == Kind::hash ? sha256_hex(text->text) : "";
    show(field, object, where, std::move(text->origin), fingerprint);
}

/// Each as a map or as its short form; shown as one list.
void Reader::targets(Field const& field, void* owner, Node const& node, Where const& where) {
    std::string const path = where.child(field.key);
    bool const is_single = node.shape == Node::Shape::scalar || node.shape == Node::Shape::map;
    std::vector<Node> const single = is_single ? std::vector<Node>{node} : std::vector<Node>{};
    auto const& items = is_single ? single : node.items;
    std::size_t const before = lines_.size();
    std::string shown_items;
    for (std::size_t i = 0; i < items.size(); ++i) {
        Where const inner{.path = path + "[" + std::to_string(i) + "]"};
        places_[inner.path] = items[i].at;
        void* const target = field.bind.entry(owner, {});
        if (items[i].shape == Node::Shape::list || items[i].shape == Node::Shape::null) {
            scalar_of(items[i], inner.path);  // says what is wrong with it
            continue;
        }
        entry(field, target, items[i], inner);
        shown_items +=
            (shown_items.empty() ? "" : ", ") + flow_of(std::span(lines_).subspan(before), field.section().short_form);
        lines_.resize(before);
    }
    lines_.push_back({.depth = where.depth,
                      .path = path,
                      .key = std::string(field.key),
                      .value = "[" + shown_items + "]",
                      .origin = shown(node.at),
                      .written = true});
}

void Reader::list(Field const& field, void* object, Node const& node, Where const& where) {
    std::string const path = where.child(field.key);
    bool const is_single = node.shape == Node::Shape::scalar;
    std::vector<Node> const single = is_single ? std::vector<Node>{node} : std::vector<Node>{};
    if (!is_single && node.shape != Node::Shape::list && node.shape != Node::Shape::null) {
        return error(node.at, "`" + path + "` must be a list");
    }
    bool const is_numbers = field.kind == Kind::integers || field.kind == Kind::percents;
    Texts words;
    Numbers numbers;
    auto const& items = is_single ? single : node.items;
    for (std::size_t i = 0; i < items.size(); ++i) {
        std::string const item_path = path + "[" + std::to_string(i) + "]";
        places_[item_path] = items[i].at;
        auto text = scalar_of(items[i], item_path);
        if (!text) continue;
        subjects_[item_path] = text->subject;
        auto value = parse_value(field, text->text);
        if (!value)
            error(items[i].at, text->subject + " " + value.error());
        else if (is_numbers)
            numbers.push_back(std::get<std::int64_t>(*value));
        else
            words.push_back(std::get<std::string>(*value));
    }
    field.bind.assign(object, is_numbers ? Value(numbers) : Value(words));
    show(field, object, where, shown(node.at));
}

void Reader::headers(Field const& field, void* object, Node const& node, Where const& where) {
    std::string const path = where.child(field.key);
    if (node.shape == Node::Shape::null) return;
    if (node.shape != Node::Shape::map) return error(node.at, "`" + path + "` must be a map");
    TextMap headers;
    std::string canonical;
    for (Entry const& entry : node.entries) {
        if (!is_header_name(entry.key)) {
            error(entry.at, "`" + clipped(entry.key) + "` is no header name");
        } else if (auto const why = reserved_header(entry.key); !why.empty()) {
            error(entry.at, "header `" + entry.key + "` " + why);
        } else if (auto value = scalar_of(entry.value, path + "." + entry.key)) {
            literals_.push_back(entry.value.text);
            bool const fits = std::ranges::all_of(value->text, [](char c) { return c >= ' ' && c < 0x7F; });
            if (!fits) error(entry.value.at, "a header value holds a character that no header can carry");
            canonical += entry.key + ":" + value->text + "\n";
            headers[entry.key] = std::move(value->text);
        }
    }
    field.bind.assign(object, headers);
    if (!headers.empty()) show(field, object, where, shown(node.at), sha256_hex(canonical));
}

void Reader::text_map(Field const& field, void* object, Node const& node, Where const& where) {
    std::string const path = where.child(field.key);
    if (node.shape == Node::Shape::null) return;
    if (node.shape != Node::Shape::map) return error(node.at, "`" + path + "` must be a map");
    TextMap texts;
    for (Entry const& entry : node.entries) {
        places_[path + "." + entry.key] = entry.at;
        if (auto value = scalar_of(entry.value, path + "." + entry.key)) texts[entry.key] = std::move(value->text);
    }
    field.bind.assign(object, texts);
    show(field, object, where, shown(node.at));
}

void Reader::rules(Field const& field, void* object, Node const& node, Where const& where) {
    RuleList list{.rules = read_rules(node, rule_sets(), problems_), .text = json_of(node)};
    field.bind.assign(object, list);
    show(field, object, where, shown(node.at));
}

std::optional<Reader::Scalar> Reader::secret_from(Entry const& entry) {
    auto text = scalar_of(entry.value, entry.key);
    if (!text) return std::nullopt;
    if (entry.key == "env") {
        auto value = environment_ ? environment_(text->text) : std::nullopt;
        if (value) return Scalar{std::move(*value), "env " + text->text, "environment variable " + clipped(text->text)};
        error(entry.value.at, "environment variable " + clipped(text->text) + " is not set");
        return std::nullopt;
    }
    if (entry.key == "file") {
        std::string const path = path_from(directory_of(entry.value.at.file), text->text);
        secret_files_.push_back(path);
        auto content = files_.read ? files_.read(path) : std::unexpected(std::string("No such file or directory"));
        if (content) return Scalar{without_line_end(std::move(*content)), "file " + path, "file " + path};
        error(entry.value.at, "can't read " + path + ": " + content.error());
        return std::nullopt;
    }
    error(entry.at, "unknown key `" + clipped(entry.key) + "` for a secret; known: env, file");
    return std::nullopt;
}

std::optional<Reader::Scalar> Reader::secret_of(Field const& field, Node const& node) {
    if (node.shape == Node::Shape::map) {
        if (node.entries.size() == 1) return secret_from(node.entries.front());
        error(node.at, "a secret is `{ env: VARIABLE }`, `{ file: PATH }` or a text");
        return std::nullopt;
    }
    literals_.push_back(node.text);
    auto text = scalar_of(node, field.key);
    if (!text) return std::nullopt;
    bool const is_literal = text->subject.starts_with('`');
    if (is_literal && looks_like_reference(text->text)) {
        error(node.at, "this is no variable here: write ${NAME} or { env: NAME }, and `$$` for a dollar sign");
        return std::nullopt;
    }
    if (is_literal) text->subject = "this secret";
    return text;
}

void Reader::secret(Field const& field, void* object, Node const& node, Where const& where) {
    auto text = secret_of(field, node);
    if (!text) return;
    bool const may_be_none = std::ranges::find(field.choices, "none") != field.choices.end();
    SecretText secret{.value = {}, .none = may_be_none && text->text == "none"};
    if (!secret.none) {
        if (auto const why = unfit_for_header(text->text); !why.empty())
            return error(node.at, text->subject + " " + why);
        secret.value = Secret(text->text);
    }
    field.bind.assign(object, secret);
    show(field, object, where, std::move(text->origin), secret.none ? "" : sha256_hex(text->text));
}

void Reader::store_url(Field const& field, void* object, Node const& node, Where const& where) {
    auto text = secret_of(field, node);
    if (!text) return;
    auto value = parse_value(field, text->text);
    if (!value) return error(node.at, text->subject + " " + value.error());
    field.bind.assign(object, *value);
    if (!text->text.empty()) show(field, object, where, std::move(text->origin), sha256_hex(text->text));
}

}  // namespace sluice::config
