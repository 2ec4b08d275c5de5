"""Another machine, another day: what must not make a difference when a journal is replayed.

A replay in the very same surroundings would agree with itself about the time zone, the decimal
context, a variable of the environment. So it is made in others. (Another hash seed needs another
process, see ``mutants``.)
"""

from __future__ import annotations

import decimal
import gc
import logging
import os
import random
import time
from collections.abc import Generator
from contextlib import contextmanager

MARK = "ORCHESTRION_SIMULATION_PERTURBED"


@contextmanager
def perturbed() -> Generator[None]:
    """Everything around us is different; afterwards it is as it was."""
    zone, level = os.environ.get("TZ"), logging.getLogger().level
    state, was_enabled = random.getstate(), gc.isenabled()
    os.environ |= {"TZ": "Pacific/Kiritimati", MARK: "1"}
    time.tzset()
    logging.getLogger().setLevel(logging.CRITICAL)
    random.seed(0)
    gc.disable()
    try:
        with decimal.localcontext() as context:
            context.prec = 5
            yield
    finally:
        del os.environ[MARK]
        if zone is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = zone
        time.tzset()
        logging.getLogger().setLevel(level)
        random.setstate(state)
        if was_enabled:
            gc.enable()
