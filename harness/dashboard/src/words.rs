//! All words of the pages, in English and in German. What runs say, reasons and evidence, stays as they said it.

use fedproof_report::words::word;
use fedproof_results::{ChangeKind, RunVerdict, Verdict};
use std::fmt::Display;

macro_rules! words {
    ($($name:ident: $english:expr, $german:expr;)*) => {
        /// The words of a language.
        pub(crate) struct Words {
            /// Its code.
            pub(crate) lang: &'static str,
            $(pub(crate) $name: &'static str,)*
        }
        pub(crate) static ENGLISH: Words = Words { lang: "en", $($name: $english,)* };
        pub(crate) static GERMAN: Words = Words { lang: "de", $($name: $german,)* };
    };
}

// `{}` are filled by [`fill`], in the order in which they stand.
words! {
    accepted: "accepted", "akzeptiert";
    accepted_by: "accepted by", "akzeptiert von";
    after: "After", "Nachher";
    against: "against {}", "gegenüber {}";
    against_the_one_before: "against the run before", "gegenüber dem Lauf davor";
    and_more: "and {} more", "und {} weitere";
    answer: "Answer", "Antwort";
    any: "any", "alle";
    area: "Area", "Bereich";
    as_expected: "as expected", "wie erwartet";
    before: "Before", "Vorher";
    behaviour: "behaves differently", "verhält sich anders";
    blocked: "BLOCKED BY THE GATE", "VOM GATE AUFGEHALTEN";
    broken: "BROKEN", "GEBROCHEN";
    build: "Build", "Build";
    case: "Case", "Fall";
    cases: "Cases", "Fälle";
    cases_by_area: "Cases by area", "Fälle nach Bereich";
    chance: "(chance does this in {} % of shufflings)", "(der Zufall schafft das in {} % der Mischungen)";
    changed_in_runs: "Outcomes: {}, changes: {}", "Ergebnisse: {}, Wechsel: {}";
    changed_verdict: "other verdict", "anderes Urteil";
    changes_of_level: "Changes of level", "Änderungen des Niveaus";
    chart_hint: "Dots are runs. The line is the median between changes of level, the band two standard deviations of the noise. More is worse.",
        "Punkte sind Läufe. Die Linie ist der Median zwischen zwei Änderungen des Niveaus, das Band sind zwei Standardabweichungen des Rauschens. Mehr ist schlechter.";
    chart_label: "{}: {} runs, latest {}, changes of level: {}", "{}: {} Läufe, zuletzt {}, Änderungen des Niveaus: {}";
    client_under_test: "client under test", "Client im Test";
    compare: "Compare", "Vergleich";
    connection_lost: "Connection lost; trying again. ", "Verbindung verloren; neuer Versuch. ";
    cpu: "processor time", "Prozessorzeit";
    cut: "Cut; whole:", "Gekürzt; ganz:";
    days_left: "{} days left", "noch {} Tage";
    deviations: "Known deviations", "Bekannte Abweichungen";
    deviations_hint: "Failures of the latest run of each track that a profile accepts. They stay failures, and gate again when they expire.",
        "Fehlschläge im letzten Lauf jeder Spur, die ein Profil akzeptiert. Sie bleiben Fehlschläge und zählen wieder, sobald sie abgelaufen sind.";
    did_not_meet: "did not meet", "trafen nicht aufeinander";
    difference: "Difference", "Unterschied";
    empty_history: "There are no such runs in the history yet. Import some:", "In der Historie sind noch keine solchen Läufe. So kommen sie hinein:";
    ended: "ended", "Ende";
    errors: "Errors", "Fehler";
    evidence: "Evidence", "Belege";
    expected: "expected", "erwartet";
    expired: "expired", "abgelaufen";
    expires: "expires", "gültig bis";
    failed_and_inconclusive: "Failed and inconclusive", "Fehlgeschlagen und unentschieden";
    failed_to: "This did not work", "Das ging nicht";
    figure: "Figure", "Messwert";
    figures: "Figures", "Messwerte";
    finished: "finished", "beendet";
    first_of_track: "The first run of its track: there is nothing to compare it with.", "Der erste Lauf seiner Spur: Es gibt nichts zum Vergleichen.";
    flaky_builds: "flaky: two verdicts on {} builds", "wechselhaft: zwei Urteile auf {} Builds";
    from_to: "from → to", "von → an";
    got_worse: "Got worse", "Schlechter geworden";
    held: "HELD", "GEHALTEN";
    history: "History", "Verlauf";
    homeserver: "homeserver", "Homeserver";
    in_first_run: "in the first run that is known", "im ersten bekannten Lauf";
    inconclusive: RunVerdict::Inconclusive.title(), "UNENTSCHIEDEN";
    interop: "Interoperation", "Zusammenspiel";
    interop_hint: "Each cell: how many cases passed between the two, and the median of what was measured on the way. Measurements are not judged.",
        "Je Zelle: wie viele Fälle zwischen beiden bestanden wurden und der Median dessen, was dabei gemessen wurde. Messungen werden nicht beurteilt.";
    invalid: "INVALID", "UNGÜLTIG";
    known_deviation: "known deviation", "bekannte Abweichung";
    last: "last", "zuletzt";
    last_runs: "Last runs, the latest at the end", "Die letzten Läufe, der neueste am Ende";
    latency: "latency", "Latenz";
    kept_as: "The gate did not let it pass: it is kept as {}, and no base.", "Das Gate ließ ihn nicht durch: er steht in {} und ist keine Basis.";
    latest: "latest", "zuletzt";
    latest_left: "The latest run is on the left.", "Der neueste Lauf steht links.";
    level: "Level", "Stufe";
    level_changed: "other level", "andere Stufe";
    live: "Live", "Live";
    log_in: "Log in", "Anmelden";
    machine: "machine", "Maschine";
    matrix: "Conformance", "Konformität";
    memory: "memory", "Arbeitsspeicher";
    more_tracks: "Earlier tracks: {}", "Frühere Spuren: {}";
    n_of_m_cases: "{} of {} rows.", "{} von {} Zeilen.";
    n_of_m_decided: "{} of {} decided", "{} von {} entschieden";
    n_of_m_passed: "{} of {} passed", "{} von {} bestanden";
    new_case: "new case", "neuer Fall";
    new_failure: "new failure", "neuer Fehlschlag";
    new_in_this_run: "new in this run", "neu in diesem Lauf";
    new_pass: "new pass", "neu bestanden";
    no_body: "no body", "kein Inhalt";
    no_change_of_level: "None in these runs.", "Keine in diesen Läufen.";
    no_deviations: "None.", "Keine.";
    no_difference: "No difference.", "Kein Unterschied.";
    no_figures: "No figures.", "Keine Messwerte.";
    no_meetings: "No homeservers met in this run.", "In diesem Lauf trafen keine Homeserver aufeinander.";
    no_outcome: "never decided", "nie entschieden";
    no_run_in_progress: "No run in progress, and none in the results folder.", "Kein Lauf im Gange, und keiner im Ergebnisordner.";
    no_sign_of_life: "no sign of life", "kein Lebenszeichen";
    not_applicable: word(Verdict::NotApplicable), "nicht anwendbar";
    not_as_expected: "not as expected", "nicht wie erwartet";
    not_found: "There is no such thing", "So etwas gibt es hier nicht";
    not_in_this_run: "The case is not in this run.", "Der Fall ist nicht in diesem Lauf.";
    not_qualified: RunVerdict::NotQualified.title(), "NICHT QUALIFIZIERT";
    not_there: "not there", "nicht vorhanden";
    nothing_found: "Nothing found.", "Nichts gefunden.";
    observed: word(Verdict::Observed), "beobachtet";
    only_changes: "only what changed", "nur was gewechselt hat";
    operation: "Operation", "Vorgang";
    other_place: "The two runs are of different places: differences may be those of their surroundings.", "Die beiden Läufe sind von verschiedenen Orten: Unterschiede können von ihrer Umgebung kommen.";
    overview: "Overview", "Überblick";
    pages: "Pages", "Seiten";
    passed: word(Verdict::Pass), "bestanden";
    performance: "Performance", "Leistung";
    pruned: "The record of this run is not in the history any more, or never was.", "Die Aufzeichnung dieses Laufs ist nicht mehr in der Historie oder war es nie.";
    qualified: RunVerdict::Qualified.title(), "QUALIFIZIERT";
    reference: "read on", "mehr dazu";
    reload: "Load again", "Neu laden";
    removed_case: "removed case", "entfallener Fall";
    request: "request", "Anfrage";
    requirement: "requirement", "Anforderung";
    requirements: "Requirements", "Anforderungen";
    requirements_hint: "From the specification to the evidence: each requirement, the cases that ask it, and what the latest runs say.",
        "Von der Spezifikation zum Beleg: jede Anforderung, die Fälle, die sie prüfen, und was die letzten Läufe sagen.";
    room_version: "room version", "Raumversion";
    run: "Run", "Lauf";
    run_id: "id of a run", "Kennung eines Laufs";
    running: "running", "läuft";
    runs: "Runs", "Läufe";
    runs_of_track: "Runs: {}", "Läufe: {}";
    scenario: "scenario", "Szenario";
    search: "Search", "Suchen";
    search_hint: "Case, run, build, branch", "Fall, Lauf, Build, Zweig";
    seen: "seen", "gesehen";
    sent: "Sent", "Gesendet";
    show: "Show", "Zeigen";
    since: "since", "seit";
    since_at_least: "at least since", "mindestens seit";
    skip: "Skip to content", "Zum Inhalt";
    skipped: word(Verdict::Skipped), "übersprungen";
    slower: "B IS SLOWER", "B IST LANGSAMER";
    started: "started", "begonnen";
    step: "step", "Schritt";
    stopped_early: "stopped early", "vorzeitig beendet";
    stopped_early_load: "STOPPED EARLY", "VORZEITIG BEENDET";
    suite: "suite", "Suite";
    tags: "tags", "Merkmale";
    the_other_way_round: "The other way round", "Andersherum";
    thresholds: "Thresholds", "Schwellen";
    time: "Time", "Zeit";
    times_are_utc: "times are UTC", "Zeiten in UTC";
    token: "Token", "Token";
    token_hint: "This dashboard is open to whoever has its token.", "Dieses Dashboard steht allen offen, die sein Token haben.";
    took: "took {}", "dauerte {}";
    track: "track", "Spur";
    unclear: "UNCLEAR", "UNKLAR";
    undecided: word(Verdict::Inconclusive), "unentschieden";
    under_test: "under test", "im Test";
    values: "Values", "Werte";
    verdict: "Verdict", "Urteil";
    verdict_failed: word(Verdict::Fail), "fehlgeschlagen";
    verdicts: "Verdicts", "Urteile";
    whole_report: "The whole report", "Der ganze Bericht";
    with: "with", "mit";
    work: "work", "Arbeit";
    wrong_token: "That is not the token.", "Das ist nicht das Token.";
}

impl Words {
    /// The verdict in words.
    pub(crate) fn verdict(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Pass => self.passed,
            Verdict::Fail => self.verdict_failed,
            Verdict::Inconclusive => self.undecided,
            Verdict::Observed => self.observed,
            Verdict::Skipped => self.skipped,
            Verdict::NotApplicable => self.not_applicable,
        }
    }

    /// A kind of difference.
    pub(crate) fn change(&self, kind: ChangeKind) -> &'static str {
        match kind {
            ChangeKind::NewFailure => self.new_failure,
            ChangeKind::NewPass => self.new_pass,
            ChangeKind::Verdict => self.changed_verdict,
            ChangeKind::Level => self.level_changed,
            ChangeKind::Behaviour => self.behaviour,
            ChangeKind::NewCase => self.new_case,
            ChangeKind::RemovedCase => self.removed_case,
        }
    }
}

/// The word of a run or of a load, as the history spells it.
pub(crate) fn run_word(words: &Words, verdict: &str) -> &'static str {
    match verdict {
        "qualified" => words.qualified,
        "not_qualified" => words.not_qualified,
        "blocked" => words.blocked,
        "held" => words.held,
        "broken" => words.broken,
        "slower" => words.slower,
        "unclear" => words.unclear,
        "stopped_early" => words.stopped_early_load,
        "invalid" => words.invalid,
        _ => words.inconclusive,
    }
}

/// A sentence with its values in it.
pub(crate) fn fill(sentence: &str, values: &[&dyn Display]) -> String {
    let mut parts = sentence.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, value) in parts.zip(values) {
        filled.push_str(&value.to_string());
        filled.push_str(part);
    }
    filled
}

/// The language that a browser prefers of those we speak.
pub(crate) fn of_header(accept: &str) -> &'static Words {
    let wanted = accept.split(',').filter_map(|part| {
        let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse::<f64>().ok())?;
        let words = match tag.trim().to_lowercase().split('-').next() {
            Some("de") => &GERMAN,
            Some("en") => &ENGLISH,
            _ => return None,
        };
        Some((weight, words))
    });
    // The first of those that are wanted most.
    wanted.reduce(|best, other| if other.0 > best.0 { other } else { best }).map_or(&ENGLISH, |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_the_language_that_it_prefers() {
        for (accept, lang) in [
            ("de-DE,de;q=0.9,en;q=0.8", "de"),
            ("en-GB,en;q=0.9,de;q=0.8", "en"),
            ("en;q=0.3, de;q=0.7", "de"),
            ("fr, de;q=0.5", "de"),
            ("fr", "en"),
            ("", "en"),
            ("de;q=x", "en"),
        ] {
            assert_eq!(of_header(accept).lang, lang, "{accept}");
        }
    }

    #[test]
    fn sentences_are_filled_in_their_order() {
        assert_eq!(fill("{} of {} passed", &[&3, &"4"]), "3 of 4 passed");
        assert_eq!(fill("nothing", &[]), "nothing");
        assert_eq!(fill("{}", &[&"{}"]), "{}");
    }
}
