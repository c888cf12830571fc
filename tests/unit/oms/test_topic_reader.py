"""A Kafka that hangs: it takes connections and says nothing."""

import socket

import pytest

from deploy.local.description import Description
from oms.errors import Unreachable
from oms.verify import topic_reader
from oms.verify.intake_topic import IntakeTopic
from oms.verify.service_topics import ServiceTopics
from shared.eventsourcing.kafka import refusal


@pytest.mark.timeout(60)
def test_a_kafka_that_hangs_is_given_up_soon_and_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reader, "ANSWER_S", 0.2)
    monkeypatch.setattr(topic_reader, "PAUSES_S", (0.1,))
    monkeypatch.setattr(refusal, "PATIENCE_MS", 200)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        stack = Description(services={}, operator_key="", kafka=address)

        said = f"^Kafka does not answer at {address} \\(no answer\\); see `oms status`$"
        with pytest.raises(Unreachable, match=said):
            ServiceTopics().read(stack, lambda stretch: None)
        with pytest.raises(Unreachable, match=said):
            IntakeTopic().news(stack)
