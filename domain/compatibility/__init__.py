"""Do these strategies fit together on one account? Rules as values, figures with their samples.

A ``Lineup`` (candidates, capital, what is known of their past) goes into ``analysis.analyze`` and
comes out as a ``CompatibilityReport``. Rules are values (``rule.Rule``) in two lists, what
strategies declare and what their history shows; ``admission`` asks the same about a strategy that
joins while others run. ``orchestration.compatibility_analyzer`` is the class that the specification
names and calls all this.

Statistics are plain Python floats in a fixed order, every sum ``math.fsum``; a figure whose sample
is below the stated minimum is not given.
"""
