"""The sections ``paper``, ``live`` and ``journal``, and how a client is made of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrion.adapters.settings import (
    build_client,
    build_feed,
    check_settings,
    load_settings,
    resolved_json,
)
from orchestrion.adapters.settings.process_settings import (
    DELIVERY_KEYS,
    LiveSettings,
    PaperSettings,
)
from orchestrion.adapters.venue.delivery_policy import DeliveryPolicy
from orchestrion.adapters.venue.paper_conditions import PaperConditions
from orchestrion.domain.errors import ConfigurationError

CLIENT = "tests.processes.venue_client:ProcessVenueClient"


def configured(**sections: Any) -> dict[str, Any]:
    return {"strategy": "STRANGLE", **sections}


def test_live_has_the_keys_and_defaults_of_the_delivery_policy() -> None:
    assert LiveSettings().policy == DeliveryPolicy()
    assert set(DELIVERY_KEYS) <= set(LiveSettings.model_fields)


@pytest.mark.parametrize("key", DELIVERY_KEYS)
def test_every_key_of_the_delivery_policy_is_handed_on(key: str) -> None:
    settings = load_settings(configured(live={key: 7}))
    assert getattr(settings.live.policy, key) == 7
    assert settings.live.policy != DeliveryPolicy()


def test_paper_gives_fractions_and_nanoseconds() -> None:
    paper = {
        "latency_min_ms": 0.5,
        "latency_max_ms": 20,
        "reject_pct": 2.5,
        "cancel_reject_pct": 10,
        "partial_fill_pct": 30,
    }
    assert load_settings(configured(paper=paper)).paper.conditions == PaperConditions(
        latency_min_ns=500_000,
        latency_max_ns=20_000_000,
        reject_fraction=0.025,
        cancel_reject_fraction=0.1,
        partial_fill_fraction=0.3,
    )


def test_without_a_word_paper_is_ideal() -> None:
    assert PaperSettings().conditions == PaperConditions()


def test_settings_of_processes_survive_the_journal_header() -> None:
    settings = load_settings(
        configured(
            account={"id": "main"},
            paper={"speed": 60.0, "gap_max_s": 2.0},
            live={"client": CLIENT, "client_config": {"port": 1, "key": "${VENUE_KEY}"}},
            journal={"directory": "there", "segment_records_max": 3},
        )
    )
    again = load_settings(msgspec.json.decode(resolved_json(settings)))
    assert again == settings
    assert again.account.id == "main"


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"live": {"client": "nonsense"}}, "live.client", "package.module:Class"),
    ({"live": {"client": "no.such_module:Client"}}, "live.client", "there is no module"),
    ({"live": {"client": "tests.processes.venue_client:ProcessVenueCleint"}}, "live.client",
     "did you mean ProcessVenueClient"),
    ({"live": {"feed": "tests.processes.trading:ENDLESS"}}, "live.feed", "has no 'ENDLESS'"),
    ({"live": {"client_config": {"api_key": "s3cret"}}}, "live.client_config.api_key",
     "would stand in every journal"),
    ({"live": {"client_config": {"a": [{"password": "s3cret"}]}}},
     "live.client_config.a.0.password", "${NAME}"),
    ({"live": {"client_config": {"url": "https://${no name}"}}}, "live.client_config.url",
     "no name of an environment variable"),
    ({"live": {"back_off_first_s": 40.0}}, "live", "back_off_max_s must be at least"),
    ({"live": {"call_timeout_s": 0}}, "live.call_timeout_s", "above 0"),
    ({"live": {"burst_calls": 1.5}}, "live.burst_calls", "whole number"),
    ({"paper": {"latency_min_ms": 5, "latency_max_ms": 4}}, "paper", "latency_max_ms must be"),
    ({"paper": {"latency_max_ms": 60_001}}, "paper.latency_max_ms", "at most 60000"),
    ({"paper": {"reject_pct": 101}}, "paper.reject_pct", "at most 100"),
    ({"paper": {"gap_max_s": 1.0}}, "paper", "gap_max_s needs a speed"),
    ({"paper": {"speed": 0}}, "paper.speed", "above 0"),
    ({"journal": {"snapshot_every_inputs": 0}}, "journal.snapshot_every_inputs", "at least 1"),
    ({"journal": {"directry": "x"}}, "journal.directry", "did you mean directory"),
    ({"account": {"id": ""}}, "account.id", "at least 1"),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "path", "words"), FAULTS)
def test_fault_names_the_key_and_what_would_be_right(
    sections: dict[str, Any], path: str, words: str
) -> None:
    (fault,) = check_settings(configured(**sections))
    assert fault.path == path
    assert words in str(fault)
    assert "s3cret" not in str(fault)


def test_loading_imports_no_client_so_that_a_journal_can_be_replayed_without_it() -> None:
    settings = load_settings(configured(live={"client": "no.such_module:Client"}))
    with pytest.raises(ConfigurationError, match="there is no module"):
        build_client(settings.live, {})


def test_client_gets_its_arguments_with_the_environment_filled_in() -> None:
    config = {"port": 5, "host": "${HOST_NAME}.example", "after_report": 2}
    live = load_settings(configured(live={"client": CLIENT, "client_config": config})).live
    client = build_client(live, {"HOST_NAME": "venue"})
    assert client._address == ("venue.example", 5)
    assert "venue.example" not in str(live)


def test_missing_variable_is_named_and_no_value_is_told() -> None:
    config = {"port": 5, "host": "${HERE}${NOT_HERE}"}
    live = load_settings(configured(live={"client": CLIENT, "client_config": config})).live
    with pytest.raises(ConfigurationError, match="NOT_HERE is not set") as refused:
        build_client(live, {"HERE": "s3cret"})
    assert "s3cret" not in str(refused.value)


def test_client_that_cannot_be_made_does_not_show_its_arguments() -> None:
    config = {"prot": "${PORT}"}
    live = load_settings(configured(live={"client": CLIENT, "client_config": config})).live
    with pytest.raises(ConfigurationError, match="cannot be made of client_config: TypeError"):
        build_client(live, {"PORT": "s3cret"})


def test_without_a_name_there_is_no_feed_and_no_client() -> None:
    assert build_feed(LiveSettings(), {}) is None
    with pytest.raises(ConfigurationError, match=r"live\.client is missing"):
        build_client(LiveSettings(), {})
