"""What follows in a document when a person changes one field; never more than that field implies."""

from __future__ import annotations

from autotask_console.models.references import Reference, References
from autotask_console.pages.compose import hours
from autotask_console.pages.compose.documents import Document, is_empty, value_of, with_value
from autotask_console.pages.compose.kinds import Kind, Spec
from autotask_queue.catalogue import Field

ROLE_OF = {"resourceID": "roleID", "assignedResourceID": "assignedResourceRoleID"}
_RESOURCE_OF = {role: resource for resource, role in ROLE_OF.items()}
_WORK_TYPE, _INTERNAL = 1, 3
"""`useType` of billing codes (autotask-api.md 5.1)."""


def follow(
    document: Document, changed: str, *, before: Document, spec: Spec, references: References
) -> Document:
    """The document after `changed` was changed in `before`."""
    if spec.kind is Kind.LOG_TIME and changed in hours.FIELDS:
        return hours.consistent(document, changed, before=before)
    if changed in ROLE_OF:
        return with_role(document, changed, spec=spec, references=references)
    if changed == "contactID" and is_empty(value_of(document, "companyID")):
        contact = references.get("Contacts", value_of(document, "contactID"))
        company = contact.values.get("companyID") if contact else None
        return document if company is None else with_value(document, "companyID", company)
    return _without_orphans(document, changed, spec)


def with_role(document: Document, resource: str, *, spec: Spec, references: References) -> Document:
    """A resource brings its role if it has but one, or one that Autotask calls its default."""
    role = ROLE_OF[resource]
    held = references.roles_of(value_of(document, resource))
    if spec.field(role) is None or not held or value_of(document, role) in held:
        return document
    known = references.get("Resources", value_of(document, resource))
    usual = known.values.get("defaultServiceDeskRoleID") if known else None
    chosen = held[0] if len(held) == 1 else usual if usual in held else None
    return document if chosen is None else with_value(document, role, chosen)


def fits(field: Field, one: Reference, document: Document, references: References) -> bool:
    """Whether a record goes with the rest of the document; what is not known fits."""
    if field.name == "contactID":
        company, owner = value_of(document, "companyID"), one.values.get("companyID")
        return company is None or owner is None or str(owner) == str(company)
    if field.name in _RESOURCE_OF:
        held = references.roles_of(value_of(document, _RESOURCE_OF[field.name]))
        return not held or one.id in held
    if field.reference == "BillingCodes":
        wanted = _INTERNAL if field.name.startswith("internal") else _WORK_TYPE
        return bool(one.values.get("useType", wanted) == wanted)
    return True


def _without_orphans(document: Document, changed: str, spec: Spec) -> Document:
    """A choice under another one goes when that one changes: a sub-issue of the old issue."""
    entity = spec.known()
    for field in entity.fields if entity else ():
        chosen = value_of(document, field.name)
        if field.picklist_parent != changed or chosen is None:
            continue
        choice = next((one for one in field.picklist if str(one.id) == str(chosen)), None)
        parent = value_of(document, changed)
        if choice is not None and parent is not None and str(choice.parent) != str(parent):
            document = with_value(document, field.name, None)
    return document
