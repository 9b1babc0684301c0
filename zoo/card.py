"""A model's card: the measured facts beside its weights, as one JSON object."""

import json
from pathlib import Path
from typing import Any

Card = dict[str, Any]


def read_card(folder: Path) -> Card:
    """The card of a model folder; empty if it has none yet."""
    path = folder / "card.json"
    if not path.exists():
        return {}
    card: Card = json.loads(path.read_text(encoding="utf-8"))
    return card


def update_card(folder: Path, **sections: Any) -> Card:
    """Replace sections of a model's card and write it."""
    card = read_card(folder) | sections
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / "card.json.partial"
    aside.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    aside.replace(folder / "card.json")
    return card
