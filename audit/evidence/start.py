"""START-HERE.html: what a bundle is, where its report lies and how it is checked, for whoever opens it first."""

from __future__ import annotations

from markupsafe import Markup

from audit import __version__
from audit.evidence.contents import Contents
from audit.evidence.layout import Profile
from audit.evidence.source import RunSource
from audit.report.assets import templates_folder
from audit.report.locale import SOURCE, language_of, report_locale
from audit.report.page import FILES
from audit.report.shell import environment, policy


def start_page(source: RunSource, contents: Contents, *, signer: str, profile: Profile) -> bytes:
    """The page, in the report's language and in English.

    Args:
        contents: of the bundle.
        signer: SHA-256 of the signing key.
    """
    folder = templates_folder()
    first = language_of(source.folder / FILES["artist"])
    parts = [
        Markup(
            environment(folder, report_locale(code))
            .get_template("evidence/start-part.html.j2")
            .render(
                version=__version__,
                signer=signer,
                profile=profile,
                court=FILES["court"] in contents.files,
            )
        )
        for code in dict.fromkeys((first, SOURCE))
    ]
    style = Markup((folder / "evidence" / "start.css").read_text(encoding="utf-8"))
    frame = environment(folder, report_locale(first)).get_template("evidence/start.html.j2")
    return (frame.render(parts=parts, style=style, policy=policy(style, "")) + "\n").encode("utf-8")
