"""Personal data in the tables of documents."""

from app.core.personal_data import OMITTED

# The files are not part of a dump, and an embedding tells the text that it was made from.
TABLES = {
    "documents": OMITTED,
    "documents_chunks": OMITTED,
    "documents_embeddings": OMITTED,
}
