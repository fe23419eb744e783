//! A series as SVG: its values, its levels with the noise around them, and where the level changed. No script.

use crate::{
    part::{amount, change, run_path, text},
    words::{Words, fill},
};
use fedproof_history::{
    SeriesPoint,
    change::{ChangePoint, median},
};
use maud::{Markup, html};

/// What is drawn.
pub(crate) struct Chart<'a> {
    pub(crate) words: &'a Words,
    pub(crate) name: &'a str,
    pub(crate) unit: &'a str,
    /// In the order of time.
    pub(crate) points: &'a [SeriesPoint],
    pub(crate) changes: &'a [ChangePoint],
    /// With a link at each point.
    pub(crate) large: bool,
}

/// A stretch without a change: from, to (exclusive), its middle, and how far noise goes to either side.
struct Level {
    from: usize,
    to: usize,
    middle: f64,
    noise: f64,
}

/// Of normal noise, two standard deviations for each median distance from the median.
const TWO_SIGMA: f64 = 2.0 * 1.4826;

impl Chart<'_> {
    pub(crate) fn draw(&self) -> Markup {
        let levels = self.levels();
        let scale = Scale::of(self, &levels);
        let label = self.label();
        html! {
            figure class={ "series" @if self.large { " large" } } tabindex=[self.large.then_some("0")] {
                svg viewBox=(format!("0 0 {} {}", scale.width, scale.height)) role=(if self.large { "group" } else { "img" }) aria-label=(label) {
                    @for tick in scale.ticks() {
                        line.grid x1=(n(0.0)) x2=(n(scale.right)) y1=(n(scale.y(tick))) y2=(n(scale.y(tick))) {}
                        text x=(n(scale.right + 5.0)) y=(n(scale.y(tick) + 4.0)) { (amount(tick, self.unit)) }
                    }
                    @for level in &levels {
                        @let (x, to) = (scale.edge(level.from), scale.edge(level.to));
                        @let (top, bottom) = (scale.y(level.middle + level.noise), scale.y(level.middle - level.noise));
                        rect.band x=(n(x)) width=(n(to - x)) y=(n(top)) height=(n((bottom - top).max(1.0))) {}
                        line.level x1=(n(x)) x2=(n(to)) y1=(n(scale.y(level.middle))) y2=(n(scale.y(level.middle))) {}
                    }
                    polyline.values points=(scale.path(self.points)) {}
                    @for (at, point) in self.points.iter().enumerate() { (self.point(at, point, &scale)) }
                    @for (number, one) in self.changes.iter().enumerate() {
                        // Names of neighbours stand below each other.
                        @let (x, row) = (scale.edge(one.at), (number % 3) as f64);
                        line.change x1=(n(x)) x2=(n(x)) y1=(n(scale.top)) y2=(n(scale.bottom)) {}
                        text.change x=(n(x + if x > scale.right * 0.8 { -4.0 } else { 4.0 })) y=(n(scale.top + 9.0 + 13.0 * row)) text-anchor=(if x > scale.right * 0.8 { "end" } else { "start" }) {
                            (if one.after > one.before { "▲ " } else { "▼ " }) (change(one.before, one.after))
                        }
                    }
                    @if let (Some(first), Some(last)) = (self.points.first(), self.points.last()) {
                        @let part = if day(first) == day(last) { 11..16 } else { 0..10 };
                        text x="0" y=(n(scale.height - 4.0)) { (first.started_at.get(part.clone()).unwrap_or_default()) }
                        text x=(n(scale.right)) y=(n(scale.height - 4.0)) text-anchor="end" { (last.started_at.get(part).unwrap_or_default()) }
                    }
                }
            }
        }
    }

    /// What a screen reader says of it.
    fn label(&self) -> String {
        let latest = self.points.last().map(|point| amount(point.value, self.unit)).unwrap_or_default();
        text(&fill(self.words.chart_label, &[&self.name, &self.points.len(), &latest, &self.changes.len()]))
    }

    fn point(&self, at: usize, point: &SeriesPoint, scale: &Scale) -> Markup {
        let (x, y) = (n(scale.x(at)), n(scale.y(point.value)));
        if !self.large {
            return html! { circle.point cx=(x) cy=(y) r=(if self.points.len() > 40 { "1.6" } else { "2.5" }) {} };
        }
        let told = format!("{}: {} ({})", point.build, amount(point.value, self.unit), day(point));
        html! {
            // The table below has the same links, for the keyboard.
            a href=(run_path(&point.run_id)) tabindex="-1" aria-label=(text(&told)) {
                circle.point cx=(x) cy=(y) r="3.5" { title { (text(&told)) } }
            }
        }
    }

    fn levels(&self) -> Vec<Level> {
        let values: Vec<f64> = self.points.iter().map(|point| point.value).collect();
        let ends: Vec<usize> =
            std::iter::once(0).chain(self.changes.iter().map(|one| one.at)).chain([values.len()]).collect();
        let stretch = |pair: &[usize]| {
            let part = values.get(pair[0]..pair[1]).filter(|part| !part.is_empty())?;
            let middle = median(part);
            let distances: Vec<f64> = part.iter().map(|value| (value - middle).abs()).collect();
            Some(Level { from: pair[0], to: pair[1], middle, noise: TWO_SIGMA * median(&distances) })
        };
        ends.windows(2).filter_map(stretch).collect()
    }
}

struct Scale {
    width: f64,
    height: f64,
    /// Where the places end, and the figures of the axis begin.
    right: f64,
    top: f64,
    bottom: f64,
    count: usize,
    low: f64,
    high: f64,
}

impl Scale {
    fn of(chart: &Chart<'_>, levels: &[Level]) -> Self {
        let values = || chart.points.iter().map(|point| point.value);
        let bands = || levels.iter().flat_map(|level| [level.middle - level.noise, level.middle + level.noise]);
        let low = values().chain(bands()).fold(f64::INFINITY, f64::min);
        let high = values().chain(bands()).fold(f64::NEG_INFINITY, f64::max);
        // A flat series lies in the middle, and does not look like noise: at least ±2 % are seen.
        let room = ((high - low) * 0.08).max(high.abs() * 0.02).max(f64::MIN_POSITIVE);
        let (width, height) = if chart.large { (960.0, 320.0) } else { (400.0, 150.0) };
        Self {
            width,
            height,
            right: width - 66.0,
            top: 6.0,
            bottom: height - 20.0,
            count: chart.points.len(),
            low: if low < 0.0 { low - room } else { (low - room).max(0.0) },
            high: high + room,
        }
    }

    /// The left edge of the place of a point; of one behind the last, its right edge.
    fn edge(&self, at: usize) -> f64 {
        self.right * at as f64 / self.count.max(1) as f64
    }

    fn x(&self, at: usize) -> f64 {
        (self.edge(at) + self.edge(at + 1)) / 2.0
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value.clamp(self.low, self.high) - self.low) / (self.high - self.low);
        self.bottom - share * (self.bottom - self.top)
    }

    /// 1, 2 or 5 times a power of ten, three or four of them.
    fn ticks(&self) -> Vec<f64> {
        let raw = (self.high - self.low) / 4.0;
        let power = 10f64.powf(raw.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= raw).unwrap_or(raw);
        let first = (self.low / step).ceil();
        (0..8).map(|count| (first + f64::from(count)) * step).take_while(|tick| *tick <= self.high).collect()
    }

    fn path(&self, points: &[SeriesPoint]) -> String {
        let pairs =
            points.iter().enumerate().map(|(at, point)| format!("{},{}", n(self.x(at)), n(self.y(point.value))));
        pairs.collect::<Vec<_>>().join(" ")
    }
}

fn day(point: &SeriesPoint) -> &str {
    point.started_at.get(..10).unwrap_or(&point.started_at)
}

/// A coordinate, short.
fn n(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ENGLISH;

    fn points(values: &[f64]) -> Vec<SeriesPoint> {
        let point = |(at, value): (usize, &f64)| SeriesPoint {
            run_id: format!("run-{at}"),
            build: format!("<c{at}>"),
            started_at: "2026-11-24T20:31:00Z".into(),
            value: *value,
        };
        values.iter().enumerate().map(point).collect()
    }

    fn drawn(values: &[f64], changes: &[ChangePoint], large: bool) -> String {
        let points = points(values);
        Chart { words: &ENGLISH, name: "cpu", unit: "ms", points: &points, changes, large }.draw().into_string()
    }

    #[test]
    fn a_chart_has_its_levels_and_its_changes() {
        let values = [10.0, 10.5, 9.5, 10.0, 20.0, 20.5, 19.5, 20.0];
        let change = ChangePoint { at: 4, before: 10.0, after: 20.0, chance: 0.001 };
        let svg = drawn(&values, &[change], true);
        assert_eq!(svg.matches("class=\"band\"").count(), 2, "{svg}");
        assert!(svg.contains("▲ +100.0 %") && svg.contains("href=\"/run/run-7\""), "{svg}");
        assert!(svg.contains("&lt;c7&gt;") && !svg.contains("<c7>"), "{svg}");
        assert_eq!(drawn(&values, &[], false).matches("class=\"band\"").count(), 1);
    }

    #[test]
    fn whatever_the_values_coordinates_are_numbers() {
        for values in [&[][..], &[0.0], &[5.0; 4], &[0.0, 0.0], &[1e300, 1.0], &[-3.0, 4.0]] {
            let svg = drawn(values, &[], false);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{values:?}: {svg}");
        }
    }
}
