//! A line chart as SVG: no script, no network, readable in black and white by its legend's order.

use maud::{Markup, html};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 22.0;
const TOP: f64 = 8.0;
/// Width of a letter, about.
const LETTER: f64 = 5.5;
/// Colours that can be told apart by people who confuse red and green (Okabe and Ito), and the strokes that go with them.
const LINES: &[(&str, &str)] = &[
    ("#0072b2", ""),
    ("#d55e00", "6 3"),
    ("#009e73", "2 2"),
    ("#cc79a7", "8 2 2 2"),
    ("#8a6d00", "1 3"),
    ("#56b4e9", "10 4"),
];

/// A named line of points (x, y).
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A chart.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) lines: Vec<Line>,
    /// A value of y in words.
    pub(super) unit: fn(f64) -> String,
    /// Stretches of x that are shaded: not measured.
    pub(super) shaded: &'a [(f64, f64)],
    /// Stretches of x in which something was made to fail.
    pub(super) faulted: &'a [(f64, f64)],
    /// Marks on x, with their names: where phases begin.
    pub(super) marks: &'a [(f64, String)],
    pub(super) logarithmic: bool,
}

impl Chart<'_> {
    /// The figure; nothing if there is nothing to draw.
    pub(super) fn draw(&self) -> Option<Markup> {
        let lines: Vec<&Line> = self.lines.iter().filter(|line| !line.points.is_empty()).take(LINES.len()).collect();
        let xs = lines.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x));
        let last = xs.fold(1.0, f64::max);
        let ys = || lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y));
        let (low, high) = (ys().filter(|y| *y > 0.0).fold(f64::MAX, f64::min), ys().fold(0.0, f64::max));
        if lines.is_empty() || high <= 0.0 {
            return None;
        }
        let bottom = if self.logarithmic { 10f64.powf(low.log10().floor()) } else { 0.0 };
        let top = if self.logarithmic { 10f64.powf(high.log10().ceil()).max(bottom * 10.0) } else { high * 1.05 };
        let scale = Scale { last, bottom, top, logarithmic: self.logarithmic };
        Some(html! {
            figure.chart {
                figcaption { (self.title) }
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(self.title) {
                    @for (from, to) in self.shaded {
                        rect.shade x=(n(scale.x(*from))) y=(n(TOP)) width=(n(scale.x(*to) - scale.x(*from))) height=(n(HEIGHT - BOTTOM - TOP)) {}
                    }
                    @for (from, to) in self.faulted {
                        rect.fault x=(n(scale.x(*from))) y=(n(TOP)) width=(n(scale.x(*to) - scale.x(*from))) height=(n(HEIGHT - BOTTOM - TOP)) {}
                    }
                    @for tick in scale.ticks() {
                        line.grid x1=(n(LEFT)) x2=(n(WIDTH)) y1=(n(scale.y(tick))) y2=(n(scale.y(tick))) {}
                        text x=(n(LEFT - 6.0)) y=(n(scale.y(tick) + 4.0)) text-anchor="end" { ((self.unit)(tick)) }
                    }
                    @for (index, (x, name)) in self.marks.iter().enumerate() {
                        line.mark x1=(n(scale.x(*x))) x2=(n(scale.x(*x))) y1=(n(TOP)) y2=(n(HEIGHT - BOTTOM)) {}
                        @if scale.has_room(*x, self.marks.get(index + 1).map(|(next, _)| *next), name) {
                            text x=(n(scale.x(*x) + 3.0)) y=(n(TOP + 10.0)) { (name) }
                        }
                    }
                    @for (line, (colour, dashes)) in lines.iter().zip(LINES) {
                        @for run in runs(&line.points) {
                            polyline fill="none" stroke=(colour) stroke-width="1.6" stroke-linecap="round" stroke-dasharray=(dashes) points=(scale.path(run)) {}
                        }
                    }
                    text x=(n(LEFT)) y=(n(HEIGHT - 5.0)) { "0 s" }
                    text x=(n(WIDTH - 2.0)) y=(n(HEIGHT - 5.0)) text-anchor="end" { (format!("{last:.0} s")) }
                }
                p.legend {
                    @for (line, (colour, dashes)) in lines.iter().zip(LINES) {
                        span {
                            svg viewBox="0 0 26 8" width="26" height="8" aria-hidden="true" {
                                line x1="0" x2="26" y1="4" y2="4" stroke=(colour) stroke-width="2.5" stroke-dasharray=(dashes) {}
                            }
                            " " (line.name)
                        }
                    }
                }
            }
        })
    }
}

struct Scale {
    last: f64,
    bottom: f64,
    top: f64,
    logarithmic: bool,
}

impl Scale {
    fn x(&self, x: f64) -> f64 {
        LEFT + x / self.last * (WIDTH - LEFT - 4.0)
    }

    fn y(&self, y: f64) -> f64 {
        let share = if self.logarithmic {
            (y.max(self.bottom) / self.bottom).log10() / (self.top / self.bottom).log10()
        } else {
            y / self.top
        };
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let mut ticks = vec![self.bottom];
            while let Some(last) = ticks.last().filter(|last| **last * 10.0 <= self.top * 1.001) {
                ticks.push(last * 10.0);
            }
            return ticks;
        }
        // 1, 2 or 5 times a power of ten, about four of them.
        let raw = self.top / 4.0;
        let power = 10f64.powf(raw.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= raw).unwrap_or(raw);
        (0..).map(|count| f64::from(count) * step).take_while(|tick| *tick <= self.top).collect()
    }

    /// Whether a name fits between its mark and the next.
    fn has_room(&self, at: f64, next: Option<f64>, name: &str) -> bool {
        let needed = 6.0 + LETTER * name.chars().count() as f64;
        self.x(next.unwrap_or(f64::MAX)) - self.x(at) >= needed
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let pairs = points.iter().map(|(x, y)| format!("{},{}", n(self.x(*x)), n(self.y(*y))));
        let mut pairs: Vec<String> = pairs.collect();
        if let [alone] = &pairs[..] {
            // One point is no line: its round ends make it a dot.
            pairs.push(alone.clone());
        }
        pairs.join(" ")
    }
}

/// Parts of a line between which there is nothing: where much more time passes than from point to point otherwise.
fn runs(points: &[(f64, f64)]) -> impl Iterator<Item = &[(f64, f64)]> {
    let mut steps: Vec<f64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_by(f64::total_cmp);
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(1.0);
    points.chunk_by(move |one, other| other.0 - one.0 <= 4.0 * usual)
}

/// A coordinate, short.
fn n(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_its_lines_and_an_empty_one_is_left_out() {
        let line = |points: &[(f64, f64)]| Line { name: "p95".into(), points: points.to_vec() };
        let chart = |lines| Chart {
            title: "Latency",
            lines,
            unit: |value| format!("{value}"),
            shaded: &[(0.0, 1.0)],
            faulted: &[],
            marks: &[],
            logarithmic: true,
        };
        let drawn = chart(vec![line(&[(0.0, 5.0), (2.0, 700.0)])]).draw().expect("drawn").into_string();
        assert!(drawn.contains("<polyline") && drawn.contains("Latency") && drawn.contains("1000"), "{drawn}");
        assert!(chart(vec![line(&[])]).draw().is_none());
    }

    #[test]
    fn where_nothing_was_there_is_no_line() {
        let at = |seconds: &[u32]| seconds.iter().map(|second| (f64::from(*second), 1.0)).collect::<Vec<_>>();
        let lengths = |seconds: &[u32]| runs(&at(seconds)).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[0, 1, 2, 30, 31, 60]), [3, 2, 1]);
        assert_eq!(lengths(&[0, 10, 20, 35]), [4], "a rare one has its own measure");
        assert_eq!(lengths(&[]), [0; 0]);
    }
}
