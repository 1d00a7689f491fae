"""The pages as answers to requests: languages, twins in JSON, refusals, headers, static files."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from looking import at_this_computer
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure
from hymio.locale.language import LOCALES
from hymio.pages import app as app_module
from hymio.pages.app import PageOptions, mount_pages, pages_app
from hymio.pages.assets import FOLDER, asset_path, assets
from hymio.pages.errors import Refused
from hymio.pages.reader import PageReader
from hymio.pages.security_headers import HEADERS, POLICY
from hymio.pages.views import places
from hymio.store.database import Store, open_store

WARD = "/places/city-hospital/ward-3"
TEMPLATES = sorted((Path(app_module.__file__).parent / "templates").glob("*.html"))


def lang(answer: Any) -> str:
    return re.findall(r'<html lang="(\w+)">', answer.text)[0]


# Pages and their twins


def test_the_start_page_of_one_organisation_is_its_own(pages: TestClient) -> None:
    answer = pages.get("/")
    assert answer.status_code == 307 and answer.headers["location"] == "/places/city-hospital"


def test_a_place_shows_where_it_is(pages: TestClient) -> None:
    answer = pages.get(WARD)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    assert "<h1>Ward 3</h1>" in answer.text
    assert answer.text.count('aria-current="page"') == 1
    assert "/places/city-hospital/wards" in answer.text and "/places/city-hospital/bar" in answer.text


def test_a_page_has_its_twin_at_the_same_address(pages: TestClient) -> None:
    by_name = pages.get(f"{WARD}.json")
    by_header = pages.get(WARD, headers={"accept": "application/json"})
    assert by_name.json() == by_header.json()
    assert by_name.json()["place"] == {"key": "ward-3", "name": "Ward 3", "kind": "point"}
    assert pages.get("/index.json").json()["organisations"][0]["key"] == "city-hospital"
    browsers = "text/html,application/xhtml+xml,application/json;q=0.1"
    assert pages.get(WARD, headers={"accept": browsers}).headers["content-type"].startswith("text/html")


def test_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "votes.db"), create=True)
    answer = at_this_computer(pages_app(store)).get("/")
    assert answer.status_code == 200
    assert "No places yet" in answer.text and "hymio site import" in answer.text and "no-data" in answer.text
    store.close()


def test_a_changed_site_shows_at_once(tmp_path: Path, site_file: Path) -> None:
    from hymio_process import hymio_here

    db = str(tmp_path / "votes.db")
    assert hymio_here("site", "import", str(site_file), "--db", db).returncode == 0
    store = open_store(db)
    client = at_this_computer(pages_app(store))
    assert "<h1>Ward 3</h1>" in client.get(WARD).text
    renamed = tmp_path / "site.toml"
    renamed.write_text(site_file.read_text().replace('"Ward 3"', '"Ward <3>"'))
    assert hymio_here("site", "import", str(renamed), "--db", db).returncode == 0
    assert "<h1>Ward &lt;3&gt;</h1>" in client.get(WARD).text
    store.close()


# Languages


def test_the_reader_s_language(pages: TestClient) -> None:
    assert lang(pages.get(WARD)) == "en"
    assert lang(pages.get(WARD, headers={"accept-language": "sv-FI,en;q=0.5"})) == "sv"
    assert lang(pages.get(WARD, headers={"accept-language": "sv", "cookie": "lang=fi"})) == "fi"
    assert lang(pages.get(f"{WARD}?lang=en", headers={"accept-language": "sv", "cookie": "lang=fi"})) == "en"
    assert lang(pages.get(f"{WARD}?lang=xx", headers={"accept-language": "sv", "cookie": "lang=yy"})) == "sv"


def test_a_choice_is_kept_and_an_odd_one_is_not(pages: TestClient) -> None:
    kept = pages.get(f"{WARD}?lang=fi").headers["set-cookie"]
    assert kept.startswith("lang=fi;") and "HttpOnly" in kept and "SameSite=lax" in kept and "Secure" not in kept
    pages.cookies.clear()
    for odd in ("xx", "", "fi%0d%0aSet-Cookie:x=y"):
        assert "set-cookie" not in pages.get(f"{WARD}?lang={odd}").headers


def test_links_to_other_languages_keep_the_rest_of_the_address(pages: TestClient) -> None:
    text = pages.get(f"{WARD}?from=2026-01-01&lang=fi&q=%22%3E").text
    pages.cookies.clear()
    assert f'href="{WARD}?from=2026-01-01&amp;q=%22%3E&amp;lang=sv"' in text


def test_what_is_sent_says_what_it_depends_on(pages: TestClient) -> None:
    headers = pages.get(WARD).headers
    assert {one.strip() for one in headers["vary"].split(",")} >= {"Accept", "Accept-Language", "Cookie"}
    assert headers["content-language"] == "en" and headers["cache-control"] == "private, no-cache"


# Refusals


@pytest.mark.parametrize("code", LOCALES)
@pytest.mark.parametrize(
    "path", ["/nowhere", "/places/other", "/places/city-hospital/ward-99", "/static/x.css", "/.json"]
)
def test_what_is_not_there(pages: TestClient, path: str, code: str) -> None:
    answer = pages.get(path, headers={"accept-language": code})
    assert answer.status_code == 404
    if path.endswith(".json"):
        assert answer.json()["error"]["status"] == 404
    else:
        assert lang(answer) == code and answer.text.count("<h1") == 1 and 'class="button" href="/"' in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_what_the_address_says_is_no_markup(pages: TestClient) -> None:
    text = pages.get("/places/city-hospital/%3Cb%20id=x%3E").text
    assert "&lt;b id=x&gt;" in text and "<b id" not in text


def refusing(monkeypatch: pytest.MonkeyPatch, store: Store, error: Exception) -> TestClient:
    def view(_reader: PageReader) -> Any:
        raise error

    monkeypatch.setattr(places, "place", view)
    return at_this_computer(pages_app(store))


@pytest.mark.parametrize("code", LOCALES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 429, 500, 503])
def test_every_refusal_has_a_page_in_every_language(
    monkeypatch: pytest.MonkeyPatch, site_store: Store, status: int, code: str
) -> None:
    error: Exception = HTTPException(500) if status == 500 else Refused(status)
    client = refusing(monkeypatch, site_store, error)
    answer = client.get(WARD, headers={"accept-language": code})
    assert answer.status_code == status and lang(answer) == code
    twin = client.get(f"{WARD}.json", headers={"accept-language": code})
    assert twin.status_code == status
    error_said = twin.json()["error"]
    assert error_said["status"] == status and error_said["message"] and error_said["hint"]
    assert f"<h1>{error_said['message']}</h1>" in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Failure(NO_SERVICE, "The database votes.db cannot be used.", "Look at /secret."), 503),
        (Failure(WRONG_USE, "A bug that names /secret.", "?"), 500),
        (ZeroDivisionError("/secret"), 500),
    ],
)
def test_a_failure_tells_the_reader_nothing_of_the_inside(
    monkeypatch: pytest.MonkeyPatch, site_store: Store, caplog: pytest.LogCaptureFixture, error: Exception, status: int
) -> None:
    answer = refusing(monkeypatch, site_store, error).get(WARD)
    assert answer.status_code == status
    for word in ("secret", "Traceback", "votes.db", "Error"):
        assert word not in answer.text
    if status == 503:
        assert int(answer.headers["retry-after"]) > 0
    else:
        (code,) = re.findall(r"the code (\w{6})\.", answer.text)
        assert code in caplog.text and "Traceback" in caplog.text
    assert str(getattr(error, "message", error)) in caplog.text


def test_the_wrong_method_is_refused_with_the_right_ones(pages: TestClient) -> None:
    answer = pages.post(WARD)
    assert answer.status_code == 405 and "<h1>" in answer.text
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/terminals?q=%00", "/terminals/a%00b", f"{WARD}?on=%00", "/%00", "/wall/%00"])
def test_what_postgresql_can_t_take_is_refused_before(pages: TestClient, path: str) -> None:
    answer = pages.get(path)
    assert answer.status_code in (400, 404) and "<h1>" in answer.text
    assert answer.status_code == 400 or "terminals" not in path


def test_a_head_is_a_page_without_its_body(pages: TestClient) -> None:
    answer = pages.head(WARD)
    assert answer.status_code == 200 and answer.content == b""


def test_an_address_with_a_slash_too_many_is_none(pages: TestClient) -> None:
    # A redirect would be absolute: to whatever Host says, and by http whatever the proxy does.
    for path in (f"{WARD}/", "/terminals/", "/login/"):
        answer = pages.get(path, headers={"host": "evil.example"})
        assert answer.status_code == 404 and "location" not in answer.headers and "<h1>" in answer.text


def test_what_the_api_answers_is_left_to_it(site_store: Store) -> None:
    begun = []

    def api(request: Request) -> Response:
        return PlainTextResponse(f"api {request.url.path}")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        begun.append(True)
        yield

    app = Starlette(routes=[Route("/{path:path}", api)], lifespan=lifespan)
    with at_this_computer(mount_pages(app, site_store)) as client:
        for path in ("/api/v1/organisations", "/v2", "/v2/nothing"):
            assert client.get(path).text == f"api {path}"
        for path in ("/v2x", "/apis/x", "/nowhere", "/training"):
            assert "<h1>" in client.get(path).text
        with_training = at_this_computer(mount_pages(app, site_store, PageOptions(has_training=True)))
        assert with_training.get("/training/terminal").text == "api /training/terminal"
    assert begun == [True]


# Headers


@pytest.mark.parametrize("path", [WARD, "/nowhere", f"{WARD}.json", "/", asset_path("hymio.css")])
def test_every_answer_has_the_headers(pages: TestClient, path: str) -> None:
    answer = pages.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "strict-transport-security" not in answer.headers


def test_the_policy_lets_nothing_in(site_store: Store) -> None:
    assert "unsafe" not in POLICY and "*" not in POLICY and ":" not in POLICY.replace("'self'", "")
    over_tls = at_this_computer(pages_app(site_store), "https://127.0.0.1").get(f"{WARD}?lang=fi")
    assert over_tls.headers["strict-transport-security"] and "Secure" in over_tls.headers["set-cookie"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_holds_a_script_or_a_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)|\|\s*safe|https?://", text)


# Static files


@pytest.mark.parametrize("name", assets())
def test_a_file_is_kept_for_ever_under_its_content(pages: TestClient, name: str) -> None:
    answer = pages.get(asset_path(name), headers={"accept-encoding": "identity"})
    assert answer.content == (FOLDER / name).read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert hashlib.sha256(answer.content).hexdigest()[:12] in asset_path(name)
    packed = pages.get(asset_path(name), headers={"accept-encoding": "gzip"})
    assert packed.content == answer.content


def test_types_of_files(pages: TestClient) -> None:
    types = {name: pages.get(asset_path(name)).headers["content-type"] for name in assets()}
    assert types["hymio.css"] == "text/css; charset=utf-8"
    assert types["vendor/htmx.min.js"] == "text/javascript; charset=utf-8"
    assert types["faces/4.svg"].startswith("image/svg+xml")


def test_the_address_of_an_older_release_gives_the_file_of_today_for_now(pages: TestClient) -> None:
    answer = pages.get("/static/vendor/htmx.min.000000000000.js")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-cache"
    assert answer.content == (FOLDER / "vendor" / "htmx.min.js").read_bytes()


@pytest.mark.parametrize(
    "path", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "vendor/../../app.py", "/etc/passwd", "", "hymio", "faces"]
)
def test_nothing_else_is_a_static_file(pages: TestClient, path: str) -> None:
    assert pages.get(f"/static/{path}").status_code == 404


def test_libraries_of_others_are_those_that_are_named_with_their_licences() -> None:
    folder = FOLDER / "vendor"
    packages = tomllib.loads((folder / "vendor.toml").read_text(encoding="utf-8"))["package"]
    named = {name: file["sha256"] for package in packages for name, file in package["files"].items()}
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    there.pop("vendor.toml")
    assert there == named
    for package in packages:
        assert package["licence"] and package["integrity"].startswith("sha512-")
        assert any("LICENSE" in name for name in package["files"])


def test_a_page_is_small(pages: TestClient) -> None:
    answer = pages.get(WARD, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip" and int(answer.headers["content-length"]) < 4_000
