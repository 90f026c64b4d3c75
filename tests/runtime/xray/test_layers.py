"""Layers: what the guest writes, changes and deletes is seen in the upper layer."""

from runtime.shim import watching
from tests.runtime.node import needs_node

pytestmark = needs_node


def change(watcher, path, **wanted):
    """Wait until a change at this path is as wanted."""
    return watcher.until(lambda seen: (c := seen["changes"].get(path)) and wanted.items() <= c.items() and c)


def test_a_file_that_is_written_rises_into_the_upper_layer(watcher):
    """A new file is an addition, of the size and owner the guest gave it."""
    watcher.client.exec(["sh", "-c", "printf hello > /root/new; chown 1000:1000 /root/new; chmod 640 /root/new"])

    seen = change(watcher, "/root/new", uid=1000, mode="-rw-r-----")

    assert ("added", "file", 5, 1000) == (seen["change"], seen["type"], seen["size_bytes"], seen["gid"])


def test_a_file_of_a_lower_layer_is_copied_up_or_deleted(watcher):
    """An appended file is a change; a removed one leaves a whiteout."""
    watcher.client.exec(["sh", "-c", "echo '# more' >> /etc/profile; rm /etc/issue"])

    assert "file" == change(watcher, "/etc/profile", change="changed")["type"]
    assert "whiteout" == change(watcher, "/etc/issue", change="deleted")["type"]


def test_a_directory_made_again_hides_what_was_below(watcher):
    """Delete a directory and make it anew: it is replaced, and what is in it is new."""
    watcher.client.exec(["sh", "-c", "rm -r /etc/profile.d; mkdir /etc/profile.d; touch /etc/profile.d/a.sh"])

    assert "directory" == change(watcher, "/etc/profile.d", change="replaced")["type"]
    assert change(watcher, "/etc/profile.d/a.sh", change="added")


def test_links_lead_nowhere(watcher, tmp_path):
    """A link in the upper layer is shown as one and never followed, even to a path of the host."""
    (tmp_path / "secret").mkdir()
    watcher.client.exec(
        ["sh", "-c", f"ln -s {tmp_path} /root/link; ln -s / /root/top; mkdir -p /root/dir; ln -s {tmp_path} /root/dir/below"]
    )

    assert "symlink" == change(watcher, "/root/link")["type"]
    assert "symlink" == change(watcher, "/root/dir/below")["type"]
    assert not [
        path for path in watcher.now.collections["changes"] if "secret" in path or path.startswith(("/root/top/", "/root/link/"))
    ]


def test_layers_have_the_words_of_their_making(watcher):
    """The image's layer has a digest and, once they are counted, a size; the upper layer grows."""
    lower = watcher.until(lambda seen: (low := seen["layers"]["lower:0"])["size_bytes"] and low, seconds=60)

    assert lower["size_bytes"] > 1 << 20 and lower["files"] > 100
    assert len(lower["digest"]) == 12
    before = watcher.now.collections["layers"]["upper"]["size_bytes"]
    watcher.client.exec(["dd", "if=/dev/zero", "of=/root/big", "bs=1M", "count=4"])
    assert watcher.until(lambda seen: seen["layers"]["upper"]["size_bytes"] >= before + (4 << 20))


def test_a_layer_says_how_many_stand_on_it(node):
    """Two sandboxes of one image: two stand on its layer, one on each upper layer, and no name is told."""
    with node.sandbox() as first, node.sandbox():
        seen = watching.look(node.shim(first)).to_dict()["layers"]

    assert (2, 1) == (seen["lower:0"]["shared_by"], seen["upper"]["shared_by"])
