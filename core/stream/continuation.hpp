#pragma once

#include <string>

#include "core/types/usage.hpp"

namespace sluice {

/// A streamed answer that broke off, as its client has seen it: what another target needs to go on with it, so that the
/// client notices nothing. A leg is the part that one target gave.
struct Continuation {
    std::string text{};  ///< all of it, UTF-8, not empty
    // What every chunk says, as JSON; empty: nothing.
    std::string id{};
    std::string created{};
    std::string model{};
    std::string fingerprint{};
    Usage usage{};  ///< of all legs so far, as the client would have been told at the end
    friend bool operator==(Continuation const&, Continuation const&) = default;
};

/// What a decoder is made for, beside the usual.
struct DecoderOptions {
    /// Remember the text, for StreamDecoder::continuation(). The request and its body must then outlive the decoder.
    bool keep_text = false;
    Continuation const* continued = nullptr;  ///< the stream goes on with this, which must outlive the decoder
};

}  // namespace sluice
