#pragma once
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "server/lab/request.hpp"

namespace sluice::lab {

/// Reads requests with Beast's parser, which shares no code with the gateway's own.
class RequestReader {
public:
    RequestReader();
    ~RequestReader();

    /// Gets ready for the next request; the one before is gone.
    void start();
    /// How many of `bytes` were used. The rest must come again, with more behind it.
    std::expected<std::size_t, std::string> feed(std::string_view bytes);
    bool has_header() const;
    bool is_done() const;
    /// What was read so far. `body` has body_padding spare bytes behind it once the request is done.
    Request& request();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::lab
