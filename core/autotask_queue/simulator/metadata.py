"""What the API says about its entities: `entityInformation` and what is below it."""

from __future__ import annotations

from typing import Any

from autotask_queue.catalogue import Catalogue, Entity, Field, FieldType, PicklistValue
from autotask_queue.simulator.tables import USER_DEFINED_FIELDS

DATA_TYPES = {
    FieldType.INTEGER: "integer",
    FieldType.NUMBER: "double",
    FieldType.STRING: "string",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATETIME: "datetime",
    FieldType.DATE: "datetime",
}
DEFAULT_LENGTH = 8000
WEBHOOKS = ("Tickets", "TicketNotes", "Companies", "Contacts", "ConfigurationItems")


def entity_information(entity: Entity) -> dict[str, Any]:
    """The answer of `{Entity}/entityInformation`."""
    return {
        "info": {
            "name": entity.record,
            "canCreate": entity.can_create,
            "canDelete": entity.can_delete,
            "canQuery": entity.can_query,
            "canUpdate": entity.can_update,
            "userAccessForCreate": _access(entity.can_create),
            "userAccessForDelete": _access(entity.can_delete),
            "userAccessForQuery": _access(entity.can_query),
            "userAccessForUpdate": _access(entity.can_update),
            "hasUserDefinedFields": entity.name in USER_DEFINED_FIELDS,
            "supportsWebhookCallouts": entity.name in WEBHOOKS,
        }
    }


def entity_fields(catalogue: Catalogue, entity: Entity) -> dict[str, Any]:
    """The answer of `{Entity}/entityInformation/fields`, picklists included."""
    return {
        "fields": [
            _field(catalogue, entity, field) for field in entity.fields if field.type is not FieldType.ARRAY
        ]
    }


def user_defined_fields(entity: Entity) -> dict[str, Any]:
    """The answer of `{Entity}/entityInformation/userDefinedFields`."""
    return {
        "fields": [
            {
                "name": name,
                "label": name,
                "type": "string",
                "length": 255,
                "description": "",
                "isRequired": False,
                "isReadOnly": False,
                "isQueryable": True,
                "isReference": False,
                "referenceEntityType": "",
                "isPickList": False,
                "picklistValues": None,
                "picklistParentValueField": "",
                "defaultValue": "",
                "isSupportedWebhookField": False,
            }
            for name in USER_DEFINED_FIELDS.get(entity.name, ())
        ]
    }


def _access(allowed: bool) -> str:
    return "All" if allowed else "None"


def _field(catalogue: Catalogue, entity: Entity, field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "dataType": DATA_TYPES[field.type],
        "length": (field.max_length or DEFAULT_LENGTH) if field.type is FieldType.STRING else 0,
        "isRequired": field.required or field.name == "id",
        "isReadOnly": field.read_only,
        "isQueryable": field.queryable,
        "isReference": field.reference is not None,
        "referenceEntityType": _referred(catalogue, field.reference),
        "isPickList": bool(field.picklist),
        "picklistValues": [_choice(at, value) for at, value in enumerate(field.picklist, 1)] or None,
        "picklistParentValueField": field.picklist_parent or "",
        "isSupportedWebhookField": entity.name in WEBHOOKS and not field.read_only,
    }


def _referred(catalogue: Catalogue, name: str | None) -> str:
    if not name:
        return ""
    return catalogue.entity(name).record if name in catalogue else name.removesuffix("s")


def _choice(order: int, value: PicklistValue) -> dict[str, Any]:
    """Ids are text here, while records hold numbers: the API is like that."""
    return {
        "value": str(value.id),
        "label": value.label,
        "isDefaultValue": value.is_default,
        "sortOrder": order,
        "parentValue": "" if value.parent is None else str(value.parent),
        "isActive": value.is_active,
        "isSystem": value.id in (1, 5),
    }
