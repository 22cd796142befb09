"""What the tests of the dashboard share."""

import tests.apptests  # noqa: F401  makes every AppTest faster
