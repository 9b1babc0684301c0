"""What must hold before an evaluation starts: run, latent table and store belong together."""

from collections.abc import Sequence

from xc.evaluate.blocks import Range
from xc.evaluate.reader import Reader
from xc.store_schema import Checkpoint, RequestError, RunLayout
from xc.store_schema.grown import WHAT_TO_DO, grown_since

SPLIT = "heldout"


def check_inputs(reader: Reader) -> tuple[Range, ...]:
    """Row ranges to evaluate.

    Raises:
        RequestError: if something is of another run or store, no row is held out, or no row
            goes by a name that is to be kept.
    """
    _check_widths(reader)
    _check_store(reader)
    _check_table(reader)
    for row_filter in (reader.row_filter, reader.narrowing):
        row_filter.check(reader.store)
    ranges = reader.store.splits.get(SPLIT, ())
    if not any(b > a for a, b in ranges):
        raise RequestError(
            f"{reader.store_path} holds out no rows, and metrics are measured on held-out rows; "
            "harvest with a held-out share above 0"
        )
    _check_covered(reader, ranges)
    return ranges


def _check_widths(reader: Reader) -> None:
    for source in reader.checkpoint.sources:
        found = reader.store.source(source.key).d_model
        if found != source.d_model:
            raise RequestError(
                f"{source.key}: the checkpoint was trained on width {source.d_model}, "
                f"{reader.store_path} holds width {found}; give the store it was trained on"
            )


def _check_store(reader: Reader) -> None:
    trained_on = reader.checkpoint.store_fingerprint
    found = reader.store.fingerprint_of(reader.keys)
    if trained_on is not None and trained_on != found:
        if grown := _grown(reader):
            raise RequestError(
                f"{reader.run_path} was trained on other activations: {grown}; {WHAT_TO_DO}"
            )
        raise RequestError(
            f"{reader.run_path}: the checkpoint was trained on store {trained_on[:12]}, "
            f"{reader.store_path} is {found[:12]}; give the store it was trained on, or train again"
        )


def _check_table(reader: Reader) -> None:
    table, checkpoint = reader.table, reader.checkpoint
    if table.checkpoint_fingerprint != checkpoint.fingerprint:
        raise RequestError(
            f"{table.folder} was encoded by checkpoint {table.checkpoint_fingerprint[:12]}, "
            f"{reader.run_path} holds {checkpoint.fingerprint[:12]}; "
            "run `xc train` again to renew the table"
        )
    if table.about["store"] not in (
        reader.store.fingerprint_of(reader.keys),
        reader.store.fingerprint,
    ):
        grown = _grown(reader)
        raise RequestError(
            f"{table.folder} was encoded from another store ({table.about['store'][:12]}) than "
            f"{reader.store_path}{': ' + grown if grown else ''}; give that store, or run the same "
            "`xc train` or `xc import` again"
        )
    _check_size(checkpoint, table.d_sae)


def _grown(reader: Reader) -> str | None:
    return grown_since(RunLayout(reader.run_path), reader.store)


def _check_size(checkpoint: Checkpoint, d_sae: int) -> None:
    if d_sae != checkpoint.d_sae:
        raise RequestError(
            f"the latent table has {d_sae} latents, the checkpoint {checkpoint.d_sae}; "
            "run `xc train` again to renew the table"
        )


def _check_covered(reader: Reader, ranges: Sequence[Range]) -> None:
    for start, stop in ranges:
        inside = [(max(a, start), min(b, stop)) for a, b in reader.table.ranges]
        covered = sum(max(b - a, 0) for a, b in inside)
        if covered != stop - start:
            raise RequestError(
                f"{reader.table.folder} covers {covered} of the {stop - start} held-out rows "
                f"{start} to {stop}; run the same `xc train` again to write the missing ones"
            )
