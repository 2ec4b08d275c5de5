"""The capital desk: what moves capital during a run, and what stops it.

The rules are in ``domain.capital`` and ``domain.margin``; here they get their state and meet the
books of one account. Everything is synchronous and deterministic; each step says what it did as a
``DeskStep``, and whoever drives it carries that out: tells the auditor and the owners, sends the
commands through ``authorise``, publishes the events, computes what the desk asks for.

    desk_settings, desk_event, desk_step    what is configured, what is said, what one step comes to
    equity_history, structure_tracker       what the desk remembers of books and orders
    cash_desk, action_desk                  money and corporate actions from outside
    stop_desk, margin_watch                 drawdown stops, kill switches, margin calls
    rebalance_desk                          moving capital between books
    capital_desk                            all of them behind one face
"""
