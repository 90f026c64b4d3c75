"""The digest of a tree says what the tree holds, no less and no more."""

import os

import pytest

from runtime.image.tree import tree_digest


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory/file").write_text("text")
    (tmp_path / "link").symlink_to("directory")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "directory/file").write_text("other"),
        lambda tree: (tree / "directory/file").chmod(0o4755),
        lambda tree: (tree / "directory/file").rename(tree / "directory/name"),
        lambda tree: (tree / "more").mkdir(),
        lambda tree: ((tree / "link").unlink(), (tree / "link").symlink_to("elsewhere")),
    ],
    ids=["content", "mode", "name", "directory", "link"],
)
def test_every_change_changes_the_digest(tree, change):
    """Content, mode, name and the target of a link all count."""
    before = tree_digest(tree)

    change(tree)

    assert before != tree_digest(tree)


def test_times_do_not_count(tree):
    """Two builds of the same packages are the same layer, whenever they were made."""
    before = tree_digest(tree)

    os.utime(tree / "directory/file", (1, 1))

    assert before == tree_digest(tree)
