#pragma once
#include <expected>
#include <memory>
#include <string>
#include <unordered_map>

#include "server/lab/control.hpp"

namespace sluice::lab {

/// A request's answer, and what its connection needs to know to serve it.
struct Dish {
    std::shared_ptr<Answer const> answer;
    std::shared_ptr<Options const> owner;  ///< keeps `options` alive
    Options const* options = nullptr;
    Bill bill;
};

/// Turns chat requests into answers, and keeps what it can use again. Thread: one worker's.
class Kitchen {
public:
    explicit Kitchen(Shared& shared) : shared_(shared) {}

    /// `served` counts the requests on this connection, this one included.
    Dish prepare(Request const& request, Route const& route, Context context, unsigned served);

private:
    using Found = std::expected<std::shared_ptr<Options const>, SelectionError>;
    Found find_options(ChatRequest const& chat, Request const& request, Route const& route);
    Dish prepare_for_provider(Request const& request, Route const& route, Context context);
    std::shared_ptr<Answer const> cook(ChatRequest const& chat, Options const& options, Context const& context);

    Shared& shared_;
    std::uint64_t version_ = 0;
    std::string key_;  ///< scratch
    std::unordered_map<std::string, std::shared_ptr<Options const>> options_;
    std::unordered_map<std::string, std::shared_ptr<Answer const>> answers_;
};

}  // namespace sluice::lab
