"""A fleet: Restate decides which worker drives which run, and when. Needs ``waystation[restate]``.

The store stays the one truth: what comes to a run is written there first, by whoever takes it, and then the run's
virtual object is called (``dispatcher``). The call comes to a worker (``worker``, ``endpoint``), which takes the run
over and drives it until it rests (``placed``). Nothing of a run is kept in Restate: its calls carry a run's id and why
it is to be driven, and whatever of them is lost is made anew from the store (``resubmission``).
"""
