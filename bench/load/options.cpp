#include "options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

namespace sluice::bench {

Options parse_options(int argc, char** argv) {
    Options options;
    double seconds = 0;
    double patience = 120;
    std::map<std::string, Mode> const modes{{"json", Mode::json}, {"stream", Mode::stream}, {"hold", Mode::hold}};

    CLI::App app{"Load generator for chat completions; prints its result as one line of JSON."};
    app.add_option("mode", options.mode, "json: closed loop; stream: read S streams; hold: keep S streams open")
        ->required()
        ->transform(CLI::CheckedTransformer(modes));
    app.add_option("--address", options.address, "numeric address")->capture_default_str();
    app.add_option("--port", options.port)->required();
    app.add_option("--path", options.path)->capture_default_str();
    app.add_flag_callback("--tls", [&options] { options.transport = Transport::tls; }, "no verification");
    app.add_option("--header", options.headers, "'name: value', may be repeated");
    app.add_option("--model", options.model)->capture_default_str();
    app.add_option("--lab", options.lab, "JSON for the body's member \"lab\"; @NONCE@ in it becomes 16 hex digits");
    app.add_option("--body", options.body_file, "file with the whole body, instead of a generated one");
    app.add_option("--body-bytes", options.body_bytes, "size of the generated body")->capture_default_str();
    app.add_option("-c,--connections,--streams", options.connections, "concurrency")->capture_default_str();
    app.add_option("--opening", options.opening, "streams being opened at a time")->capture_default_str();
    app.add_option("--rate", options.rate, "json: requests a second, whether or not earlier ones are answered");
    app.add_option("-n,--requests", options.requests, "json: stop after so many");
    app.add_option("-t,--seconds", seconds, "json: stop after; hold: close after (or when stdin is closed)");
    app.add_option("--patience", patience, "seconds for the whole run")->capture_default_str();
    app.add_option("--expect", options.expect, "text that each answer must contain");
    app.add_flag("--echo", options.echo, "each answer must contain its request's @NONCE@");
    app.add_option("--sequence-after", options.sequence_after, "an event's number follows this")->capture_default_str();
    app.add_option("--stamp-after", options.stamp_after, "the monotonic ns of an event's sending follow this");
    app.add_option("--events", options.events_per_stream, "events with content that each stream must have");
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        std::exit(app.exit(error));
    }
    options.seconds = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
    options.patience = std::chrono::nanoseconds(static_cast<std::int64_t>(patience * 1e9));
    return options;
}

}  // namespace sluice::bench
