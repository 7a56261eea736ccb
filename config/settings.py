"""Django's settings. Values come from config/environment.py; this file only arranges them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from . import environment, logs, mail, production
from .secret_key import load_or_create

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")
values = environment.read(env)

# Where things are kept ---------------------------------------------------------------------------
DATA_DIR = (BASE_DIR / values["DATA_DIR"]).resolve()
if wrong := production.objection(values, DATA_DIR / "secret_key"):
    raise environment.ConfigurationError(wrong)
SECRET_KEY_FALLBACKS = values["SECRET_KEY_FALLBACKS"]
SECRET_KEY = values["SECRET_KEY"] or load_or_create(DATA_DIR / "secret_key")
SESSIONS_ROOT = DATA_DIR / "sessions"
SANDBOX_DIR = DATA_DIR / "sandbox"
NATS_DIR = DATA_DIR / "nats"

# The web process ---------------------------------------------------------------------------------
DEBUG = values["DEBUG"]
HOST = values["HOST"]
PORT = values["PORT"]
PUBLIC_URL = values["PUBLIC_URL"].rstrip("/") or f"http://{HOST}:{PORT}"
PUBLIC_HOST = str(urlsplit(PUBLIC_URL).hostname or HOST)
LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]", "testserver"]
ALLOWED_HOSTS = values["ALLOWED_HOSTS"] or [PUBLIC_HOST, HOST, *LOOPBACK_NAMES]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_PUBLIC = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_PUBLIC
SESSION_COOKIE_NAME = "switchboard_session"
CSRF_COOKIE_NAME = "switchboard_csrf"
SECURE_SSL_REDIRECT = SECURE_PUBLIC
# Asked over plain HTTP and by address, by load balancers and Prometheus: probes.py, too.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
# Whether subdomains and browsers' lists take part is for the owner of the domain to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_PUBLIC else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_PUBLIC else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # bytes of a JSON or form body
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # a page of ticked numbers is the longest form
DATA_UPLOAD_MAX_NUMBER_FILES = 10

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "accounts",
    "events",
    "sessions_mgr",
    "messaging",
    "webhooks",
    "realtime",
    "console",
    "config",
]

MIDDLEWARE = [
    "config.walled_requests.WalledRequests",
    "config.probes.middleware",
    "django.middleware.security.SecurityMiddleware",
    "config.headers.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.origin.middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.languages.ConsoleLanguage",
    "django.middleware.common.CommonMiddleware",
    "config.form_limit.FormLimit",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.context.console",
            ],
        },
    }
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}

# Data --------------------------------------------------------------------------------------------
SQLITE_OPTIONS = {
    # IMMEDIATE: several processes write; a deferred transaction that turns into a writer fails
    # at once with "database is locked". FULL: what was committed survives a power cut.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
}


def _database() -> dict[str, Any]:
    if not values["DATABASE_URL"]:
        config: dict[str, Any] = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(DATA_DIR / "switchboard.sqlite3"),
        }
    else:
        config = env.db_url_config(values["DATABASE_URL"])
    if config["ENGINE"].endswith("sqlite3"):
        config["ENGINE"] = "config.patient_sqlite"
        config["OPTIONS"] = SQLITE_OPTIONS
        # A file, not memory: the threads of a race test must see one database.
        config["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    else:
        if config["ENGINE"] == "django.db.backends.postgresql":
            config["ENGINE"] = "config.walled_postgres"  # the same, with accounts/wall.py
        # Requests run in short-lived threads: a pool, as a connection per thread would not last.
        config["OPTIONS"] = {
            "connect_timeout": 5,
            # A server that was cut off must not be waited for until the kernel gives up.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,  # milliseconds
            # Given up soon, as the next request begins anew: the pauses between its tries double,
            # and after an hour without a server nobody shall wait for minutes.
            "pool": {"min_size": 1, "max_size": 20, "timeout": 10, "reconnect_timeout": 5},
            **config.get("OPTIONS", {}),
        }
    return config


DATABASES = {"default": _database()}


def _private_files(folder: str, bucket: str, s3: str) -> dict[str, Any]:
    """Files that only we hand out: a bucket where `bucket` names one, else DATA_DIR/folder. `s3` is
    what the names of its variables begin with."""
    if not values[bucket]:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": str(DATA_DIR / folder),
                "base_url": None,
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        }
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": values[bucket],
            "location": values[f"{s3}_PREFIX"],
            "endpoint_url": values[f"{s3}_ENDPOINT"] or None,
            # Services that are not Amazon's rarely have a host name for each bucket.
            "addressing_style": "path" if values[f"{s3}_ENDPOINT"] else None,
            "region_name": values[f"{s3}_REGION"] or None,
            "access_key": values[f"{s3}_ACCESS_KEY"] or None,
            "secret_key": values[f"{s3}_SECRET_KEY"] or None,
            "default_acl": None,
            "file_overwrite": False,
            "max_memory_size": 4 * 1_048_576,  # bytes; a larger object is read through a file
        },
    }


DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(DATA_DIR / "files"), "base_url": None},
    },
    "snapshots": _private_files("snapshots", "SNAPSHOT_S3_BUCKET", "SNAPSHOT_S3"),
    "media": _private_files("media", "MEDIA_S3_BUCKET", "MEDIA_S3"),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
CACHES = {
    # Counts failed sign-ins, so all processes on all machines must see it. The database is what
    # they share already; a file would be one machine's. Written on attempts to sign in only.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    },
    # The rate of API requests: once per request, hence in memory and per process.
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
# The channel layer carries hints between consumers of one process, never data: DESIGN, section 2.
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# People ------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "console:sign-in"
LOGIN_REDIRECT_URL = "console:home"
LOGOUT_REDIRECT_URL = "console:sign-in"
ADMIN_PATH = values["ADMIN_PATH"]
TRUSTED_PROXIES = values["TRUSTED_PROXIES"]
PASSWORD_RESET_TIMEOUT = 4 * 3600  # seconds
SESSION_COOKIE_AGE = 14 * 86_400  # seconds

ACCOUNT_ADAPTER = "accounts.sign_in.PeopleAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # addresses come from invitations
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = bool(values["EMAIL_URL"])
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_SESSION_COOKIE_AGE = SESSION_COOKIE_AGE
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this login stays; sign_in.py ends the others
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
ACCOUNT_FORMS = {
    "login": "console.people_forms.SignInForm",
    "reset_password": "console.people_forms.ForgottenForm",
    "reset_password_from_key": "console.people_forms.NewPasswordForm",
    "change_password": "console.people_forms.ChangePasswordForm",
    "reauthenticate": "console.people_forms.AgainForm",
}
MFA_FORMS = {
    "authenticate": "console.people_forms.CodeForm",
    "reauthenticate": "console.people_forms.CodeAgainForm",
    "activate_totp": "console.people_forms.ActivateForm",
}
MFA_ADAPTER = "accounts.sign_in.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Switchboard"
MFA_TOTP_TOLERANCE = 1  # codes before and after the running one, for clocks that are off
MFA_RECOVERY_CODE_COUNT = 10
USERSESSIONS_TRACK_ACTIVITY = False  # accounts/logins.py does it, not on every request

MAIL_CONFIGURED = bool(values["EMAIL_URL"])
vars().update(mail.settings_for(values["EMAIL_URL"], DATA_DIR))
DEFAULT_FROM_EMAIL = values["EMAIL_FROM"] or f"switchboard@{PUBLIC_HOST}"
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10  # seconds

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("id", "Bahasa Indonesia"), ("pt-br", "Português (Brasil)")]
LANGUAGE_COOKIE_AGE = 31_536_000  # seconds, a year
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# The API -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.bodies.JsonBody"],
    "DEFAULT_SCHEMA_CLASS": "accounts.api.documented.Schema",
    "DEFAULT_THROTTLE_CLASSES": [
        "accounts.api.throttling.KeyRateThrottle",
        "accounts.api.throttling.WorkspaceQuota",
    ],
    "DEFAULT_THROTTLE_RATES": {"key": values["API_RATE"]},
    "EXCEPTION_HANDLER": "accounts.api.errors.handler",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Switchboard",
    "DESCRIPTION": "Session manager and gateway for WhatsApp. Refusals are RFC 9457 problems; "
    "[all codes](/api/problems).",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",  # 3.0 cannot say of a component that it may be null
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.schema.plain_names",
        "config.schema.document_problems",
        "config.schema.show_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AccountStatusEnum": "sessions_mgr.states.Status",
        "DeliveryStatusEnum": "webhooks.models.Status",
        "WebhookStatusEnum": "webhooks.models.Health",
        "MessageStatusEnum": "messaging.statuses.Status",
        "MessageDirectionEnum": "messaging.models.Direction",
        "MediaStateEnum": "messaging.models.MediaState",
        "EventTypeEnum": "events.types.CHOICES",
        "ChatTypeEnum": "messaging.models.people.ChatType",
    },
}

# The bus and the session node --------------------------------------------------------------------
NATS_URL = values["NATS_URL"]  # empty: DATA_DIR/nats/server.json says where our own one listens
NATS_TOKEN = values["NATS_TOKEN"]
SANDBOX = values["SANDBOX"]
SANDBOX_QR_REFS = values["SANDBOX_QR_REFS"]
SESSION_STORE = values["SESSION_STORE"]
SESSION_STORE_URL = values["SESSION_STORE_URL"]
NODE_NAME = values["NODE_NAME"]
NODE_LEASE_TTL = values["NODE_LEASE_TTL"]
NODE_CAPACITY = values["NODE_CAPACITY"]
SESSION_START_BURST = values["SESSION_START_BURST"]
SESSION_START_RATE = values["SESSION_START_RATE"]
SESSION_STOP_GRACE = values["SESSION_STOP_GRACE"]
SESSION_CRASH_BUDGET = values["SESSION_CRASH_BUDGET"]
SESSION_HEARTBEAT_TIMEOUT = values["SESSION_HEARTBEAT_TIMEOUT"]
PAIRING_TIMEOUT = values["PAIRING_TIMEOUT"]
STORE_KEYS = values["STORE_KEYS"]
SNAPSHOT_INTERVAL = values["SNAPSHOT_INTERVAL"]
SNAPSHOT_KEEP = values["SNAPSHOT_KEEP"]
STORE_QUARANTINE_DAYS = values["STORE_QUARANTINE_DAYS"]
AVATAR_FETCH_ENABLED = values["AVATAR_FETCH_ENABLED"]
EVENT_RETENTION_DAYS = values["EVENT_RETENTION_DAYS"]
TIMELINE_RETENTION_DAYS = values["TIMELINE_RETENTION_DAYS"]
MEDIA_RETENTION_DAYS = values["MEDIA_RETENTION_DAYS"]
MEDIA_MAX_BYTES = values["MEDIA_MAX_BYTES"]
MEDIA_DOWNLOADS = values["MEDIA_DOWNLOADS"]
OUTBOUND_MEDIA_ALLOW_PRIVATE = values["OUTBOUND_MEDIA_ALLOW_PRIVATE"]
WEBHOOK_ALLOW_PRIVATE = values["WEBHOOK_ALLOW_PRIVATE"]
WEBHOOK_PROXY = values["WEBHOOK_PROXY"]
WEBHOOK_RETENTION_DAYS = values["WEBHOOK_RETENTION_DAYS"]
LISTEN_API_KEY = values["SWITCHBOARD_API_KEY"]

BOOTSTRAP_EMAIL = values["SWITCHBOARD_BOOTSTRAP_EMAIL"]
BOOTSTRAP_PASSWORD = values["SWITCHBOARD_BOOTSTRAP_PASSWORD"]
BOOTSTRAP_API_KEY = values["SWITCHBOARD_BOOTSTRAP_API_KEY"]

# Logs --------------------------------------------------------------------------------------------
LOGGING_CONFIG = "config.logs.configure"
LOGGING = logs.configuration(level=values["LOG_LEVEL"], style=values["LOG_FORMAT"])
