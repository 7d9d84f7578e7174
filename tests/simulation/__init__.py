"""One master or two and their minions in one process, on a simulated clock, with faults that a seed draws;
docs/testing.md.

The daemons' own code runs. Only their edges are simulated, one file each: `platform` (time, randomness, threads, the
writing of files), `clock`, `network` (both ports), `door` (the local one), `keys`, `disk` (folders that survive a
crash, the store), `power` (what of them survives a power cut), `workers` (functions that take their time). `daemons`
opens both with these, `hosts` crashes them and starts them again, `operators` are who uses them. `faults` is what is
done and what goes wrong, as data, and `drawing` what a seed makes of it; `world` lets it happen; `invariants` says what
must hold all the same; `hunt` looks for seeds for which it does not, and makes what it finds small; `moments` says a
plan by what happens in it, and `mutants` are bugs that are put back to see them found.

    python -m tests.simulation --seeds 0:1000
    python -m tests.simulation --replay 4711 --trace

`platform` has to be installed before anything of trisalt is imported, so a run has a process to itself.
"""
