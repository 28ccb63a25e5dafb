"""What other stages say in English, as messages: fixed words, and sentences with places for values.

They are written down where they are found (collect, conditions, judge) and stand so in plan.json and
results.json; `retold` says them again in the page's language. `tests/report/test_retold.py` holds this list
against what the stages write.
"""

from __future__ import annotations

from audit.base.messages import UNKNOWN, render
from audit.judge import quantities, sequential
from audit.plan.protocols import PROTOCOLS

MORE = " and {n} more"

FIXED = (
    # the plan and how its run went
    "the artist",
    "These are my own works, or I act for their owner, or their licence allows this test.",
    *("Reading pictures", "Measuring this machine", "Preparing pictures", "Training", "Generating pictures"),
    *("Scoring", "Scoring with noise added", "Reading subjects", "Writing the report"),
    *("Measuring how visible treatments are", "Scoring real works", "Drawing before training", "Writing pictures"),
    "Downloading (MB)",
    "channel means and deviations of EfficientNet-Lite0 trained on ImageNet",
    "image tower of a small open_clip model trained on the lab's picture sets",
    "image tower of OpenCLIP ViT-L/14, trained on open pictures with their texts",
    "CSD, a CLIP ViT-L/14 taught to tell styles",
    "DINOv2, trained on pictures alone",
    "image tower of SigLIP 2, trained on pictures with their texts",
    "denoising loss, pushed up",
    "distance of predicted noise to the target pattern's latent, pushed down",
    "latent distance to the target less 0.61 of the denoising loss, pushed down",
    "squared latent distance to the target pattern, pushed down",
    "squared latent distance to the work in another style, pushed down",
    "squared difference to the autoencoder's reconstruction, pushed down",
    *(render(q.how) for q in (quantities.GAIN, quantities.RECOGNISED)),
    *(render(q.how) for q in quantities.COMPARISONS),
    *(
        render(q.how)
        for q in (
            quantities.PLACEBO_EXCESS,
            quantities.EQUAL_NOISE,
            quantities.EQUAL_TREATMENT,
            quantities.OVER_PROMPTS,
        )
    ),
    *(render(q.how) for q in (quantities.PICTURE_NOISE, quantities.NOISE_EXCESS)),
    *(render(q.how) for _, q in quantities.METRIC_FACTS),
    render(sequential.METHOD),
    "share of pictures nearest to the subject they were asked for, among the subjects of works and prompts "
    "(zero-shot CLIP); t interval over training runs, cut to 0..1",
    "subject_found of clean minus that of the condition; paired t interval over training runs",
    "Mann-Whitney area, real works against other artists' works; score interval, artists as units",
    *("prompts", "prompts and sessions", "paired by prompt", "paired by prompt and session", "not paired"),
    *("paired t", "Welch's (1947)"),
    *("originals", "protected", "generated", "control", "other-name", UNKNOWN),
    *("thread count", "device or precision", "version of CloakCheck", "package versions"),
    *("no record of it", "some pictures have no score", "the metric gave no finite value for this picture"),
    "base's pictures without the style word were not scored, or score as real works do",
    "no protection among the primary conditions",
    "the plan has no placebo",
    "no A/A control with an interval in this run",
    "the control is exactly equal to clean: no comparison that chance could trip",
    "no planted success in this run",
    "no calibration card of this model, preset and settings was found",
    "one metric, or no primary condition: nothing to compare",
    "one metric, or no comparison",
    "nothing to compare",
    "no pictures asked for with another artist's name, or too few",
    "the lower bound must be above 0",
    "no cell is missing",
    "Nobody declared before training that these works may be used for this test (--declare).",
    "The plan inside these results is not the plan that was fixed before the first training.",
    "The file plan.json was changed while the run went on.",
    *(render(said) for protocol in PROTOCOLS.values() for said in (*protocol.departures, protocol.lora) if said),
)
"""Words without values."""

MESSAGES = (
    # how numbers are worked out
    "{name}; Holm (1979) over the {n} primary conditions by the primary metric",
    "mean of the means of units; t interval over {over}",
    "share of pictures nearer to this artist than to any other; t interval over {over}, exact at 0 and 1",
    "named minus {role}, {how}; {kind} interval over {over}",
    "(named - {role}) / (real works - {role}), {how}; Fieller (1954) interval over {over} and works",
    "recognised with the name minus recognised as {role}; {kind} interval over {over}",
    "two-sided sign-flip permutation test over {over}",
    "{name}: the protection index by {metric} is above {held} (held); else below {least} (did-not-hold, adjusted by "
    "Holm over all such conditions, and also where above {partly}); else above {partly} (partly-held); at the {level} "
    "level, and at equal noise, too, where pictures are noisier.",
    # estimates in one line
    "{name} of {condition} by {metric}: {value} [{low}, {high}], n = {n} ({reason})",
    "{name} of {condition} by {metric}: {value} [{low}, {high}], n = {n}",
    "{name} of {condition} by {metric}: {value}, n = {n} ({reason})",
    "{name} of {condition} by {metric}: {value}, n = {n}",
    "{name} by {metric}: {value} [{low}, {high}], n = {n} ({reason})",
    "{name} by {metric}: {value} [{low}, {high}], n = {n}",
    "{name} by {metric}: {value}, n = {n} ({reason})",
    "{name} by {metric}: {value}, n = {n}",
    "{name} by {metric}: {value} [{low}, {high}]",
    "protection_index of {name} [{low}, {high}] at level {level}",
    # rules of the checks
    "{row}, lower bound must be above 0",
    "{row}, must be at least {limit}",
    "at least {least} and a lower bound above {chance} needed",
    "{n} other artists",
    "upper bound must be below {limit}",
    "lower bound above {limit} is wanted, above {least} needed",
    "lower bound must be above {limit}",
    "with the word minus without, share of the way by {metric}: {value} [{low}, {high}], {n} prompts",
    "within {limit} of 0 is neutral",
    "{name}: {n} of {all} works differ by {step} of 255 or more",
    "{name}: nearer to its goal on {n} of {all} works",
    "red if the excess of a protection over the placebo has no lower bound above 0 and the placebo's own lower bound "
    "is above {limit} (held) or {least} (partly-held)",
    "a label must stand at equal noise, too",
    "above {limit} of 255 only held counts",
    "{n} of {all} A/A comparisons raised an alarm, rate at most {most} % (one-sided {level} % bound)",
    "an alarm excludes 0 and is not within {limit} of it",
    "card {digest}, {n} audits: {row}",
    "{name} wrong in {n} of {all}, alarms {far}, at most {most} %",
    "{n} of {all} replicates paired, at least {least} needed",
    "{n} paired replicates, at least {least} needed",
    "missing: {cells}",
    "left out: {cells}",
    "{n} trainings, all losses finite",
    "{n} trainings, all norms above 0 and more than {share} of the pictures other than base's",
    "at most {share} of a condition's trainings may be left out",
    "{n} models, greatest share blank {most}",
    "a model may draw at most {share} blank pictures, and more than {least} must be distinct",
    "{share} blank",
    "{n} reference artists given (--reference-artists)",
    "{n} control pictures given (--controls)",
    "{n} paired units ({unit}), at least {least} needed",
    "{n} unpaired units ({unit}), at least {least} needed",
    "named minus other-name by {metric}: {value} [{low}, {high}]",
    "{name}: {list}",
    "{label} by {metric}",
    # deviations from the plan
    "The margins were changed after the run: {list}. The verdict is not the planned one.",
    "{name} from {before} to {after}",
    "{n} of the planned models are left out, and their partners with them: {cells}.",
    "The style scores were worked out with other weights than planned: {names}.",
    "The run was stopped and went on under another {changes}.",
    # notes
    "Calibration instruments re-implemented from publications, not the tools of any name: {names}.",
    "What platforms do to pictures is known only approximately and changes: {names}.",
    "Not PNG, JPEG or WebP and therefore left out of the {role} folder: {names}.",
    "Exact copies within the {role} folder were left out: {names}.",
    "There are {n} works; with fewer than {least} the result is less certain.",
    "{n} works with a protected copy are used, {all} without one are not: {names}.",
    "Protected files without an original of their own were left out: {names}.",
    "Only the first frame is used of these {role}: {names}.",
    "A damaged colour profile is ignored in these {role}: {names}.",
    "Transparent parts are filled with white in these {role}: {names}.",
    "Works that look almost the same, so a held-out one may be trained on: {pairs}.",
    "Has its original's pixels, so it is not protected: {names}.",
    "Has another size than its original; resizing may have weakened the protection: {names}.",
    "Shows a part of its original, enlarged; cropping may have weakened the protection: {names}.",
    "Does not lie on its original (shifted, shrunk or turned), so its change and visibility are overstated: {names}.",
    "Was saved with loss (JPEG or WebP) unlike its original, which may have weakened the protection: {names}.",
    "Has another colour profile than its original, so colours may differ beside the protection: {names}.",
    "Nightshade by its name, whose authors advise against judging it by LoRA fine-tuning: {names}.",
    "This audit follows {title}, but for: {parts}.",
    "the base model is {name} and not of the family {family}",
    "each model learns from {n} works and not from {all}",
    "The sheet names pictures that are in no folder: {names}; a test from which pictures were picked is void.",
    "All {n} generated pictures were taken for one prompt, '{name}'; if they are not, say so in a sheet (--sheet).",
    "No prompt of the generated pictures is among those of the {role} pictures, so the two are compared as unpaired "
    "groups, which is less certain; name the files alike or give a sheet (--sheet).",
    "Prompts of one group only, left out of the comparison with the {role} pictures: {names}.",
    "Generated and {role} pictures were saved in different ways (with and without loss), which can move a style "
    "score by itself; save all of them alike.",
    "Generated and {role} pictures come from different sessions, so a change of the service between them cannot be "
    "told from the effect of the name.",
)
"""What sentences with values are made from; the more telling first where two fit."""
