"""What to collect so that a condition that cannot be told is decided."""

from __future__ import annotations

from troubleshoot.conditions import Node
from troubleshoot.match import ELEVATED, FLOW_SOURCES, USER_SESSION, Context, Evaluator
from troubleshoot.nodetests import bits_of


def missing(evaluator: Evaluator, number: int, context: Context) -> frozenset[str]:
    """What to collect so that an undecided node is decided; the fewest items where there is a choice. Empty for a decided one."""
    return _of_node(evaluator, number, context) if evaluator.value(number, context) is None else frozenset()


def _of_node(evaluator: Evaluator, number: int, context: Context) -> frozenset[str]:
    asking = evaluator.tests[number]
    known = context.true | context.false
    options = [_of_leaf(evaluator, bit) for bit in bits_of(asking.leaves & ~known)]
    for group in asking.groups:
        if evaluator.tests[group].test(context.true, context.false) is None:
            options.append(_of_node(evaluator, group, context))
    if len(options) == 1:
        return options[0]
    if asking.kind == "all":
        return frozenset().union(*options)
    return min(options, key=lambda option: (len(option), sorted(option)))


def _of_leaf(evaluator: Evaluator, bit: int) -> frozenset[str]:
    node = evaluator.nodes[bit.bit_length() - 1]
    if node[0] == "sign":
        return missing(evaluator, evaluator.ruleset.signs[node[1]], evaluator.present)
    if evaluator.case.collected is not None:
        return frozenset({_collect(evaluator, node)})
    found = evaluator.tests.asks.get(bit)
    if found is None:
        found = evaluator.tests.asks[bit] = frozenset({_collect(evaluator, node)})
    return found


def _collect(evaluator: Evaluator, node: Node) -> str:
    """The command or export that would decide a leaf, as a phrase that follows "collect"."""
    kind, name = node[0], node[1]
    vocabulary = evaluator.ruleset.vocabulary
    if evaluator.case.collected is not None:
        from troubleshoot import collectors

        provider = name if kind == "event" else FLOW_SOURCES.get(name, (None, None))[1] if kind == "attempt" else None
        asked = ("event", vocabulary["providers"][provider]["channel"]) if provider else (kind, str(name))
        if found := collectors.ask_for(evaluator.case.collected, *asked):
            return found
    if kind == "fact":
        return str(vocabulary["facts"][name].get("collect") or vocabulary["facts"][name]["sources"][0])
    if kind == "registry":
        return f'run `reg query "{name}" /s` in any prompt on the device'
    if kind == "event":
        channel = vocabulary["providers"][name]["channel"]
        return f'export the event log as administrator: `wevtutil epl "{channel}" log.evtx`'
    if kind == "log":
        return str(vocabulary["components"][name]["collect"])
    if kind == "capture":
        return "run `dsregcmd /status` as the affected user, not as administrator"
    if kind == "attempt":
        provider = FLOW_SOURCES.get(name, (None, None))[1]
        if provider:
            return f'export the event log as administrator: `wevtutil epl "{vocabulary["providers"][provider]["channel"]}" log.evtx`'
        return f"collect the {name} logs"
    needs = (evaluator.fields_known.get(name) or {}).get("needs")
    if needs == ELEVATED:
        return "run `dsregcmd /status` in an elevated prompt (as administrator)"
    if needs == USER_SESSION:
        return "run `dsregcmd /status` as the affected user, not as administrator"
    return "run `dsregcmd /status` in any prompt on the device and send the whole output"
