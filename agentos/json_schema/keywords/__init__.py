"""The keywords of JSON Schema (2020-12, and where they differ 2019-09, draft 7 and draft 6), each as a check.

A check is made once per schema. It yields violations of one value, the parts of the value included.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentos.json_schema.keywords import arrays, combining, objects, values
from agentos.json_schema.keywords.contract import Check, Make

__all__ = ["KEYWORDS", "Check", "Make"]

KEYWORDS: Mapping[str, Make] = {
    "type": values.type_,
    "enum": values.enum,
    "const": values.const,
    "minimum": values.numeric("minimum", lambda value, limit: value >= limit),
    "maximum": values.numeric("maximum", lambda value, limit: value <= limit),
    "exclusiveMinimum": values.numeric("exclusiveMinimum", lambda value, limit: value > limit),
    "exclusiveMaximum": values.numeric("exclusiveMaximum", lambda value, limit: value < limit),
    "multipleOf": values.numeric("multipleOf", values.is_multiple),
    "minLength": values.length("minLength", str, lambda length, limit: length >= limit),
    "maxLength": values.length("maxLength", str, lambda length, limit: length <= limit),
    "pattern": values.pattern,
    "minItems": values.length("minItems", list, lambda length, limit: length >= limit),
    "maxItems": values.length("maxItems", list, lambda length, limit: length <= limit),
    "prefixItems": arrays.prefix_items,
    "items": arrays.items,
    "additionalItems": arrays.additional_items,
    "contains": arrays.contains,
    "uniqueItems": arrays.unique_items,
    "minProperties": values.length("minProperties", dict, lambda length, limit: length >= limit),
    "maxProperties": values.length("maxProperties", dict, lambda length, limit: length <= limit),
    "required": objects.required,
    "properties": objects.properties,
    "patternProperties": objects.pattern_properties,
    "additionalProperties": objects.additional_properties,
    "propertyNames": objects.property_names,
    "dependencies": objects.dependencies,
    "dependentRequired": objects.dependencies,
    "dependentSchemas": objects.dependencies,
    "$ref": combining.reference,
    "allOf": combining.all_of,
    "anyOf": combining.some_of("anyOf", lambda count: count >= 1, 1),
    "oneOf": combining.some_of("oneOf", lambda count: count == 1, 2),
    "not": combining.not_,
    "if": combining.if_,
}
