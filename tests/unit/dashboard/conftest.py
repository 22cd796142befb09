"""What the tests of the dashboard share."""

import tests.unit.dashboard.app  # noqa: F401  makes every AppTest faster
