"""Print the deployed size of every contract against its limit and write it to the snapshot.

The chain refuses code above 24,576 bytes without a word from the compiler; the limits here leave
room below that. Immutables count: they lie behind the code at the same address. Exit status 1 if
a contract is above its limit.
"""

import json

from scripts._vyper import SNAPSHOTS, compile_all

LIMIT = 22_528
LIMITS = {"ClearingHouse": 21_500}


def main() -> None:
    sizes = {contract.name: contract.deployed_size for contract in compile_all()}

    print(f"{'contract':<24}{'bytes':>8}{'limit':>8}{'room':>8}")
    too_large = []
    for name, size in sizes.items():
        limit = LIMITS.get(name, LIMIT)
        print(f"{name:<24}{size:>8,}{limit:>8,}{limit - size:>8,}")
        if size > limit:
            too_large.append(name)

    SNAPSHOTS.mkdir(parents=True, exist_ok=True)
    (SNAPSHOTS / "size.json").write_text(json.dumps(sizes, indent=2) + "\n")
    if too_large:
        raise SystemExit(f"above the limit: {', '.join(too_large)}")


if __name__ == "__main__":
    main()
