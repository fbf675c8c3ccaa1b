#pragma once
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

namespace sluice::lab {

struct LabOptions {
    std::string listen = "127.0.0.1:18080";  ///< address:port; port 0: any free one
    std::optional<std::string> tls_certificate_file, tls_key_file;
    std::string scenario_file;    ///< YAML; empty: only what is built in
    std::string provider_folder;  ///< of NAME/lab.yaml; empty: no provider is imitated
    std::uint64_t seed = 1;
    unsigned threads = 1;
};

/// The lab: an OpenAI-dialect upstream that misbehaves on request. Runs on threads of its own until it is stopped or
/// destroyed. For loopback and tests: it believes whatever it is told.
class Lab {
public:
    /// Errors: a bad address, a port in use, an unreadable certificate, a scenario file with a mistake.
    static std::expected<std::unique_ptr<Lab>, std::string> start(LabOptions const& options);
    std::uint16_t port() const;
    void stop();
    ~Lab();

private:
    struct Impl;
    explicit Lab(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::lab
