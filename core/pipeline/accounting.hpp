#pragma once

namespace sluice {

class LimitBook;
class Ledger;

/// What requests are counted by and written down in; both outlive all requests.
struct Accounting {
    LimitBook* limits = nullptr;  ///< null: nobody has limits
    Ledger* ledger = nullptr;     ///< null: nothing is written down
};

}  // namespace sluice
