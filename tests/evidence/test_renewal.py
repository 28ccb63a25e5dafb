"""Stamps that are renewed before their certificates end, and a clock that stands fifteen years later."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.evidence import layout, renewal
from audit.evidence.verify import verify
from tests.evidence.hierarchy import Hierarchy
from tests.evidence.stranger import failing_commands
from tests.evidence.test_verify import ours, published

NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
TIMES = (NOW, NOW + timedelta(days=8 * 365), NOW + timedelta(days=15 * 365))
"""Of the stamp and of its two renewals; every certificate lives ten years."""
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static const long LATER = 15L * 365 * 86400;
time_t time(time_t *t) {
  struct timespec s;
  ((int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"))(CLOCK_REALTIME, &s);
  s.tv_sec += LATER;
  if (t) *t = s.tv_sec;
  return s.tv_sec;
}
int clock_gettime(clockid_t c, struct timespec *s) {
  int r = ((int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"))(c, s);
  if (c == CLOCK_REALTIME) s->tv_sec += LATER;
  return r;
}
int gettimeofday(struct timeval *restrict v, void *restrict z) {
  struct timespec s;
  clock_gettime(CLOCK_REALTIME, &s);
  v->tv_sec = s.tv_sec;
  v->tv_usec = s.tv_nsec / 1000;
  return 0;
}
"""


def call(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    h = Hierarchy(tmp_path_factory.mktemp("authorities") / "h")
    for number, time in enumerate(TIMES):
        years = (time.year - 1, time.year + 10)
        h.certificate(f"root-{number}", years=years)
        h.certificate(f"tsa-{number}", by=f"root-{number}", years=years)
    return h


def stamped(
    h: Hierarchy,
    folder: Path,
    number: int,
    *more: object,
    by: int | None = None,
    time: datetime | None = None,
    code: int = 0,
) -> str:
    """Stamp a bundle, or renew its stamp, through the command line."""
    by = number if by is None else by
    home = folder.parent
    if number:
        request = Path(call("stamp", folder, "--renew").splitlines()[-1])
        assert request.parent == home
        data = renewal.covered_text(folder, len(renewal.numbers(os.listdir(folder))) + 1)
    else:
        data = (folder / "bag" / "tagmanifest-sha256.txt").read_bytes()
    reply = h.stamped(data, signer=f"tsa-{by}", time=time or TIMES[number], imprint="sha512" if number else "sha256")
    (home / "r.tsr").write_bytes(reply)
    again = ("--renew",) if number else ()
    return call(
        "stamp", folder, *again, "--tsr", home / "r.tsr", "--chain", h.folder / f"root-{by}.pem", *more, code=code
    )


@pytest.fixture(scope="module")
def renewed(sealed, authorities, tmp_path_factory):
    """A bundle whose stamp was renewed twice, with a list of revoked certificates beside each; never changed."""
    folder = shutil.copytree(sealed, tmp_path_factory.mktemp("renewed") / "bundle")
    for number, time in enumerate(TIMES):
        revoked = folder.parent / "list.pem"
        revoked.write_bytes(authorities.revoked(by=f"root-{number}", since=time - timedelta(days=1)))
        stamped(authorities, folder, number, "--crl", revoked)
    return folder


@pytest.fixture
def copy(renewed, tmp_path):
    return shutil.copytree(renewed, tmp_path / "bundle")


def test_a_renewed_stamp_passes_with_both(renewed):
    assert ours(renewed) == []
    assert failing_commands(renewed, published(renewed)) == []
    assert failing_commands(renewed, published(renewed), "macos") == []
    said = {f.check: f.sentence for f in verify(renewed)}
    assert "renewed 2 time(s), each time while the one before was good" in said["renewals"]
    assert said["revocation"].startswith("Whether")  # the plan's stamp has no list
    assert "beside 3 of 4 stamp(s)" in said["revocation"]


@pytest.mark.parametrize(
    "name",
    [
        "renewal-1.sha512",
        "renewal-1.tsq",
        "renewal-1.tsr",
        "renewal-1.pem",
        "renewal-2.tsr",
        "tagmanifest.tsr",
        "tsa-chain.pem",
    ],
)
@pytest.mark.parametrize("how", ["change", "remove"])
def test_both_find_what_is_done_to_a_renewal(copy, renewed, name, how):
    path = copy / name
    if how == "change":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
    else:
        path.unlink()
    layout.write_sums(copy)
    assert ours(copy)
    assert failing_commands(copy, published(renewed))


def test_both_find_a_certificate_beside_the_way_of_a_stamp(copy, renewed, authorities):
    """A genuine root beside one's own lends it a name that a reader may take for the stamp's."""
    for name in ("renewal-2.pem", "tsa-chain.pem"):
        path = copy / name
        own = path.read_bytes()
        for more in (own + authorities.pem("root-1"), authorities.pem("root-1") + own, b"Genuine authority\n" + own):
            path.write_bytes(more)
            layout.write_sums(copy)
            assert ours(copy)
            assert failing_commands(copy, published(renewed))
        path.write_bytes(own)


def test_a_renewal_after_the_end_renews_nothing(sealed, authorities, tmp_path):
    folder = shutil.copytree(sealed, tmp_path / "bundle")
    stamped(authorities, folder, 0)
    said = stamped(authorities, folder, 2, code=2)
    assert "before its renewal of" in said
    assert not list(folder.glob("renewal-*"))
    assert "[renewal-older]" in stamped(authorities, folder, 1, by=0, time=NOW - timedelta(days=3), code=2)
    assert "[nothing-to-renew]" in call("stamp", tmp_path, "--renew", code=2)
    # Put there by hand, it is found by both.
    (folder / "renewal-1.sha512").write_bytes(renewal.covered_text(folder, 1))
    (folder / "renewal-1.tsq").write_bytes(renewal.request_of((folder / "renewal-1.sha512").read_bytes()))
    data = (folder / "renewal-1.sha512").read_bytes()
    (folder / "renewal-1.tsr").write_bytes(authorities.stamped(data, signer="tsa-2", time=TIMES[2], imprint="sha512"))
    (folder / "renewal-1.pem").write_bytes(authorities.pem("root-2"))
    layout.write_sums(folder)
    assert {"bundle-stamp", "renewals"} <= set(ours(folder))
    assert len(failing_commands(folder, published(sealed))) == 1


def test_a_list_that_names_the_signer_is_found_by_both(copy, renewed, authorities, tmp_path):
    other = Hierarchy(tmp_path / "other")
    for name in ("root-0", "tsa-0"):
        for end in ("key", "pem"):
            shutil.copy(authorities.folder / f"{name}.{end}", other.folder / f"{name}.{end}")
    other.revoke("tsa-0", by="root-0")
    (copy / "tsa-crl.pem").write_bytes(other.revoked(by="root-0", since=TIMES[0] - timedelta(days=1)))
    for path in copy.glob("renewal-*"):
        path.unlink()
    layout.write_sums(copy)
    assert ours(copy) == ["revocation"]
    assert len(failing_commands(copy, published(renewed))) == 1


@pytest.mark.skipif(shutil.which("cc") is None or sys.platform != "linux", reason="no compiler for a clock of our own")
@pytest.mark.parametrize("which", ["once", "renewed"])
def test_fifteen_years_later_both_still_pass(sealed, renewed, authorities, tmp_path, which):
    folder = renewed
    if which == "once":
        folder = shutil.copytree(sealed, tmp_path / "bundle")
        stamped(authorities, folder, 0)
    (tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"], cwd=tmp_path, check=True)
    later = {"LD_PRELOAD": str(tmp_path / "clock.so")}
    year = subprocess.run(["date", "+%Y"], env=os.environ | later, capture_output=True, text=True, check=True)
    assert int(year.stdout) >= NOW.year + 14
    words = [
        "openssl",
        "ts",
        "-verify",
        "-data",
        "bag/tagmanifest-sha256.txt",
        "-in",
        "tagmanifest.tsr",
        "-CAfile",
        "tsa-chain.pem",
    ]
    today = subprocess.run(words, cwd=folder, env=os.environ | later, check=False, capture_output=True)
    assert today.returncode != 0, "the stamp's certificate has not ended"
    done = subprocess.run(
        [sys.executable, "-m", "audit.cli", "verify", str(folder)],
        env=os.environ | later,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert failing_commands(folder, published(folder), env=os.environ | later) == []
