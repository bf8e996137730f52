"""``coupling-bench store``: what is kept, why something is not, and housekeeping."""

from __future__ import annotations

import argparse
import difflib
import json
import re
from typing import Any

from coupling_bench.cli import common
from coupling_bench.store import FAILED, FAILURE, Store, default_root

EPILOG = """examples:
  coupling-bench store ls                                what is there: size, age, what it is
  coupling-bench store explain sft_then_rl --seed 2      why would it be trained again?
  coupling-bench store explain rl --model embedded --set grpo.beta=0.04
  coupling-bench store verify                            every file against its sha256
  coupling-bench store gc --max-size 10G --dry-run       what was unused for longest goes first
  coupling-bench store export SFTSpec-3f9a1c22b0de --with-starts --to sft.tar
  coupling-bench store import sft.tar

Exit status: 1 if verify finds a damaged entry.
"""
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
AGES = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command and what it does."""
    parser = commands.add_parser(
        "store",
        help="look after what is trained: ls, explain, verify, gc, export, import",
        description="Look after the folder in which trained stages and observations are kept.",
        epilog=EPILOG,
    )
    does = parser.add_subparsers(dest="does", required=True, metavar="ls | explain | ...")

    listed = does.add_parser("ls", help="list the entries: size, age, last use, what each is")
    listed.add_argument("--json", action="store_true", help="as JSON")

    why = does.add_parser("explain", help="say why a stage is not there: what differs")
    why.add_argument("spec", metavar="SPEC", help="a node (sft_then_rl) or an entry's address")
    why.add_argument("--model", default="embedded", metavar="NAME", help="as for pytest suites")
    why.add_argument("--seed", type=int, default=0, metavar="N", help="of the run (default: 0)")
    common.add_task(why)
    common.add_recipe(why)

    does.add_parser("verify", help="compare every entry with its manifest")

    swept = does.add_parser("gc", help="remove what was unused for longest, never what is in use")
    swept.add_argument("--keep-last", type=_count, metavar="N", help="keep the N used last")
    swept.add_argument("--max-size", type=_bytes, metavar="SIZE", help="keep so much, as 10G")
    swept.add_argument(
        "--leftovers", action="store_true",
        help="remove unfinished attempts, failures and damaged entries, too",
    )  # fmt: skip
    swept.add_argument("--dry-run", action="store_true", help="only say what would go")

    out = does.add_parser("export", help="write entries into a tar file for another machine")
    out.add_argument("addresses", nargs="+", metavar="ADDRESS", help="as store ls shows them")
    out.add_argument("--to", type=common.path, required=True, metavar="FILE", help="the tar file")
    out.add_argument("--with-starts", action="store_true", help="and all that they were made from")
    taken = does.add_parser("import", help="take the entries of such a file, each checked")
    taken.add_argument("file", type=common.path, metavar="FILE")

    for one in (listed, does.choices["verify"], swept, out, taken):
        one.add_argument(
            "--store", type=common.path, metavar="FOLDER",
            help="where (default: $COUPLING_BENCH_STORE, else the user's cache)",
        )  # fmt: skip
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked of the store."""
    store = Store(arguments.store or default_root())
    common.check_folder("store", store.root)
    if arguments.does not in ("explain", "import") and not store.root.is_dir():
        raise FileNotFoundError(
            f"store {arguments.does}: there is no store at {store.root}. The first run makes one: "
            "pytest suites"
        )
    does = {
        "ls": _ls, "explain": _explain, "verify": _verify, "gc": _gc,
        "export": _export, "import": _import,
    }  # fmt: skip
    return does[arguments.does](arguments, store)


def _ls(arguments: argparse.Namespace, store: Store) -> int:
    from coupling_bench.store.housekeeping import unfinished
    from coupling_bench.store.listing import rows

    found, killed = rows(store), unfinished(store)
    failed = sorted(path.parent.name for path in (store.root / FAILED).glob(f"*/{FAILURE}"))
    if arguments.json:
        listed = {"store": str(store.root), "entries": [vars(row) for row in found]}
        print(json.dumps({**listed, "unfinished": killed, "failed": failed}, indent=1))
        return 0
    print(f"{'size':>8} {'made':>7} {'used':>7}  {'address':<28} what")
    for row in found:
        size, age, unused = _size(row.bytes), _age(row.age), _age(row.unused)
        print(f"{size:>8} {age:>7} {unused:>7}  {row.address:<28} {row.what}")
    total = _size(sum(row.bytes for row in found))
    print(f"{len(found)} entries, {total}, in {store.root} (made and used: so long ago)")
    for what, names in (("unfinished, to be gone on with", killed), ("failed", failed)):
        if names:
            print(f"{what}: {', '.join(names)}")
    return 0


def _explain(arguments: argparse.Namespace, store: Store) -> int:
    from coupling_bench.store.listing import address_of
    from coupling_bench.store.nearest import nearest

    written = _written(arguments, store)
    name = address_of(written)
    there = (store.root / name / "manifest.json").is_file()
    print(f"{arguments.spec}: {name} is {'' if there else 'not '}in {store.root}.")
    failure = store.root / FAILED / name / FAILURE
    if failure.is_file():
        print(f"Its last attempt failed: {json.loads(failure.read_text())['error']} ({failure})")
    close = nearest(store, written, besides=name)
    if close is None:
        print(f"No {'other ' if there else ''}entry is a {written['kind']}.")
        return 0
    count = len(close.differences)
    print(f"Nearest: {close.address}, which differs in {count} field{'s' * (count != 1)}:")
    for field, asked, has in close.differences:
        print(f"  {field}: {has!r} there, {asked!r} here")
    return 0


def _written(arguments: argparse.Namespace, store: Store) -> dict[str, Any]:
    """Return the spec that is asked about, in its canonical form."""
    from coupling_bench.fingerprint import canonical
    from coupling_bench.pipelines import NODES
    from coupling_bench.store.entries import ENTRIES, read

    if ENTRIES.fullmatch(arguments.spec):
        entry = read(store.root / arguments.spec)
        if entry is None:
            raise ValueError(
                f"store explain: {arguments.spec} is not in {store.root}, and an address alone "
                "does not say what it is of. Name the node, with the options of the run: "
                "coupling-bench store explain sft_then_rl --model NAME --seed N"
            )
        return entry.manifest["spec"]
    if arguments.spec not in NODES:
        near = difflib.get_close_matches(arguments.spec, NODES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"store explain: {arguments.spec!r} is no node of the training graph and no entry's "
            f"address.{hint} All nodes: pytest --fixtures suites"
        )
    common.check(arguments)
    recipe = common.recipe(common.entry(arguments.model, arguments), arguments)
    return canonical(NODES[arguments.spec](recipe, arguments.seed))


def _verify(arguments: argparse.Namespace, store: Store) -> int:
    from coupling_bench.store.housekeeping import damaged

    count = damaged(store, lambda name, reason: print(f"DAMAGED {name}: {reason}"))
    if count:
        print(f"{count} damaged; the next run that needs one sets it aside and makes it again.")
    else:
        print(f"every entry in {store.root} is what was written.")
    return 1 if count else 0


def _gc(arguments: argparse.Namespace, store: Store) -> int:
    from coupling_bench.store.housekeeping import sweep

    if arguments.keep_last is None and arguments.max_size is None and not arguments.leftovers:
        raise ValueError(
            "store gc: say what is to be kept: --keep-last N, --max-size 10G, or --leftovers for "
            "what is no entry; --dry-run only shows it."
        )
    swept = sweep(
        store,
        keep_last=arguments.keep_last,
        max_size=arguments.max_size,
        leftovers=arguments.leftovers,
        dry=arguments.dry_run,
    )
    would = "would be removed" if arguments.dry_run else "removed"
    for row in swept.removed:
        print(f"{would}: {row.address}  {_size(row.bytes)}, {row.what}")
    for folder in swept.leftovers:
        print(f"{would}: {folder.relative_to(store.root)}")
    freed = _size(sum(row.bytes for row in swept.removed))
    left = _size(sum(row.bytes for row in swept.kept))
    print(f"{len(swept.removed)} entries, {freed}, {would}; {len(swept.kept)}, {left}, kept.")
    if swept.in_use:
        print(f"{len(swept.in_use)} of those kept would have gone, but a run is using them.")
    return 0


def _export(arguments: argparse.Namespace, store: Store) -> int:
    from coupling_bench.store.transfer import export

    names = export(store, arguments.addresses, arguments.to, with_starts=arguments.with_starts)
    size = _size(arguments.to.stat().st_size)
    print(f"{arguments.to}: {', '.join(names)} ({size}). There: coupling-bench store import FILE")
    return 0


def _import(arguments: argparse.Namespace, store: Store) -> int:
    from coupling_bench.store.transfer import import_

    if not arguments.file.is_file():
        raise FileNotFoundError(f"store import: there is no file {arguments.file}.")
    taken, there = import_(store, arguments.file)
    print(f"taken into {store.root}: {', '.join(taken) or 'nothing'}")
    if there:
        print(f"there already, and left as they were: {', '.join(there)}")
    return 0


def _size(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def _age(seconds: float) -> str:
    for length, unit in AGES:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"found {text!r}, needed a whole number from 0.")
    return int(text)


def _bytes(text: str) -> int:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise argparse.ArgumentTypeError(f"found {text!r}, needed a size as 500M or 10G.")
    return int(float(found[1]) * UNITS[found[2].upper()])
