"""The notification service, put together."""

from services.notification.api import routers
from services.notification.domain.messages import INTERNAL
from services.notification.domain.model import model
from services.notification.effects import effects
from services.notification.letters import Letters
from services.notification.mail import SmtpMailServer
from services.notification.settings import Settings
from services.notification.translate import TOPICS, translate
from services.notification.views import VIEWS
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.service import run


def definition(settings: Settings) -> ServiceDefinition:
    """What the service is made of, under these settings."""
    mail_server = SmtpMailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
        security=settings.smtp_security,
        connections=settings.smtp_connections,
    )
    return ServiceDefinition(
        model=model(),
        topics=TOPICS,
        translate=translate,
        internal=INTERNAL,
        effects=effects(mail_server, Letters(), sender=settings.mail_from, sender_name=settings.mail_from_name),
        views=VIEWS,
        routers=routers,
        resources=(mail_server,),
    )


def main() -> None:
    """Run the service until it is told to stop."""
    run("notification", definition, Settings)
