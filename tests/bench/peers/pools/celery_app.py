"""The same function as a Celery task."""

from __future__ import annotations

import os

from celery import Celery  # type: ignore[import-not-found]
from work import work

app = Celery("work", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.worker_prefetch_multiplier = 1
task = app.task(work, name="work")
