"""The administrator's sign-in, and the dashboard's page."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gateway import ADMIN_PASSWORD

COOKIE = "portcullis_session"
CSRF = {"X-Portcullis-CSRF": "1"}


def test_signing_in_gives_a_token_and_a_guarded_cookie(gate):
    reply = gate.sign_in()
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) >= {"access_token", "username", "role", "expires_at"}
    assert (body["username"], body["role"]) == ("admin", "admin")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower() or "samesite=lax" in cookie.lower()
    assert "path=/" in cookie.lower()


def test_the_session_tells_who_and_where_for_cookie_and_token_alike(gate):
    reply = gate.sign_in()
    token = reply.json()["access_token"]
    by_cookie = httpx.get(f"{gate.url}/api/v1/admin/session", cookies={COOKIE: reply.cookies[COOKIE]})
    by_token = httpx.get(f"{gate.url}/api/v1/admin/session", headers={"Authorization": f"Bearer {token}"})
    for session in (by_cookie, by_token):
        assert session.status_code == 200
        assert set(session.json()) >= {"username", "role", "node", "version", "sandbox", "expires_at"}
        assert session.json()["sandbox"] is False


@pytest.mark.parametrize(("username", "password"), [("admin", "wrong"), ("admin", ""), ("root", ADMIN_PASSWORD)])
def test_wrong_credentials_are_401_and_the_same_for_all(start_gate, username, password):
    gate = start_gate()
    reply = gate.sign_in(password, username)
    assert reply.status_code == 401
    assert "set-cookie" not in reply.headers
    assert reply.json() == gate.sign_in("also wrong").json()


def test_repeated_failures_are_slowed_down_with_429(start_gate):
    gate = start_gate()
    replies = [gate.sign_in("wrong") for _ in range(30)]
    assert replies[0].status_code == 401
    assert replies[-1].status_code == 429
    assert int(replies[-1].headers["retry-after"]) > 0


def test_failures_at_once_are_slowed_down_too(start_gate):
    gate = start_gate()
    with ThreadPoolExecutor(20) as pool:
        codes = [reply.status_code for reply in pool.map(gate.sign_in, ["wrong"] * 20)]
    assert codes.count(401) <= 5, codes
    assert set(codes) == {401, 429}


def test_successful_sign_ins_are_not_limited(sqlite_gate):
    assert {sqlite_gate.sign_in().status_code for _ in range(15)} == {200}


def test_a_post_by_cookie_needs_the_csrf_header(gate):
    cookies = {COOKIE: gate.sign_in().cookies[COOKIE]}
    logout, session = f"{gate.url}/api/v1/admin/logout", f"{gate.url}/api/v1/admin/session"
    assert httpx.post(logout, cookies=cookies).status_code == 403
    assert httpx.get(session, cookies=cookies).status_code == 200
    assert httpx.post(logout, cookies=cookies, headers=CSRF).status_code == 204
    assert httpx.get(session, cookies=cookies).status_code == 401


def test_a_sign_out_by_token_ends_the_session(sqlite_gate):
    with sqlite_gate.admin(fresh=True) as admin:
        assert admin.post("/api/v1/admin/logout").status_code == 204
        assert admin.get("/api/v1/admin/session").status_code == 401


def test_sessions_survive_a_restart_or_end_but_never_break(start_gate):
    gate = start_gate()
    with gate.admin() as admin:
        gate.stop()
        gate.start()
        assert admin.get("/api/v1/admin/session").status_code in (200, 401)


def test_the_password_of_the_environment_applies_at_every_start(start_gate):
    gate = start_gate()
    gate.stop()
    gate.env["PORTCULLIS_ADMIN__PASSWORD"] = "another password for the admin"
    gate.start()
    assert gate.sign_in("another password for the admin").status_code == 200
    assert gate.sign_in(ADMIN_PASSWORD).status_code == 401


def test_a_generated_password_is_shown_in_a_private_file_and_never_in_the_log(start_gate):
    gate = start_gate(started=False)
    del gate.env["PORTCULLIS_ADMIN__PASSWORD"]
    gate.start()
    files = [path for path in gate.data_dir.iterdir() if "password" in path.name]
    assert len(files) == 1, list(gate.data_dir.iterdir())
    assert files[0].stat().st_mode & 0o777 == 0o600
    words = files[0].read_text().split()
    working = [word for word in words if len(word) >= 12 and gate.sign_in(word).status_code == 200]
    assert len(working) == 1
    assert working[0] not in gate.log
    assert files[0].name in gate.log, "the log says where the password is"


def test_the_dashboard_is_served_with_a_strict_content_policy(sqlite_gate):
    reply = httpx.get(f"{sqlite_gate.url}/")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy or "default-src 'self'" in policy
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_an_unknown_page_is_404_and_no_path_leaves_the_dashboard(sqlite_gate):
    for path in ["/nothing.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/js/..%2f..%2fCargo.toml"]:
        reply = httpx.get(sqlite_gate.url + path)
        assert reply.status_code in (400, 404), path
        assert 'portcullis"' not in reply.text


def test_unknown_admin_paths_ask_for_a_sign_in_or_are_404(sqlite_gate):
    assert httpx.get(f"{sqlite_gate.url}/api/v1/nothing").status_code in (401, 404)
    with sqlite_gate.admin() as admin:
        assert admin.get("/api/v1/nothing").status_code == 404


def test_after_a_change_of_name_the_old_administrator_is_nobody(start_gate):
    gate = start_gate()
    old = gate.sign_in().json()["access_token"]
    gate.stop()
    gate.env["PORTCULLIS_ADMIN__USERNAME"] = "root"
    gate.env["PORTCULLIS_ADMIN__PASSWORD"] = "the password of the new one"
    gate.start()
    assert gate.sign_in(ADMIN_PASSWORD, "admin").status_code == 401
    session = httpx.get(f"{gate.url}/api/v1/admin/session", headers={"Authorization": f"Bearer {old}"})
    assert session.status_code == 401
    assert gate.sign_in("the password of the new one", "root").status_code == 200


def test_a_sign_out_ends_the_live_activity_too(sqlite_gate):
    with sqlite_gate.admin(fresh=True) as admin:
        with admin.stream("GET", "/api/v1/activity/stream", timeout=12) as activity:
            lines = activity.iter_lines()
            assert next(lines)
            assert admin.post("/api/v1/admin/logout").status_code == 204
            for _ in lines:
                pass  # ends before the first ping, or times out
