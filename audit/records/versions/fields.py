"""Every record of schema version 1 and its fields; `field:Record` where a field holds records. Frozen."""

FIELDS: dict[str, str] = {
    "Adapter": "condition finite losses norm replicate seconds sha256 works",
    "CalibrationCard": (
        "artists audits created draws level model model_sha256 plans preset primary_metric replicates "
        "schema_version setup spread:RunSpread tool_version truths:PlantedTruth"
    ),
    "Cell": "adapter:Adapter condition generations:Generations nearest replicate scores:Score",
    "Check": "detail passed sentence slug",
    "Condition": "name primary role source steps",
    "ConditionVerdict": "label sentence",
    "Copies": (
        "caution command declaration files:Copy made model:ModelFacts notes:Note packages recipes:Recipe seed "
        "surrogate:ModelFacts tool_version treatment"
    ),
    "Copy": "file height linf lpips psnr reached:Reached rms sha256 source source_sha256 width",
    "Deviation": "sentence slug",
    "Environment": (
        "accelerator code commit cores determinism device memory_bytes model_files packages:Package platform "
        "precision processor python threads"
    ),
    "Estimate": "condition high level low method metric n name note unit value",
    "Exclusion": "blank_share changed_share distinct_share",
    "Generations": "blank_share changed_share condition files noise pixels replicate",
    "Margins": (
        "base_knows_share did_not_hold held learned_share level max_dropped min_auc min_replicates "
        "no_alarm_within noise_matched noise_step partly visible_step"
    ),
    "MetricFacts": "lineage name others others_artists real weights_sha256",
    "ModelFacts": "family lab licence name prediction_type resolution sha256",
    "NoiseControl": "condition of replicate scores:Score",
    "Note": "sentence slug work",
    "Package": "name sha256 version",
    "PictureScores": "metric nearest values",
    "Plan": (
        "artist concepts conditions:Condition crop exclusion:Exclusion hypotheses margins:Margins "
        "metric_weights metrics model:ModelFacts other_works:Work preset primary_metric prompts "
        "protected:ProtectedFile protection:ProtectSettings recipes:Recipe reference_artists:ReferenceArtist "
        "replicates sampling:SampleSettings schema_version seed stopping:Stopping surrogate:ModelFacts "
        "tool_version training:TrainSettings trigger works:Work"
    ),
    "PlantedTruth": "alarms audits condition deviation mean metric rate_at_most truth wrong",
    "ProtectSettings": "counter_steps crop steps",
    "ProtectedFile": "claimed_tool height lossy matched_by name pixels scale sha256 shift width work",
    "Provenance": (
        "commit declaration device finished packages plan_file_sha256 plan_sha256 platform python seconds "
        "sessions:Session stage_seconds started steps_reused steps_run"
    ),
    "Reached": "condition first last objective step work",
    "Recipe": "kind published settings source step",
    "Recognition": "artists false_rate metric own_rate",
    "ReferenceArtist": "name pixels",
    "Released": (
        "artists:ReleasedArtist estimates:Estimate metric_weights metrics other_seeds schema_version side tool_version"
    ),
    "ReleasedArtist": "auc name separated works",
    "Results": (
        "calibration:CalibrationCard cells:Cell checks:Check deviations:Deviation estimates:Estimate "
        "metrics:MetricFacts noise_controls:NoiseControl notes:Note plan:Plan planned_margins:Margins "
        "provenance:Provenance reached:Reached recognition:Recognition schema_version stopped_after "
        "subjects:SubjectReading treated_images untriggered:Score verdict:Verdict visibility:Visibility "
        "work_images"
    ),
    "RunSpread": "condition degrees deviation metric replicates_for_a_tenth",
    "SampleSettings": "guidance per_prompt steps",
    "Score": "metric missing noise prompt value",
    "ScoreMargins": "closer level min_auc min_units",
    "ScorePlan": (
        "artist kind margins:ScoreMargins metric_weights metrics pictures:ServicePicture primary_metric "
        "reference_artists:ReferenceArtist schema_version seed service side tool_version unit works:Work"
    ),
    "ScoreResults": (
        "checks:Check estimates:Estimate images metrics:MetricFacts notes:Note plan:ScorePlan "
        "provenance:Provenance recognition:Recognition schema_version scores:PictureScores "
        "verdict:ScoreVerdict"
    ),
    "ScoreVerdict": "label sentence",
    "ServicePicture": "group height id lossy name pixels prompt session sha256 width",
    "Session": "commit device packages started threads",
    "Stopping": "first_look rule",
    "SubjectReading": "condition found replicate",
    "TrainSettings": (
        "alpha batch clip flip learning_rate method min_snr noise_offset rank schedule steps targets "
        "text_encoder warmup weight_decay works"
    ),
    "Verdict": "condition label per_condition:ConditionVerdict sentence",
    "Visibility": "condition linf lpips psnr rms work",
    "Work": "caption height id name pixels sha256 split width",
}
