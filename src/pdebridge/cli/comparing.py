"""The verb that sets two runs side by side."""

import sys
from argparse import Namespace

from pdebridge.errors import UserError
from pdebridge.files import whole, writable


def compare(options: Namespace) -> None:
    """Print a table of two runs, and write it with a figure where ``--out`` says."""
    from pdebridge.paper import comparison, side_by_side
    from pdebridge.paper.gather import evidence_of
    from pdebridge.paper.tables import markdown

    if options.out:
        writable(options.out)
    store = options.results / "reference"
    pair = comparison.beside(*(evidence_of(name, options.scale, store) for name in options.runs))
    a, b = comparison.short(*options.runs)
    rows = comparison.chosen(pair, options.quantities)
    if not rows:
        names = sorted({row.key[2] for row in pair.rows})
        raise UserError(f"--quantities {' '.join(options.quantities)}: nothing fits; there are: {', '.join(names)}")
    table = comparison.frame(rows, a, b)
    said = list(comparison.sentences(pair, a, b))
    print(table.to_csv(index=False, lineterminator="\n") if options.csv else markdown(table), end="")
    print("\n".join(["", *said]) if not options.csv else "\n".join(said), file=sys.stderr if options.csv else None)
    if options.out:
        stem = options.out
        for suffix, text in ((".csv", table.to_csv(index=False)), (".md", "\n".join([markdown(table), *said, ""]))):
            with whole(stem.with_name(stem.name + suffix)) as path:
                path.write_text(text, encoding="utf-8")
        side_by_side.draw(rows, (a, b), stem)
