#include "config/import/secrecy.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::string_view environment = "os.environ/";

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '+' || c == '/' || c == '=';
}

/// Long, of one piece, with a digit; or what keys of known providers begin with; or a password in a URL.
bool looks_secret(std::string_view text) {
    for (std::string_view const start : {"sk-", "sk_", "pk-", "gsk_", "hf_", "xai-", "AIza", "AKIA", "Bearer ",
                                         "nvapi-", "csk-", "r8_", "eyJ", "ghp_"})
        if (text.starts_with(start)) return true;
    auto const scheme = text.find("://");
    if (scheme != std::string_view::npos && text.find('@', scheme) != std::string_view::npos) return true;
    constexpr std::size_t long_enough = 24;
    bool const has_digit = std::ranges::any_of(text, [](char c) { return c >= '0' && c <= '9'; });
    return text.size() >= long_enough && has_digit && std::ranges::all_of(text, is_word) && !text.contains('/');
}

void append(std::string& out, std::string_view key, Node const& node, std::size_t depth) {
    constexpr std::size_t deepest = 6;
    constexpr std::size_t enough = 200;
    if (depth > deepest || out.size() > enough) {
        out += "...";
    } else if (node.shape == Node::Shape::map) {
        out += "{ ";
        for (Entry const& entry : node.entries) {
            out += (&entry == node.entries.data() ? "" : ", ") + entry.key + ": ";
            append(out, is_secret_key(key) ? key : std::string_view(entry.key), entry.value, depth + 1);
        }
        out += " }";
    } else if (node.shape == Node::Shape::list) {
        out += "[";
        for (Node const& item : node.items) {
            if (&item != node.items.data()) out += ", ";
            append(out, key, item, depth + 1);
        }
        out += "]";
    } else if (!variable_of(node).empty() || !(is_secret_key(key) || looks_secret(node.text)) || node.text.empty()) {
        out += node.text;
    } else {
        out += "***";
    }
}

}  // namespace

bool is_secret_key(std::string_view key) {
    auto const name = lower(key);
    for (std::string_view const count :
         {"max_tokens", "max_completion_tokens", "max_input_tokens", "max_output_tokens", "cost_per_token"})
        if (name.ends_with(count)) return false;
    for (std::string_view const word :
         {"key", "token", "secret", "password", "passwd", "credential", "auth", "database_url", "redis_url", "header",
          "environment_variables", "dsn", "webhook"})
        if (name.contains(word)) return true;
    return false;
}

std::string shown_safely(std::string_view key, Node const& node) {
    std::string out;
    append(out, key, node, 0);
    std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    constexpr std::size_t longest = 100;
    if (out.size() <= longest) return out;
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
    return out.substr(0, end) + "...";
}

std::string variable_of(Node const& node) {
    bool const is_reference = node.shape == Node::Shape::scalar && node.text.starts_with(environment) &&
                              node.text.size() > environment.size();
    auto const name = is_reference ? node.text.substr(environment.size()) : std::string();
    bool const is_name =
        std::ranges::all_of(name, [](char c) { return is_word(c) && c != '-' && c != '+' && c != '/' && c != '='; });
    return is_name ? name : std::string();
}

std::string doubled(std::string_view text) {
    std::string out;
    for (char c : text) out += c == '$' ? std::string("$$") : std::string(1, c);
    return out;
}

std::string written(Node const& node) {
    if (auto const name = variable_of(node); !name.empty()) return "${" + name + "}";
    return doubled(node.text);
}

}  // namespace sluice::config
