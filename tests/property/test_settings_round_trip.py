"""Law: resolved settings read back as equal settings, whatever was configured."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.adapters.settings import (
    check_settings,
    library,
    load_settings,
    resolved_json,
)

ids = st.text("ABCXYZabc019_.-", min_size=1, max_size=12)
amounts = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10) ** 15, places=2)
percents = st.floats(min_value=0, max_value=90, allow_subnormal=False)
small = st.decimals(min_value=0, max_value=50, places=5)

sections = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(min_size=1, max_size=20),
        "account": st.fixed_dictionaries({"capital": amounts | st.integers(1, 10**12)}),
        "execution": st.fixed_dictionaries(
            {
                "slippage": st.fixed_dictionaries(
                    {}, optional={"equity": st.fixed_dictionaries({"price_pct": small})}
                ),
                "commission": st.fixed_dictionaries(
                    {}, optional={"future": st.fixed_dictionaries({"per_unit": small})}
                ),
            }
        ),
        "conflicts": st.fixed_dictionaries(
            {"default": st.sampled_from(["priority", "allow", "reject_all"])},
            optional={"OPPOSING_SIDES": st.sampled_from(["priority", "allow"])},
        ),
        "supervision": st.fixed_dictionaries(
            {"within_s": st.floats(min_value=0.001, max_value=1e6)},
            optional={"custodian": st.sampled_from(["hold", "flatten"])},
        ),
        "statistics": st.fixed_dictionaries({"risk_free_rate_pct": percents}),
        "data": st.sampled_from(["bundled", {"source": "bundled", "end": "2015-06-30"}]),
        "seed": st.integers(0, 2**63 - 1),
    },
)
entries = st.dictionaries(
    ids.filter(lambda one: one.strip("._-") != ""),
    st.fixed_dictionaries(
        {"strategy": st.sampled_from(sorted(library()))},
        optional={"priority": st.integers(-5, 5), "enabled": st.just(False)},
    ),
    min_size=2,
    max_size=6,
)


# A first example imports the library and reads data, which a deadline would take for slowness.
relaxed = settings(deadline=None, max_examples=50)


def round_trip(content: dict[str, Any]) -> None:
    assert check_settings(content) == ()
    loaded = load_settings(content)
    text = resolved_json(loaded)
    again = load_settings(json.loads(text))
    assert again == loaded
    assert resolved_json(again) == text
    assert again.active_strategies == loaded.active_strategies


@relaxed
@given(sections, st.sampled_from(sorted(library())))
def test_single_form_reads_back(content: dict[str, Any], name: str) -> None:
    round_trip({**content, "strategy": name})


@relaxed
@given(sections, entries, percents)
def test_multi_form_reads_back(
    content: dict[str, Any], strategies: dict[str, dict[str, Any]], reserve_pct: float
) -> None:
    enabled = [one for one in strategies.values() if "enabled" not in one]
    is_lone = len(enabled) == 1
    if not enabled:
        del next(iter(strategies.values()))["enabled"]
        is_lone = True
    allocation = {"method": "equal_weight", "reserve_pct": 0 if is_lone else reserve_pct}
    round_trip({**content, "strategies": strategies, "allocation": allocation})
