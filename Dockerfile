# One image for every process: the command tells them apart (docker-compose.yml).
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=config.settings.prod
WORKDIR /srv/todoke

COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

COPY . .
# The keys are of this step only: settings can't be loaded without any, and collecting files uses none.
RUN SECRET_KEY=of-this-build-step-only \
    MASTER_KEYS=1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    DATABASE_URL=postgresql://none@localhost/none \
    python manage.py collectstatic --no-input \
 && useradd --system --no-create-home todoke \
 # A new volume takes its owner from the folder that it is mounted on.
 && install --directory --owner=todoke /journal

USER todoke
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=2", "--threads=8", \
     "--timeout=60", "--graceful-timeout=30", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
