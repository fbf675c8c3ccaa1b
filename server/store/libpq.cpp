#include "server/store/libpq.hpp"

#include <dlfcn.h>

#include <string>

#include "server/store/libpq_functions.hpp"

namespace sluice::store {

namespace {

std::string loader_error() {
    char const* const text = ::dlerror();
    return text != nullptr ? text : "";
}

/// Finds the functions one by one, and remembers the first that is missing.
class Binder {
public:
    explicit Binder(void* library) : library_(library) {}

    template <class Function>
    void bind(char const* name, Function& function) {
        function = reinterpret_cast<Function>(::dlsym(library_, name));
        if (function == nullptr && missing_.empty()) missing_ = name;
    }
    std::string const& missing() const { return missing_; }

private:
    void* library_;
    std::string missing_{};
};

void bind_all(Binder& binder, Libpq& libpq) {
    binder.bind("PQconninfoParse", libpq.conninfo_parse);
    binder.bind("PQconninfoFree", libpq.conninfo_free);
    binder.bind("PQfreemem", libpq.freemem);
    binder.bind("PQconnectdbParams", libpq.connect);
    binder.bind("PQfinish", libpq.finish);
    binder.bind("PQstatus", libpq.status);
    binder.bind("PQerrorMessage", libpq.error_message);
    binder.bind("PQsocket", libpq.socket);
    binder.bind("PQsetnonblocking", libpq.set_nonblocking);
    binder.bind("PQsetNoticeReceiver", libpq.set_notice_receiver);
    binder.bind("PQflush", libpq.flush);
    binder.bind("PQconsumeInput", libpq.consume_input);
    binder.bind("PQisBusy", libpq.is_busy);
    binder.bind("PQgetResult", libpq.get_result);
    binder.bind("PQsendQueryParams", libpq.send_query);
    binder.bind("PQenterPipelineMode", libpq.enter_pipeline);
    binder.bind("PQpipelineSync", libpq.pipeline_sync);
    binder.bind("PQresultStatus", libpq.result_status);
    binder.bind("PQresultErrorField", libpq.result_error_field);
    binder.bind("PQntuples", libpq.ntuples);
    binder.bind("PQgetvalue", libpq.getvalue);
    binder.bind("PQgetlength", libpq.getlength);
    binder.bind("PQgetisnull", libpq.getisnull);
    binder.bind("PQclear", libpq.clear);
}

Result<Libpq const*> load() {
    // Never closed: libpq leaves callbacks in OpenSSL.
    void* const library = ::dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return std::unexpected(
            Error{.kind = ErrorKind::ledger_unavailable,
                  .detail = "PostgreSQL needs its client library: install libpq5 (" + loader_error() + ")"});
    static Libpq functions;
    Binder binder(library);
    bind_all(binder, functions);
    if (!binder.missing().empty())
        return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable,
                                     .detail = "libpq.so.5 is older than 14: it has no " + binder.missing()});
    return &functions;
}

}  // namespace

Result<Libpq const*> load_libpq() {
    static Result<Libpq const*> const loaded = load();
    return loaded;
}

}  // namespace sluice::store
