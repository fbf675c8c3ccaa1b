#include "providers/openai/finish_reasons.hpp"

#include <algorithm>
#include <array>

namespace sluice::openai {
namespace {

using std::string_view;

struct Row {
    string_view native;  ///< lower case; Google's names come in capitals
    string_view ours;
};

constexpr std::array rows{
    Row{"stop", "stop"},
    Row{"length", "length"},
    Row{"tool_calls", "tool_calls"},
    Row{"content_filter", "content_filter"},
    Row{"eos", "stop"},
    Row{"eos_token", "stop"},
    Row{"end_turn", "stop"},
    Row{"stop_sequence", "stop"},
    Row{"model_length", "length"},
    Row{"max_tokens", "length"},
    Row{"max_output_tokens", "length"},
    Row{"tool_use", "tool_calls"},
    Row{"function_call", "tool_calls"},
    Row{"safety", "content_filter"},
    Row{"sensitive", "content_filter"},
    Row{"content_filtered", "content_filter"},
    Row{"prohibited_content", "content_filter"},
    Row{"recitation", "content_filter"},
    Row{"blocklist", "content_filter"},
};

bool same(string_view text, string_view lower) {
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char c, char wanted) {
        return (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == wanted;
    });
}

}  // namespace

string_view finish_reason_for(string_view reason, CallsSent calls) {
    auto const row =
        std::find_if(rows.begin(), rows.end(), [reason](Row const& known) { return same(reason, known.native); });
    if (row == rows.end()) return reason;
    if (row->native == "function_call" && calls != CallsSent::tool_calls) return row->native;
    return row->ours == "stop" && calls == CallsSent::tool_calls ? string_view("tool_calls") : row->ours;
}

}  // namespace sluice::openai
