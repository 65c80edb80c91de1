"""The target of a request, which the development page copies as a command of curl."""

from urllib.parse import quote, unquote, unquote_plus

import pytest

from devstack.devpage.recorder import privacy, target

# No shape betrays it.
SPOKEN = "open/sesame&now"


def target_of(path: str, query: str = "", secrets: tuple[str, ...] = ()) -> str:
    scope = {
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
    }
    return target.of(scope, secrets)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/items/a%2Fb", "q=a%26b%3Dc"),
        ("/items/%C3%A9", "q=a+b&q=a%20b"),
        ("/", "empty&blank=&=x&&"),
        ("/it's", "filter[name]={x}"),
        ("/%FF", "q=%FF"),
        ("/a/../b", "q=../x"),
    ],
    ids=["separators", "spaces", "blank", "quotes", "bytes", "dots"],
)
def test_it_is_what_was_sent(path: str, query: str) -> None:
    assert target_of(path, query) == f"{path}?{query}"


def test_bytes_that_no_address_can_hold_are_encoded() -> None:
    assert target_of("/caf\xe9", "q=\xe9 '#\x1b") == "/caf%E9?q=%E9%20'%23%1B"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/open%2Fsesame%26now", ""),
        ("/open/sesame&n%6Fw", ""),
        ("/", "q=open%2Fsesame%26now"),
        ("/", "q=open/s%65same&now"),
        ("/", "open/sesame%26now=1"),
        ("/", "p%61ssword=open/sesame%26now"),
    ],
    ids=["path", "parts", "value", "pairs", "name", "named"],
)
def test_an_encoded_secret_is_hidden(path: str, query: str) -> None:
    shown = unquote_plus(target_of(path, query, (SPOKEN,)))
    assert privacy.HIDDEN in shown
    assert "sesame" not in shown


def test_what_is_not_secret_stays_in_its_pair() -> None:
    assert target_of("/", "a=1%262&token=x") == f"/?a=1%262&token={quote(privacy.HIDDEN)}"
