"""What an earlier process left behind in a consumer group."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.group import LeaveGroupRequest

from shared.eventsourcing.kafka.security import KafkaAccess


async def end_earlier_membership(access: KafkaAccess, group: str, client_id: str) -> int:
    """Let the group go on without members that call themselves as we do; how many there were.

    A process that was killed stays a member until its session runs out, and until then its partitions rest.
    The brokers let anyone who may read the group say that a member leaves.

    Raises:
        KafkaError: the group's coordinator does not answer, or refuses.
    """
    admin = AIOKafkaAdminClient(**access.for_client())
    await admin.start()
    try:
        coordinator = await admin.find_coordinator(group)
        [answer] = await admin.describe_consumer_groups([group], coordinator)
        [described] = answer.to_object()["groups"]
        ours = [member["member_id"] for member in described["members"] if member["client_id"] == client_id]
        for member_id in ours:  # the admin client has no call for it
            left = await admin._client.send(coordinator, LeaveGroupRequest(group, member_id))
            if left.error_code:
                raise for_code(left.error_code)(f"{client_id} does not leave {group}")
        return len(ours)
    finally:
        await admin.close()
