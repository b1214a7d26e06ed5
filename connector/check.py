"""`check`: is everything there that `run` will need? One finding after the other.

No record, offset or device is changed. `connector.kafka.cluster_check` says what is asked of Kafka, what
little that leaves behind, and why it is harmless. The API is asked to set the tags of no device at all: a
`bulkSetTags` with an empty list. A question about a job would be even less, but carries neither token nor
application (audience-api: the GETs need no credentials), so it could only tell that somebody answers. An API
that looks at the credentials first says whether they are good; one that looks at the list first refuses it:
then they stay unproven, and a warning says so (a device made up for the occasion would tell more, but could
come into being). Nothing is sent twice, nothing can be changed by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from connector.answers import Accepted, Denied, PostAnswer, Refused
from connector.credentials import Token
from connector.finding import Finding, Grade
from connector.kafka.cluster_check import QUESTION_LIMIT, ClusterCheck
from connector.model import Endpoint
from connector.ops.mends import mend_of
from connector.pushwoosh import wire
from connector.pushwoosh.client import AudienceClient, CallLimits
from connector.settings import Application, Pushwoosh, Settings
from connector.settings.fields import REGISTRY_FORMATS


def findings(settings: Settings, patience: float = QUESTION_LIMIT) -> Iterator[Finding]:
    """Check everything; `patience` is the time limit of each question, in seconds."""
    yield Finding("configuration", Grade.OK, "every setting is valid")
    yield from ClusterCheck(settings, patience).findings()
    if settings.kafka.decoder in REGISTRY_FORMATS:
        yield registry(settings, patience)
    for code, account in settings.accounts.items():
        if account.token_file is not None:
            yield _token_file(account)
        yield asyncio.run(api(settings, patience, code))


def registry(settings: Settings, patience: float) -> Finding:
    """Ask the schema registry for a schema that nobody has: whoever says so has let us in."""
    # Half a second and 20 MB that nobody else should pay for; and the packages may not be there.
    from connector.formats.decoder import kind_of  # noqa: PLC0415 - an extra
    from connector.formats.registry import Outage, Registry  # noqa: PLC0415 - as above

    own = settings.schema_registry
    what = f"schema registry {own.url}"
    limit = min(own.timeout, patience)
    try:
        with Registry(own.model_copy(update={"timeout": limit}), kind_of(settings.kafka.decoder)) as asked:
            asked.reach()
    except Outage as outage:
        return Finding(what, Grade.PROBLEM, str(outage), outage.mend)
    return Finding(what, Grade.OK, "answers, and lets us read schemas")


def _token_file(given: Pushwoosh | Application) -> Finding:
    what = f"token file {given.token_file}"
    trouble = Token.of(given).trouble
    if not trouble:
        return Finding(what, Grade.OK, "holds a token; it is read again when it changes")
    return Finding(what, Grade.PROBLEM, f"holds no token: {trouble}", "write the API token into it")


async def api(settings: Settings, patience: float, code: str) -> Finding:
    """Send one request about no device of this application and judge the answer."""
    own = settings.pushwoosh
    account = settings.accounts[code]
    token = Token.of(account).current()
    given = account.authorization_header or own.authorization_header
    header = given.get_secret_value() if given else None
    client = AudienceClient(
        own.url,
        limits=CallLimits(
            connect=min(own.connect_timeout, patience), silence=patience, total=patience, connections=1
        ),
        authorization=header,
        http2=own.http2,
        secrets=lambda: (token,),
    )
    async with client:
        answer = await client.post(Endpoint.TAGS, wire.request_body(code, token, (), False))
    several = f", application {code}" if settings.applications else ""
    proxy = client.proxy
    way = f", by the proxy {proxy.place} ({proxy.variable})" if proxy else ""
    return _verdict(f"API {own.url}{way}{several}", answer, "" if code == own.application else code)


def _verdict(what: str, answer: PostAnswer, application: str) -> Finding:
    if isinstance(answer, Accepted):
        return Finding(what, Grade.OK, "takes requests with this token and application")
    if isinstance(answer, Refused):
        result = (
            f"answers, but not about token and application: it refuses an empty request ({answer.message})"
        )
        mend = "they stay unproven; the first batch shows them, and wrong ones halt the connector"
        return Finding(what, Grade.WARNING, result, mend)
    if isinstance(answer, Denied):
        return Finding(what, Grade.PROBLEM, answer.message, mend_of(answer.cause, application))
    mend = "see that this machine reaches pushwoosh.url (DNS, proxy, firewall, TLS); if it does, try later"
    return Finding(what, Grade.PROBLEM, answer.message, mend)
