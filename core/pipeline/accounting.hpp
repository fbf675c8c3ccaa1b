#pragma once

namespace sluice {

class LimitBook;
class Ledger;
class LimitSharing;

/// What requests are counted by and written down in; all outlive all requests.
struct Accounting {
    LimitBook* limits = nullptr;      ///< null: nobody has limits
    Ledger* ledger = nullptr;         ///< null: nothing is written down
    LimitSharing* sharing = nullptr;  ///< null: limits are this process's alone
};

}  // namespace sluice
