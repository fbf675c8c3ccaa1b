#include "providers/openai/safe_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sluice::openai {
namespace {

using std::string_view;

constexpr string_view removed = "[redacted]";
constexpr std::size_t longest = 512;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'); }
bool is_key_byte(char c) { return is_alnum(c) || c == '-' || c == '_' || c == '*' || c == '.' || c == '~' || c == '+'; }

bool starts_with_any_case(string_view text, string_view lower_prefix) {
    return text.size() >= lower_prefix.size() && std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                                                            [](char a, char b) { return a == lower(b); });
}

bool has_html(string_view text) {
    constexpr std::array<string_view, 5> tags{"<!doctype", "<html", "<head", "<body", "<script"};
    for (auto at = text.find('<'); at != string_view::npos; at = text.find('<', at + 1)) {
        auto const rest = text.substr(at);
        if (std::any_of(tags.begin(), tags.end(), [rest](auto tag) { return starts_with_any_case(rest, tag); }))
            return true;
    }
    return false;
}

std::size_t run_length(string_view text, bool (*in_run)(char)) {
    auto const end = std::find_if_not(text.begin(), text.end(), in_run);
    return static_cast<std::size_t>(end - text.begin());
}

/// Length of the secret that `text`, which begins with a word, begins with; 0 for none. `kept` bytes of it may stay.
struct Found {
    std::size_t kept = 0;
    std::size_t length = 0;
};

Found find_prefixed(string_view text) {
    struct Prefix {
        string_view text;
        std::size_t min_tail;        ///< shorter tails are ordinary words
        bool may_be_a_word = false;  ///< without a digit it is one
    };
    constexpr std::array<Prefix, 27> prefixes{
        {{"sk-", 3},     {"sk_", 3},         {"pk-", 8},        {"gsk_", 3},  {"xai-", 8},      {"hf_", 8},
         {"nvapi-", 3},  {"pplx-", 6},       {"fw_", 6},        {"csk-", 3},  {"ga_", 8},       {"aiza", 16},
         {"ya29.", 4},   {"eyj", 16},        {"akia", 12},      {"absk", 12}, {"org-", 6},      {"org_", 6},
         {"proj_", 4},   {"proj-", 8},       {"acct_", 3},      {"acct-", 3}, {"ak-", 8, true}, {"ws-", 8, true},
         {"wrkspc_", 6}, {"asia", 12, true}, {"team_", 6, true}}};
    for (auto const& prefix : prefixes) {
        if (!starts_with_any_case(text, prefix.text)) continue;
        auto const length = run_length(text, is_key_byte);
        bool const has_digit = std::any_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length), is_digit);
        bool const is_long = length >= prefix.text.size() + prefix.min_tail;
        if (is_long && (has_digit || !prefix.may_be_a_word)) return {0, length};
    }
    return {};
}

/// "Bearer x", "api_key=x", "account 'x'", "organization x", "projects/x".
Found find_named(string_view text) {
    // Longer names before their beginnings.
    constexpr std::array<string_view, 29> names{"bearer",
                                                "api_key",
                                                "api-key",
                                                "apikey",
                                                "api key",
                                                "x-api-key",
                                                "key",
                                                "token",
                                                "access_token",
                                                "secret",
                                                "password",
                                                "authorization",
                                                "account id",
                                                "account_id",
                                                "accounts",
                                                "account",
                                                "organization id",
                                                "organizations",
                                                "organization",
                                                "organisation",
                                                "project_number",
                                                "project number",
                                                "projects",
                                                "project",
                                                "workspace id",
                                                "workspaces",
                                                "workspace",
                                                "tenant",
                                                "team"};
    for (auto const name : names) {
        if (!starts_with_any_case(text, name)) continue;
        auto at = name.size();
        while (at < text.size() && at < name.size() + 4 && string_view(" =:'\"`/").find(text[at]) != string_view::npos)
            ++at;
        if (at == name.size()) continue;
        bool const is_path = text[at - 1] == '/' && at == name.size() + 1;
        if (text[at - 1] == '/' && (!is_path || name.back() != 's')) continue;
        auto const value = text.substr(at);
        auto const length = run_length(value, is_key_byte);
        // A value has a digit or a star; "key provided" and "account is suspended" are words.
        auto const has_mark = std::any_of(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(length),
                                          [](char c) { return is_digit(c) || c == '*'; });
        if (length >= 3 && has_mark) return {at, at + length};
    }
    return {};
}

/// "arn:aws:iam::123456789012:user/x": the whole of it.
Found find_arn(string_view text) {
    constexpr std::array<string_view, 3> kinds{"arn:aws:", "arn:aws-us-gov:", "arn:aws-cn:"};
    if (std::none_of(kinds.begin(), kinds.end(), [text](auto kind) { return starts_with_any_case(text, kind); })) {
        return {};
    }
    return {0, std::min(text.find_first_of(" '\"`<>(),;"), text.size())};
}

/// The numbers of AWS accounts and Google projects: twelve digits, or ten and more.
Found find_account_number(string_view text) {
    auto const length = run_length(text, is_digit);
    bool const is_word = length == text.size() || !is_key_byte(text[length]);
    bool const is_number = length >= 10 && length <= 14 && (is_word || text[length] == '.');
    return is_number ? Found{0, length} : Found{};
}

/// "https://user:password@host": what stands before the @.
Found find_credentials(string_view text) {
    auto const scheme = text.substr(0, std::min<std::size_t>(text.size(), 12)).find("://");
    if (scheme == string_view::npos) return {};
    auto const begin = scheme + 3;
    auto const end = std::min(text.find_first_of("/ \"'<>", begin), text.size());
    auto const at = text.substr(0, end).rfind('@');
    return at == string_view::npos || at < begin ? Found{} : Found{begin, at};
}

/// Long runs without any punctuation are keys or hashes, not words.
Found find_random(string_view text) {
    auto const length = run_length(text, is_alnum);
    auto const word = text.substr(0, length);
    bool const has_digit = std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
    return length >= 28 && has_digit ? Found{0, length} : Found{};
}

Found find_secret(string_view text) {
    for (auto const find : {find_prefixed, find_arn, find_named, find_credentials, find_account_number, find_random}) {
        if (auto const found = find(text); found.length > 0) return found;
    }
    return {};
}

std::string without_secrets(string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        bool const word_begins = is_alnum(text[at]) && (at == 0 || !is_alnum(text[at - 1]));
        auto const found = word_begins ? find_secret(text.substr(at)) : Found{};
        if (found.length == 0) {
            out += text[at++];
            continue;
        }
        out += text.substr(at, found.kept);
        out += removed;
        at += found.length;
    }
    return out;
}

std::string one_line(string_view text) {
    std::string out;
    for (char const c : text) {
        bool const space = static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
        if (!space) out += c;
        if (space && !out.empty() && out.back() != ' ') out += ' ';
    }
    if (out.ends_with(' ')) out.pop_back();
    return out;
}

}  // namespace

std::string safe_text(string_view text) {
    text = text.substr(0, 8 * longest);
    if (has_html(text)) return {};
    auto out = without_secrets(one_line(text));
    if (out.size() <= longest) return out;
    auto end = longest - 3;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
    out.resize(end);
    return out += "...";
}

std::string safe_identifier(string_view text) {
    auto const allowed = [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.' || c == '[' || c == ']'; };
    if (text.empty() || text.size() > 64 || !std::all_of(text.begin(), text.end(), allowed)) return {};
    return without_secrets(text) == text ? std::string(text) : std::string();
}

}  // namespace sluice::openai
