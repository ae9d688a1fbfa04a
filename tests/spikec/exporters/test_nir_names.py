"""Names that every reader of NIR can hold."""

from spikec.exporters.nir_names import Names, escaped


def test_dots_stay_and_slashes_go():
    assert escaped("net.lif1") == "net.lif1"
    assert escaped("in->hidden/1") == "in->hidden%2F1"
    assert escaped("a\nb") == "a%0Ab"
    assert (escaped("."), escaped("..")) == ("%2E", "%2E%2E")


def test_no_two_names_are_the_same():
    names = Names()
    assert [names.new(n) for n in ("a", "a", "a.1", "a/b", "a%2Fb", "")] == [
        "a",
        "a.1",
        "a.1.1",
        "a%2Fb",
        "a%2Fb.1",
        "_",
    ]
