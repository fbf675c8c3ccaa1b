#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/request.hpp"
#include "core/pipeline/snapshot.hpp"
#include "server/api/idempotency.hpp"
#include "server/api/keyring.hpp"
#include "server/api/recorded_relay.hpp"

namespace sluice::api {

/// A request that goes on without its client: it owns whatever it refers to, and does not move. First `chat` and
/// `request` are read from the client's bytes, then own() takes over what they refer to. Thread: its worker's.
class DetachedRequest final : public Recorder {
public:
    DetachedRequest(std::shared_ptr<Snapshot const> snapshot, std::shared_ptr<Keyring const> keyring, Clock& clock)
        : snapshot(std::move(snapshot)), keyring_(std::move(keyring)), clock_(clock) {}
    DetachedRequest(DetachedRequest const&) = delete;
    DetachedRequest& operator=(DetachedRequest const&) = delete;

    /// `permit` is what admission gave to the client's request.
    void own(http::RequestHead const& head, Permit permit, IdempotencyPlace place);

    /// Decides what remains of it: what was answered, or may have cost something, is not asked again.
    void record(Outcome const& outcome) override;

    std::shared_ptr<Snapshot const> const snapshot;
    ChatRequest chat;
    std::optional<ClientRequest> request;
    Cancellation cancellation;  ///< nobody's who waits for the answer: of this worker, and of administrators
    std::shared_ptr<RecordedAnswer> answer;
    std::optional<RecordingSink> sink;

private:
    std::shared_ptr<Keyring const> keyring_;  ///< has the caller
    Clock& clock_;
    std::string id_;
    std::string body_;
    Headers fields_;
    Permit permit_;
    IdempotencyTable::Lead lead_;
};

}  // namespace sluice::api
