"""The runtime's source can be read, and nothing else."""

import pytest
from django.conf import settings

pytestmark = pytest.mark.django_db


def test_a_file_is_shown_whole(client):
    """Every line is there, numbered, escaped."""
    text = (settings.BASE_DIR / "runtime/plan.py").read_text()

    page = client.get("/source/runtime/plan.py").content.decode()

    assert page.count('<li id="L') == len(text.splitlines())
    assert "StepTiming" in page


def test_a_dotted_name_leads_to_its_line(client):
    """What a step calls its source is an address."""
    lines = (settings.BASE_DIR / "runtime/plan.py").read_text().splitlines()
    line = lines.index("class Step:") + 1

    answer = client.get("/source/runtime.plan.Step.execute")

    address, _, place = answer.url.partition("#L")
    assert address == "/source/runtime/plan.py"
    assert lines[int(place) - 1] == "    def execute(self) -> None:"
    assert int(place) > line


def test_a_nameless_function_leads_to_what_it_is_in(client):
    """A step may be a lambda; its address is the function around it."""
    named, nameless = (client.get(f"/source/runtime.plan.Step.execute{more}").url for more in ("", ".<locals>.<lambda>"))

    assert named == nameless


@pytest.mark.parametrize(
    "name",
    [
        "labsite/settings.py", "runtime/../labsite/settings.py", "runtime/%2e%2e/labsite/settings.py", "/etc/passwd",
        "runtime//etc/passwd", "labsite.settings", "runtime/plan.pyc", "runtime/", "..", "os.path", "runtime/plan.py/",
    ],
)  # fmt: skip
def test_nothing_else_is_shown(client, name):
    """A path that climbs out, another package, a directory: 404."""
    assert client.get(f"/source/{name}").status_code == 404


def test_a_link_out_of_the_runtime_is_not_followed(client, settings, tmp_path):
    """A symbolic link is not a file of the runtime's."""
    (tmp_path / "secret.py").write_text("SECRET = 1\n")
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime/link.py").symlink_to(tmp_path / "secret.py")
    settings.BASE_DIR = tmp_path

    assert client.get("/source/runtime/link.py").status_code == 404


def test_the_contents_name_each_module(client):
    """The list has every module that opens by teaching, with its first sentence."""
    page = client.get("/source/").content.decode()

    assert "/source/runtime/plan.py" in page
