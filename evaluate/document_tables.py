"""Writes the page on tables from what they hold: `python -m xc.evaluate.document_tables > FILE`."""

from collections.abc import Iterable

from xc.evaluate.examples.table import SCHEMA
from xc.evaluate.groups import Group, over_groups
from xc.evaluate.latent_table import ORDER
from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.naming import names
from xc.evaluate.spliced_sums import COLUMNS as LOSSES
from xc.evaluate.spliced_sums import SCHEMA as LOSSES_SCHEMA

HEAD = """\
# The tables, and how to read them

`xc evaluate` leaves numbers as one flat JSON object and everything per latent as Parquet, so that
any program can go on from there. This page is written by `python -m xc.evaluate.document_tables`;
a test keeps it equal to what the code writes.

## In the terminal

```console
$ xc latents runs/default --class b_only --sort nu_error --limit 20
$ xc latents runs/default --sort frequency --descending --columns norm_a,norm_b,template_fraction
$ xc latents runs/default --class a_only --json > a_only.json
$ xc compare runs/default runs/other          # numbers side by side, with intervals
$ xc compare runs/sweep --metrics sharedness,n_b_only --out comparison
```

`xc latents` sorts the smallest first unless told `--descending`, latents without a value last; the
last column is the text on which a latent fires most, where examples of it were kept. `xc compare`
prints one column per run, settings in which they differ above the numbers, and runs that have no
room beside each other in blocks. It writes `comparison.html` (pairs of models by layers, shaded
from red for unlike to green for alike, with intervals; all numbers, where a click on a measure
orders the runs by it; the settings) and `comparison.csv`, in which nothing is rounded, a row for
each run and pair with its layers. Runs with null controls show their false discovery rates. Runs
whose L0 lies more than a tenth apart are marked ≠, since most numbers move with L0; `--strict`
refuses them, and runs whose L0 was not measured. Losses (`ce_delta_a`, `ce_recovered_a`, …, where
any run has them) are marked too, if models ran in another precision than for the first run. Other
text, rows, numbers of latents and cuts between classes are named.

`xc compare RUN` of one run with more than two sources is the table of its pairs; the report has one
too, and `xc evaluate` prints a short one.

## In a notebook

```python
from xc.evaluate import Evaluation

ev = Evaluation.open("runs/default")
ev.summary["sharedness"], ev.summary["sharedness_ci"]
frame = ev.latents.to_pandas()
frame[frame["class"] == "b_only"].nsmallest(20, "nu_error")
ev.examples.to_pandas()
```

Of a large table, read what is needed: `to_arrow` takes columns, and a condition on any of them. Row
groups that by their statistics hold no such row are not read.

```python
import pyarrow.compute as pc

b_only = ev.latents.to_arrow(["latent", "nu_error"], where=pc.field("class") == "b_only")
ev.latents.column("frequency")  # one column, as NumPy
```

The files are plain Parquet; polars and duckdb read them by path:

```python
import duckdb
import polars

polars.read_parquet(ev.latents.path).filter(polars.col("class") == "b_only")
duckdb.sql(f"select class, count(*), median(frequency) from '{ev.latents.path}' group by class")
```

The latent table of a run, one line per non-zero activation on held-out rows, is Parquet too:

```python
folder = ev.run.latents
duckdb.sql(f"select latent, count(*) n, max(activation) from '{folder}/*.parquet' group by latent")
```

## latents.parquet

One row per latent, in the order of the latents; all columns but the text ones are float64 and null
where a value is undefined. Names are those of two sources; with more, pairs are `_a_b` and the
direction of B is `_on_b`. Columns that end in `_role_NAME` or `_corpus_NAME` are over the rows of
one role or part of the corpus; they are there where the measured rows are of more than one. Roles
are neither, user, assistant and template (tokens of a chat template). [metrics.md](metrics.md)
gives formulas.
"""

FIXED = {
    "latent": "Number of the latent, its row in the decoder.",
    "group": "Text; only of partitioned dictionaries: the latent's group.",
}
"""Columns that no metric writes."""

WHERE = {
    "_role_NAME": "Over the rows of role NAME alone",
    "_corpus_NAME": "Over the rows of part NAME of the corpus alone",
}
"""What a column is over, by its end."""

EXAMPLES = """\
## examples.parquet

The rows on which the latents that the report shows fire most, with the tokens around them.
"""

MEANINGS = {
    "latent": "the latent",
    "rank": "0 is the strongest example of the latent",
    "row": "row of the store",
    "sequence": "sequence of the store",
    "position": "index of the token in its sequence",
    "activation": "f of the latent on that token",
    "tokens": "pieces of text, up to 12 before the token and 6 behind it",
    "activations": "f on each of those pieces, 0 where the latent does not fire",
    "center": "index of the token among `tokens`",
}

SPLICED = """\
## ce/a.parquet, ce/b.parquet, …

What `xc evaluate --ce` measured of each source's model: a row for each held-out sequence, sums over
its predicted tokens. The `ce_…` keys of summary.json and their intervals follow from them; later
evaluations use them without running a model, as long as checkpoint, store and filter are the same.
The file's metadata and provenance.json tell in what precision the model ran; where `xc evaluate
--ce --dtype …` asks for another it is measured again. Sources of different precisions are told of.
"""


def page(metrics: Iterable[Metric] = METRICS) -> str:
    """The page as Markdown."""
    metrics = tuple(metrics)
    columns = {
        "latent": FIXED["latent"], **_columns(metrics), **_of_groups(metrics),
        "group": FIXED["group"],
    }  # fmt: skip
    lines = [f"| `{name}` | {text} |" for name, text in columns.items()]
    table = ["| column | what it holds |", "|---|---|", *lines]
    shown = [f"| `{f.name}` | {f.type} | {MEANINGS[f.name]} |" for f in SCHEMA]
    examples = ["| column | type | what it holds |", "|---|---|---|", *shown]
    kept = [f"| `{f.name}` | {f.type} | {LOSSES[f.name]} |" for f in LOSSES_SCHEMA]
    losses = ["| column | type | what it holds |", "|---|---|---|", *kept]
    return "\n".join([HEAD, *table, "", EXAMPLES, *examples, "", SPLICED, *losses, ""])


def _columns(metrics: Iterable[Metric]) -> dict[str, str]:
    """Column to one sentence, in the order of the file."""
    found = {
        name: metric.summary for metric in metrics if metric.scope.is_column
        for name in names(metric, 2)
    }  # fmt: skip
    return dict(sorted(found.items(), key=lambda entry: _place(entry[0])))


def _of_groups(metrics: Iterable[Metric]) -> dict[str, str]:
    """Those of a role and of a part of the corpus, named NAME, in the order of the file."""
    made = over_groups(metrics, (Group("role", 0, "NAME"), Group("corpus", 0, "NAME")))
    return {
        name: f"{WHERE[metric.suffix]}: {metric.summary[:1].lower()}{metric.summary[1:]}"
        for metric in made if metric.scope.is_column for name in names(metric, 2)
    }  # fmt: skip


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


if __name__ == "__main__":
    print(page(), end="")
