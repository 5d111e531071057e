"""Rules that hold between the columns of every committed row, whatever the image."""

from __future__ import annotations

from sr_core.archive.ledger.runs import RunRecord
from sr_core.audit.verify.rules.masks import PLANNED, PLANNED_COLUMNS, Rule
from sr_core.audit.verify.rules.planned import maker_rules, plan_rules, size_rule, source_rule
from sr_core.audit.verify.rules.states import presence_rules, status_rules
from sr_core.audit.verify.rules.values import metric_rules, value_rules

__all__ = ["PLANNED", "PLANNED_COLUMNS", "Rule", "rules_of"]


def rules_of(run: RunRecord) -> tuple[Rule, ...]:
    """Return the rules for the rows of a run.

    Raises: KeyError, TypeError or ValueError if its configuration is not one of a run.
    """
    return (
        *status_rules(),
        *presence_rules(run),
        *plan_rules(),
        *value_rules(),
        size_rule(run),
        *maker_rules(run),
        *metric_rules(),
        source_rule(run),
    )
