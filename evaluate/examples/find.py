"""From values to examples: choose latents, look for their strongest rows, put text to them."""

import pyarrow as pa

from xc.evaluate.examples.choice import NEEDED, choose_latents
from xc.evaluate.examples.collect import collect
from xc.evaluate.examples.table import SCHEMA, examples_table
from xc.evaluate.facts import Facts
from xc.evaluate.passes import Passes
from xc.evaluate.scheduler import Work


def find_examples(
    work: Work, passes: Passes, facts: Facts, *, per_latent: int, per_class: int
) -> pa.Table:
    """The table of examples.parquet; empty if none were asked for or a needed metric is absent."""
    if per_latent == 0 or not set(NEEDED) <= set(facts.values):
        return SCHEMA.empty_table()
    latents = choose_latents(facts, per_class=per_class)
    if len(latents) == 0:
        return SCHEMA.empty_table()
    sketch = collect(work, passes, latents, k=per_latent)
    return examples_table(sketch, latents, work.reader.store)
