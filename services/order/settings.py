"""The settings of the order service, beside those of every service."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from services.order.domain.policy import Policy
from shared.eventsourcing.settings import ServiceSettings

DEFAULTS = Policy()
RULES = Path(__file__).with_name("review_rules.toml")


class Settings(ServiceSettings):
    """Environment variables with the prefix `OMS_`; durations are seconds."""

    review_rules: Path = RULES
    """The rules of the review, TOML."""
    price_list: Path | None = None
    """CSV with the columns sku, currency and unit_price (minor units); without one no price is off the list."""
    reserve_within_s: float = Field(default=DEFAULTS.reserve_within.total_seconds(), gt=0)
    """How long inventory may be silent; then it is asked again, and a person looks."""
    backorder_within_s: float = Field(default=DEFAULTS.backorder_within.total_seconds(), gt=0)
    """How long an order waits for stock that is to come; then it goes on with what is there, or ends."""
    authorise_within_s: float = Field(default=DEFAULTS.authorise_within.total_seconds(), gt=0)
    """How long payment may be silent about an authorisation; then it is asked again, and a person looks."""
    payment_window_s: float = Field(default=DEFAULTS.payment_window.total_seconds(), gt=0)
    """How long a customer may pay again after the first decline, unless the reservation runs out sooner."""
    ship_within_s: float = Field(default=DEFAULTS.ship_within.total_seconds(), gt=0)
    """From the request, or from the day the customer asked for, until the parcel leaves; then a person looks."""
    deliver_within_s: float = Field(default=DEFAULTS.deliver_within.total_seconds(), gt=0)
    """From the dispatch until the parcel arrives; then a person looks."""
    compensate_within_s: float = Field(default=DEFAULTS.compensate_within.total_seconds(), gt=0)
    """How long the answer to a compensation may take; then it is asked for again, and a person looks."""
    recall_within_s: float = Field(default=DEFAULTS.recall_within.total_seconds(), gt=0)
    """How long shipping may be silent about a recall; then it is asked again, and a person looks."""
    capture_within_s: float = Field(default=DEFAULTS.capture_within.total_seconds(), gt=0)
    """How long payment may be silent about a capture; then the attempt has failed."""
    capture_backoff_s: float = Field(default=DEFAULTS.capture_backoff.total_seconds(), gt=0)
    """Before the second attempt to capture; doubled before each further one."""
    capture_attempts: int = Field(default=DEFAULTS.capture_attempts, ge=1)
    """How often a capture is tried before a person looks."""

    def policy(self) -> Policy:
        """How long each wait of the placement may last."""
        return Policy(
            reserve_within=timedelta(seconds=self.reserve_within_s),
            backorder_within=timedelta(seconds=self.backorder_within_s),
            authorise_within=timedelta(seconds=self.authorise_within_s),
            payment_window=timedelta(seconds=self.payment_window_s),
            ship_within=timedelta(seconds=self.ship_within_s),
            deliver_within=timedelta(seconds=self.deliver_within_s),
            compensate_within=timedelta(seconds=self.compensate_within_s),
            recall_within=timedelta(seconds=self.recall_within_s),
            capture_within=timedelta(seconds=self.capture_within_s),
            capture_backoff=timedelta(seconds=self.capture_backoff_s),
            capture_attempts=self.capture_attempts,
        )
