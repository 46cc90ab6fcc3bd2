"""Run the topology on one machine out of real components: the only code that starts things.

Between: cli, drills and tests (call `launch`) and the operating system.
Shape: launch → guardian → supervisor → one keeper per pod; `components/` says what each becomes here, `standins/` plays
third parties.
Invariant: no process outlives its instance, and nothing outside the instance's directory is written.
Errors: LocalError and its kinds (errors.py), each with what to do.
"""
