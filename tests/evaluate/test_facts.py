"""What is worked out from values of metrics is worked out once, and anew of other values."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import make_world

from xc.evaluate.decoder_pairs import members_of, of_class
from xc.evaluate.facts import Facts

CLASSES = np.array([["shared"], ["a_only"], ["dead"], ["shared"]])


def test_members_are_found_once_and_those_of_other_classes_anew() -> None:
    facts = Facts(make_world(1, 4).decoder, values={"class": CLASSES})
    found = members_of(facts, "{p}_only")
    assert found.ravel().tolist() == [False, True, False, False]
    assert members_of(facts, "{p}_only") is found
    np.testing.assert_array_equal(members_of(facts, "shared"), of_class(facts, "shared", CLASSES))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = True
    turned = facts.with_value("class", CLASSES[::-1].copy())
    assert members_of(turned, "{p}_only").ravel().tolist() == [False, False, True, False]
    values = {"class": CLASSES}
    growing = replace(facts, values=values)
    assert members_of(growing, "dead").sum() == 1
    values["class"] = np.full((4, 1), "dead")
    assert members_of(growing, "dead").all()
