#pragma once
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "server/lab/pace.hpp"

namespace sluice::lab {

/// Where the token counts appear in a stream. Each is the habit of some provider.
enum class UsageMode : std::uint8_t { normal, always, missing, duplicate, every, finish, choice, null, groq };
enum class LineEnd : std::uint8_t { lf, crlf, cr };
enum class Framing : std::uint8_t { automatic, chunked, length, close };
enum class ErrorShape : std::uint8_t {
    openai,
    openrouter,
    availability,
    alibaba,
    moonshot,
    flat,
    detail,
    detail_array,
    problem,
    array,
    code_and_text,
    text,
    fault,
    novita,
    anthropic,
    message,
    nested,
    html,
    empty,
};
/// Where the words of thought stand: in a member of their own, as parts of the content (Mistral), between two marks in
/// the text, or nowhere but in the count.
enum class ReasoningForm : std::uint8_t { field, parts, tags, hidden };
enum class ErrorFrame : std::uint8_t { openrouter, plain, text, ndjson, event };
enum class RetryForm : std::uint8_t { none, seconds, decimal, date, ms, x_ms, body, reset };
enum class ToolQuirk : std::uint8_t { none, no_index, index_zero, empty_id, repeat_name, whole, object };
/// An answer that is not HTTP, or not quite.
enum class HttpFault : std::uint8_t {
    none,
    two_lengths,
    length_and_chunked,
    bad_chunk_size,
    huge_chunk_size,
    missing_chunk_end,
    negative_length,
    nul_in_header,
    folded_header,
    space_before_colon,
    no_colon,
    huge_header,
    many_headers,
    bad_status_line,
    bad_version,
    bare_lf,
    switching_protocols,
    extra_bytes,
    extra_answer,
    cut_in_header,
    gzip,
    two_codings,
};

/// Everything the lab can be asked to do to one request. docs/guides/lab.md explains each member; the JSON and YAML
/// keys have the same names.
struct Options {
    // pace
    Distribution header_delay, ttft, per_token;
    // what it says
    std::optional<std::string> text;
    bool echo = false;
    unsigned tokens = 24;
    std::size_t answer_bytes = 0, chunk_bytes = 0;
    unsigned tokens_per_chunk = 1;
    unsigned reasoning = 0;
    std::string reasoning_field = "reasoning_content";
    ReasoningForm reasoning_form = ReasoningForm::field;
    std::string reasoning_open = "<think>", reasoning_close = "</think>";
    bool reasoning_details = false;
    unsigned tool_calls = 0;
    std::optional<std::string> tool_arguments;
    ToolQuirk tool_quirk = ToolQuirk::none;
    std::string tool_id = "call_????????????????????";  ///< `?`: a letter or digit; `{name}` and `{index}` of the call
    std::optional<std::string> finish_reason;
    std::map<std::string, std::string> finish_reasons;  ///< this provider's word for each of OpenAI's
    std::optional<std::string> report_model;
    std::optional<std::string> provider;
    bool empty = false, refusal = false, obfuscation = false, precomputed = false;
    // how the stream looks
    LineEnd line_end = LineEnd::lf;
    bool bom = false, data_space = true, done_space = true, done = true, finish = true;
    bool multi_line = false, event_lines = false, id_lines = false, placeholder = false, last_blank = true;
    std::string comment = ": OPENROUTER PROCESSING";
    unsigned comments_first = 0, comment_every = 0;
    Duration comment_interval{};
    UsageMode usage = UsageMode::normal;
    std::size_t huge_event = 0;
    unsigned huge_event_at = 1;
    std::optional<unsigned> bad_json_after, bad_utf8_after;
    unsigned blank_first = 0;
    std::optional<std::string> chunks_first;  ///< a JSON array: literal data lines in front of the answer
    std::uint64_t cached = 0;                 ///< prompt tokens that came out of a cache
    std::optional<std::string> extra;         ///< JSON: more members, by the place where they stand
    std::vector<std::string> omit;            ///< paths of members that this provider doesn't send
    bool omit_nulls = false;                  ///< members of a choice are absent where OpenAI sends null
    bool cumulative = false;                  ///< each chunk repeats the whole message so far
    std::optional<std::string> events;        ///< a JSON array: literal data lines instead of an answer
    // errors
    unsigned status = 200;
    ErrorShape error_shape = ErrorShape::openai;
    std::optional<std::string> error_message, error_type, error_code, error_param;  ///< error_code: as JSON text
    bool ok_error = false;
    std::optional<unsigned> error_after;
    ErrorFrame error_frame = ErrorFrame::openrouter;
    bool error_then_done = false;
    RetryForm retry_form = RetryForm::none;
    Duration retry_after = std::chrono::seconds(1);
    std::optional<std::string> redirect;
    // HTTP
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::string> content_type;
    bool no_content_type = false;
    Framing framing = Framing::automatic;
    std::size_t http_chunk_bytes = 0;
    unsigned interim = 0, interim_status = 103;
    HttpFault http_fault = HttpFault::none;
    unsigned http_fault_at = 0;  ///< for faults of a chunk: which
    Duration extra_wait{};       ///< before extra_bytes and extra_answer
    std::optional<std::string> body, raw;
    // the transport
    std::optional<std::size_t> cut_at, reset_at, stall_after_bytes;
    std::optional<unsigned> cut_after_events, reset_after_events, stall_after_events;
    Duration stall = forever;
    std::size_t drip_bytes = 0, write_size = 0;
    Duration drip_interval{}, header_drip{}, write_interval{};
    unsigned max_requests = 0, silent_close_after = 0, die_on_request = 0;
    bool die_with_reset = false;
    Duration idle_close{};
    // who, and how often
    std::optional<std::string> key;
    unsigned fail_first = 0;
    double fail_ratio = 0.0;
    std::shared_ptr<Options const> failure;  ///< these options with `fail_with` over them
    std::vector<std::string> accept_keys;
    std::map<std::string, std::shared_ptr<Options const>> keys;

    /// True if two equal requests may get different answers.
    bool is_random() const;
    /// True if answers are changed after they are written.
    bool is_decorated() const { return extra || !omit.empty() || omit_nulls || cumulative || cached > 0; }
};

/// Reads options from a JSON object. Every unknown key, wrong type or bad value is an error that names the key.
std::expected<Options, std::string> read_options(nlohmann::json const& object);

}  // namespace sluice::lab
