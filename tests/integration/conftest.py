import pytest
from alarm import pytest_runtest_call  # noqa: F401  a hook
from harness import FORGIVING, SLOW, Authority, Gateway, Lab, config
from provider_outcomes import pytest_runtest_logreport, pytest_sessionfinish  # noqa: F401  hooks


def pytest_configure(config):
    config.addinivalue_line("markers", "seconds(n): how long the test may take")
    config.addinivalue_line("markers", "release_only: measures something that a sanitizer changes")
    config.addinivalue_line("markers", "long: a drill that only `tests/run.sh --long` runs")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long drills too")
    parser.addoption("--write-docs", action="store_true", help="write docs/providers.md and docs/providers/ from what passed")
    parser.addoption("--seed", type=int, help="repeat what a failed test with chance did")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.get_closest_marker("release_only") and SLOW > 1:
            item.add_marker(pytest.mark.skip(reason="a sanitizer changes what this measures"))
        if item.get_closest_marker("long") and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="a long drill; run with --long"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def lab(folder):
    with Lab(folder) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(folder, lab):
    """A gateway before the lab. Its breakers never open: a test about one model must not decide about another."""
    with Gateway(folder, config(lab, defaults=FORGIVING)) as running:
        yield running


@pytest.fixture
def quiet_lab(lab):
    """The lab with fresh counters and no outage; left like that too."""
    lab.reset()
    yield lab
    lab.reset()


@pytest.fixture
def start(tmp_path, lab):
    """Starts gateways that end with the test: start(server={...}, models={...}, ...)."""
    running = []

    def start(*, env=None, arguments=(), preexec=None, **settings):
        running.append(Gateway(tmp_path, config(lab, **settings), name=f"gateway{len(running)}", env=env,
                               arguments=arguments, preexec=preexec))
        return running[-1]

    yield start
    for gateway in running:
        gateway.stop()


@pytest.fixture
def scale(request):
    """How much of a drill to do: scale(short, long)."""
    return lambda short, long: long if request.config.getoption("--long") else short


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))
