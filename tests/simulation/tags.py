"""The tags that devices must have in the end: each one's events, one after the other."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from connector.sandbox.devices import change_tags
from tests.simulation.loop import Broken
from tests.simulation.records import MAIN, Id, LogRecord, application_of, names_of, records_in
from tests.simulation.seen import Seen

if TYPE_CHECKING:
    from tests.simulation.world import World

State = dict[str, dict[str, Any]]


def check_tags(world: World) -> None:
    """Compare what was applied, less what nobody could have kept from coming late, with what should be."""
    wanted, unsure = _wanted(world)
    found = _found(world, unsure)
    for name in sorted(wanted.keys() | found.keys()):
        doubts = unsure.get(name, set())
        want = _comparable(wanted.get(name, {}), doubts)
        have = _comparable(found.get(name, {}), doubts)
        if want != have:
            wrong = {tag for tag in want.keys() | have.keys() if want.get(tag) != have.get(tag)}
            raise Broken(
                f"tags of {name} are wrong: "
                + ", ".join(f"{tag} is {have.get(tag)}, not {want.get(tag)}" for tag in sorted(wrong))
            )


def _wanted(world: World) -> tuple[State, dict[str, set[str]]]:
    """Tags by device after all its events in order, and those of which nobody can be sure.

    A refused event may have been applied in part, so its tags are uncertain until they are set again.
    """
    state: State = {}
    unsure: dict[str, set[str]] = {}
    owners: dict[str, str] = {}
    for log in world.logs:
        for record in log.records:
            if record.kind != "event":
                continue
            plain, application = record.plain, application_of(record.plain)
            refused = _is_doubtful(world, record)
            if plain["type"] == "registration" and log.partition.topic == MAIN and not refused:
                owners[record.names[1]] = record.names[0]
            name = _device(plain, application, owners)
            doubts = unsure.setdefault(name, set())
            operator = plain.get("list_operator")
            if refused:
                doubts.update(record.tags)
                continue
            change_tags(state.setdefault(name, {}), operator, record.tags)
            if operator in (None, "set"):
                doubts.difference_update(record.tags)
    _doubt_tokens(world, unsure)
    return state, unsure


def _is_doubtful(world: World, record: LogRecord) -> bool:
    """Whether it was refused, perhaps after it took effect; or was gone, perhaps before anybody sent it.

    What is gone and in a job that was forgotten is sent by nobody once more: it may take effect late.
    """
    oracle = world.oracle
    if not record.gone:
        return record.id in oracle.letters
    forgotten = any(record.id in seen.forgotten for seen in oracle.jobs.values())
    return record.id in oracle.letters or record.id not in oracle.good or forgotten


def _doubt_tokens(world: World, unsure: dict[str, set[str]]) -> None:
    """Whose device a token is: unknown where a registration was refused, perhaps after it took effect."""
    records = [record for record in world.logs.records.values() if record.kind == "event"]
    doubtful = {
        record.names[1]: record.names[0]
        for record in records
        if record.plain["type"] == "registration" and _is_doubtful(world, record)
    }
    for record in records:
        token, *others = record.names
        if not others and token in doubtful:
            for name in (doubtful[token], token):
                unsure.setdefault(name, set()).update(_tags_of_token(records, token))


def _tags_of_token(records: list[LogRecord], token: str) -> set[str]:
    return {tag for record in records if token in record.names for tag in record.tags}


def _found(world: World, unsure: dict[str, set[str]]) -> State:
    """What the journal of the API comes to without jobs that came late and could not be known of."""
    state: State = {}
    owners: dict[str, str] = {}
    remembered = _remembered_after_all(world)
    for applied in world.audience.journal:
        if applied.changes is None:
            continue
        seen = world.oracle.jobs[applied.request_id]
        device = applied.device
        plain = {
            "hwid": device.hwid,
            "user_id": device.user_id,
            "push_token": device.push_token,
            "type": applied.endpoint,
        }
        records = records_in(device.tags)
        late = sum(each in seen.forgotten and remembered.get(each) is not seen for each in records)
        if seen.orphan or late == len(records):
            continue
        if applied.endpoint == "bulkRegisterDevice" and records[0][0] == MAIN:
            hwid, token = names_of(plain, applied.application)
            owners[token] = hwid
        name = _device(plain, applied.application, owners)
        if late:
            unsure.setdefault(name, set()).update(device.tags or {})
        change_tags(state.setdefault(name, {}), device.list_operator, applied.changes)
    return state


def _remembered_after_all(world: World) -> dict[Id, Seen]:
    """Of records all of whose jobs were forgotten, the job that confirmed them.

    An owner that begins before a position which appears only later, as a broken transaction is completed,
    can't know of the jobs in it. If it loses the partition before it sends their records again, the next
    owner begins behind them: nobody sends them any more, and that job is the only one.
    """
    jobs: defaultdict[Id, list[Seen]] = defaultdict(list)
    for applied in world.audience.journal:
        seen = world.oracle.jobs[applied.request_id]
        if applied.changes is not None and not seen.orphan:
            for each in records_in(applied.device.tags):
                jobs[each].append(seen)
    confirmed: dict[Id, Seen] = {}
    for each, found in jobs.items():
        told = [seen for seen in found if seen.concluded and each in seen.good]
        if told and all(each in seen.forgotten for seen in found) and not _overtaken(world, each, told[0]):
            confirmed[each] = told[0]
    return confirmed


def _overtaken(world: World, record: Id, job: Seen) -> bool:
    """Whether another member sent something newer of the device before the job had ended.

    It may have merged this record with that, so that none of its values was sent.
    """
    names = set(world.logs.records[record].names)
    return any(
        other.poster != job.poster
        and other.since < job.ended_at
        and any(names & {*device.names} and _newer(device.records, record) for device in other.devices)
        for other in world.oracle.jobs.values()
    )


def _newer(records: list[Id], record: Id) -> bool:
    return any(each[:2] == record[:2] and each[2] > record[2] for each in records)


def _device(plain: dict[str, Any], application: str, owners: dict[str, str]) -> str:
    """The device that the API means: the first of hwid, user_id, push_token, or a push token's owner."""
    name = names_of(plain, application)[0]
    return owners.get(name, name)


def _comparable(tags: dict[str, Any], doubts: set[str]) -> dict[str, Any]:
    """Without what is uncertain; lists as sets, as what is sent twice may come in another order."""
    return {
        tag: sorted(value) if isinstance(value, list) else value
        for tag, value in tags.items()
        if tag not in doubts and value != []
    }
