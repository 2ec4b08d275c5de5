"""Long-running processes: paper and live runs that stop in order and go on where they stopped.

    stop_request   signals, and what they interrupt
    run_status     a line now and then that says where the run stands
    opening        a run begun anew, or gone on with from its journals
    paper, live    the two kinds of runs, each from its start to its end

What a run decides is not known here; it is the session's and the actors' business. Nothing is
imported by this file: the handlers of signals must be in place before the rest is loaded.
"""
