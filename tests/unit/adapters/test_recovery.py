"""Recovery: from whatever is left of the journal, the state at its last input, and only that."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrion.actors.restart_messages import Reconciled, Restarted
from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.journal.memory_store import MemoryStore
from orchestrion.adapters.recovery import Build, Resumed, resume_run
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.netting.internal_cross import CrossPolicy
from orchestrion.runtime.errors import (
    ActorError,
    DivergenceError,
    JournalDamagedError,
    JournalError,
)
from orchestrion.runtime.journal import Journal, JournalHeader, Record, RecordKind
from orchestrion.runtime.journal_store import JournalStore
from tests.fakes import (
    INSTRUMENTS,
    MINUTE_NS,
    AsyncRemembering,
    AsyncScripted,
    Remembering,
    Script,
    SilentPort,
    Stage,
    at,
    buy,
    following,
    header,
    minute,
    minutes,
    orchestrator_of,
    play,
    sell,
)
from tests.fakes_sweep import Genesis

FRESH = CrossPolicy(quote_age_max_ns=MINUTE_NS, last_price_age_max_ns=MINUTE_NS)


def scripts() -> dict[str, Script]:
    return {
        "alpha": Script(on_event={0: buy(10), 2: sell(4), 4: buy(1)}),
        "beta": Script(always=lambda view: [view.buy("AAA", 1)] if view.price("AAA") else None),
    }


def build_with(some: dict[str, Script], **settings: Any) -> Build:
    def build(journal: Journal, _: JournalHeader) -> TradingSystem:
        factories = following(some, Remembering)
        return build_system(
            orchestrator_of({one: factory() for one, factory in factories.items()}),
            factories,
            InstrumentCatalog(INSTRUMENTS),
            journal,
            SystemSettings(order_id_prefix="T", **settings),
        )

    return build


def build(journal: Journal, given: JournalHeader) -> TradingSystem:
    return build_with(scripts())(journal, given)


def recorded(count: int = 6, **options: Any) -> list[Record]:
    return play(
        following(scripts(), Remembering),
        minutes(count),
        is_data_recorded=True,
        is_ended=False,
        **options,
    ).records()


def store_of(records: Sequence[Record], **fields: Any) -> MemoryStore:
    """A store with one journal that was cut off behind these records."""
    store = MemoryStore()
    journal = store.begin(header(**fields))
    for record in records:
        journal.append(record)
    return store


def resumed_from(store: JournalStore, some: Build = build, **fields: Any) -> Resumed:
    return resume_run(store, header(**fields), some)


def records_of(store: JournalStore, place: int = -1) -> list[Record]:
    return list(store.segments()[place].reader.records())


def test_empty_store_is_a_first_start() -> None:
    store = MemoryStore()
    resumed = resumed_from(store)
    assert (resumed.epoch, resumed.is_first_start, resumed.is_started) == (0, True, False)
    assert not resumed.system.is_held
    assert len(store.segments()) == 1


def test_every_cut_of_a_journal_recovers_the_state_at_its_last_input() -> None:
    records = recorded()
    genesis = Genesis(lambda journal: build(journal, header()), records)
    for cut in range(len(records) + 1):
        left = records[:cut]
        store = store_of(left)
        resumed = resumed_from(store)
        seq = max((one.seq for one in left), default=0)
        new = records_of(store)
        place = next(i for i, one in enumerate(new) if one.kind is RecordKind.SNAPSHOT)
        assert new[place].body == genesis.snapshots[seq], f"cut at {cut}"
        # What the ended process had no time to write is written now.
        assert [*left, *new[:place]] == [one for one in records if one.seq <= seq]
        assert new[place + 1].name == "Restarted"
        assert resumed.system.is_held


def test_new_segment_names_the_one_before_it() -> None:
    records = recorded()
    store = store_of(records)
    resumed = resumed_from(store)
    before, after = store.segments()
    assert resumed.header == after.reader.header
    assert (after.reader.header.epoch, after.reader.header.segment) == (1, 2)
    assert after.reader.header.previous == before.name
    assert after.reader.header.previous_chain == before.reader.last_chain().hex()
    assert resumed.last_slice_ts == at(5)


def test_restart_after_restart_begins_at_the_latest_snapshot() -> None:
    store = store_of(recorded())
    for epoch in (1, 2, 3):
        resumed = resumed_from(store)
        assert resumed.epoch == epoch
        # ``Restarted`` and ``Reconciled`` of the process before.
        assert resumed.replayed == (2 if epoch > 1 else len(inputs(store, 0)))
        resumed.system.machine.post(Reconciled(ts_event=at(6)), at(6))
        resumed.system.machine.take_effects()
    assert len(store.segments()) == 4


def inputs(store: JournalStore, place: int) -> list[Record]:
    return [one for one in records_of(store, place) if one.kind is RecordKind.INPUT]


def test_segment_that_was_only_begun_is_passed_over() -> None:
    store = store_of(recorded())
    resumed_from(store)
    last = store.segments()[-1].reader
    store.begin(
        header(
            epoch=2,
            segment=3,
            previous=store.segments()[-1].name,
            previous_chain=last.last_chain().hex(),
        )
    )
    resumed = resumed_from(store)
    assert resumed.epoch == 3
    assert resumed.replayed == 1


def test_orders_without_an_answer_are_unknown_and_to_be_asked_for() -> None:
    port = SilentPort()
    records = recorded(3, port=port)
    resumed = resumed_from(store_of(records))
    assert port.taken
    assert [one.client_order_id for one in resumed.orders_to_ask] == [
        one.client_order_id for one in port.taken
    ]
    assert {one.status for one in resumed.orders_to_ask} == {OrderStatus.UNKNOWN}


def test_nothing_leaves_until_the_account_is_reconciled() -> None:
    store = store_of(recorded(3))
    resumed = resumed_from(store)
    machine = resumed.system.machine
    machine.take_effects()
    machine.post(minute(3), at(3))
    assert not [one for _, one in machine.take_effects() if "ExecuteCommands" in str(type(one))]
    refused = [one for one in records_of(store) if one.kind is RecordKind.DECISION]
    assert refused
    assert all(b"TRADING_HALTED" in one.body for one in refused)
    machine.post(Reconciled(ts_event=at(3)), at(3))
    assert not resumed.system.is_held
    machine.take_effects()
    machine.post(minute(4), at(4))
    (left,) = [one for _, one in machine.take_effects() if "ExecuteCommands" in str(type(one))]
    assert all(one.client_order_id.startswith("T.1-") for one in left.approved)  # type: ignore[attr-defined]


def test_run_whose_data_are_only_named_is_not_gone_on_with() -> None:
    stage = play(following(scripts(), Remembering), minutes(4), is_ended=False)
    with pytest.raises(JournalError, match="is made again, not gone on with"):
        resumed_from(store_of(stage.records()))


def test_run_that_has_ended_is_not_gone_on_with() -> None:
    stage = play(following(scripts(), Remembering), minutes(4), is_data_recorded=True)
    with pytest.raises(JournalError, match="the run has ended"):
        resumed_from(store_of(stage.records()))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"configuration_sha256": "other"}, "the configuration of the program changed"),
        ({"versions": {"orchestrion": "9"}}, "the version of the program changed"),
        ({"flags": (1,)}, "the flags of the program changed"),
    ],
)
def test_old_inputs_never_run_through_new_code(fields: dict[str, Any], words: str) -> None:
    store = store_of(recorded())
    with pytest.raises(JournalError, match=words):
        resumed_from(store, **fields)
    assert len(store.segments()) == 1


def test_new_code_goes_on_from_a_snapshot_with_nothing_behind_it() -> None:
    store = MemoryStore()
    journal = store.begin(header())
    genesis = Genesis(lambda one: build(one, header()), recorded())
    genesis.system.machine.write_to(journal)
    genesis.system.machine.record_snapshot(genesis.system.snapshot())
    resumed = resumed_from(store, configuration_sha256="other")
    assert resumed.replayed == 0


def test_changed_strategy_is_a_divergence_with_seq_field_then_and_now() -> None:
    changed = scripts()
    changed["alpha"].on_event = {0: buy(10), 2: sell(5), 4: buy(1)}
    store = store_of(recorded())
    with pytest.raises(DivergenceError) as found:
        resumed_from(store, build_with(changed))
    assert (found.value.field, found.value.then, found.value.now) == (
        "command.legs[0].quantity",
        "4",
        "5",
    )
    assert len(store.segments()) == 1


def test_strategy_that_is_not_configured_any_more_is_named() -> None:
    store = store_of(recorded())
    resumed_from(store)
    with pytest.raises(Exception, match="the run has beta, the configuration has not"):
        resumed_from(store, build_with({"alpha": scripts()["alpha"]}))
    more = {**scripts(), "gamma": Script()}
    with pytest.raises(Exception, match="the configuration has gamma, the run has not"):
        resumed_from(store, build_with(more))


def test_chain_with_a_missing_segment_is_refused() -> None:
    store = store_of(recorded())
    resumed_from(store)
    del store._journals[0]  # the last one has a snapshot: that is enough
    assert resumed_from(store).epoch == 2
    store = MemoryStore()
    store.begin(header(segment=2, previous="000001", previous_chain="00"))
    with pytest.raises(JournalError, match="put them back"):
        resumed_from(store)


def test_segment_that_was_replaced_is_refused() -> None:
    store = store_of(recorded())
    store.begin(header(epoch=1, segment=2, previous="000001", previous_chain="00"))
    with pytest.raises(JournalDamagedError, match="are not those that 000002 went on from"):
        resumed_from(store)


def test_journals_on_disk_are_gone_on_with(tmp_path: Path) -> None:
    records = recorded()
    directory = JournalDirectory(tmp_path / "run")
    journal = directory.begin(header())
    for record in records:
        journal.append(record)
    journal.sync()
    journal.close()
    resumed = resumed_from(directory)
    resumed.journal.close()
    again = resumed_from(directory)
    assert again.epoch == 2
    assert again.replayed == 1
    again.journal.close()
    directory.close()
    JournalDirectory(tmp_path / "run").close()  # the lock is free again


def test_input_of_the_restart_is_of_the_present_but_never_before_the_last_one() -> None:
    store = store_of(recorded())
    resumed = resume_run(store, header(), build, ts=at(100))
    assert resumed.system.machine.now == at(100)
    (restarted,) = inputs(store, -1)
    assert msgspec.json.decode(restarted.body, type=Restarted).ts_event == at(100)
    assert resume_run(store, header(), build, ts=1).system.machine.now == at(100)


def test_books_are_those_of_the_run() -> None:
    stage: Stage = play(
        following(scripts(), Remembering), minutes(6), is_data_recorded=True, is_ended=False
    )
    resumed = resumed_from(store_of(stage.records()))
    assert dict(resumed.system.books) == dict(stage.books)
    assert resumed.system.books["alpha"].quantity("AAA") != Decimal(0)


def test_state_while_everything_is_held_is_a_state_like_any_other() -> None:
    resumed = resumed_from(store_of(recorded(3)))
    held, machine = resumed.system, resumed.system.machine
    machine.take_effects()
    machine.post(minute(3), at(3))
    machine.take_effects()
    other = build(MemoryStore().begin(header()), header())
    other.restore(held.snapshot())
    assert other.is_held
    assert other.last_slice_ts == at(3)
    assert other.snapshot() == held.snapshot()
    assert other.state_hash() == held.state_hash()


def test_strategy_that_cannot_take_its_state_back_harms_only_itself() -> None:
    class Forgetful(Remembering):
        def restore(self, state: Any) -> None:
            raise ValueError("of another version")

    def rebuilt(journal: Journal, given: JournalHeader) -> TradingSystem:
        some = scripts()
        factories = {
            **following({"alpha": some["alpha"]}, Forgetful),
            **following({"beta": some["beta"]}, Remembering),
        }
        return build_system(
            orchestrator_of({one: factory() for one, factory in factories.items()}),
            factories,
            InstrumentCatalog(INSTRUMENTS),
            journal,
            SystemSettings(order_id_prefix="T"),
        )

    store = MemoryStore()
    journal = store.begin(header())
    genesis = Genesis(lambda one: build(one, header()), recorded())
    genesis.system.machine.write_to(journal)
    genesis.system.machine.record_snapshot(genesis.system.snapshot())
    resumed = resume_run(store, header(configuration_sha256="new code"), rebuilt)
    assert resumed.system.status("alpha") == "quarantined"
    assert resumed.system.status("beta") == "running"
    again = resume_run(store, header(configuration_sha256="new code"), rebuilt)
    assert again.system.status("alpha") == "quarantined"


def test_system_that_has_taken_inputs_is_given_no_state() -> None:
    resumed = resumed_from(store_of(recorded(3)))
    resumed.system.machine.take_effects()
    with pytest.raises(ActorError, match="without inputs"):
        resumed.system.restore(resumed.system.snapshot())


def test_snapshot_of_another_format_is_refused() -> None:
    resumed = resumed_from(store_of(recorded(3)))
    resumed.system.machine.take_effects()
    body = resumed.system.snapshot().replace(b'{"format":1', b'{"format":2', 1)
    with pytest.raises(ActorError, match="of format 2, this version reads 1"):
        build(MemoryStore().begin(header()), header()).restore(body)


def test_there_is_no_snapshot_while_effects_wait() -> None:
    resumed = resumed_from(store_of(recorded(3)))
    with pytest.raises(ActorError, match="messages or effects wait"):
        resumed.system.snapshot()


# -- what was decided and not carried out ---------------------------------------------------------


def cut_before(records: Sequence[Record], name: str) -> list[Record]:
    """The journal of a process that ended just before it took its first input of a kind."""
    place = next(i for i, one in enumerate(records) if one.name == name)
    return list(records[:place])


def crossing(journal: Journal, _: JournalHeader) -> TradingSystem:
    some = {"x": Script(on_event={1: buy(8)}), "y": Script(on_event={1: sell(5)})}
    factories = following(some, Remembering)
    return build_system(
        orchestrator_of(
            {one: factory() for one, factory in factories.items()},
            policies=ConflictPolicies(opposing_sides=ConflictPolicy.NET),
            capital_rules={"cross_policy": FRESH},
        ),
        factories,
        InstrumentCatalog(INSTRUMENTS),
        journal,
        SystemSettings(order_id_prefix="T"),
    )


def test_trade_inside_the_account_that_was_not_booked_yet_is_booked() -> None:
    """Its residual may have left; the sizes of both were decided together."""
    some = {"x": Script(on_event={1: buy(8)}), "y": Script(on_event={1: sell(5)})}
    stage = play(
        following(some, Remembering),
        minutes(2),
        is_data_recorded=True,
        is_ended=False,
        policies=ConflictPolicies(opposing_sides=ConflictPolicy.NET),
        capital_rules={"cross_policy": FRESH},
    )
    store = store_of(cut_before(stage.records(), "InternalCrossed"))
    resumed = resumed_from(store, crossing)
    books = resumed.system.books
    assert (books["x"].quantity("AAA"), books["y"].quantity("AAA")) == (Decimal(5), Decimal(-5))
    assert [one.name for one in inputs(store, -1)] == ["Restarted", "InternalCrossed"]
    (rest,) = resumed.orders_to_ask
    assert (rest.strategy_id, rest.remaining(0)) == ("x", Decimal(3))
    # And once only, however often the process is started.
    again = resumed_from(store, crossing)
    assert dict(again.system.books) == dict(books)
    assert "InternalCrossed" not in [one.name for one in inputs(store, -1)]


@pytest.mark.parametrize("kind", [AsyncScripted, AsyncRemembering])
def test_answers_that_were_waited_for_are_late(kind: Any) -> None:
    def some() -> dict[str, Script]:
        return {"alpha": Script(always=buy(1)), "beta": Script(always=buy(1, "BBB"))}

    def rebuilt(journal: Journal, _: JournalHeader) -> TradingSystem:
        factories = {
            **following({"alpha": some()["alpha"]}, kind),
            **following({"beta": some()["beta"]}, Remembering),
        }
        return build_system(
            orchestrator_of({one: factory() for one, factory in factories.items()}),
            factories,
            InstrumentCatalog(INSTRUMENTS),
            journal,
            SystemSettings(order_id_prefix="T"),
        )

    scripts_now = some()
    stage = play(
        {
            **following({"alpha": scripts_now["alpha"]}, kind),
            **following({"beta": scripts_now["beta"]}, Remembering),
        },
        minutes(3, "AAA", "BBB"),
        is_data_recorded=True,
        is_ended=False,
    )
    replies = [i for i, one in enumerate(stage.records()) if one.name == "StrategyReplied"]
    store = store_of(stage.records()[: replies[1]])  # the first one is of the start
    resumed = resumed_from(store, rebuilt)
    assert [one.name for one in inputs(store, -1)] == ["Restarted", "StrategyRaised"]
    resumed.system.machine.take_effects()
    resumed.system.snapshot()  # the round is over
    is_out = kind is AsyncScripted  # it gives no snapshots
    assert resumed.system.status("alpha") == ("quarantined" if is_out else "running")
    assert resumed.system.status("beta") == "running"
    decided = [one for one in records_of(store) if one.kind is RecordKind.DECISION]
    assert decided  # of beta, which had answered: refused, because everything is held
    assert all(b"TRADING_HALTED" in one.body for one in decided)
    assert resumed_from(store, rebuilt).epoch == 2
