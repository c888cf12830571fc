"""A topic that was lost is filled again from the log of the service that publishes to it."""

import asyncio

import asyncpg

from deploy.local.topics import create_topics, delete_topics, topics_of
from oms.client import SERVICES
from tests.e2e.conftest import TROUBLES
from tests.e2e.instances import stopped
from tests.e2e.shop import Shop
from tests.e2e.traffic import Traffic

pytestmark = TROUBLES

LOST = "inventory.events"


def test_what_was_lost_with_a_topic_is_published_anew_and_every_order_arrives_once(shop: Shop) -> None:
    traffic = Traffic(shop)
    traffic.flows()
    traffic.is_in_mid_flow()

    with stopped(shop, SERVICES):
        asyncio.run(lose(shop))
        published = asyncio.run(publish_all_again(shop))
    shop.read_anew()  # places that were read before are others now

    traffic.arrives_once()
    shop.until(lambda: published <= {one.headers["ce_id"].decode() for one in shop.topic(LOST)}, "the topic")


async def lose(shop: Shop) -> None:
    """Delete the topic with all that stood in it, and make it anew."""
    stack = shop.stack.description
    topics = [one for one in topics_of(stack.topic_prefix) if one.name.endswith(f".{LOST}")]
    await delete_topics(stack.kafka, [one.name for one in topics])
    await create_topics(stack.kafka, topics)


async def publish_all_again(shop: Shop) -> set[str]:
    """Set the relay back to its beginning; returns the ids of all that belongs into the topic."""
    connection = await asyncpg.connect(shop.stack.description.databases["inventory"])
    try:
        await connection.execute("update reader set position = 0 where reader = 'relay'")
        return {str(row["id"]) for row in await connection.fetch("select id from log where topic = $1", LOST)}
    finally:
        await connection.close()
