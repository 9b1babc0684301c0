"""The commands: one module each, imported only when its command is typed.

A module `xc.cli.commands.NAME` has a function `register(app)`. What is said of a command in
`xc --help` stands here, so that help needs no torch.
"""

COMMANDS: dict[str, str] = {
    "demo": "Run the whole pipeline on the embedded pair of models, offline, on a CPU.",
    "harvest": "Run each model once over the same text and store its activations.",
    "train": "Train a crosscoder from a store.",
    "evaluate": "Compute all metrics, tables, figures and the report of a run.",
    "latents": "List the latents of an evaluated run: of one class, in an order, with their text.",
    "compare": "Put the numbers of several runs into one table and one page.",
    "null": "Train where nothing is to be found, to see how much of a run's findings is false.",
    "run": "Harvest, train and evaluate from one pipeline.yaml, doing only what is not done yet.",
    "plan": "Say what a pipeline will take of disk, memory and time, before it runs.",
    "inspect": "Say what a store, run, checkpoint or latent table holds.",
    "import": "Make a run of somebody's crosscoder, from a folder, a file or the Hub.",
    "export": "Write a run's crosscoder for others: with a model card, or in their layouts.",
    "verify": "Check every checksum and every promise of the schema; list what is wrong, by file.",
}
"""Command to one sentence."""
