"""Options of `xc train` that play no part: typed ones are refused, those of a file are named."""

from collections.abc import Iterable, Mapping, Sequence

from xc.cli.pipeline_file import Pipeline
from xc.store_schema import RequestError
from xc.train import TrainConfig
from xc.train.idle import idle, reason


def refuse_idle(typed: Iterable[str], configs: Sequence[TrainConfig]) -> None:
    """Refuse an option that was typed and plays no part in any of the runs.

    Raises:
        RequestError: naming the first, and what it needs.
    """
    found = [idle(config) for config in configs]
    for name in typed:
        if all(name in of_run for of_run in found):
            raise RequestError(reason(name, found[0][name], configs[0]))


def refuse_idle_axes(
    axes: Iterable[str], configs: Mapping[str, TrainConfig], *, where: str
) -> None:
    """Refuse a swept option that plays no part in one of the runs: several would be the same run.

    Raises:
        RequestError: naming the option and the run.
    """
    for run, config in configs.items():
        found = idle(config)
        for name in axes:
            if name in found:
                raise RequestError(f"{where} {run}: {reason(name, found[name], config)}")


def idle_in_file(pipeline: Pipeline, configs: Sequence[TrainConfig]) -> list[str]:
    """A line for each value of a file that the file itself leaves without a part in the runs.

    What flags leave without one is no matter: a file serves more runs than those it names.
    """
    section = pipeline.sections.get("train", {})
    try:
        alone = TrainConfig.resolve({}, beneath=section, where=pipeline.where("train"))
    except RequestError:  # the flags mend it
        return []
    own, found = idle(alone), [idle(config) for config in configs]
    return [
        f"warning: {pipeline.where('train')}: {reason(name, own[name], alone)}"
        for name in section
        if name in own and all(name in of_run for of_run in found)
    ]
