"""Law: resolved settings read back as equal settings, whatever was configured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.adapters import assembly
from orchestrion.adapters.settings import (
    build_margin_model,
    check_settings,
    library,
    load_settings,
    resolved_json,
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

ids = st.text("ABCXYZabc019_.-", min_size=1, max_size=12)
amounts = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10) ** 15, places=2)
percents = st.floats(min_value=0, max_value=90, allow_subnormal=False)
reserves = st.decimals(min_value=0, max_value=40, places=4)
small = st.decimals(min_value=0, max_value=50, places=5)
naked = {"underlying_pct": 20, "floor_pct": "10.5"}
weights = st.decimals(min_value=0, max_value=10, places=4)
limits = st.fixed_dictionaries(
    {},
    optional={
        "open_structures_max": st.integers(0, 50),
        "gross_notional_max": amounts,
        "leverage_max": small,
        "quantity_max_by_id": st.dictionaries(st.sampled_from(["SPX", "AAPL"]), small),
        "margin_use_max_pct": small,
        "option_notional": st.sampled_from(["premium", "underlying"]),
    },
)
stops = st.lists(
    st.fixed_dictionaries({"baseline": st.sampled_from(["start", "day_start", "peak"])}).flatmap(
        lambda stop: st.one_of(
            st.fixed_dictionaries({"limit_pct": st.integers(1, 100)}),
            st.fixed_dictionaries({"limit_amount": amounts}),
        ).map(lambda limit: {**stop, **limit})
    ),
    max_size=3,
)
span = {"price_scan_pct": 9.3, "volatility_scan_pct": 4, "scenarios": [{"price_thirds": -3}]}
margins = st.sampled_from(
    [
        {"model": "instrument_rates"},
        {"model": "cash", "allows_secured_options": True},
        {"model": "reg_t", "stock": {"long_initial_pct": "62.5"}},
        {"model": "strategy_based", "option": {"by_underlying": {"SPX": naked}}},
        {"model": "span", "default": span, "stock": {}},
    ]
)
sections = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(min_size=1, max_size=20),
        "account": st.fixed_dictionaries(
            {"capital": amounts | st.integers(1, 10**12)},
            optional={
                "margin": margins,
                "limits": limits,
                "stops": stops,
                "day_start_utc": st.sampled_from(["00:00", "22:30"]),
            },
        ),
        "rebalance": st.fixed_dictionaries(
            {},
            optional={
                "calendar": st.sampled_from(["daily", "weekly", "monthly", "quarterly"]),
                "relative_band_pct": small,
                "minimum_transfer": amounts,
                "reduction": st.sampled_from(["proportional", "largest_first"]),
            },
        ),
        "compatibility": st.fixed_dictionaries(
            {"alignment": st.sampled_from(["daily", "weekly"])},
            optional={
                "rules": st.dictionaries(
                    st.sampled_from(["leverage", "joint_drawdown"]),
                    st.fixed_dictionaries({}, optional={"weight": st.floats(0, 10)}),
                )
            },
        ),
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
            optional={
                "OPPOSING_SIDES": st.sampled_from(["net", "cancel_resting"]),
                "CAPITAL": st.just("scale_pro_rata"),
                "concentration_max_pct": st.integers(1, 100),
                "netting": st.just({"last_price_age_max": "90s"}),
            },
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
        optional={
            "priority": st.integers(-5, 5),
            "enabled": st.just(False),
            "min_pct": weights,
            "limits": limits,
            "stops": stops,
            "leverage_claims": st.just({"SPX": {"leverage": "2.5", "margin_mode": "cross"}}),
            "exclusive_instruments": st.just(["SPX"]),
            "minimum_capital": amounts,
            "horizon": st.sampled_from(["intraday", "days", "weeks", "months"]),
        },
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
    assert again.allocation_policy == loaded.allocation_policy
    assert again.capital_desk == loaded.capital_desk
    assert again.conflicts.policies == loaded.conflicts.policies
    assert again.leverage_claims == loaded.leverage_claims
    assert build_margin_model(again.account.margin) == build_margin_model(loaded.account.margin)


@relaxed
@given(sections, st.sampled_from(sorted(library())), limits)
def test_single_form_reads_back(
    content: dict[str, Any], name: str, own_limits: dict[str, Any]
) -> None:
    round_trip({**content, "strategy": name, "limits": {**own_limits, "from_parameters": True}})


@relaxed
@given(sections, entries, reserves, st.sampled_from(["equal_weight", "risk_parity"]))
def test_multi_form_reads_back(
    content: dict[str, Any],
    strategies: dict[str, dict[str, Any]],
    reserve_pct: Decimal,
    method: str,
) -> None:
    enabled = [one for one in strategies.values() if "enabled" not in one]
    is_lone = len(enabled) == 1
    if not enabled:
        del next(iter(strategies.values()))["enabled"]
        is_lone = True
    allocation: dict[str, Any] = {"method": method, "reserve_pct": 0 if is_lone else reserve_pct}
    if method != "equal_weight":
        allocation["fallback"] = "equal_weight"
    round_trip({**content, "strategies": strategies, "allocation": allocation})


JUNK: tuple[object, ...] = (
    None,
    "nan",
    "x",
    "x:y",
    "net",
    "SPX",
    "",
    -1,
    0,
    1.5,
    101,
    1e300,
    True,
    [],
    [1],
    {},
)


def places_in(content: object) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every value in plain data."""
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    else:
        return
    for key, value in items:
        yield content, key
        yield from places_in(value)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(EXAMPLES.glob("*.yaml"))), st.sampled_from(JUNK), st.data())
def test_no_value_at_any_place_breaks_the_loader(
    path: Path, junk: object, data: st.DataObject
) -> None:
    content = yaml.safe_load(path.read_text())
    container, key = data.draw(st.sampled_from(list(places_in(content))))
    container[key] = junk
    if check_settings(content) == ():
        round_trip(content)
        assembly.assemble(load_settings(content))
