"""However one asks: no more labs than allowed, no longer than allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from labsite.accounts.models import User
from labsite.labs import services
from labsite.labs.address import client_network
from labsite.labs.limits import LimitError
from labsite.labs.models import LabSession, Sandbox
from tests.labsite.conftest import LESSON
from tests.labsite.labs.test_pages import API, post, signed_in

pytestmark = pytest.mark.django_db


def test_fifty_posts_are_one_lab(learner, node):
    """A-02, A-03, F-19: The same button fifty times, in any tab: one lab, one machine."""
    client = signed_in(learner)
    codes = {post(client, API, {"lesson": LESSON}).json()["code"] for _ in range(50)}

    assert len(codes) == LabSession.objects.count() == 1


def test_a_flood_without_cookies_leaves_no_guests(node, settings):
    """A-02: From a full address new visitors are turned away with a time, before a row is made for each of them."""
    settings.LABS_PER_ADDRESS = 3
    answers = [post(Client(), API, {"lesson": LESSON}) for _ in range(10)]

    assert [answer.status_code for answer in answers] == [201] * 3 + [429] * 7
    assert int(answers[-1]["Retry-After"]) > 0
    assert User.objects.count() == 3
    page = Client().post("/labs/", {"lesson": LESSON})
    assert (page.status_code, int(page["Retry-After"]) > 0, User.objects.count()) == (429, True, 3)


def test_her_own_lab_is_found_from_a_full_address(node, settings):
    """A-02: Who has a lab comes back to it, however full her network is."""
    settings.LABS_PER_ADDRESS = 1
    client = Client()
    first = post(client, API, {"lesson": LESSON})

    assert post(client, API, {"lesson": LESSON}).json()["code"] == first.json()["code"]


@pytest.mark.parametrize("address, network", [
    ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"), ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"), ("2001:db8:1:3::1", "2001:db8:1:3::"),
    ("::ffff:192.0.2.7", "192.0.2.7"), ("192.0.2.7", "192.0.2.7"), ("nonsense", None),
])  # fmt: skip
def test_addresses_are_counted_by_network(address, network):
    """A-02: Whoever has a /64 of version 6 has it whole; version 4 within 6 is version 4."""
    assert client_network(RequestFactory().get("/", REMOTE_ADDR=address)) == network


def test_rotating_in_a_64_changes_nothing(node, settings):
    """A-02: Ten addresses of one /64 are one customer."""
    settings.LABS_PER_ADDRESS = 2
    answers = [Client(REMOTE_ADDR=f"2001:db8::{n:x}").post("/labs/", {"lesson": LESSON}).status_code for n in range(1, 11)]

    assert answers.count(429) == 8


@pytest.mark.parametrize("minutes", [1, 10**6, 0])
def test_a_lesson_cannot_ask_for_ever(learner, node, lesson, settings, minutes):
    """A-16: Whatever a lesson says, its lab ends within the longest a lab may last, and not before it began."""
    lab = services.open_lab(learner, replace(lesson, time_limit=minutes))
    longest = timedelta(minutes=settings.LAB_MAX_MINUTES, seconds=1)

    assert timezone.now() < lab.expires_at <= lab.created_at + longest


def test_extending_in_a_loop_ends(lab, settings):
    """A-16: A hundred times half an hour is not fifty hours."""
    assert sum(services.extend(lab) for _ in range(100)) < 20
    assert lab.expires_at <= lab.created_at + timedelta(minutes=settings.LAB_MAX_MINUTES)


def test_an_overdue_lab_cannot_be_brought_back(lab, settings):
    """A-16: Past the longest there is no more time, whatever the row says of its end."""
    lab.created_at = timezone.now() - timedelta(minutes=settings.LAB_MAX_MINUTES + 1)
    lab.expires_at = timezone.now() - timedelta(seconds=1)
    lab.save()

    assert not services.extend(lab)


def test_one_cannot_take_all(learner, stranger, node, lesson, settings):
    """T-13: One who opens all she may leaves room for others: the limit of a user is below the node's."""
    assert settings.LABS_PER_USER * settings.LESSON_MACHINES <= settings.NODE_SANDBOXES
    for number in range(settings.LABS_PER_USER):
        services.open_lab(learner, replace(lesson, slug=f"other-{number}"))
    with pytest.raises(LimitError):
        services.open_lab(learner, replace(lesson, slug="one-more"))

    assert services.open_lab(stranger, lesson).pk


def test_names_tell_nothing(lab, learner):
    """T-12, T-04: What a neighbour could see of a machine bears 48 random bits or more, and nobody's name."""
    sandbox = Sandbox.objects.get(lab=lab, index=0)

    assert len(lab.code) == 32 and int(lab.code, 16) > 0
    assert learner.username not in sandbox.runtime_id + sandbox.name
    assert sandbox.runtime_id.startswith(lab.code[:12])
    assert len({LabSession._meta.get_field("code").get_default() for _ in range(1000)}) == 1000
