"""What the README shows of the account's rules is what the settings read."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from orchestrion.adapters.settings import load_settings
from orchestrion.domain.conflict import ConflictPolicy

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_rules_and_strategies_of_the_readme_make_a_configuration() -> None:
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
    (rules,) = [one for one in blocks if "conflicts" in one]
    (several,) = [one for one in blocks if "strategies" in one]
    several["strategies"]["MEAN_REVERSION_EQUITY"]["allocation_pct"] = 5  # leaves a reserve
    settings = load_settings({**several, **rules})
    assert settings.conflicts.OPPOSING_SIDES is ConflictPolicy.NET
