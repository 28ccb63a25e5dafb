"""Who is answered: the attacker on another site, on this machine, and on the network."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time

import pytest

from audit.base.errors import BadInput
from audit.ui import peer
from audit.ui.door import SECONDS, Door
from audit.ui.far import HERE
from audit.ui.serve import listening


def test_without_the_cookie_every_address_is_closed(served):
    for path in ("/", "/ui.css", "/ui.js", "/runs/x/report.html", "/nothing", "/enter", "/enter?token=wrong"):
        status, _, text = served.ask(path, Cookie="")
        assert status == 403, path
        assert "cloakcheck ui" in text
    assert served.ask("/", Cookie=f"{served.session.cookie}=guessed")[0] == 403
    assert served.ask("/")[0] == 200


def test_a_token_opens_once(served):
    token = served.door.token()
    status, headers, _ = served.ask(f"/enter?token={token}", Cookie="", Sec_Fetch_Site="cross-site")
    assert status == 200
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert served.ask("/", Cookie=cookie.partition(";")[0])[0] == 200
    assert served.ask(f"/enter?token={token}", Cookie="")[0] == 403


def test_a_token_of_yesterday_opens_nothing(served):
    token = served.door.token()
    (kept,) = (served.door.folder / "door").iterdir()
    assert token not in kept.name
    then = time.time() - SECONDS - 1
    os.utime(kept, (then, then))
    assert served.ask(f"/enter?token={token}", Cookie="")[0] == 403


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}"]
)
def test_another_name_that_leads_here_is_not_answered(served, host):
    """DNS rebinding: the other site's own name, pointed at this machine."""
    status, _, text = served.ask("/", Host=host.format(port=served.port))
    assert status in (400, 403)  # without any name the server itself refuses
    assert "audits" not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_another_sites_form_changes_nothing(served, headers):
    assert served.post("/language", {"code": "de"}, **headers)[0] == 403
    assert not (served.door.folder / "settings.json").exists()


def test_who_follows_a_link_of_another_site_is_told_what_to_do(served):
    """In a window of its own, under our own name; it tells nothing of the user, and its link is the page's own."""
    navigates = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    for cookie in ("", served.cookie):
        status, headers, text = served.ask("/", Cookie=cookie, **navigates)
        assert (status, 'href="/"' in text, "<form" in text) == (403, True, False)
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert served.session.csrf not in text
    served.post("/language", {"code": "de"}, **{**navigates, "Origin": "http://evil.example"})
    assert not (served.door.folder / "settings.json").exists()
    for other in ({"Host": "evil.example"}, {"Sec_Fetch_Dest": "iframe"}, {"Sec_Fetch_Mode": "no-cors"}):
        assert served.ask("/", **{**navigates, **other})[2] == "403\n"


def test_a_form_needs_the_pages_own_token(served):
    assert served.post("/language", {"code": "de", "csrf": "wrong"})[0] == 403
    assert served.post("/language", {"code": "de", "csrf": ""})[0] == 403
    assert served.post("/language", {"code": "de"})[0] == 303
    assert 'lang="de"' in served.ask("/")[2]


def test_a_huge_or_broken_form_is_refused(served):
    assert served.post("/language", {"code": "d" * (2 << 20)})[0] == 403
    origin = {"Origin": f"http://127.0.0.1:{served.port}"}
    assert served.ask("/language", method="POST", body="%ff=%zz&&&=", **origin)[0] == 403
    assert served.ask("/language", method="POST", body="a=1&" * 2001, **origin)[0] == 403
    assert served.post("/language", {"code": "no-such-language"})[0] == 303
    assert served.ask("/language")[0] == 405


def test_other_sites_cannot_load_parts_of_the_page(served):
    for site in ("cross-site", "same-site"):
        assert served.ask("/ui.css", Sec_Fetch_Site=site)[0] == 403
    assert served.ask("/ui.css", Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_not_answered(served, method):
    status, headers, _ = served.ask("/", method=method, Origin=f"http://127.0.0.1:{served.port}")
    assert status == 405
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_what_every_answer_forbids(served):
    for path, cookie in (("/", served.cookie), ("/", ""), ("/nothing", served.cookie), ("/ui.js", served.cookie)):
        _, headers, _ = served.ask(path, Cookie=cookie)
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers


def test_the_folder_of_tokens_is_closed_to_other_users(tmp_path):
    door = Door(tmp_path / "state")
    door.token()
    if os.name == "posix":
        for path in (door.folder, door.folder / "door", *(door.folder / "door").iterdir()):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        loose = tmp_path / "loose"
        loose.mkdir()
        (loose / "something").write_text("")
        loose.chmod(0o777)
        with pytest.raises(OSError, match="writable"):
            Door(loose)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="root on Linux alone can be another user")
def test_another_user_of_the_machine_with_the_cookie_is_not_answered(served):
    """Cookies go to every port of an address, so another user's server may have got ours."""
    asks = (
        "import encodings.idna, http.client, os, sys; os.setuid(12345); port = int(sys.argv[1]);"
        "link = http.client.HTTPConnection('127.0.0.1', port);"
        "link.request('GET', '/', headers={'Cookie': sys.argv[2]}); print(link.getresponse().status)"
    )
    words = [sys.executable, "-c", asks, str(served.port), served.cookie]
    assert served.ask("/")[0] == 200
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == "403"


def test_who_asks_is_known_by_the_systems_table(tmp_path, monkeypatch):
    monkeypatch.setattr(peer, "TABLE", tmp_path / "tcp")
    monkeypatch.setattr(sys, "platform", "linux")
    ends = (("127.0.0.1", 0xC001), ("127.0.0.1", 0x222B))
    assert not peer.foreign(*ends)  # there is no table
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = "   0: 0100007F:C001 0100007F:222B 01 00000000:00000000 00:00000000 00000000 {uid:>5} 0 1 1 0\n"
    own = os.geteuid() if os.name == "posix" else 0
    for uid, expected in ((own, False), (0, False), (65534, False), (own + 4321, True)):
        (tmp_path / "tcp").write_text(head + row.format(uid=uid))
        assert peer.foreign(*ends) is expected
    assert not peer.foreign(("10.0.0.1", 0xC001), ends[1])
    assert not peer.foreign(None, ends[1])


def test_it_listens_on_this_machine_alone():
    with listening(0) as found:
        assert found.getsockname()[0] == HERE == "127.0.0.1"
        found.listen()
        with pytest.raises(BadInput, match="taken"):
            listening(found.getsockname()[1])
