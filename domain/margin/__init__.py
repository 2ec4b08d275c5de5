"""Margin models: how much equity positions bind, by the rules of the account that holds them.

    requirement        what all models share: the protocol, ``UNLIMITED``, prices
    cash_account       nothing on credit: paid in full, or secured in full
    reg_t              shares at 50/25 and 150/130, bought options in full
    strategy_based     the same plus option structures as in the Cboe margin manual
    span_model         a grid of price and volatility scenarios, as for NIFTY options
    instrument_rates   what the catalogue says per instrument
    registry           models by name, as a value
    margin_call        the larger of two margins, and what is missing to the maintenance margin
    deleverage         what to close first when something is missing
    leverage_claim     two strategies that want one instrument at two leverages

Every requirement is an amount of *equity*: cash plus the market value of what is held, where a
short position counts below zero. The proceeds of a short sale are already in that cash and what it
costs to buy back is already taken off. So a published figure of "150 % of a short sale" reads 50 %
here, and an option's requirement of "100 % of its value plus 15 %" reads 15 %.

A model's initial margin is subadditive (held together never more than apart) and grows in
proportion: the budget rule rests on both. tests/property/test_margin_model.py holds every model to
them. Models are frozen values; there is no state and no global registry.
"""

from __future__ import annotations
