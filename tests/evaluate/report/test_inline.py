from xc.evaluate.report.inline import inline_svg

SVG = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "x" "http://y">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="10pt" height="5pt" viewBox="0 0 10 5">
 <metadata><a/></metadata>
 <defs><style type="text/css">*{stroke-linejoin: round}</style></defs>
 <g id="axes_1"><path id="m1" style="fill: #1b2430"/>
 <use xlink:href="#m1" clip-path="url(#p1)"/></g>
</svg>
"""


def test_only_the_drawing_is_left_with_ids_of_its_own() -> None:
    svg = inline_svg(SVG, name="f", label='A "label" & <more>')
    assert svg.startswith("<svg ")
    assert "metadata" not in svg
    assert "<style" not in svg
    assert 'id="f-axes_1"' in svg
    assert 'xlink:href="#f-m1" clip-path="url(#f-p1)"' in svg
    assert "fill: currentColor" in svg
    assert 'aria-label="A &#34;label&#34; &amp; &lt;more&gt;"' in svg
    assert 'width="' not in svg.partition(">")[0]
