#include "server/banner.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace sluice {
namespace {

constexpr std::size_t shown_models = 8;

std::string with_port(std::string const& address, std::uint16_t port) {
    auto const host = address.substr(0, address.rfind(':'));
    return (host.empty() ? "0.0.0.0" : host) + ":" + std::to_string(port);
}

/// The address as a client on this machine writes it.
std::string reachable(std::string const& address) {
    if (address.starts_with("0.0.0.0:")) return "127.0.0.1" + address.substr(7);
    if (address.starts_with("[::]:")) return "[::1]" + address.substr(4);
    return address;
}

std::string model_names(Settings const& settings) {
    std::string names;
    for (std::size_t i = 0; i < settings.models.size(); ++i) {
        if (i == shown_models) return names + fmt::format(" and {} more", settings.models.size() - i);
        if (i > 0) names += ", ";
        names += settings.models[i].name;
    }
    return names;
}

/// A model that the curl line can ask for: a plain name, or a known one behind a wildcard.
std::string example_model(Settings const& settings) {
    for (auto const& model : settings.models) {
        if (model.name.find('*') == std::string::npos) return model.name;
    }
    for (auto const& model : settings.models) {
        if (!model.listed.empty()) return model.listed.front();
    }
    return "MODEL";
}

}  // namespace

void announce(Announcement const& announcement) {
    auto const& settings = announcement.settings;
    auto const data = with_port(settings.server.listen, announcement.data_port);
    auto const admin = with_port(settings.server.admin_listen, announcement.admin_port);
    if (!announcement.port_file.empty()) {
        // Written beside and renamed: who waits for the file never sees half of it.
        auto const beside = announcement.port_file + ".new";
        std::ofstream(beside) << fmt::format("{{\"data\":{},\"admin\":{},\"pid\":{}}}\n", announcement.data_port,
                                             announcement.admin_port, ::getpid());
        std::rename(beside.c_str(), announcement.port_file.c_str());
    }
    if (!announcement.banner) return;
    auto const* const bold = announcement.colour ? "\033[1m" : "";
    auto const* const dim = announcement.colour ? "\033[2m" : "";
    auto const* const plain = announcement.colour ? "\033[0m" : "";
    auto const* const scheme = settings.server.tls ? "https" : "http";
    auto const key = settings.keys.empty() ? "" : " -H 'authorization: Bearer YOUR_KEY'";
    fmt::print(stderr, "{}sluice {}{}  {}{} workers{}\n", bold, SLUICE_VERSION, plain, dim, announcement.workers,
               plain);
    if (!announcement.note.empty()) fmt::print(stderr, "  config    {}\n", announcement.note);
    fmt::print(stderr, "  listening on {}{}://{}/v1{}  ({})\n", bold, scheme, reachable(data), plain,
               settings.keys.empty() ? "no key needed" : fmt::format("{} keys", settings.keys.size()));
    fmt::print(stderr, "  admin on  http://{}  (/metrics /healthz /readyz)\n", admin);
    fmt::print(stderr, "  models    {}\n", model_names(settings));
    fmt::print(stderr,
               "  try       curl -N {}://{}/v1/chat/completions{} -H 'content-type: application/json' \\\n"
               "              -d '{{\"model\":\"{}\",\"stream\":true,\"messages\":[{{\"role\":\"user\","
               "\"content\":\"hello\"}}]}}'\n",
               scheme, reachable(data), key, example_model(settings));
    std::fflush(stderr);
}

}  // namespace sluice
