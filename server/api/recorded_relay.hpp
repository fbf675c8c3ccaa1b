#pragma once

#include <optional>
#include <string>

#include "server/api/recorded_answer.hpp"

namespace sluice::api {

/// Records what is written to it. Thread: the writer's worker.
class RecordingSink final : public ReplySink {
public:
    /// `forget` is called when the request's own bytes are not needed any more. `clock` and `cancellation` must live
    /// longer.
    RecordingSink(std::shared_ptr<RecordedAnswer> answer, Clock& clock, Cancellation& cancellation,
                  std::function<void()> forget)
        : answer_(std::move(answer)), clock_(clock), cancellation_(cancellation), forget_(std::move(forget)) {}

    Task<Result<>> answer(int status, Headers const& headers, Pieces body) override;
    void forget_request() override { forget_(); }
    Task<Result<>> start_stream(Headers const& headers) override;
    Task<Result<>> write(Pieces pieces) override;
    Task<Result<>> end_stream(bool keep_open) override;
    bool stream_started() const override { return started_; }
    std::uint64_t bytes_out() const override { return answer_->size(); }

private:
    std::shared_ptr<RecordedAnswer> answer_;
    Clock& clock_;
    Cancellation& cancellation_;
    std::function<void()> forget_;
    std::shared_ptr<Gate> room_;  ///< mostly null: only who has to wait needs it
    bool started_ = false;
};

/// Whose answer it is that a reader gets.
struct Rereading {
    std::string request_id;  ///< of the reader's own request
    /// These stand in for the answer's fields about the caller's limits; absent: it is the first one's own answer.
    std::optional<Headers> limits;
};

/// How a reader's request ended.
struct Reread {
    int status = 0;
    Result<> sent;               ///< to the client
    std::optional<Error> error;  ///< instead of the recorded answer
};

/// Passes the answer of `reader` on to `client`, whatever happens: where nobody will end it, or the server stops, with
/// an error of its own. Throws what the writer threw. All it is given must live until it returns.
Task<Reread> pass_on(RecordedAnswer::Reader& reader, ReplySink& client, Rereading const& rereading,
                     Cancellation& cancellation);

}  // namespace sluice::api
