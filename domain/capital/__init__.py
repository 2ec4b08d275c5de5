"""Capital rules: who gets how much, how large a position may be, when capital moves.

Groups, each using only what stands before it:

    rounded_share, session_day, return_history   exact shares, session days, histories of the books
    computed_weights, weight_bound, risk_parity, allocation_method, allocation_policy
                                                  from a named method to exact amounts
    position_sizing, worst_case, structure_count, limit     sizes and limits of commands
    book_capital, capital_move, reduction, rebalancing, rebalance_progress, rebalance_trigger
                                                  moving capital between books
    cash_flow, corporate_action, drawdown_stop, kill_switch   what happens to capital from outside

Pure functions over values. ``orchestration.portfolio_capital_manager`` is where they come together
with a run; ARCHITECTURE.md says which of them it uses today.
"""
