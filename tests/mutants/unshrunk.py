"""A plug-in for pytest: the first example that fails is good enough, and not made smaller, which takes minutes."""

import pytest
from hypothesis import Phase, settings

# No public way leads to the settings of another one's test. Should this name change, all goes on, only slower.
_SETTINGS = "_hypothesis_internal_use_settings"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        function = getattr(item, "function", None)
        used = getattr(function, _SETTINGS, None)
        if used is not None:
            setattr(function, _SETTINGS, settings(used, phases=(Phase.explicit, Phase.generate)))
