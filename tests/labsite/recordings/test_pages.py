"""Pages of recordings: the owner sees hers, others only by the link, nobody what was deleted or has expired."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from labsite.recordings import journal, services
from labsite.recordings.models import Recording
from labsite.recordings.tasks import expire

HOSTILE = '</script><img src=x onerror="alert(1)">\x1b]0;title\x07\u2028'


@pytest.fixture
def recording(recording):
    """A finished one, with output that would like to be HTML."""
    writer = journal.Writer(recording.code)
    events = [[0.0, "r", "box/1", 100, 30], [0.5, "o", "box/1", HOSTILE, 40], [1.25, "m", "box/1", "gap", 7],
              [1.5, "r", "box/1", 80, 24], [2.0, "x", "box", {"type": "snapshot", "observation": {}}]]  # fmt: skip
    writer.write(journal.line(event) for event in events)
    writer.close()
    recording.end("user")
    return recording


def address(name: str, row: Recording, *more) -> str:
    return reverse(f"recordings:{name}", args=[row.share if "shared" in name else row.code, *more])


def test_a_cast_is_asciicast_v2(client, learner, recording):
    """A header with version, width and height; then [seconds, code, data] in the order of time, no key that was typed."""
    client.force_login(learner)
    answer = client.get(address("cast", recording, "box", 1))
    header, *events = [json.loads(line) for line in b"".join(answer.streaming_content).decode().split("\n")[:-1]]

    assert (2, 100, 30) == (header["version"], header["width"], header["height"])
    assert [[0.0, "r", "100x30"], [0.5, "o", HOSTILE], [1.25, "m", "gap: 7"], [1.5, "r", "80x24"]] == events
    assert {"o", "r", "m"} >= {code for _, code, _ in events}
    assert "attachment" in answer["Content-Disposition"]


def test_strangers_learn_nothing(client, stranger, recording):
    """No cookie or another's: 404 for every address, and nothing can be shared or deleted."""
    for _ in range(2):
        for name, more in (("show", ()), ("journal", ()), ("cast", ("box", 1))):
            assert 404 == client.get(address(name, recording, *more)).status_code
        for name in ("share", "delete"):
            assert 404 == client.post(address(name, recording), {"link": "on"}).status_code
        client.force_login(stranger)
    assert Recording.objects.filter(pk=recording.pk, share=None).exists()


def test_a_link_works_until_it_is_taken_back(client, learner, recording):
    """Unguessable, for anybody, without the learner's name; after that it is 404, and the next one is another."""
    client.force_login(learner)
    client.post(address("share", recording), {"link": "on"})
    recording.refresh_from_db()
    link, first = address("shared", recording), recording.share
    client.logout()
    page = client.get(link)

    assert 200 == page.status_code and 43 == len(first)
    assert "lena" not in page.content.decode() and "noindex" == page["X-Robots-Tag"]
    assert 200 == client.get(address("shared_journal", recording)).status_code
    client.force_login(learner)
    client.post(address("share", recording), {"link": "off"})
    assert 404 == client.get(link).status_code
    client.post(address("share", recording), {"link": "on"})
    recording.refresh_from_db()
    assert first != recording.share


def test_names_in_a_recording_are_text(client, learner, recording):
    """The page holds nothing of the recording; the journal is no HTML and is not sniffed for any."""
    client.force_login(learner)
    page, data = client.get(address("show", recording)), client.get(address("journal", recording))

    assert b"onerror" not in page.content
    assert "application/x-ndjson" == data["Content-Type"] and "nosniff" == data["X-Content-Type-Options"]
    assert HOSTILE == json.loads(b"".join(data.streaming_content).decode().split("\n")[1])[3]


def test_deleting_removes_everything(client, learner, recording):
    """Row, directory and link."""
    recording.share_it()
    client.force_login(learner)
    client.post(address("delete", recording))

    assert not journal.place(recording.code).exists() and not Recording.objects.exists()
    assert 404 == client.get(address("shared", recording)).status_code


def test_it_expires(client, learner, recording):
    """After its days it is out of reach at once, and the next round removes it."""
    Recording.objects.filter(pk=recording.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    client.force_login(learner)
    assert 404 == client.get(address("show", recording)).status_code
    expire()

    assert not Recording.objects.exists() and not journal.place(recording.code).exists()


def test_what_nobody_writes_is_closed(lab, learner):
    """A recorder that died with its server leaves no recording open for ever."""
    row = Recording.objects.create(user=learner, lab=lab, lesson=lab.lesson, started_at=timezone.now() - timedelta(days=1))
    expire()
    row.refresh_from_db()

    assert "time" == row.end_reason


def test_a_learner_keeps_only_so_many(lab, learner, settings):
    """The limit is told by its code."""
    settings.RECORDINGS_PER_USER = 1
    services.begin(lab, ["box/1"]).end("user")
    with pytest.raises(services.RecordingRefused, match="too-many"):
        services.begin(lab, ["box/1"])


def test_all_together_keep_only_so_much(lab, recording, settings):
    """What is kept and what is being recorded must fit, and one more: guests without number fill no disk."""
    Recording.objects.filter(pk=recording.pk).update(size=5)
    settings.RECORDING_BYTES, settings.RECORDINGS_BYTES = 10, 14
    with pytest.raises(services.RecordingRefused, match="no-room"):
        services.begin(lab, ["box/1"])
    settings.RECORDINGS_BYTES = 15

    assert services.begin(lab, ["box/1"]).ended_at is None


def test_an_account_that_goes_takes_its_recordings_along(learner, recording):
    """No file outlives its owner."""
    learner.delete()

    assert not journal.place(recording.code).exists()


def test_a_guest_keeps_hers_when_she_signs_in(learner, stranger, recording):
    """What was recorded as a guest follows into the account."""
    from labsite.accounts.signals import guest_joined

    guest_joined.send(type(learner), guest=learner, user=stranger)
    recording.refresh_from_db()

    assert stranger == recording.user


def test_the_list_and_the_replay_in_both_languages(client, learner, recording):
    """Every word of the two pages is there, with the lesson's title."""
    client.force_login(learner)
    for language, words in (("en", "Your recordings"), ("zh-hans", "我的录制")):
        client.cookies["django_language"] = language
        assert words in client.get(reverse("recordings:mine")).content.decode()
        assert words in client.get(address("show", recording)).content.decode()
