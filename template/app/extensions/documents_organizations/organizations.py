"""What organizations have of documents: the export has their facts and texts, see `documents`.

Storage has the files, and the vectors can be computed again.
"""

from app.extensions.organizations.service.holdings import Holding

HOLDINGS = (
    Holding("documents", "owner_id", without=("user_id",)),
    Holding("documents_chunks", "owner_id", without=("words", "search_config")),
)
