"""Hooks for conftest.py: what became of each test of test_providers.py, for the pages that --write-docs writes."""

outcomes = {}


def pytest_runtest_logreport(report):
    if "test_providers.py" in report.nodeid and (report.when == "call" or report.outcome != "passed"):
        outcomes[report.nodeid.split("::")[-1]] = report.outcome


def pytest_sessionfinish(session):
    if session.config.getoption("--write-docs") and not hasattr(session.config, "workerinput"):
        import provider_pages  # here: other tests need no YAML
        provider_pages.write(outcomes)
