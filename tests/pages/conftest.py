"""What the tests of whole pages share with the unit tests."""

from tests.unit.conftest import no_supervisor, no_waiting_for_the_disk  # noqa: F401  fixtures for all tests
