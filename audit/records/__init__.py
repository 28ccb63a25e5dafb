"""The typed records that cross a stage border. No torch here; every record is frozen.

collect -> ArtistSet; plan -> Plan; treat -> ImageSet; train -> Adapter; generate -> Generations;
score -> CellScores, MetricFacts; judge -> Estimate, Check, Verdict; all of it -> Results.

Fractions are floats (0.35, never "35 %"), digests are lower-case SHA-256 hex, and a value that
could not be measured is None with a reason beside it, never zero.

What leaves the tool states its schema version (`audit.records.versions`): plan.json, results.json, score.json,
released.json, calibration cards, environment.json, the record of `protect` and `treat`, and a bundle in bag-info.txt.
events.jsonl states none: a later version goes on with an earlier one's log, so a line's meaning never changes, and a
reader passes over events and facts that it does not know.

Where a record holds a message (`said`, `how`, `why`, `figures`), its English stands beside it (`sentence`, `slug`,
`method`, `note`, `detail`, `lineage`, `label` of a reading) for readers without the tool; the tool itself reads the
message alone.
"""

from audit.base.record import SCHEMA_VERSION, Digest, Finite, Record, canonical_json
from audit.records.calibration import CalibrationCard, PlantedTruth, RunSpread
from audit.records.copies import Copies, Copy
from audit.records.environment import EarlierSteps, Environment, Package, ReusedSteps, StepEnvironment, StepOrigin
from audit.records.judged import Check, ConditionVerdict, Deviation, Estimate, Verdict, VerdictLabel
from audit.records.made import (
    Adapter,
    Cell,
    Generations,
    ImageSet,
    MetricFacts,
    NoiseControl,
    Recognition,
    Score,
    SubjectReading,
    Visibility,
)
from audit.records.plan import (
    Condition,
    Exclusion,
    Hypothesis,
    Margins,
    ModelFacts,
    Plan,
    Role,
    SampleSettings,
    Stopping,
    TrainSettings,
    Truth,
)
from audit.records.publication import Released, ReleasedArtist
from audit.records.readings import (
    BaseRecognised,
    ConceptReading,
    ConditionReading,
    GroupMeans,
    IndexWords,
    ModelScores,
    ReachedGoal,
    Readings,
    ScoreReadings,
    SeenChange,
    SignFlips,
    Variation,
    VariationGroup,
)
from audit.records.results import Provenance, Results, Session
from audit.records.scored import (
    PictureScores,
    ScoreGroup,
    ScoreLabel,
    ScoreMargins,
    ScorePlan,
    ScoreResults,
    ScoreUnit,
    ScoreVerdict,
    ServicePicture,
)
from audit.records.treated import Objective, ProtectSettings, Reached, Recipe
from audit.records.works import ArtistSet, Note, ProtectedFile, ReferenceArtist, Work

__all__ = [
    "SCHEMA_VERSION",
    "Adapter",
    "ArtistSet",
    "BaseRecognised",
    "CalibrationCard",
    "Cell",
    "Check",
    "ConceptReading",
    "Condition",
    "ConditionReading",
    "ConditionVerdict",
    "Copies",
    "Copy",
    "Deviation",
    "Digest",
    "EarlierSteps",
    "Environment",
    "Estimate",
    "Exclusion",
    "Finite",
    "Generations",
    "GroupMeans",
    "Hypothesis",
    "ImageSet",
    "IndexWords",
    "Margins",
    "MetricFacts",
    "ModelFacts",
    "ModelScores",
    "NoiseControl",
    "Note",
    "Objective",
    "Package",
    "PictureScores",
    "Plan",
    "PlantedTruth",
    "ProtectSettings",
    "ProtectedFile",
    "Provenance",
    "Reached",
    "ReachedGoal",
    "Readings",
    "Recipe",
    "Recognition",
    "Record",
    "ReferenceArtist",
    "Released",
    "ReleasedArtist",
    "Results",
    "ReusedSteps",
    "Role",
    "RunSpread",
    "SampleSettings",
    "Score",
    "ScoreGroup",
    "ScoreLabel",
    "ScoreMargins",
    "ScorePlan",
    "ScoreReadings",
    "ScoreResults",
    "ScoreUnit",
    "ScoreVerdict",
    "SeenChange",
    "ServicePicture",
    "Session",
    "SignFlips",
    "StepEnvironment",
    "StepOrigin",
    "Stopping",
    "SubjectReading",
    "TrainSettings",
    "Truth",
    "Variation",
    "VariationGroup",
    "Verdict",
    "VerdictLabel",
    "Visibility",
    "Work",
    "canonical_json",
]
