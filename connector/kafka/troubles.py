"""What can go wrong between here and Kafka, in words that say what to do.

librdkafka takes failures of login, TLS and authorization as temporary, and reports most to its error callback
alone. So they are kept here: `Troubles` reports each when it begins, now and then while it lasts, and when it
ends, and never once per event.
"""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import msgspec
from confluent_kafka import KafkaError

from connector.kafka.errors import OBSTACLES

REMIND_EVERY = 60.0
"""Seconds between two lines about a trouble that lasts."""


class Phase(StrEnum):
    """Where in its life a trouble is told of."""

    BEGAN = "began"
    LASTS = "lasts"
    ENDED = "ended"


class Trouble(msgspec.Struct, frozen=True):
    """Something that a person may have to fix. `subject` is a topic, a partition or empty.

    `blocking`: no record flows, or none of its subject; the process is not ready. `told_by`: which
    client met it. Two may meet the same trouble, and one of them may be rid of it first.
    """

    code: str
    subject: str
    message: str
    mend: str
    blocking: bool
    phase: Phase = Phase.BEGAN
    told_by: str = "consumer"


DATA_LOSS = "data_loss"
"""The code whose trouble halts the whole instance, where it blocks."""

MENDS: Mapping[str, str] = {
    "authentication": "check sasl.mechanism and the user name, password or token in kafka.properties",
    "oauth_token": "the token endpoint gives no token: check that it answers, and "
    "sasl.oauthbearer.token.endpoint.url, .client.id and .client.secret in kafka.properties",
    "tls": "check ssl.ca.location, and the host name in the broker's certificate",
    "client_certificate": "the broker refuses this client's certificate: set ssl.certificate.location and "
    "ssl.key.location to one that is not expired and whose CA the brokers trust",
    "unreachable": "check kafka.bootstrap_servers, the network, and that security.protocol fits the listener",
    "topic_authorization": "grant this user READ on the source topics, WRITE on the dead-letter topic",
    "group_authorization": "grant this user READ on the consumer group",
    "transactional_id_authorization": "grant this user WRITE on the transactional id (prefixed), "
    "or set kafka.dead_letter_delivery to at_least_once",
    "cluster_authorization": "grant what the broker's log says was denied on the cluster",
    "topic_missing": "create the topic or correct its name",
    "protocol_unsupported": "the brokers don't offer group.protocol=consumer (Kafka 4.0 or newer does): "
    "set group.protocol to classic",
    "group_settings": "every member of the group must use the same assignment strategy and protocol, "
    "with time-outs that the broker allows; to change group.protocol, stop all of them first",
    "group_full": "run fewer instances, or raise group.max.size on the brokers "
    "(group.consumer.max.size for group.protocol=consumer)",
    "instance_id": "another process runs with the same group.instance.id: give each its own; with "
    "group.protocol=consumer that may be this one's predecessor, killed a moment ago: start it again until "
    "the broker has given that up, after its group.consumer.session.timeout.ms (45 s by default)",
    "not_joined": "look at the group coordinator: the brokers answer, but the group takes no member",
    DATA_LOSS: "records were deleted before they were read: lengthen retention; to go on without them set "
    'kafka.on_data_loss = "continue" and restart, or reset the group\'s offset',
    "no_leader": "bring the brokers back that have this partition; its records wait, others flow on",
    "no_offset": "nothing is committed and auto.offset.reset is error: commit an offset for the group, "
    "or set it to earliest or latest",
    "offsets_unavailable": "committed offsets can't be read: a transaction of another member is open "
    "(it ends by its time-out), or the coordinator is away",
    "letter_too_large": "raise max.message.bytes of the dead-letter topic above the source's, and "
    "message.max.bytes where kafka.properties sets it; compressed bytes count, so leave compression.type as "
    "it is by default: producer for that topic, zstd in kafka.properties",
    "letter_refused": "look at the dead-letter topic's settings: it must take every record of the source",
    "too_few_replicas": "bring back the brokers that have the dead-letter topic, or lower its "
    "min.insync.replicas",
    "fenced": "two instances share one transactional id: give each its own",
    "transactions_unavailable": "look at the coordinators of transactions and of the group: one of them "
    "doesn't answer in time",
}

_NO_LOGIN = (
    "this listener takes no SASL login: set security.protocol in kafka.properties to plaintext or ssl, or "
    "kafka.bootstrap_servers to a listener with SASL"
)
_TOO_LONG_TRANSACTIONS = (
    "lower transaction.timeout.ms in kafka.properties (10000 by default) to what the brokers' "
    "transaction.max.timeout.ms allows, or raise that"
)
_TELLING: tuple[tuple[str, str], ...] = (
    ("Request not valid in current SASL state", _NO_LOGIN),
    ("SASL Handshake not supported by broker", _NO_LOGIN),
    ("Transaction timeout is larger than the maximum", _TOO_LONG_TRANSACTIONS),
    (
        f"Invalid response size {int.from_bytes(b'HTTP')} ",
        "what listens there speaks HTTP, not Kafka: correct kafka.bootstrap_servers",
    ),
)
"""Words of librdkafka that tell more than their code, and what to do then. A reply begins with its size: four
bytes, which are the word HTTP where an HTTP server answers."""
_MISLEADING = ": increase receive.message.max.bytes"

_CODES: Mapping[int, str] = {
    KafkaError._AUTHENTICATION: "authentication",
    KafkaError.SASL_AUTHENTICATION_FAILED: "authentication",
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "authentication",
    KafkaError.ILLEGAL_SASL_STATE: "authentication",
    KafkaError._SSL: "tls",
    KafkaError._ALL_BROKERS_DOWN: "unreachable",
    **OBSTACLES,
    KafkaError.UNSUPPORTED_VERSION: "protocol_unsupported",
    KafkaError._UNSUPPORTED_FEATURE: "protocol_unsupported",
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: "group_settings",
    KafkaError.INVALID_SESSION_TIMEOUT: "group_settings",
    KafkaError.UNSUPPORTED_ASSIGNOR: "group_settings",
    KafkaError.GROUP_ID_NOT_FOUND: "group_settings",  # there is one, of members of the classic protocol
    KafkaError.GROUP_MAX_SIZE_REACHED: "group_full",
    KafkaError.FENCED_INSTANCE_ID: "instance_id",
    KafkaError.UNRELEASED_INSTANCE_ID: "instance_id",
}

WAYS_IN = ("authentication", "tls", "client_certificate", "oauth_token")
"""Codes that say why brokers let nobody in. While one is open, `unreachable` is no news."""
CONNECTION = ("authentication", "tls", "client_certificate", "unreachable")
"""Codes that end when a broker stays connected. A token endpoint may be down while a token is still good."""
SHUT_OUT = (*WAYS_IN, "unreachable")
"""Codes that, while they block, mean that no broker can be reached or entered."""
_CONNECTION_LOST = (KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._BAD_MSG)
"""Why brokers can't be reached, as far as librdkafka says so before it gives up on all of them."""
_ALERT = "SSL alert"
_ABOUT_CERTIFICATE = ("certificate", "unknown ca")


def code_of(error: KafkaError) -> str | None:
    """Name the trouble that an error stands for; None if librdkafka retries and nobody needs to act.

    Three have no code of their own: a broker's TLS alert about our certificate (with TLS 1.3 it comes after
    the handshake, as a failure of the transport), a token that could not be had, and what is fatal to the
    client, which has the words of the error that it was.
    """
    text = error.str()
    if error.code() == KafkaError._FATAL:
        return next((code for number, code in _CODES.items() if KafkaError(number).str() in text), None)
    if error.code() in (KafkaError._SSL, KafkaError._TRANSPORT) and _ALERT in text:
        return "client_certificate" if any(word in text for word in _ABOUT_CERTIFICATE) else "tls"
    if error.code() == KafkaError._AUTHENTICATION and "OAUTHBEARER token" in text:
        return "oauth_token"
    return _CODES.get(error.code())


def mend_in(text: str) -> str:
    """Return what to do where librdkafka's words alone tell it; empty where they don't."""
    return next((mend for words, mend in _TELLING if words in text), "")


def words_of(text: str) -> str:
    """Return librdkafka's words without its advice where that misleads."""
    return text.replace(_MISLEADING, "") if mend_in(text) else text


class Troubles:
    """The open troubles of one client. Not thread-safe.

    `tell` gets each when it begins, at an interval while it lasts, and when it ends. `clock` is
    monotonic, in seconds. `mends` are words that fit better than the general ones, by code: `{subject}`
    in them is the trouble's subject, or `whole` where an error names none.
    """

    def __init__(
        self,
        tell: Callable[[Trouble], None],
        clock: Callable[[], float],
        remind_every: float = REMIND_EVERY,
        mends: Mapping[str, str] | None = None,
        whole: str = "",
        told_by: str = "consumer",
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._remind_every = remind_every
        self._mends = {**MENDS, **(mends or {})}
        self._whole = whole
        self._told_by = told_by
        self._heard: dict[tuple[str, str], float] = {}
        self._active: dict[tuple[str, str], Trouble] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._last_words = ""

    @property
    def active(self) -> list[Trouble]:
        return list(self._active.values())

    @property
    def blocking(self) -> bool:
        return any(trouble.blocking for trouble in self._active.values())

    def notice_error(self, error: KafkaError, subject: str = "", *, blocking: bool = True) -> None:
        """Report an error of librdkafka as a trouble; of one that needs nobody, remember only the text."""
        code = code_of(error)
        text = words_of(error.str())
        if code is None:
            if error.code() in _CONNECTION_LOST:
                self._last_words = text
            return
        if code == "unreachable":
            if any(each in WAYS_IN for each, _ in self._active):
                return
            if self._last_words:
                text = f"{text}; last: {self._last_words}"
        self.notice(code, text, subject, blocking=blocking, mend=mend_in(text))

    def notice(
        self, code: str, message: str, subject: str = "", *, blocking: bool = True, mend: str = ""
    ) -> None:
        """Report a trouble, unless that was done lately. `mend`: what to do, where it isn't the usual."""
        key = (code, subject)
        now = self._clock()
        phase = Phase.LASTS if key in self._active else Phase.BEGAN
        mend = mend or self._mends[code].replace("{subject}", subject or self._whole)
        trouble = Trouble(code, subject, message, mend, blocking, phase, self._told_by)
        before = self._active.get(key, trouble)
        self._active[key] = trouble
        self._heard[key] = now
        due = phase is Phase.BEGAN or now - self._told[key] >= self._remind_every
        if due or before.blocking != blocking:
            self._told[key] = now
            self._tell(trouble)

    def works(self, codes: Iterable[str], subject: str | None = None) -> None:
        """End the troubles with these codes, of one subject or, with None, of all."""
        wanted = set(codes)
        ended = [k for k in self._active if k[0] in wanted and (subject is None or k[1] == subject)]
        for key in ended:
            trouble = self._active.pop(key)
            del self._told[key], self._heard[key]
            self._tell(msgspec.structs.replace(trouble, phase=Phase.ENDED))

    def fade(self, codes: Iterable[str], silence: float, *, but: str = "\0") -> None:
        """End troubles not heard of for `silence` seconds, unless their text begins with `but`."""
        wanted, since = set(codes), self._clock() - silence
        for (code, subject), trouble in list(self._active.items()):
            silent = self._heard[code, subject] <= since
            if code in wanted and silent and not trouble.message.startswith(but):
                self.works((code,), subject)

    def remind(self) -> None:
        """Report again each trouble that has lasted for an interval since its last report."""
        now = self._clock()
        for key, trouble in self._active.items():
            if now - self._told[key] >= self._remind_every:
                self._told[key] = now
                self._tell(msgspec.structs.replace(trouble, phase=Phase.LASTS))
