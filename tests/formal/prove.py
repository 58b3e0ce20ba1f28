"""`make prove`: every lemma, the slow ones too, as a table; fails if one does not hold.

`--timeout` is for one question to the solver, in seconds; names choose lemmas.
"""

import argparse
import sys
import time

from tests.formal import lemmas
from tests.formal.proof import LEMMAS, SECONDS, judge


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="lemmas, by name; all without")
    parser.add_argument("--timeout", type=float, default=SECONDS)
    options = parser.parse_args()
    assert lemmas.__all__
    unknown = set(options.names) - {lemma.name for lemma in LEMMAS}
    if unknown:
        parser.error(f"no such lemma: {', '.join(sorted(unknown))}")
    began = time.perf_counter()
    chosen = [lemma for lemma in LEMMAS if not options.names or lemma.name in options.names]
    print(f"{'lemma':58} {'code':46} {'s':>6}  {'result':14} seeded bug")
    failed = 0
    for lemma in chosen:
        verdict = judge(lemma, options.timeout)
        result = "proved" if verdict.proved else "NOT PROVED"
        if not verdict.satisfiable:
            result = "EMPTY PREMISES"
        bug = "found" if verdict.bug_found else "NOT FOUND"
        print(
            f"{lemma.name:58} {lemma.code:46} {verdict.seconds:6.2f}  {result:14} {bug}", flush=True
        )
        for note in verdict.notes:
            print(f"    {note}")
        failed += not verdict.holds
    seconds = time.perf_counter() - began
    print(f"{len(chosen)} lemmas, {failed} failed, {seconds:.1f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
