#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/admin/admin_parts.hpp"

/// The admin API without its sockets: a table of routes, and what answers each. The HTTP listener and the command line,
/// when it works on a database by itself, call the same handlers.
namespace sluice::admin {

struct Answer {
    int status = 200;
    std::string body{};   ///< JSON
    std::string allow{};  ///< methods, for 405
};

/// What a route asks of a token.
enum class Power : std::uint8_t { none, team, all };

struct Parameter {
    std::string_view name;
    std::string_view sentence;
};

/// A request that has found its route, from somebody who may use it.
struct Call {
    AdminParts const& parts;
    keys::Grantor const& who;
    std::string id{};  ///< what stands in the path's braces
    std::map<std::string, std::string> query{};
    std::string_view body{};
    WallTime now{};
};

/// One row for each method of each path. Documents and the tests of rights are made from it.
struct Route {
    std::string_view method;
    std::string_view path;  ///< "/admin/keys/{id}"
    Power needs;
    std::string_view sentence;
    std::string_view takes;  ///< name of the body's schema; empty: no body
    std::string_view gives;  ///< name of the answer's
    int success;
    std::span<Parameter const> query;
    Answer (*handler)(Call const& call);
};

std::span<Route const> routes();

struct Request {
    std::string_view method{};
    std::string_view path{};
    std::string_view query{};
    std::string_view body{};
    WallTime now{};
};

/// The row that fits, or why there is none.
struct Found {
    Route const* route = nullptr;
    std::string id{};
    Answer refusal{};
};
Found find_route(std::string_view method, std::string_view path);

/// May `who` (absent: somebody without a token) use `route`? Nothing: they may.
std::optional<Answer> refuse(Route const& route, std::optional<keys::Grantor> const& who);

/// Answers a request for `found`, whose route `who` may use.
Answer answer(AdminParts const& parts, Found const& found, keys::Grantor const& who, Request const& request);

/// All of it, for whoever is no stranger: the command line on a database of its own.
Answer answer(AdminParts const& parts, keys::Grantor const& who, Request const& request);

Answer error_answer(Error const& error);

}  // namespace sluice::admin
