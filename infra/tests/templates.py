"""The templates as data, with CloudFormation's short forms written out."""

import functools
import importlib.machinery
import importlib.util
import json
import pathlib
import re

import yaml

INFRA = pathlib.Path(__file__).resolve().parent.parent
NETWORKS = sorted(file.stem for file in INFRA.glob("*.json"))
# What differs by account, and is given once.
YOURS = {"Repository": "example/aznet", "AdministratorRole": "admins/me"}
# What the optional parts need.
GRAFANA = {"GrafanaDomain": "grafana.example.org", "GrafanaZone": "Z0123456789ABCDEFGHIJ"}
JOIN = {"JoinDomain": "join.example.org", "JoinZone": "Z0123456789ABCDEFGHIJ"}


class Loader(yaml.SafeLoader):
    """Reads `!Sub x` as `{"Fn::Sub": x}`."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("CloudFormation understands no aliases")
        return super().compose_node(parent, index)


def short_form(loader, tag, node):
    read = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
        yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
    }
    value = read[type(node)](node)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", short_form)


def load(text: str) -> dict:
    return Loader(text).get_single_data()


@functools.cache
def templates() -> dict[str, dict]:
    return {file.stem: load(file.read_text()) for file in sorted(INFRA.glob("*.yaml"))}


def parameters(network: str, **more: str) -> dict[str, str]:
    """What a network's stacks are given."""
    return json.loads((INFRA / f"{network}.json").read_text())["Parameters"] | YOURS | more


def of(template: dict, given: dict[str, str]) -> dict[str, str]:
    """The parameters that a template has, with their values."""
    declared = template.get("Parameters", {})
    return {name: str(given.get(name, one.get("Default"))) for name, one in declared.items()}


def nodes(value):
    """Every mapping in a value."""
    if isinstance(value, dict):
        yield value
        value = value.values()
    if isinstance(value, list) or not isinstance(value, (str, int, bool, type(None))):
        for inner in value:
            yield from nodes(inner)


def resources(template: dict, *types: str) -> dict[str, dict]:
    """Resources of some types, by name."""
    return {name: one for name, one in template["Resources"].items() if one["Type"] in types}


def holds(condition, template: dict, given: dict[str, str]) -> bool:
    """Whether a condition of ours holds: they are made of Not and Equals."""
    ((function, operands),) = condition.items()
    if function == "Fn::Not":
        return not holds(operands[0], template, given)
    if function == "Fn::Equals":
        left, right = (given[one["Ref"]] if isinstance(one, dict) else one for one in operands)
        return str(left) == str(right)
    raise ValueError(f"{function} in a condition")


def as_deployed(template: dict, given: dict[str, str]) -> dict:
    """The template without what its conditions rule out."""
    conditions = template.get("Conditions", {})
    true = {name for name, one in conditions.items() if holds(one, template, of(template, given))}
    kept = dict(template)
    for section in ("Resources", "Outputs"):
        everything = template.get(section, {}).items()
        kept[section] = {key: one for key, one in everything if one.get("Condition", None) in {None, *true}}
    return kept


def without(template: dict, types: set[str]) -> dict:
    """The template without resources of some types; what refers to them gets a text in their place."""
    gone = set(resources(template, *types))
    if gone == set(template["Resources"]):
        return {}

    def replace(value):
        match value:
            case {"Ref": name} if name in gone:
                return name.lower()
            case {"Fn::GetAtt": [name, attribute]} if name in gone:
                return f"{name}-{attribute}".lower()
            case {"Fn::Sub": str(text)}:
                pattern = rf"\$\{{({'|'.join(gone) or '-'})(\.\w+)?\}}"
                return {"Fn::Sub": re.sub(pattern, "x", text)}
            case {"DependsOn": _, **rest} if gone & set(listed(value["DependsOn"])):
                left = [one for one in listed(value["DependsOn"]) if one not in gone]
                return {"DependsOn": left, **replace(rest)}
            case dict():
                return {key: replace(inner) for key, inner in value.items()}
            case list():
                return [replace(inner) for inner in value]
        return value

    kept = {name: one for name, one in template["Resources"].items() if name not in gone}
    return replace({**template, "Resources": kept})


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def refused(template: dict, given: dict[str, str]):
    """What the template does not take of its parameters, which CloudFormation would say only when it is asked."""
    declared = template.get("Parameters", {})
    for name, value in of(template, given).items():
        wanted = declared[name]
        number = float(value) if wanted["Type"] == "Number" else 0
        fits = re.fullmatch(wanted.get("AllowedPattern", ".*"), value, re.DOTALL)
        if not (fits and wanted.get("MinValue", number) <= number <= wanted.get("MaxValue", number)):
            yield f"{name}={value}"
    for rule in template.get("Rules", {}).values():
        if holds(rule["RuleCondition"], template, of(template, given)):
            for one in rule["Assertions"]:
                if not holds(one["Assert"], template, of(template, given)):
                    yield one["AssertDescription"]


def program():
    """`infra/stacks` as a module."""
    loader = importlib.machinery.SourceFileLoader("stacks", str(INFRA / "stacks"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("stacks", loader))
    loader.exec_module(module)
    return module
