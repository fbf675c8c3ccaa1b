#include "server/app.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <future>
#include <thread>

#include "providers/openai/dialect.hpp"
#include "server/admin/admin.hpp"
#include "server/banner.hpp"
#include "server/books.hpp"
#include "server/cli/exit_code.hpp"
#include "server/connection_log.hpp"
#include "server/control/file_watch.hpp"
#include "server/control/service_manager.hpp"
#include "server/control/successor.hpp"
#include "server/gateway_worker.hpp"
#include "server/keys/key_changes.hpp"
#include "server/memory_keeper.hpp"
#include "server/metric_sources.hpp"
#include "server/observe/log.hpp"
#include "server/process_limits.hpp"
#include "server/workers_requests.hpp"

namespace sluice {
namespace asio = boost::asio;

namespace {

constexpr milliseconds look_interval{500};
constexpr milliseconds memory_interval{100};
constexpr std::uint64_t most_admin_bytes = 4 * 1024 * 1024;  // a prompt to explain
constexpr milliseconds drain_step{20};
constexpr seconds quiet_enough{1};  // an idle connection whose client sent nothing for so long may be closed in a stop
constexpr seconds main_patience{10};
constexpr milliseconds last_words{700};  // the process ends within a second of the limit

/// One budget for the process: the largest share that any model allows.
unsigned retry_percent(Settings const& settings) {
    unsigned most = 0;
    for (auto const& model : settings.models) most = std::max(most, model.retry.max_extra_load_percent);
    return most;
}

class App {
public:
    App(Settings settings, std::vector<std::string> watched, AppOptions const& options);
    ~App() { admin_worker_.end(); }  // before its listener goes

    Result<> listen(control::Inheritance& inheritance);
    int run(control::Inheritance& inheritance);

private:
    enum class Phase : std::uint8_t { serving, draining, finishing, stopped };

    Result<api::Runtime> make_runtime(Settings settings, keys::KeyView const& keys);
    Result<std::shared_ptr<api::Keyring const>> make_keyring(Settings const& settings, keys::KeyView const& keys);
    Result<> open_books();
    admin::AdminParts admin_parts();
    void watch_keys();
    void adopt_keys(keys::KeyDirectory::View const& view);
    void complain(keys::KeyView const& view);
    /// What `work` gives on the main thread; nothing if that has no time for it. The workers have what it posted to
    /// them. Thread: another.
    template <class T>
    std::optional<T> on_main(std::function<T()> work);
    Result<http::ListenAddress> open_data_plane(control::Inheritance& inheritance);
    Result<> open_admin(control::Inheritance& inheritance);
    void await_signal();
    void on_signal(int signal);
    void look_around();
    void look_at_memory();
    Result<> reload(std::string_view why);
    void upgrade();
    void replaced_by(pid_t successor);
    void begin_drain();
    void finish(milliseconds timeout);
    void drain_step_done();
    void stop_now();
    void close_books();
    std::size_t busy() const;
    bool is_deserted() const;
    std::size_t open() const;
    void each(auto const& action) {
        for (auto& worker : workers_) action(*worker);
    }

    AppOptions const& options_;
    Settings settings_;
    unsigned worker_count_;
    std::uint64_t descriptors_;
    observe::Log log_;
    observe::Metrics metrics_;
    observe::AccessLog access_log_;
    upstream::TlsContexts tls_contexts_;
    net::MemoryGuard memory_;
    api::IdempotencyTable idempotency_;
    MemoryKeeper memory_keeper_{memory_};
    http::ListenerShared data_connections_;
    http::ListenerShared admin_connections_;
    HealthRegistry health_;
    Books books_{log_};
    std::unique_ptr<keys::KeyDirectory> directory_;  ///< of books_' store
    std::unique_ptr<keys::KeyChanges> key_changes_;  ///< null: there is no store
    api::Runtime runtime_;                           ///< in force
    std::unique_ptr<Dialect const> openai_;
    control::ServiceManager service_manager_;
    control::FileWatch files_;
    admin::Condition condition_;
    admin::InForce in_force_;

    std::vector<std::unique_ptr<GatewayWorker>> workers_;
    WorkersRequests requests_{workers_};
    net::Worker admin_worker_{0};
    ConnectionLog admin_observer_{log_};
    admin::Admin admin_;
    http::Listener admin_listener_;

    asio::io_context control_{1};
    asio::signal_set signals_{control_};
    asio::steady_timer look_timer_{control_};
    asio::steady_timer memory_timer_{control_};
    asio::steady_timer drain_timer_{control_};
    control::Successor successor_{control_};
    std::vector<control::HandedSocket> listening_;
    Instant next_watchdog_{};
    Phase phase_ = Phase::serving;
    bool replaced_ = false;  ///< another process serves: there is no hurry to end
    Instant phase_ends_{};
    int exit_code_ = cli::exit_ok;
    std::uint16_t data_port_ = 0;
    std::uint16_t admin_port_ = 0;
};

App::App(Settings settings, std::vector<std::string> watched, AppOptions const& options)
    : options_(options),
      settings_(std::move(settings)),
      worker_count_(workers_for(settings_.server)),
      descriptors_(raise_descriptor_limit()),
      log_(settings_.telemetry),
      metrics_(settings_, worker_count_, {SLUICE_VERSION, SLUICE_COMMIT}),
      access_log_(settings_, worker_count_, log_),
      idempotency_(settings_.server.idempotency),
      openai_(make_openai_dialect({.max_event_size = settings_.server.limits.event_bytes})),
      service_manager_(options.load.environment),
      admin_(
          metrics_, condition_, in_force_,
          [this](std::string_view name) { return name == "openai" ? openai_.get() : nullptr; },
          LimitSettings{.body_bytes = most_admin_bytes, .max_connections = 512}),
      admin_listener_(admin_worker_, admin_, admin_connections_, admin_observer_) {
    files_.watch(std::move(watched));
    give_sources(metrics_, {.health = health_,
                            .books = books_,
                            .memory = memory_,
                            .idempotency = idempotency_,
                            .access_log = access_log_,
                            .log = log_});
    memory_keeper_.configure(settings_.server.limits);
}

Result<std::shared_ptr<api::Keyring const>> App::make_keyring(Settings const& settings, keys::KeyView const& keys) {
    SLUICE_TRY(auto keyring, api::Keyring::from(keys.keys, settings.server.auth, &books_.limits()));
    return std::make_shared<api::Keyring const>(std::move(keyring));
}

/// The snapshot knows the keys of the store, too: rules and explanations are about them.
Result<api::Runtime> App::make_runtime(Settings settings, keys::KeyView const& keys) {
    for (auto const& [name, provider] : settings.providers) {
        SLUICE_TRY(auto const origin, upstream::parse_origin(provider.base_url));
        SLUICE_CHECK(upstream::find_proxy(origin, provider.proxy, options_.load.environment));
        if (origin.scheme == upstream::Scheme::https) SLUICE_CHECK(tls_contexts_.reload(provider.ca_file));
    }
    SLUICE_TRY(auto keyring, make_keyring(settings, keys));
    settings.keys = keys.keys;
    settings.limits = keys.limits;
    auto snapshot = Snapshot::make(with_possible_limits(std::move(settings), descriptors_), health_, &books_.limits());
    auto const now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
    auto cards = std::make_shared<api::ModelCards const>(api::ModelCards::of(*snapshot, now));
    return api::Runtime{
        .snapshot = std::move(snapshot), .keyring = std::move(keyring), .cards = std::move(cards), .loaded_at = now};
}

/// The ledger, and the keys that are beside it.
Result<> App::open_books() {
    SLUICE_CHECK(books_.open(settings_, options_.load.environment, [this] { return metrics_.answered_calls(); }));
    directory_ = std::make_unique<keys::KeyDirectory>(books_.store());
    if (books_.store() != nullptr) key_changes_ = std::make_unique<keys::KeyChanges>(*books_.store(), *directory_);
    SLUICE_TRY(auto const view, directory_->preview(settings_));
    directory_->adopt(settings_, view);
    books_.adopt(settings_, view->limits);
    complain(*view);
    return {};
}

void App::complain(keys::KeyView const& view) {
    for (auto const& complaint : view.complaints) log_.warning("SL5010", complaint);
}

admin::AdminParts App::admin_parts() {
    return {.directory = directory_.get(),
            .changes = key_changes_.get(),
            .limits = &books_.limits(),
            .ledger = books_.store(),
            .live = &requests_,
            .health = &health_,
            .reload = [this]() -> Result<std::string> {
                auto const done = on_main<Result<std::string>>([this]() -> Result<std::string> {
                    SLUICE_CHECK(reload("the admin API"));
                    return settings_.hash;
                });
                return done.value_or(std::unexpected(Error{.detail = "the gateway is busy or ends"}));
            }};
}

template <class T>
std::optional<T> App::on_main(std::function<T()> work) {
    auto promise = std::make_shared<std::promise<T>>();
    auto answer = promise->get_future();
    asio::post(control_, [promise, work = std::move(work)] { promise->set_value(work()); });
    auto const until = std::chrono::steady_clock::now() + main_patience;
    while (answer.wait_for(drain_step) != std::future_status::ready) {
        if (control_.stopped() || std::chrono::steady_clock::now() >= until) return std::nullopt;
    }
    requests_.let_workers_catch_up();
    return answer.get();
}

/// Who changes a key hears of it when the workers have it.
void App::watch_keys() {
    auto const changed = [this](keys::KeyDirectory::View const& view) {
        std::ignore = on_main<bool>([this, view] {
            adopt_keys(view);
            return true;
        });
    };
    auto const state = [this](Result<> const& result) {
        if (result) return log_.info("keys: the database answers again");
        log_.error("SL5009", "keys: the database does not answer; those that are known stay good",
                   {{"reason", result.error().detail.str()}});
    };
    directory_->watch(changed, state);
}

void App::adopt_keys(keys::KeyDirectory::View const& view) {
    if (phase_ == Phase::stopped || view != directory_->view()) return;
    books_.adopt(settings_, view->limits);
    auto runtime = make_runtime(settings_, *view);
    if (!runtime) {
        return log_.error("SL5011", "changed keys are not used; the old ones stay",
                          {{"reason", runtime.error().detail.str()}});
    }
    complain(*view);
    runtime_ = *std::move(runtime);
    metrics_.configure(runtime_.snapshot->settings());
    in_force_.set(runtime_.snapshot);
    each([this](GatewayWorker& worker) { worker.adopt_runtime(runtime_); });
    log_.info("keys changed", {{"keys", view->keys.size()}, {"teams", view->teams.size()}});
}

/// The sockets that are there already go round the workers; a worker without one opens its own.
Result<http::ListenAddress> App::open_data_plane(control::Inheritance& inheritance) {
    SLUICE_TRY(auto address, http::parse_listen(settings_.server.listen));
    auto const inherited = inheritance.take(control::data_socket, address.host, address.port);
    // Another address of a port that the process before us listens on is not taken, though it looks like that.
    if (inherited.empty() && !inheritance.listens_on(address.port)) SLUICE_CHECK(http::check_free(address));
    std::size_t next = 0;
    for (int const descriptor : inherited) {
        SLUICE_TRY(address.port, workers_[next++ % workers_.size()]->adopt_socket(descriptor));
    }
    for (auto& worker : workers_) {  // port 0: the first worker's port is everybody's
        if (!worker->descriptors().empty()) continue;
        auto const bound = worker->bind(address);
        if (bound) {
            address.port = *bound;
        } else if (!inherited.empty()) {  // opened by somebody who does not share ports, such as systemd
            SLUICE_TRY(address.port, worker->adopt_socket(::fcntl(inherited.front(), F_DUPFD_CLOEXEC, 0)));
        } else {
            return std::unexpected(bound.error());
        }
    }
    for (auto& worker : workers_) {
        for (int const fd : worker->descriptors()) listening_.push_back({.fd = fd, .name = control::data_socket});
    }
    return address;
}

Result<> App::open_admin(control::Inheritance& inheritance) {
    SLUICE_TRY(auto const address, http::parse_listen(settings_.server.admin_listen));
    for (int const descriptor : inheritance.take(control::admin_socket, address.host, address.port)) {
        SLUICE_TRY(admin_port_, admin_listener_.adopt(descriptor));
    }
    if (admin_port_ == 0) {
        SLUICE_TRY(admin_port_, admin_listener_.bind(address.host, address.port));
    }
    for (int const fd : admin_listener_.descriptors()) {
        listening_.push_back({.fd = fd, .name = control::admin_socket});
    }
    return {};
}

Result<> App::listen(control::Inheritance& inheritance) {
    SLUICE_CHECK(open_books());
    SLUICE_TRY(runtime_, make_runtime(settings_, *directory_->view()));
    auto const& runtime = runtime_;
    metrics_.configure(runtime.snapshot->settings());
    in_force_.set(runtime.snapshot);
    net::TlsContext tls;
    if (settings_.server.tls) {
        SLUICE_TRY(tls, net::server_context(*settings_.server.tls));
    }
    Shared const shared{
        .log = log_,
        .health = health_,
        .metrics = metrics_,
        .access_log = access_log_,
        .tls_contexts = tls_contexts_,
        .listeners = data_connections_,
        .memory = memory_,
        .dialects = [this](std::string_view name) { return name == "openai" ? openai_.get() : nullptr; },
        .retry_budget = std::make_shared<RetryBudget>(retry_percent(settings_)),
        .accounting = books_.accounting(),
        .ledger = books_.ledger(),
        .idempotency = idempotency_,
        .environment = options_.load.environment,
        .workers = worker_count_};
    for (unsigned index = 0; index < worker_count_; ++index) {
        workers_.push_back(std::make_unique<GatewayWorker>(index, shared, runtime));
    }
    SLUICE_TRY(auto const address, open_data_plane(inheritance));
    data_port_ = address.port;
    SLUICE_CHECK(open_admin(inheritance));
    for (auto const& closed : inheritance.close_rest()) {
        log_.info("an inherited socket that the configuration does not name is closed", {{"address", closed}});
    }
    each([&tls](GatewayWorker& worker) { worker.start(tls); });
    workers_.front()->watch_health(runtime.snapshot);
    admin_.use(admin_parts());
    admin_.configure(settings_.admin);
    admin_listener_.start(nullptr);
    admin_worker_.start();
    return {};
}

int App::run(control::Inheritance& inheritance) {
    metrics_.config_reloaded(observe::Metrics::Reload::succeeded, settings_.hash, std::chrono::system_clock::now());
    for (int const signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) signals_.add(signal);
    await_signal();
    look_around();
    look_at_memory();
    watch_keys();
    condition_.ready = true;
    announce(Announcement{.settings = settings_,
                          .data_port = data_port_,
                          .admin_port = admin_port_,
                          .workers = worker_count_,
                          .note = options_.note,
                          .port_file = options_.port_file,
                          .banner = options_.banner,
                          .colour = options_.colour});
    log_.info("listening", {{"address", settings_.server.listen}, {"port", data_port_}, {"workers", worker_count_}});
    service_manager_.ready();
    inheritance.report_ready();
    control_.run();
    close_books();
    return exit_code_;
}

/// Requests that still run are cut off, and settled by that.
void App::close_books() {
    directory_->stop();
    admin_worker_.end();  // it asks the workers
    workers_.clear();
    if (auto const closed = books_.close(std::chrono::steady_clock::now() + last_words); !closed) {
        log_.error("SL5007", "the ledger could not be written to its end", {{"reason", closed.error().detail.str()}});
    }
}

void App::await_signal() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
        if (error) return;
        await_signal();
        on_signal(signal);
    });
}

void App::on_signal(int signal) {
    switch (signal) {
        case SIGHUP:
            access_log_.reopen();
            std::ignore = reload("SIGHUP");
            return;
        case SIGUSR1:
            return access_log_.reopen();
        case SIGUSR2:
            return upgrade();
        case SIGQUIT:
            return stop_now();
        default:
            if (phase_ == Phase::serving) return begin_drain();
            if (!std::exchange(replaced_, false)) return stop_now();
            phase_ends_ = std::min(phase_ends_, std::chrono::steady_clock::now() + settings_.server.drain_timeout);
    }
}

void App::look_around() {
    auto const now = std::chrono::steady_clock::now();
    if (auto const interval = service_manager_.watchdog_interval(); interval && now >= next_watchdog_) {
        service_manager_.alive();
        next_watchdog_ = now + *interval;
    }
    idempotency_.forget_expired(now);
    if (phase_ == Phase::serving && files_.changed()) std::ignore = reload("a file changed");
    look_timer_.expires_after(look_interval);
    look_timer_.async_wait([this](boost::system::error_code error) {
        if (!error) look_around();
    });
}

void App::look_at_memory() {
    memory_keeper_.look(busy());
    memory_timer_.expires_after(memory_interval);
    memory_timer_.async_wait([this](boost::system::error_code error) {
        if (!error) look_at_memory();
    });
}

Result<> App::reload(std::string_view why) {
    service_manager_.reloading();
    auto loaded = config::load(options_.load);
    if (!loaded.watched_files.empty()) files_.watch(loaded.watched_files);
    auto const failed = [this](std::string const& reason) -> Result<> {
        log_.error("SL1001", "the new configuration is not used; the old one stays", {{"reason", reason}});
        metrics_.config_reloaded(observe::Metrics::Reload::failed, settings_.hash, std::chrono::system_clock::now());
        service_manager_.ready();
        return std::unexpected(Error{.detail = reason});
    };
    if (!loaded.settings) return failed(config::first_error(loaded.problems));
    auto settings = std::move(*loaded.settings);
    net::TlsContext tls;
    if (settings.server.tls) {
        auto context = net::server_context(*settings.server.tls);
        if (!context) return failed(context.error().detail);
        tls = std::move(*context);
    }
    auto const keys = directory_->preview(settings);
    if (!keys) return failed(keys.error().detail);
    books_.adopt(settings, (*keys)->limits);
    auto runtime = make_runtime(settings, **keys);
    if (!runtime) return failed(runtime.error().detail);
    directory_->adopt(settings, *keys);
    complain(**keys);
    if (settings.server.listen != settings_.server.listen || workers_for(settings.server) != worker_count_) {
        log_.warning("SL1002", "a changed listen address or number of workers needs a restart");
    }
    settings_ = std::move(settings);
    memory_keeper_.configure(settings_.server.limits);
    idempotency_.configure(settings_.server.idempotency);
    log_.configure(settings_.telemetry);
    access_log_.configure(settings_);
    admin_.configure(settings_.admin);
    runtime_ = *std::move(runtime);
    metrics_.configure(runtime_.snapshot->settings());
    in_force_.set(runtime_.snapshot);
    each([this, &tls](GatewayWorker& worker) { worker.adopt(runtime_, tls); });
    workers_.front()->watch_health(runtime_.snapshot);
    metrics_.config_reloaded(observe::Metrics::Reload::succeeded, settings_.hash, std::chrono::system_clock::now());
    log_.info("configuration reloaded", {{"why", why}, {"hash", settings_.hash}});
    service_manager_.ready();
    return {};
}

/// Starts the program again, with our listening sockets. We go on until it is ready.
void App::upgrade() {
    auto const failed = [this](Error const& error) {
        log_.error("SL1003", "the upgrade failed; this process goes on", {{"reason", error.detail.str()}});
    };
    if (phase_ != Phase::serving || successor_.starting()) return;
    if (::getpid() == 1) {
        return failed({.detail = "this is process 1: a container ends with it; replace the container instead"});
    }
    log_.info("upgrading", {{"program", options_.command.front()}});
    auto const started = successor_.start(options_.command, listening_, [this, failed](Result<> const& result) {
        result ? replaced_by(successor_.pid()) : failed(result.error());
    });
    if (!started) failed(started.error());
}

/// The new process accepts from the sockets that were ours. What is open here goes on to its end; an idle connection
/// ends as it would without an upgrade, or behind its next answer.
void App::replaced_by(pid_t successor) {
    if (phase_ != Phase::serving) return;
    log_.info("upgraded", {{"successor", successor}});
    service_manager_.hand_over(successor);
    condition_.draining = true;
    replaced_ = true;
    admin_worker_.post([this] {
        admin_listener_.sessions().start_draining();
        admin_listener_.close();
    });
    each([](GatewayWorker& worker) { worker.start_draining(); });
    finish(settings_.server.drain_upgrade_timeout);
    drain_step_done();
}

void App::begin_drain() {
    successor_.give_up();
    log_.info("draining", {{"delay_ms", settings_.server.drain_delay.count()},
                           {"timeout_ms", settings_.server.drain_timeout.count()}});
    service_manager_.stopping();
    condition_.draining = true;
    phase_ = Phase::draining;
    phase_ends_ = std::chrono::steady_clock::now() + settings_.server.drain_delay;
    each([](GatewayWorker& worker) { worker.start_draining(); });
    drain_step_done();
}

void App::finish(milliseconds timeout) {
    phase_ = Phase::finishing;
    phase_ends_ = std::chrono::steady_clock::now() + timeout;
    each([](GatewayWorker& worker) { worker.stop_accepting(); });
}

/// draining: everything is served, readiness says no. finishing: nothing new is accepted, streams go on until the
/// limit, then they get their error event.
void App::drain_step_done() {
    auto const now = std::chrono::steady_clock::now();
    if (phase_ == Phase::draining && now >= phase_ends_) {
        finish(settings_.server.drain_timeout);
    } else if (phase_ == Phase::finishing && (is_deserted() || now >= phase_ends_)) {
        if (busy() > 0) log_.warning("SL2001", "the drain limit cut requests", {{"requests", busy()}});
        phase_ = Phase::stopped;
        phase_ends_ = now + last_words;
        each([](GatewayWorker& worker) { worker.cancel_requests(); });
    } else if (phase_ == Phase::finishing && !replaced_) {
        each([](GatewayWorker& worker) { worker.close_quiet(quiet_enough); });
    } else if (phase_ == Phase::stopped) {
        each([](GatewayWorker& worker) { worker.close_quiet(Duration{}); });
        if (open() == 0 || now >= phase_ends_) {
            each([](GatewayWorker& worker) { worker.worker().stop(); });
            log_.info("stopped");
            control_.stop();
            return;
        }
    }
    drain_timer_.expires_after(drain_step);
    drain_timer_.async_wait([this](boost::system::error_code error) {
        if (!error) drain_step_done();
    });
}

void App::stop_now() {
    log_.warning("SL2002", "stopping at once");
    exit_code_ = phase_ == Phase::serving ? cli::exit_ok : cli::exit_failed;
    each([](GatewayWorker& worker) { worker.worker().stop(); });
    control_.stop();
}

std::size_t App::busy() const {
    std::size_t count = 0;
    for (auto const& worker : workers_) count += worker->busy();
    return count;
}

/// Nobody is here, and nobody can come: a worker that has not closed its listener yet may accept while we count.
bool App::is_deserted() const {
    return std::ranges::none_of(workers_, [](auto const& worker) { return worker->accepting(); }) && open() == 0;
}

std::size_t App::open() const {
    std::size_t count = 0;
    for (auto const& worker : workers_) count += worker->open();
    return count;
}

}  // namespace

int run_app(config::LoadResult first, AppOptions const& options, control::Inheritance& inheritance) {
    forbid_core_files();
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets without MSG_NOSIGNAL
    auto app = std::make_unique<App>(std::move(*first.settings), std::move(first.watched_files), options);
    if (auto const listening = app->listen(inheritance); !listening) {
        inheritance.report_failure(listening.error().detail);
        fmt::print(stderr, "sluice: {}\n", listening.error().detail);
        return cli::exit_failed;
    }
    return app->run(inheritance);
}

}  // namespace sluice
