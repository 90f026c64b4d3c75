"""Settings of the site: one file, everything from the environment, wrong values stop the start.

docs/settings.md lists every variable. Defaults suit one node with an embedded database;
`script/server` starts everything with them.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from labsite import environment

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(os.environ.get("VITRINE_STATE", "/var/lib/vitrine"))
RUN_DIR = Path(os.environ.get("VITRINE_RUN", "/run/vitrine"))

DEV = environment.flag("VITRINE_DEV")
DEBUG = environment.flag("VITRINE_DEBUG")
SECRET_KEY = environment.secret_key(STATE_DIR)

# Where people reach us. A websocket's Origin must equal one of these to the letter.
ORIGINS = environment.origins("VITRINE_ORIGINS", "http://localhost:8000,http://127.0.0.1:8000")
ALLOWED_HOSTS = sorted({urlsplit(origin).hostname or "" for origin in ORIGINS})
CSRF_TRUSTED_ORIGINS = ORIGINS
# Terminals live in a process of their own, so that a slow page never delays a keystroke.
WS_URL = os.environ.get("VITRINE_WS_URL", "").rstrip("/")
WS_PORT = environment.number("VITRINE_WS_PORT", 8001)
# Servers in sandboxes are seen on names of their own, one for each port; never on ours.
PREVIEW_PORT = environment.number("VITRINE_PREVIEW_PORT", 8002)
PREVIEW_ORIGIN = environment.apart("VITRINE_PREVIEW_ORIGIN", f"http://*.preview.localhost:{PREVIEW_PORT}", ORIGINS)
HTTPS = all(origin.startswith("https://") for origin in ORIGINS)

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "axes",
    "csp",
    "labsite.accounts",
    "lessons",
    "labsite.labs",
    "labsite.xray",
    "labsite.mixer",
    "labsite.desk",
    "labsite.previews",
    "labsite.recordings",
    "labsite.certificates",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "labsite.headers.permissions_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "labsite.urls"
ASGI_APPLICATION = "labsite.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- data -----------------------------------------------------------------------------

DATABASES = {"default": dj_database_url.parse(os.environ.get("DATABASE_URL", f"sqlite:///{STATE_DIR / 'db.sqlite3'}"))}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets readers work beside the one writer; IMMEDIATE takes the write lock at BEGIN,
    # where the busy time-out applies, instead of failing half-way through a transaction.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL", f"unix://{RUN_DIR / 'redis.sock'}")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "labsite.channellayer.PatientChannelLayer",
        # redis-py 8 gives up a read after 5 s, as long as the layer's own blocking read:
        # every idle consumer would die. None waits for ever (django/channels_redis#422).
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "vitrine"},
    }
}

# --- people ---------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
AUTHENTICATION_BACKENDS = [
    "labsite.accounts.guessing.WideNet",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation." + name}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_FAILURE_LIMIT = 6
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "labsite.labs.address.client_network"  # behind a proxy REMOTE_ADDR is the proxy's
GUESSES_PER_ACCOUNT = 30  # from wherever, within the cool-off time
GUESSES_PER_ADDRESS = 60  # whosever
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
CSRF_FAILURE_VIEW = "labsite.accounts.views.refused"

# A guest is known by her cookie alone: if it ends, her progress is out of reach.
SESSION_COOKIE_AGE = 180 * 86_400
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100

# --- what a page may load: nothing but ourselves, and its own websockets ---------------

WS_SOURCES = (
    [WS_URL]
    if WS_URL
    else [f"{'wss' if origin.startswith('https') else 'ws'}://{urlsplit(origin).hostname}:{WS_PORT}" for origin in ORIGINS]
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        # The nonce is for the one import map of pages with an editor; pages that ask for none send none.
        "script-src": [SELF, NONCE],
        "object-src": [NONE],
        # xterm.js writes the terminal's colours into <style> elements; screen.js gives them the page's nonce.
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF, *WS_SOURCES],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- language, files ------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "labsite.staticfinder.NodeModulesFinder",
]
# In development files are served where they lie, so that an edit shows at the next reload.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEV or DEBUG
STATIC_STORAGE = (
    "django.contrib.staticfiles.storage.StaticFilesStorage" if DEV or DEBUG else "labsite.staticstorage.HashedStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": STATIC_STORAGE},
}
WHITENOISE_MIMETYPES = {".mjs": "text/javascript"}

# --- labs -----------------------------------------------------------------------------

NODE_NAME = os.environ.get("VITRINE_NODE", os.uname().nodename)
# Lessons from Git: https to public addresses only, unless this allows the machine itself (tests, a forge beside the site).
DESK_GIT_LOOPBACK = environment.flag("VITRINE_DESK_GIT_LOOPBACK")
LAB_MINUTES = environment.number("VITRINE_LAB_MINUTES", 60)
LAB_MAX_MINUTES = environment.number("VITRINE_LAB_MAX_MINUTES", 240)
LAB_IDLE_MINUTES = environment.number("VITRINE_LAB_IDLE_MINUTES", 20)
LABS_PER_GUEST = environment.number("VITRINE_LABS_PER_GUEST", 1)
LABS_PER_USER = environment.number("VITRINE_LABS_PER_USER", 3)
LABS_PER_ADDRESS = environment.number("VITRINE_LABS_PER_ADDRESS", 40)
# The most a lesson may ask for; and the images behind the names that lessons use.
LESSON_MEMORY = environment.number("VITRINE_LESSON_MEMORY_MIB", 2048) << 20
LESSON_DISK = environment.number("VITRINE_LESSON_DISK_MIB", 8192) << 20
LESSON_CPUS = environment.number("VITRINE_LESSON_CPUS", 4)
LESSON_PIDS = environment.number("VITRINE_LESSON_PIDS", 4096)
LESSON_MACHINES = environment.number("VITRINE_LESSON_MACHINES", 8)
# Pages of labs load themselves again when their lesson is saved: `manage.py lessons preview` sets it.
PREVIEW = environment.flag("VITRINE_PREVIEW")
IMAGE_NAMES = environment.pairs("VITRINE_IMAGE_NAMES", "debian-12=linux")
NODE_SANDBOXES = environment.number("VITRINE_NODE_SANDBOXES", 100)
# How many proxies of ours stand in front: only their X-Forwarded-For is believed.
TRUSTED_PROXIES = environment.number("VITRINE_TRUSTED_PROXIES", 0)

# How much of one session may be recorded, for how long it is kept, and how many a learner may keep.
RECORDING_BYTES = environment.number("VITRINE_RECORDING_MIB", 16) << 20
RECORDING_SECONDS = environment.number("VITRINE_RECORDING_MINUTES", 60) * 60
RECORDING_DAYS = environment.number("VITRINE_RECORDING_DAYS", 30)
RECORDINGS_PER_USER = environment.number("VITRINE_RECORDINGS_PER_USER", 10)
RECORDINGS_BYTES = environment.number("VITRINE_RECORDINGS_MIB", 8192) << 20  # of everybody together

# /metrics answers this machine only, or whoever has this token.
METRICS_TOKEN = os.environ.get("VITRINE_METRICS_TOKEN", "")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("VITRINE_LOG", "INFO")},
    "loggers": {"axes": {"level": "WARNING"}},  # it reports every guest's first visit
}
