#include "server/observe/access_text.hpp"

#include "server/observe/json_line.hpp"
#include "server/observe/registry.hpp"

namespace sluice::observe {
namespace {

constexpr std::string_view reset = "\x1b[0m";
constexpr std::string_view dim = "\x1b[2m";

std::string_view colour_of(int status) {
    if (status >= 500) return "\x1b[31m";
    return status >= 400 ? "\x1b[33m" : "\x1b[32m";
}

void append_in(std::string& out, std::string_view colour, LineStyle style, std::string_view text) {
    if (style != LineStyle::coloured) {
        out += text;
    } else {
        out.append(colour).append(text).append(reset);
    }
}

/// A client's own text on somebody's terminal: nothing but printable ASCII gets there.
void append_shown(std::string& out, std::string_view text) {
    for (char const c : clipped(text)) out += c < 0x20 || c > 0x7E ? '?' : c;
}

void append_target(std::string& out, Outcome const& outcome) {
    if (!outcome.requested_model.empty()) append_shown(out += ' ', outcome.requested_model);
    auto const* last = outcome.last_attempt();
    if (!last) return;
    append_shown(out += " -> ", last->provider);
    append_shown(out += '/', last->target_model);
    if (outcome.attempts.size() > 1) {
        append_number(out += " (attempt ", outcome.attempts.size());
        out += ')';
    }
}

void append_figures(std::string& out, Outcome const& outcome) {
    append_ms(out += ' ', outcome.duration);
    out += " ms";
    if (outcome.first_token) {
        append_ms(out += " ttft ", *outcome.first_token);
        out += " ms";
    }
    if (outcome.usage.source != UsageSource::none) {
        append_number(out += ' ', outcome.usage.input);
        append_number(out += '+', outcome.usage.output);
        out += outcome.usage.source == UsageSource::estimated ? " tokens (counted)" : " tokens";
    }
    if (outcome.cost) append_usd(out += " $", *outcome.cost);
}

}  // namespace

void append_access_text(std::string& out, Outcome const& outcome, Timestamp& timestamp, LineStyle style) {
    std::string time;
    timestamp.append(
        time, outcome.started_at + std::chrono::duration_cast<std::chrono::system_clock::duration>(outcome.duration));
    append_in(out, dim, style, time);
    out += ' ';
    append_in(out, colour_of(outcome.status), style, std::to_string(outcome.status));
    append_shown(out += ' ', outcome.method);
    append_shown(out += ' ', outcome.route);
    append_target(out, outcome);
    append_figures(out, outcome);
    if (outcome.error) out.append(" ").append(error_label(outcome.error->kind));
    if (outcome.client_left) out += " client left";
    out += ' ';
    std::string id;
    append_shown(id, outcome.request_id);
    append_in(out, dim, style, id);
    out += '\n';
}

}  // namespace sluice::observe
