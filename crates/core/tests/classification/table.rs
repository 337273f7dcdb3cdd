//! Measures, and writes what was measured into the page.

use greenlane_core::classify::{Classifier, RepositoryFiles, TaskType};

use super::baseline;
use super::labelled::{self, Labelled, Part};

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

/// So many right of so many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub right: u32,
    pub of: u32,
}

impl Count {
    fn add(&mut self, right: bool) {
        self.right += u32::from(right);
        self.of += 1;
    }

    pub fn share(self) -> f64 {
        f64::from(self.right) / f64::from(self.of.max(1))
    }

    fn text(self) -> String {
        if self.of == 0 { String::from("–") } else { format!("{} of {} ({:.0} %)", self.right, self.of, self.share() * 100.0) }
    }
}

/// One text and what each said of it.
struct Judged {
    of: Labelled,
    ours: bool,
    confidence: f64,
    coordinator: bool,
    orchestrator: bool,
}

/// All texts, judged.
pub struct Measured(Vec<Judged>);

pub fn measure() -> Measured {
    let classifier = Classifier::built_in();
    let judge = |of: Labelled| {
        let found = classifier.classify(&of.task(), &RepositoryFiles::default());
        Judged {
            ours: found.kind == Some(of.kind),
            confidence: found.confidence,
            coordinator: baseline::coordinator(&of) == of.kind,
            orchestrator: baseline::orchestrator(&of) == Some(of.kind),
            of,
        }
    };
    Measured(labelled::all().into_iter().map(judge).collect())
}

impl Measured {
    fn count(&self, which: impl Fn(&Judged) -> bool, right: impl Fn(&Judged) -> bool) -> Count {
        let mut count = Count::default();
        self.0.iter().filter(|j| which(j)).for_each(|j| count.add(right(j)));
        count
    }

    pub fn ours(&self, part: Part) -> Count {
        self.count(|j| j.of.part == part, |j| j.ours)
    }

    pub fn coordinator(&self, part: Part) -> Count {
        self.count(|j| j.of.part == part, |j| j.coordinator)
    }

    pub fn orchestrator(&self, part: Part) -> Count {
        self.count(|j| j.of.part == part, |j| j.orchestrator)
    }
}

/// The page with this in it instead of what stood there.
pub fn into_page(page: &str, measured: &Measured) -> String {
    let (before, rest) = page.split_once(BEGIN).unwrap_or((page, ""));
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    format!("{before}{BEGIN}{}{END}{after}", text(measured))
}

fn text(measured: &Measured) -> String {
    let mut out = String::from("| texts | Greenlane | orchestrator's way, 15 types | coordinator's five roles |\n|---|---|---|---|\n");
    for part in Part::ALL {
        let (ours, fifteen, five) = (measured.ours(part), measured.orchestrator(part), measured.coordinator(part));
        out += &format!("| {} | {} | {} | {} |\n", part.as_str(), ours.text(), fifteen.text(), five.text());
    }
    let all = |right: fn(&Judged) -> bool| measured.count(|_| true, right).text();
    out += &format!("| all | {} | {} | {} |\n", all(|j| j.ours), all(|j| j.orchestrator), all(|j| j.coordinator));
    out += "\n| type | tuned | held out | public | fresh | last | orchestrator's way, all |\n|---|---|---|---|---|---|---|\n";
    for kind in TaskType::ALL {
        let of = |part| measured.count(|j: &Judged| j.of.kind == kind && j.of.part == part, |j| j.ours).text();
        let before = measured.count(|j| j.of.kind == kind, |j| j.orchestrator).text();
        out += &format!(
            "| {kind} | {} | {} | {} | {} | {} | {before} |\n",
            of(Part::Tuned),
            of(Part::HeldOut),
            of(Part::Public),
            of(Part::Fresh),
            of(Part::Last)
        );
    }
    out += "\n| confidence | right, of all but the tuned texts |\n|---|---|\n";
    for (low, high) in [(0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.01)] {
        let within = |j: &Judged| j.of.part != Part::Tuned && (low..high).contains(&j.confidence);
        let words = if high > 1.0 { format!("from {low}") } else { format!("{low} to {high}") };
        out += &format!("| {words} | {} |\n", measured.count(within, |j| j.ours).text());
    }
    out
}
