#include "server/observe/access_text.hpp"

#include "server/observe/line_buffer.hpp"
#include "server/observe/registry.hpp"

namespace sluice::observe {
namespace {

constexpr std::string_view reset = "\x1b[0m";
constexpr std::string_view dim = "\x1b[2m";

std::string_view colour_of(int status) {
    if (status >= 500) return "\x1b[31m";
    return status >= 400 ? "\x1b[33m" : "\x1b[32m";
}

/// Colours what is appended while it lives.
class Colour {
public:
    Colour(LineBuffer& out, std::string_view colour, LineStyle style) : out_(out), style_(style) {
        if (style_ == LineStyle::coloured) out_.raw(colour);
    }
    Colour(Colour const&) = delete;
    Colour& operator=(Colour const&) = delete;
    ~Colour() {
        if (style_ == LineStyle::coloured) out_.raw(reset);
    }

private:
    LineBuffer& out_;
    LineStyle style_;
};

void append_target(LineBuffer& out, Outcome const& outcome) {
    if (!outcome.requested_model.empty()) out.raw(" ").shown(outcome.requested_model);
    auto const* last = outcome.last_attempt();
    if (!last) return;
    out.raw(" -> ").shown(last->provider).raw("/").shown(last->target_model);
    if (outcome.tries() > 1) out.raw(" (attempt ").number(outcome.tries()).raw(")");
}

void append_figures(LineBuffer& out, Outcome const& outcome) {
    out.raw(" ").ms(outcome.duration).raw(" ms");
    if (outcome.first_token) out.raw(" ttft ").ms(*outcome.first_token).raw(" ms");
    auto const& usage = outcome.usage;
    if (usage.source != UsageSource::none) {
        out.raw(" ").number(usage.input).raw("+").number(usage.output).raw(" tokens");
        if (usage.source == UsageSource::estimated) out.raw(" (counted)");
    }
    if (outcome.cost) out.raw(" $").usd(*outcome.cost);
}

}  // namespace

void append_access_text(LineBuffer& out, Outcome const& outcome, Timestamp& timestamp, LineStyle style) {
    {
        Colour const colour(out, dim, style);
        timestamp.append(out, end_of(outcome));
    }
    out.raw(" ");
    {
        Colour const colour(out, colour_of(outcome.status), style);
        out.number(outcome.status);
    }
    out.raw(" ").shown(outcome.method).raw(" ").shown(outcome.route);
    append_target(out, outcome);
    append_figures(out, outcome);
    if (outcome.error) out.raw(" ").raw(error_label(outcome.error->kind));
    if (outcome.client_left) out.raw(" client left");
    if (outcome.mirror == Mirror::copy) out.raw(" mirror");
    out.raw(" ");
    {
        Colour const colour(out, dim, style);
        out.shown(outcome.request_id);
    }
    out.raw("\n");
}

}  // namespace sluice::observe
