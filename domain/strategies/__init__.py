"""The library: seven strategies that work and are documented, and what they share.

``library`` names them. ``library_strategy`` is their base, ``parameter`` says how parameters are
declared and described, ``state`` how snapshots are taken. ``option_structure_strategy`` is the
engine under the option strategies. All of it is pure: no clock, no I/O, floats only in a fixed
order, so that the same events give the same commands on every machine.
"""
