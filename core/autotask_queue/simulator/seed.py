"""A plausible small service company, the same for the same seed: customers, people, open tickets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from autotask_queue.catalogue import load_catalogue
from autotask_queue.simulator.documents import Record, stamp
from autotask_queue.simulator.tables import Tables

API_USER = 29_682_800
"""The resource behind the API credentials; it can create, but not be assigned or own time."""

COMPANIES, CONTACTS, TICKETS = 30, 80, 40

# fmt: off
_FIRST = (
    "Anna", "Bram", "Carla", "Dirk", "Elena", "Femke", "Georg", "Hana", "Ivo", "Julia", "Karim", "Lotte",
    "Marek", "Nora", "Oscar", "Petra", "Quentin", "Rosa", "Sven", "Tess", "Ulrich", "Vera", "Willem",
    "Xenia", "Yara", "Zoe",
)
_LAST = (
    "Adams", "Bakker", "Cohen", "Dekker", "Evans", "Fischer", "Garcia", "Hansen", "Ivanov", "Jansen",
    "Keller", "Lindqvist", "Meyer", "Novak", "Olsen", "Peters", "Quist", "Romero", "Smit", "Tanaka", "Ueda",
    "Vogel", "Weber", "Young", "Zeller",
)
_TRADES = (
    "Bakery", "Dental Practice", "Logistics", "Legal", "Engineering", "Garden Centre", "Interiors",
    "Printing", "Clinic", "Motors", "Foods", "Architects", "Housing", "Marine", "Textiles",
)
_PLACES = (
    "Northgate", "Riverside", "Harbour", "Oakfield", "Lakeview", "Hillcrest", "Westport", "Millbrook",
    "Eastwood", "Stonebridge",
)
# fmt: on
_ROLES = (
    ("Field Technician", 95.0),
    ("Systems Engineer", 120.0),
    ("Service Desk", 80.0),
    ("Consultant", 145.0),
)
_WORK_TYPES = ("Remote Support", "On-site Support", "Maintenance", "Project Labour")
_TITLES: tuple[tuple[str, int, int], ...] = (
    ("Printer on the second floor does not print", 12, 122),
    ("Paper jam again in the warehouse printer", 12, 121),
    ("Laptop will not start", 10, 101),
    ("Workstation is slow since the last update", 10, 102),
    ("Docking station shows no picture", 10, 103),
    ("No internet in the meeting rooms", 11, 111),
    ("Guest wireless asks for a password", 11, 112),
    ("VPN drops every few minutes", 11, 113),
    ("Mail to one customer comes back", 13, 131),
    ("Too much spam since Monday", 13, 132),
    ("Password reset for the reception", 14, 141),
    ("New colleague starts on the first", 14, 142),
    ("Close the accounts of a leaver", 14, 143),
)
_NOTES = (
    "Called the customer, they can wait until tomorrow.",
    "Checked remotely: the service had stopped. Restarted it.",
    "Spare part ordered, delivery in two days.",
    "Customer confirmed that it works now, keeping the ticket open until Friday.",
    "Cable replaced, will watch it for a day.",
)


class _Firm(msgspec.Struct, frozen=True):
    """Whom and what tickets are about."""

    contacts: list[Record]
    resources: list[Record]
    work_types: list[Record]


def seed(tables: Tables, number: int) -> None:
    """Fills empty tables. The same number gives the same records; only the dates follow the clock."""
    draw = Random(number)
    today = tables.now().replace(minute=0, second=0, microsecond=0)
    roles = _roles(tables)
    resources = _resources(tables, draw, roles, today)
    companies = _companies(tables, draw, resources, today)
    firm = _Firm(_contacts(tables, draw, companies, today), resources, _billing_codes(tables))
    for age in range(TICKETS, 0, -1):
        opened = today - timedelta(hours=age * 6 + draw.randrange(4), minutes=draw.randrange(60))
        _ticket(tables, draw, opened, firm)


def _roles(tables: Tables) -> list[Record]:
    return [
        tables.insert(
            "Roles",
            {"name": name, "hourlyRate": rate, "hourlyFactor": 1.0, "isActive": True, "isSystemRole": False},
        )
        for name, rate in _ROLES
    ]


def _resources(tables: Tables, draw: Random, roles: Sequence[Record], today: datetime) -> list[Record]:
    """Eleven people with one or two roles each, one of them no longer active, and the API user."""
    _resource(tables, "API", "User", today, id_=API_USER, licenseType=7)
    people = []
    for at in range(11):
        person = _resource(tables, _FIRST[at * 2], _LAST[(at * 7) % len(_LAST)], today, licenseType=1)
        held = draw.sample(list(roles), k=1 + at % 2)
        person["defaultServiceDeskRoleID"] = held[0]["id"]
        for role in held:
            values = {
                "resourceID": person["id"],
                "roleID": role["id"],
                "isActive": True,
                "queueID": 29_682_833,
            }
            tables.insert("ResourceRoles", values)
        people.append(person)
    people[-1]["isActive"] = False
    return people[:-1]


def _resource(
    tables: Tables, first: str, last: str, today: datetime, *, id_: int | None = None, **more: Any
) -> Record:
    user = f"{first}.{last}".lower()
    values = {
        "firstName": first,
        "lastName": last,
        "initials": first[0] + last[0],
        "userName": user,
        "email": f"{user}@simulator.example",
        "emailTypeCode": "PRIMARY",
        "hireDate": stamp(today - timedelta(days=900)),
        "isActive": True,
        "locationID": 1,
        "numberFormat": "X,XXX.XX",
        "dateFormat": "yyyy/MM/dd",
        "timeFormat": "HH:mm",
        "payrollType": 1,
        "resourceType": "Employee",
        "userType": 10,
    }
    return tables.insert("Resources", values | more, id_=id_)


def _billing_codes(tables: Tables) -> list[Record]:
    """Work types (useType 1), and two codes that are no work types."""
    common = {"isActive": True, "unitCost": 0.0, "unitPrice": 0.0}
    codes = [tables.insert("BillingCodes", common | {"name": name, "useType": 1}) for name in _WORK_TYPES]
    tables.insert("BillingCodes", common | {"name": "Mileage", "useType": 2})
    tables.insert("BillingCodes", common | {"name": "Internal Meeting", "useType": 3})
    return codes


def _companies(tables: Tables, draw: Random, resources: Sequence[Record], today: datetime) -> list[Record]:
    """The tenant's own company, which has id 0, and its customers."""
    owner = resources[0]["id"]
    companies = [_company(tables, "Simulated Services", owner, today, id_=0)]
    names = [f"{place} {trade}" for place in _PLACES for trade in _TRADES]
    for name in draw.sample(names, k=COMPANIES - 1):
        owner = draw.choice(resources)["id"]
        companies.append(
            _company(tables, name, owner, today, phone=f"+31 20 555 {draw.randrange(10_000):04}")
        )
    companies[-1]["parentCompanyID"] = companies[-2]["id"]
    return companies


def _company(
    tables: Tables,
    name: str,
    owner: int,
    today: datetime,
    *,
    phone: str = "+31 20 555 0000",
    id_: int | None = None,
) -> Record:
    created = stamp(today - timedelta(days=400))
    values = {
        "companyName": name,
        "companyType": 1,
        "ownerResourceID": owner,
        "phone": phone,
        "city": name.split(maxsplit=1)[0],
        "isActive": True,
        "createDate": created,
        "lastActivityDate": created,
        "lastTrackedModifiedDateTime": created,
    }
    return tables.insert("Companies", values, id_=id_)


def _contacts(tables: Tables, draw: Random, companies: Sequence[Record], today: datetime) -> list[Record]:
    contacts = []
    created = stamp(today - timedelta(days=300))
    for at in range(CONTACTS):
        company = companies[1 + at % (len(companies) - 1)]
        first, last = draw.choice(_FIRST), draw.choice(_LAST)
        host = company["companyName"].lower().replace(" ", "-")
        values = {
            "companyID": company["id"],
            "firstName": first,
            "lastName": last,
            "isActive": 1,
            "emailAddress": f"{first}.{last}{at}@{host}.example".lower(),
            "phone": company["phone"],
            "primaryContact": at < len(companies) - 1,
            "createDate": created,
            "lastActivityDate": created,
            "lastModifiedDate": created,
        }
        contacts.append(tables.insert("Contacts", values))
    return contacts


def _ticket(tables: Tables, draw: Random, opened: datetime, firm: _Firm) -> None:
    title, issue, sub_issue = draw.choice(_TITLES)
    contact, resource = draw.choice(firm.contacts), draw.choice(firm.resources)
    queue = tables.catalogue.entity("Tickets").field("queueID")
    assigned = draw.random() < 0.7
    created = stamp(opened)
    ticket = tables.insert(
        "Tickets",
        {
            "companyID": contact["companyID"],
            "contactID": contact["id"],
            "title": title,
            "description": f"{contact['firstName']} reports: {title[0].lower()}{title[1:]}.",
            "status": draw.choice((8, 10, 7) if assigned else (1, 1, 11)),
            "priority": draw.choice((1, 2, 2, 3, 3, 4)),
            "queueID": draw.choice(queue.picklist[3:]).id if queue else None,
            "assignedResourceID": resource["id"] if assigned else None,
            "assignedResourceRoleID": resource["defaultServiceDeskRoleID"] if assigned else None,
            "issueType": issue,
            "subIssueType": sub_issue,
            "ticketCategory": 3,
            "ticketType": draw.choice((1, 2)),
            "source": draw.choice((2, 4, 6)),
            "ticketNumber": tables.ticket_number(opened),
            "dueDateTime": stamp(opened + timedelta(days=draw.randrange(1, 6))),
            "createDate": created,
            "lastActivityDate": created,
            "lastTrackedModificationDateTime": created,
            "creatorResourceID": API_USER,
            "lastActivityResourceID": API_USER,
        },
    )
    if assigned:
        _work(tables, draw, ticket, firm.work_types)


def _work(tables: Tables, draw: Random, ticket: Record, work_types: Sequence[Record]) -> None:
    """Up to three notes, each with the time it took, before now."""
    resource, role = ticket["assignedResourceID"], ticket["assignedResourceRoleID"]
    moment = datetime.fromisoformat(ticket["createDate"])
    for text in draw.sample(_NOTES, k=draw.randrange(4)):
        moment += timedelta(minutes=15 * draw.randrange(1, 5))
        minutes = 15 * draw.randrange(1, 4)
        start, end = stamp(moment), stamp(moment + timedelta(minutes=minutes))
        note = {
            "title": "Work log",
            "description": text,
            "noteType": 3,
            "publish": 1,
            "ticketID": ticket["id"],
        }
        by = {"creatorResourceID": resource, "createDateTime": end, "lastActivityDate": end}
        tables.insert("TicketNotes", note | by)
        entry = {
            "ticketID": ticket["id"],
            "resourceID": resource,
            "roleID": role,
            "billingCodeID": draw.choice(work_types)["id"],
            "dateWorked": f"{start[:10]}T00:00:00.000Z",
            "startDateTime": start,
            "endDateTime": end,
            "hoursWorked": minutes / 60,
            "hoursToBill": minutes / 60,
            "summaryNotes": text,
            "isNonBillable": False,
            "timeEntryType": 2,
            "createDateTime": end,
            "creatorUserID": resource,
            "lastModifiedDateTime": end,
            "lastModifiedUserID": resource,
        }
        tables.insert("TimeEntries", entry)
        ticket["lastActivityDate"], ticket["lastActivityResourceID"] = end, resource
        moment += timedelta(minutes=minutes)


def seeded(number: int) -> Tables:
    """New tables with that seed's records."""
    tables = Tables(load_catalogue())
    seed(tables, number)
    return tables
