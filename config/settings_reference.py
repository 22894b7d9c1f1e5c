"""What each environment variable means, for docs/reference/settings.md (tests/rules/test_settings.py wants every one here)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

APPLICATION: Final[Mapping[str, str]] = {
    "DJANGO_SETTINGS_MODULE": "Which settings: `config.settings.prod` for production, `.dev` for `make demo`, `.test` for tests. "
    "Web defaults to production, `manage.py` and Celery to the demonstration.",
    "SECRET_KEY": "Signs sessions and forms. 50 characters or more by chance; production refuses a shorter one.",
    "MASTER_KEYS": "Wraps the keys of all tenants: `1:<base64 of 32 bytes>`, further ones after commas. The highest number seals, "
    "all of them open. Without it no sealed field can ever be read again.",
    "DATABASE_URL": "PostgreSQL as the application's role, `postgresql://user:password@host:port/name?option=value`. "
    "For `make demo` and `make test`: a superuser's, if they shall not start a server of their own.",
    "DATABASE_OWNER_URL": "The same database as its owner: migrations only.",
    "DATABASE_OPERATOR_URL": "The same database as the operators' role: aggregates, sweeps and carrier accounts over all tenants.",
    "DATABASE_CARRIER_URL": "The same database as the carrier workers' role: batches, messages, receipts; no rosters, no people.",
    "DATABASE_ADMIN_URL": "A superuser's, only for `manage.py prepare_database`, which makes database and roles.",
    "REDIS_URL": "Redis or Valkey: Celery's broker. It may lose everything at any time; `maxmemory-policy noeviction`.",
    "BASE_URL": "The address under which staff reach the service, with `https://`.",
    "ALLOWED_HOSTS": "Host names that requests may ask for, with commas.",
    "CSRF_TRUSTED_ORIGINS": "Origins whose forms are believed, with scheme, where a proxy changes the host.",
    "TRUSTED_PROXIES": "How many proxies stand before the web process: no more entries of `X-Forwarded-For` are believed.",
    "SECURE_SSL_REDIRECT": "Production: send plain HTTP to HTTPS. Off only where the proxy does it.",
    "EMAIL_HOST": "Production: the mail server.",
    "EMAIL_PORT": "Its port: 25 as a rule, 587 for `starttls`, 465 for `tls`.",
    "EMAIL_HOST_USER": "Whom it knows us as, where it asks.",
    "EMAIL_HOST_PASSWORD": "The password to that.",
    "EMAIL_SECURITY": "`starttls`, `tls`, or `none`, which production takes for a mail server on this machine only.",
    "DEFAULT_FROM_EMAIL": "The sender of mail to people and operators.",
    "BREACHED_PASSWORDS_FILE": "A file of Have I Been Pwned as its downloader writes it, in the order of hashes: passwords in it "
    "are refused, and nobody on the network is asked. Unset: the bundled list of some 40,000.",
    "MASS_SEND_PEOPLE": "From so many people on, whoever sends or approves proves the second factor again.",
    "OPERATOR_EMAILS": "Who hears by mail when an incident of the service begins or ends; addresses with commas.",
    "OPERATOR_WEBHOOK_URL": "What is called then, by POST with JSON, for on-call tools, until it answers with 2xx: "
    "a repeat has the same `Todoke-Delivery`. Empty: nothing.",
    "OPERATOR_WEBHOOK_SECRET": "Signs those calls: `Todoke-Signature: t=<seconds>,v1=<HMAC-SHA256 of t.body>`.",
    "ROSTER_MAX_BYTES": "The largest roster file that is taken.",
    "ROSTER_MAX_ROWS": "The most rows that a roster may have.",
    "LOG_LEVEL": "Python's word for how much is logged.",
    "DEBUG": "Production refuses to start with `1`; nothing else reads it.",
    "DEMO": "`1` in `make demo` only: demonstration log-ins may be made. Production refuses it.",
    "DEMO_TODAY": "A day like `2022-08-15` that stands in for today in the rules of age; pages show it as 基準日.",
    "DEMO_SMSC_URL": "`smpp://system_id:password@host:port?window=10&binds=1`: `make demo` sends through this SMSC instead of the "
    "simulated one.",
    "FAILPOINT": "Tests only: the process exits at this point (`tenants/failpoints.py`), as kill -9 would; `name:3` at the third "
    "passing.",
}
"""What ``config/settings`` reads through ``config/env.py``, and Django's own switch."""

LAUNCHER: Final[Mapping[str, str]] = {
    "PORT": "`make demo`: the web port; a free one unless given, and the same again next time.",
    "CHROMIUM_PATH": "`make test`: the browser to drive; else one of the machine, Debian's package or Playwright's own.",
}
"""What only ``devservers/`` reads, beside ``DATABASE_URL``, ``REDIS_URL`` and ``DEMO_SMSC_URL``."""
