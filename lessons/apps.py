"""The lessons application."""

from django.apps import AppConfig


class LessonsConfig(AppConfig):
    """Courses, lessons and what a learner has finished."""

    name = "lessons"
    default_auto_field = "django.db.models.BigAutoField"
