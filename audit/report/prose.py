"""The fixed prose of a report: what to do next, the method in plain words, and what the words mean."""

from __future__ import annotations

from audit.records import VerdictLabel
from audit.report.locale import Voice


def glossary(v: Voice) -> tuple[tuple[str, str], ...]:
    return (
        (
            "AUC",
            v.say(
                "How well a score tells your real works from those of others. 1 is always, 0.5 is no better than dice."
            ),
        ),
        (v.say("Base model"), v.say("The picture generator before it sees your work.")),
        (
            "channel_stats, openclip",
            v.say("Names of style scores: programs that read a picture's style, each built on other features."),
        ),
        (v.say("Condition"), v.say("What was done to the pictures before a model trained on them.")),
        (
            v.say("Held-out work"),
            v.say("A work of yours that no model trains on. Pictures are scored against these works."),
        ),
        (
            "LPIPS",
            v.say("How far apart two versions of a picture look to people. 0 is no difference, 1 a great one."),
        ),
        ("LoRA", v.say("A small add-on that teaches a picture generator something new, such as a style.")),
        (
            v.say("Paired training"),
            v.say("Trainings that share all that is drawn: works, order, noise. Only pixels differ."),
        ),
        (
            v.say("Placebo"),
            v.say("Random noise as strong as the protection. A real protection should do better than that."),
        ),
        (v.say("Prompt"), v.say("The words that a picture is asked for with. All models get the same ones.")),
        (
            v.say("Protection index"),
            v.say(
                "0 % means the model learned as much as from the originals. 100 % means it learned nothing. It can "
                "fall below 0 %, when the model learned more."
            ),
        ),
        (
            v.say("Range"),
            v.say("The values that fit the data (a confidence interval). A wide range means we know little."),
        ),
        (
            v.say("Reference protection"),
            v.say("A protection written anew from its publication, to compare with; not the tool of any name."),
        ),
        (
            v.say("Run"),
            v.say("One set of paired trainings. The count of runs decides how sure the answer can be."),
        ),
        (v.say("Style score"), v.say("How near a picture comes to your held-out works. Higher is nearer.")),
    )


def next_steps(v: Voice, label: VerdictLabel) -> tuple[str, ...]:
    online = v.say("Test the files that are online now. Sites often shrink and re-save pictures.")
    compare = v.say("Compare other settings or other tools on the same works.")
    steps: dict[VerdictLabel, tuple[str, ...]] = {
        "held": (
            online,
            v.say("Test again when you update the tool, or when new ways around it are published."),
        ),
        "partly-held": (compare, online),
        "did-not-hold": (
            compare,
            v.say("Look at the picture grid yourself. A score is one view, your eye is another."),
        ),
        "inconclusive": (
            v.say("Run the test again with more trainings. The range gets narrower with each one."),
            v.say("Add more works, if you have them."),
        ),
        "not-valid": (
            v.say("Read the failed check above. It says what went wrong."),
            v.say("Mend that, then run the test again. Finished steps are kept."),
        ),
        "exploratory": (
            v.say("Run the full test, with at least as many trainings as a verdict needs."),
            v.say("Until then, treat the number as a hint."),
        ),
    }
    return steps[label]


def next_always(v: Voice) -> tuple[str, ...]:
    return (
        v.say("Keep this file together with the whole run folder, so that others can check it."),
        v.say(
            "If you plan to use it in a dispute, talk to a lawyer first. This report is a measurement for an expert "
            "to explain, and no legal advice."
        ),
    )


def method(v: Voice, *, full: bool = False) -> tuple[str, ...]:
    """How the test works, for anyone; `full`: whole models were trained, not add-ons."""
    trained = v.say(
        "Then we trained small add-ons for one picture generator. One add-on learned from your originals. "
        "Others learned from the protected pictures. All else was the same: the same works, the same order, the "
        "same noise."
    )
    if full:
        trained = v.say(
            "Then we trained copies of one picture generator. One copy learned from your originals. Others learned "
            "from the protected pictures. All else was the same: the same works, the same order, the same noise."
        )
    return (
        v.say("We took your works and set some aside. No model saw those."),
        trained,
        v.say(
            "Each model then drew the same prompts from the same noise. We did this with the base model too, which "
            "never saw your art."
        ),
        v.say(
            "A program scored how near each picture comes to the works we set aside. The score of the base model is "
            "the floor. The score of the model trained on originals is the other end."
        ),
        v.say(
            "The protection index says where the protected model falls between the two. We repeat the whole thing "
            "with new draws, because trainings differ by chance. The range comes from these repeats, not from "
            "counting pictures."
        ),
    )
