"""What every drawn figure has to be: an SVG and a PNG without date or program."""

from pathlib import Path
from xml.etree import ElementTree

from PIL import Image


def assert_formats(svg: Path) -> None:
    """Of an SVG and the PNG beside it."""
    root = ElementTree.fromstring(svg.read_bytes())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "<dc:date>" not in svg.read_text(encoding="utf-8")
    with Image.open(svg.with_suffix(".png")) as image:
        image.verify()
        assert image.format == "PNG"
        assert image.width > 1000
        assert "Software" not in image.info
