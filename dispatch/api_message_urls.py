"""Messages under ``/api/v1``."""

from __future__ import annotations

from django.urls import path

from dispatch.api import messages

urlpatterns = [
    path("messages", messages.MessagesView.as_view(), name="api_messages"),
    path("messages/batch", messages.MessageBatchView.as_view(), name="api_message_batch"),
    path("messages/<uuid:public_id>", messages.MessageView.as_view(), name="api_message"),
]
