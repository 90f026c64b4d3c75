"""A Containerfile is read as docker reads it; what cannot be read is told with file, line and advice."""

import pytest

from runtime.build import ignore, words
from runtime.build.containerfile import BuildError, parse


def steps(text):
    return [(step.name, step.text) for step in parse(text).instructions]


def test_comments_and_continuations():
    """A backslash joins lines; comments and empty lines between them are nothing."""
    text = "# a comment\nfrom linux\n\nRUN one && \\\n  # not this\n\n  two\nCMD x"

    assert [("FROM", "linux"), ("RUN", "one &&   two"), ("CMD", "x")] == steps(text)


def test_another_escape_character():
    """The directive `escape` counts, but only before everything else."""
    assert [("RUN", "a  b")] == steps("# escape=`\nRUN a `\n b")
    assert [("RUN", "a `"), ("CMD", "b")] == steps("# hello\n# escape=`\nRUN a `\nCMD b")


def test_the_exec_form_is_json_and_a_bracket_alone_is_not():
    """`[ -f x ]` is a shell's test."""
    first, second = parse('RUN ["a", "b c"]\nRUN [ -f x ]').instructions

    assert ["a", "b c"] == first.words and second.words is None


def test_here_documents():
    """The text ends at the word; <<- takes tabs off, a quoted word keeps dollars."""
    (step,) = parse("COPY <<A <<-'B' /x/\none\nA\n\ttwo $X\n\tB\n").instructions

    assert [("A", "one\n", False), ("B", "two $X\n", True)] == [(h.name, h.text, h.raw) for h in step.heredocs]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM linux\nRUM x", r"f:2: 'RUM' is no instruction; there are FROM, RUN"),
        ("FROM linux\n\nRUN", "f:3: RUN wants an argument"),
        ("HEALTHCHECK NONE", "f:1: HEALTHCHECK is not supported: .*leave the line out"),
        ("ONBUILD RUN x", "f:1: ONBUILD is not supported"),
        ("COPY --parents a b", "f:1: COPY --parents is not supported; flags of COPY: --from"),
        ("RUN --mount=type=cache x", "f:1: RUN --mount is not supported"),
        ("COPY <<E /x\nabc", "f:1: the text after <<E has no end"),
        ("# escape=x\nFROM a", "f:1: escape=x"),
    ],
)
def test_mistakes_are_told_with_their_place(text, said):
    """File, line, what is wrong, what would be right."""
    with pytest.raises(BuildError, match=said):
        parse(text, "f")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A-${A}", "1-1"),
        ("'$A'", "$A"),
        ('"$A b"', "1 b"),
        (r"\$A", "$A"),
        ("${B:-x$A}", "x1"),
        ("${E-x}|${E:-x}", "|x"),
        ("${A:+yes}${B:+no}", "yes"),
        ("$B", ""),
        ("$", "$"),
    ],
)
def test_variables(text, value):
    """As in a shell."""
    assert value == words.expand(text, {"A": "1", "E": ""})


def test_an_unset_variable_may_be_an_error():
    """${NAME:?words} ends the build with the words."""
    with pytest.raises(words.WordError, match="B: say which"):
        words.expand("${B:?say which}", {})


def test_words_end_at_blanks_that_are_not_quoted():
    """Quotes stay on until variables are replaced."""
    assert ["a=1", 'b="x y"', r"c=z\ z"] == words.split(r'a=1  b="x y" c=z\ z')


def test_ignored_names():
    """The last pattern that matches decides; a directory takes what is in it along."""
    left_out = ignore.parse("# no\n*.log\n!keep.log\n/build\n**/cache\nsrc/*/x?\n")

    assert ["a.log", "build/a", "build", "a/b/cache/c", "cache", "src/a/x1"] == [
        path
        for path in ("a.log", "keep.log", "d/a.log", "build/a", "build", "a/b/cache/c", "cache", "src/a/x1", "src/a/b/x1")
        if left_out(path)
    ]
