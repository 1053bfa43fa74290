//! What the page says of windows: what of their scores a timestamp takes, and what they do at gaps.

use contractive_anomaly::series::gaps::most_filled_steps;
use contractive_anomaly::series::{Credit, Gaps, SeriesSpec};

use super::super::number::{count, grouped};

/// How the score of a timestamp comes from those of windows, which the distance from planes is a part of or not.
pub(super) fn credit(spec: &SeriesSpec, has_planes: bool) -> String {
    let window = grouped(spec.window);
    let own = format!("its own part in that score, times {window} rows");
    let taken = match spec.credit {
        Credit::Window => "the window’s whole score".to_owned(),
        Credit::Part => own,
        Credit::Both => format!("four fifths of the window’s whole score and a fifth of {own}"),
    };
    let planes = match spec.credit {
        Credit::Both if has_planes => {
            " Of the part of the score that is the distance from the planes of ordinary windows it takes what the thirds \
             of the window that it lies in have, and what the whole window has."
        }
        _ => "",
    };
    let one = match spec.stride {
        1 => "one begins with every row".to_owned(),
        stride => format!("one begins every {}", count(stride, "row")),
    };
    format!(
        "A timestamp takes of each window that covers it {taken}; its score is the mean of that.{planes} Windows are of \
         {window} rows, {one}."
    )
}

/// What windows do at gaps; nothing where rows are counted, which have none.
pub(super) fn gaps(spec: &SeriesSpec) -> String {
    match spec.gaps {
        _ if spec.time.is_none() => String::new(),
        Gaps::Span => "Windows are of rows, whatever the time between them: they reach over gaps.".to_owned(),
        Gaps::Part => {
            let (filled, which) = match most_filled_steps(spec.window) {
                0 => (String::new(), "it"),
                most => {
                    let most = count(most, "missing step");
                    let line = "is filled with rows on a straight line, which have no score of their own";
                    (format!(" One of up to {most} {line}."), "a longer one")
                }
            };
            format!(
                "A gap is more than 1.5 steps between rows.{filled} Windows do not reach over {which}, unless the rows \
                 before it, or after the last, are too few for a window."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_credit_and_every_way_with_gaps_has_its_words() {
        let mut spec = SeriesSpec::new("time", vec!["load".into()]);
        let mut of = |credits, gap, window, stride| {
            (spec.credit, spec.gaps, spec.window, spec.stride) = (credits, gap, window, stride);
            [credit(&spec, spec.credit == Credit::Both), gaps(&spec)].join(" ")
        };
        let whole = of(Credit::Window, Gaps::Span, 2000, 5);
        assert!(whole.contains("covers it the window’s whole score;") && !whole.contains("own part"), "{whole}");
        assert!(whole.contains("2,000 rows, one begins every 5 rows.") && whole.contains("they reach over"), "{whole}");
        let part = of(Credit::Part, Gaps::Part, 9, 1);
        assert!(part.contains("it its own part in that score, times 9 rows;") && !part.contains("whole"), "{part}");
        assert!(part.contains("do not reach over it, unless") && part.contains("with every row."), "{part}");
        let both = of(Credit::Both, Gaps::Part, 30, 1);
        assert!(both.contains("four fifths of the window’s whole score and a fifth of its own part"), "{both}");
        assert!(both.contains("what the thirds of the window") && !part.contains("planes"), "{both}");
        assert!(both.contains("up to 3 missing steps is filled") && both.contains("over a longer one"), "{both}");
        spec.time = None;
        assert_eq!(gaps(&spec), "");
    }
}
