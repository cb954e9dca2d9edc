"""Looks for bytes that break a target: `fuzz.py SECONDS [TARGET…]`, or `fuzz.py --one TARGET [libFuzzer's options]`.

What is new goes to `.fuzz/TARGET/`; what breaks a target is left beside it as `crash-…`, and ends this with an error.
"""

import subprocess
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FOUND = ROOT / ".fuzz"
_LIMITS = ("-timeout=300", "-rss_limit_mb=2048", "-max_len=4096")  # seconds, MiB, bytes


def main(arguments: list[str]) -> int:
    """Run the named targets, or all, one after the other."""
    if arguments[0] == "--one":
        return one(arguments[1], arguments[2:])
    seconds, *names = arguments
    for name in names or sorted(path.name for path in (HERE / "corpus").iterdir()):
        found = FOUND / name
        found.mkdir(parents=True, exist_ok=True)
        places = [found, HERE / "corpus" / name]
        limits = [*_LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={FOUND}/{name}-", "-verbosity=0"]
        print(f"{name}: {seconds} seconds", flush=True)
        run = [sys.executable, __file__, "--one", name, *limits, *map(str, places)]
        if subprocess.run(run).returncode:
            print(f"{name} is broken: see {FOUND}/{name}-crash-… and the error above.")
            return 1
    return 0


def one(name: str, options: list[str]) -> int:
    """Run one target under libFuzzer, in this process, until it ends it."""
    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["intake", "yaml", "werkzeug.sansio", "babel.messages", "bleach"]):
        import targets
    atheris.Setup([name, *options], targets.TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
