"""Every mail with sample data, at the width of a phone and of a desktop. Only for development."""

from html import escape

from jinja2 import TemplateError
from pydantic import ValidationError

from app.core.features import FeatureError
from app.core.settings import get_settings, load_settings
from app.extensions.email.catalog import catalog
from app.extensions.email.render import Content, render
from app.extensions.email.schemas import Mail
from app.extensions.email.settings import EmailSettings
from app.extensions.email.signing import preferences_url

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>E-mails of {title}</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }}
body {{ margin: 0 auto; padding: 2rem 1rem; max-width: 70rem; }}
nav a {{ margin-right: 1rem; white-space: nowrap; }}
section {{ margin-top: 3rem; }}
h2 {{ margin: 0; font-size: 1.15rem; }}
.frames {{ display: flex; gap: 1rem; overflow-x: auto; margin-top: .5rem; }}
iframe {{ flex: none; height: 34rem; background: #fff; }}
iframe {{ border: 1px solid GrayText; border-radius: .5rem; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>
<h1>E-mails of {title}</h1>
{inbox}<nav>{links}</nav>
{mails}
</html>
"""
MAIL = """<section id="{key}"><h2>{subject}</h2><div>{key}, {category}, {size} kB</div>
<div class="frames">
<iframe title="{key} on a phone" width="375" sandbox srcdoc="{html}"></iframe>
<iframe title="{key} on a desktop" width="680" sandbox srcdoc="{html}"></iframe>
</div><details><summary>Text</summary><pre>{text}</pre></details></section>"""
# A mail in a frame inherits this policy.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src * data:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def sample(mail: type[Mail]) -> Content:
    """Render a mail with its sample data.

    Raises:
        FeatureError: the mail has no template, a field has no example, or a placeholder no value.
    """
    url = None
    if mail.category.optional:
        url = preferences_url("ada@example.com", mail.category.name)
    try:
        return render(mail.sample(), unsubscribe_url=url)
    except TemplateError as error:
        raise FeatureError(f"The mail '{mail.key()}' cannot be shown: {error.message}.") from error
    except ValidationError as error:
        fields = ", ".join(str(each["loc"][0]) for each in error.errors() if each["loc"])
        raise FeatureError(f"The mail '{mail.key()}' needs examples that fit: {fields}.") from error


def preview_page() -> str:
    """Return the page with every mail.

    Raises:
        FeatureError: a mail cannot be shown, see `sample`.
    """
    mails = {key: (mail, sample(mail)) for key, mail in catalog().items()}
    inbox = load_settings(EmailSettings).inbox_url
    return PAGE.format(
        title=escape(get_settings().project_name),
        inbox=f'<p><a href="{inbox}">Mails that were sent</a></p>' if inbox else "",
        links=" ".join(f'<a href="#{key}">{key}</a>' for key in mails),
        mails="\n".join(
            MAIL.format(
                key=key,
                category=escape(mail.category.label),
                size=round(len(content.html.encode()) / 1000, 1),
                subject=escape(content.subject),
                html=escape(content.html),
                text=escape(content.text),
            )
            for key, (mail, content) in mails.items()
        ),
    )
