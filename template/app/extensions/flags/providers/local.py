"""Flags in the tables of this backend."""

from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails

from app.extensions.flags.decision import decide
from app.extensions.flags.providers.boolean import BooleanProvider
from app.extensions.flags.snapshot import SNAPSHOTS


class LocalProvider(BooleanProvider):
    """Decides by the last snapshot, which `evaluation` keeps new."""

    name = "local"

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - as OpenFeature declares it
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """See `AbstractProvider`."""
        context = evaluation_context or EvaluationContext()
        value, reason = decide(
            flag_key,
            SNAPSHOTS.last,
            default=default_value,
            user_id=context.targeting_key,
            groups=map(str, context.attributes.values()),
        )
        return FlagResolutionDetails(value, reason=reason)
