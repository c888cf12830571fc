"""Tokens that force an outcome; any other token is ordinary."""

from simulators.faults import Fault

DECLINES = {"tok_decline": "do_not_honour", "tok_insufficient_funds": "insufficient_funds"}

AUTHORISATION_FAULTS = {
    "tok_timeout_after_effect": Fault.TIMEOUT_AFTER_EFFECT,
    "tok_timeout_before_effect": Fault.TIMEOUT_BEFORE_EFFECT,
    "tok_server_error_once": Fault.SERVER_ERROR_BEFORE_EFFECT,
    "tok_server_error_always": Fault.SERVER_ERROR_ALWAYS,
}

FIRST_CAPTURE_REFUSED = "tok_capture_refused_once"
EVERY_CAPTURE_REFUSED = "tok_capture_refused"
FIRST_CAPTURE_TIMES_OUT = "tok_capture_timeout_after_effect"
SHORT_LIFETIME = "tok_expires_soon"

SCRIPTED = frozenset(
    {*DECLINES, *AUTHORISATION_FAULTS}
    | {FIRST_CAPTURE_REFUSED, EVERY_CAPTURE_REFUSED, FIRST_CAPTURE_TIMES_OUT, SHORT_LIFETIME}
)
