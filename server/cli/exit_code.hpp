#pragma once

namespace sluice::cli {

/// What scripts can rely on (sysexits.h where one fits).
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_changes = 3;       ///< done, but not all is as it was: `sluice migrate`, `sluice import`
inline constexpr int exit_unsafe = 4;        ///< `sluice migrate`: something would be refused or fail
inline constexpr int exit_unavailable = 69;  ///< no gateway, or no provider, there
inline constexpr int exit_refused = 77;      ///< the key was refused
inline constexpr int exit_configuration = 78;

}  // namespace sluice::cli
