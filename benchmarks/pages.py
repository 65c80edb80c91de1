"""Requests per second of the page of items, as a ratio to the same template rendered by hand.

Two processes run at once and are asked in turns: the rendered project with the option `pages` and
its static files collected as in the image, and `handwritten_pages.py`, which says what is compared.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
import urllib.parse
import urllib.request
from base64 import urlsafe_b64decode
from http.cookiejar import CookieJar
from pathlib import Path

from load import Call
from project import HERE, Services, load_average, project_folder, server, services
from throughput import VOLATILE, WARM_UP, Round, measure, row

EMAIL, PASSWORD = "user1@example.com", "a long enough password"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, help="a rendered project; default: render one")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--connections", type=int, nargs="+", default=[4, 16])
    options = parser.parse_args()
    with (
        project_folder(options.project, pages=True, organizations=False) as project,
        services(project) as given,
        tempfile.TemporaryDirectory(prefix="benchmark-") as static,
    ):
        environment = {
            **given.environment,
            "PROJECT_NAME": "Benchmark",
            "PAGES_STATIC_FOLDER": static,
        }
        collect = ["uv", "run", "--quiet", "app", "pages", "collect", static]
        subprocess.run(collect, check=True, cwd=project, env=os.environ | given.environment)
        with (
            server(project, environment) as ours,
            server(project, environment, "handwritten_pages:app", str(HERE)) as theirs,
        ):
            call = Call("/items", cookie=sign_in(ours[1], given))
            compare(call, ours[1], theirs[1])
            print(
                "| | connections | req/s | p50 ms | p99 ms | CPU µs | hand-written req/s | p50 ms "
                "| p99 ms | CPU µs | ratio of req/s (quartiles) | ratio of CPU |\n|---|"
                + "---:|"
                * 11
            )
            shares = []
            for connections in options.connections:
                rounds: list[tuple[Round, Round]] = []
                for number in range(options.rounds + 1):
                    seconds = options.seconds if number else WARM_UP
                    pair = (
                        measure(*ours, call, connections, seconds),
                        measure(*theirs, call, connections, seconds),
                    )
                    if number:
                        rounds.append(pair)
                print(row("items, 20 of 1,000", connections, rounds), flush=True)
                shares += [each.generator_share for pair in rounds for each in pair]
    print(f"\n{load_average()} The generator used at most {max(shares):.0%} of a core.")


def sign_in(port: int, given: Services) -> str:
    """Give the first user a password, sign in on the pages, and return the cookie."""
    payload = given.token.split(".")[1]
    user_id = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
    supabase, key = (given.environment[f"SUPABASE_{name}"] for name in ("URL", "SECRET_KEY"))
    request = urllib.request.Request(
        f"{supabase}/auth/v1/admin/users/{user_id}",
        json.dumps({"password": PASSWORD}).encode(),
        {"apikey": key, "Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()

    cookies = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    address = f"http://127.0.0.1:{port}/account/sign-in"
    with browser.open(address) as page:
        found = re.search(r'name="csrf_token" value="(\w+)"', page.read().decode())
    assert found
    fields = {"email": EMAIL, "password": PASSWORD, "csrf_token": found[1]}
    browser.open(address, urllib.parse.urlencode(fields).encode()).close()
    return next(f"session={each.value}" for each in cookies if each.name == "session")


def compare(call: Call, *ports: int) -> None:
    """Make sure that all answer the same page and the same headers.

    Raises:
        SystemExit: they do not.
    """
    given = []
    for port in ports:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{call.path}", headers={"Cookie": call.cookie}
        )
        with urllib.request.urlopen(request) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            text = answer.read().decode().replace(f":{port}", ":PORT")
        nonce = headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
        kept = sorted((k, v.replace(nonce, "")) for k, v in headers.items() if k not in VOLATILE)
        given.append((kept, text.replace(nonce, "")))
    if given[0] != given[1]:
        raise SystemExit(f"The pages differ:\n{given[0]}\n{given[1]}")


if __name__ == "__main__":
    main()
