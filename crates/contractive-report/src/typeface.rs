//! The one typeface of the figures, compiled in, and its letters as pixel coverage.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

/// What an SVG asks for: the embedded face if installed, else the nearest in metrics.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, Geneva, sans-serif";

static FACE: OnceLock<Option<FontRef<'static>>> = OnceLock::new();

/// The embedded face; `None` would mean that the file compiled in is broken (a test holds that it is not).
fn face() -> Option<&'static FontRef<'static>> {
    FACE.get_or_init(|| FontRef::try_from_slice(include_bytes!("../fonts/DejaVuSans-subset.ttf")).ok()).as_ref()
}

/// ab_glyph scales by line height; type is measured by its em.
fn line_scale(font: &FontRef<'static>, em: f64) -> PxScale {
    let line_over_em = font.units_per_em().map_or(1.0, |em| font.height_unscaled() / em);
    PxScale::from(em as f32 * line_over_em)
}

/// Width of `text` in pixels at `em` pixels.
pub(crate) fn text_width(text: &str, em: f64) -> f64 {
    let Some(font) = face() else { return 0.0 };
    let scaled = font.as_scaled(line_scale(font, em));
    let mut width = 0.0;
    let mut previous = None;
    for letter in text.chars() {
        let id = scaled.glyph_id(letter);
        width += previous.map_or(0.0, |before| scaled.kern(before, id)) + scaled.h_advance(id);
        previous = Some(id);
    }
    f64::from(width)
}

/// Calls `paint(x, y, coverage)` for each pixel that `text` touches, from its left end on the baseline, y downwards.
pub(crate) fn rasterise(text: &str, em: f64, mut paint: impl FnMut(i32, i32, f32)) {
    let Some(font) = face() else { return };
    let scale = line_scale(font, em);
    let scaled = font.as_scaled(scale);
    let mut pen = 0.0;
    let mut previous = None;
    for letter in text.chars() {
        let id = scaled.glyph_id(letter);
        pen += previous.map_or(0.0, |before| scaled.kern(before, id));
        if let Some(outline) = font.outline_glyph(id.with_scale_and_position(scale, point(pen, 0.0))) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, coverage| {
                paint(x as i32 + corner.x as i32, y as i32 + corner.y as i32, coverage.clamp(0.0, 1.0));
            });
        }
        pen += scaled.h_advance(id);
        previous = Some(id);
    }
}

/// `text`, cut with an ellipsis where it is wider than `width` pixels at `em`.
pub(crate) fn fitted(text: &str, em: f64, width: f64) -> String {
    if text_width(text, em) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = text_width("…", em);
    for letter in text.chars() {
        used += text_width(letter.encode_utf8(&mut [0; 4]), em);
        if used > width {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_face_has_every_sign_the_figures_use() {
        let font = face().expect("the embedded font parses");
        for sign in "aZ09‖²×−⁰¹²³⁴⁵⁶⁷⁸⁹⁻·…ÅλЖ".chars() {
            assert_ne!(font.glyph_id(sign).0, 0, "{sign:?} is missing");
        }
    }

    #[test]
    fn long_text_is_cut_to_fit() {
        let cut = fitted("mean squared contraction of the whole encoder", 13.0, 100.0);
        assert!(cut.ends_with('…') && text_width(&cut, 13.0) <= 100.0, "{cut}");
        assert_eq!(fitted("short", 13.0, 100.0), "short");
    }
}
