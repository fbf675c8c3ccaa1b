#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::bench {

enum class Mode : std::uint8_t {
    json,    ///< closed loop: each connection sends its next request when the answer to the last one is complete
    stream,  ///< opens the streams, reads each to its end
    hold,    ///< opens the streams, keeps them open, closes them
};
enum class Transport : std::uint8_t { plain, tls };

struct Options {
    Mode mode = Mode::json;
    Transport transport = Transport::plain;
    std::string address = "127.0.0.1";  ///< numeric: names are not resolved
    std::uint16_t port = 0;
    std::string path = "/v1/chat/completions";
    std::vector<std::string> headers;  ///< "name: value"
    std::string model = "fast";
    std::string lab;                     ///< a JSON value: the body's member "lab", what the lab is told to do
    std::string body_file;               ///< replaces the generated body
    std::size_t body_bytes = 1024;       ///< size of the generated body
    std::size_t connections = 1;         ///< json: concurrency; stream, hold: number of streams
    std::size_t opening = 64;            ///< at most so many connections between connect and their first event
    double rate = 0;                     ///< json: open loop, so many requests a second; 0 = closed loop
    std::uint64_t requests = 0;          ///< json: stop after so many; 0 = go by `seconds`
    std::chrono::nanoseconds seconds{};  ///< json: stop after; hold: close after
    std::chrono::nanoseconds patience =
        std::chrono::seconds(120);            ///< for the whole run; then what is open is an error
    std::string expect;                       ///< text that each answer must contain
    bool echo = false;                        ///< each answer must contain the nonce that its own request carried
    std::string sequence_after = "\"seq\":";  ///< a stream's event has its number, from 0 or 1, after this text
    std::string stamp_after;                  ///< and the CLOCK_MONOTONIC nanoseconds of its sending after this
    std::optional<std::uint64_t> events_per_stream;  ///< events with content that each stream must have
};

/// Reads the command line; prints usage or the complaint and ends the process when there is nothing to run.
Options parse_options(int argc, char** argv);

}  // namespace sluice::bench
