"""The data block of a page: what its script needs to know, as JSON that no browser runs."""

from collections.abc import Mapping

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from intake.encoding import canonical
from intake.site.languages import current_language
from intake.site.service import Ready


def page_data(page: str, ready: Ready, words: Mapping[str, str], **more: object) -> Markup:
    """Return the element for a page, whose name `page` says which part of the script serves it.

    `words` are the translated sentences that the script shows; `more` is what else this page needs.
    """
    data = {
        "page": page,
        "language": current_language(),
        "instance": ready.instance_id.hex(),
        "recipients": [str(key.recipient) for key in ready.recipients],
        "words": dict(words),
        **more,
    }
    return Markup('<script type="application/json" id="data">{}</script>').format(
        htmlsafe_json_dumps(data, dumps=lambda value: canonical(value).decode())
    )
