"""The requirement catalogue: what RFC 7143, RFC 7144 and RFC 1994 ask of a node, one entry a rule.

The data lies beside this file, one JSON document for each chapter or PDU family. An entry's identifier is the
document's number, the section and a running number ("7143-4.2.2.1-12"); it never changes and is never reused. An entry
that turned out to be wrong is mended in place, and the document's list `mends` says what was changed and why. The texts
are paraphrases made for test writing: the RFC has the last word.

JSON rather than YAML or TOML, because all 1,300 entries are read in a few milliseconds, through types, before the
first case can be collected.
"""

from conformance.requirements.catalogue import (
    Catalogue,
    CatalogueError,
    Entry,
    load_catalogue,
)

__all__ = ["Catalogue", "CatalogueError", "Entry", "load_catalogue"]
