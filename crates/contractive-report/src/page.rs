//! A sheet to draw on in points, whether it ends as pixels or as SVG.
//!
//! plotters' backends do the drawing; letters on the bitmap are our own (`typeface`), which places them to a fraction
//! of a pixel and needs no font registered.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle};

use crate::colour::{PAPER, Rgb};
use crate::error::FigureError;
use crate::{png, typeface};

/// Bitmaps are drawn this many times larger a side and averaged down, for smooth edges.
const SUPERSAMPLING: usize = 2;

/// Which end of a text its position names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

/// Which way a text runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Direction {
    Rightwards,
    Upwards,
}

/// Where and how to write a text: (x, y) is on its baseline, sizes in points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) em: f64,
    pub(crate) align: Align,
    pub(crate) direction: Direction,
    pub(crate) colour: Rgb,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Medium {
    Bitmap,
    Svg,
}

/// A white sheet; `unit` device pixels make a point.
pub(crate) struct Page<DB: DrawingBackend> {
    backend: DB,
    unit: f64,
    medium: Medium,
}

/// What draws the same figure on either medium.
pub(crate) trait Figure {
    fn draw<DB: DrawingBackend>(&self, page: &mut Page<DB>) -> Result<(), FigureError>;
}

/// Draws `figure` as a PNG of `width` × `height` pixels, `unit` of them a point.
pub(crate) fn draw_png(figure: &impl Figure, width: u32, height: u32, unit: f64) -> Result<Vec<u8>, FigureError> {
    let (w, h) = (width as usize, height as usize);
    let (large_w, large_h) = (w * SUPERSAMPLING, h * SUPERSAMPLING);
    let mut large = vec![PAPER[0]; large_w * large_h * 3];
    {
        let backend = BitMapBackend::with_buffer(&mut large, (large_w as u32, large_h as u32));
        let mut page = Page { backend, unit: unit * SUPERSAMPLING as f64, medium: Medium::Bitmap };
        figure.draw(&mut page)?;
        page.present()?;
    }
    png::rgb(&averaged_down(&large, w, h), width, height)
}

/// Draws `figure` as an SVG with a view box of `width` × `height`, `unit` of its units a point.
pub(crate) fn draw_svg(figure: &impl Figure, width: u32, height: u32, unit: f64) -> Result<String, FigureError> {
    let mut text = String::new();
    {
        let mut page = Page { backend: SVGBackend::with_string(&mut text, (width, height)), unit, medium: Medium::Svg };
        page.rectangle(0.0, 0.0, f64::from(width) / unit, f64::from(height) / unit, PAPER)?;
        figure.draw(&mut page)?;
        page.present()?;
    }
    Ok(text)
}

/// Units of an inline SVG a point: whole numbers of them place curves finely enough.
pub(crate) const INLINE_UNIT: f64 = 4.0;

/// Draws `figure` as the inside of an `<svg>` whose view box is `width` × `height` points times [`INLINE_UNIT`], without
/// paper: the page it stands on shows through, and its style sheet may replace every colour and the typeface.
pub(crate) fn draw_inline(figure: &impl Figure, width: f64, height: f64) -> Result<String, FigureError> {
    let mut text = String::new();
    {
        let size = ((width * INLINE_UNIT).round() as u32, (height * INLINE_UNIT).round() as u32);
        let mut page =
            Page { backend: SVGBackend::with_string(&mut text, size), unit: INLINE_UNIT, medium: Medium::Svg };
        figure.draw(&mut page)?;
        page.present()?;
    }
    let inside = text.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>")).map_or("", |(inside, _)| inside);
    // Attributes at their default values are a third of the bytes.
    let family = format!("font-family=\"{}\" ", typeface::FAMILY);
    Ok(inside.trim().replace("opacity=\"1\" ", "").replace(" stroke=\"none\"", "").replace(&family, ""))
}

/// The mean of each square of `SUPERSAMPLING`² pixels, rounded.
fn averaged_down(large: &[u8], width: usize, height: usize) -> Vec<u8> {
    let stride = width * SUPERSAMPLING * 3;
    let count = (SUPERSAMPLING * SUPERSAMPLING) as u32;
    let mut small = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let mut sum = 0;
                for dy in 0..SUPERSAMPLING {
                    for dx in 0..SUPERSAMPLING {
                        let at = (y * SUPERSAMPLING + dy) * stride + (x * SUPERSAMPLING + dx) * 3 + channel;
                        sum += u32::from(large[at]);
                    }
                }
                small.push(((sum + count / 2) / count) as u8);
            }
        }
    }
    small
}

fn drawing_fault(error: impl std::fmt::Display) -> FigureError {
    FigureError::Drawing { stage: "figure", reason: error.to_string() }
}

fn paint(colour: Rgb) -> RGBColor {
    RGBColor(colour[0], colour[1], colour[2])
}

impl<DB: DrawingBackend> Page<DB> {
    fn device(&self, points: f64) -> i32 {
        (points * self.unit).round() as i32
    }

    /// A line's width in device pixels, at least one.
    fn thickness(&self, points: f64) -> u32 {
        self.device(points).max(1) as u32
    }

    fn present(&mut self) -> Result<(), FigureError> {
        self.backend.present().map_err(drawing_fault)
    }

    /// Fills a rectangle. Edges that two rectangles share meet without a seam.
    pub(crate) fn rectangle(
        &mut self,
        left: f64,
        top: f64,
        right: f64,
        bottom: f64,
        colour: Rgb,
    ) -> Result<(), FigureError> {
        self.fill((self.device(left), self.device(top)), (self.device(right), self.device(bottom)), colour)
    }

    /// Fills from `near` up to, not including, `far`, in device pixels.
    fn fill(&mut self, near: (i32, i32), far: (i32, i32), colour: Rgb) -> Result<(), FigureError> {
        if far.0 <= near.0 || far.1 <= near.1 {
            return Ok(());
        }
        self.backend.draw_rect(near, far, &paint(colour), true).map_err(drawing_fault)
    }

    /// Draws a rule along x or y, of the same whole number of device pixels wherever it lies.
    pub(crate) fn rule(
        &mut self,
        (x0, y0): (f64, f64),
        (x1, y1): (f64, f64),
        width: f64,
        colour: Rgb,
    ) -> Result<(), FigureError> {
        let thickness = self.thickness(width) as i32;
        let corner = |x: f64, y: f64| (self.device(x) - thickness / 2, self.device(y) - thickness / 2);
        let (near, far) = (corner(x0.min(x1), y0.min(y1)), corner(x0.max(x1), y0.max(y1)));
        self.fill(near, (far.0 + thickness, far.1 + thickness), colour)
    }

    /// Draws connected lines with round joins and flat ends.
    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], width: f64, colour: Rgb) -> Result<(), FigureError> {
        if self.medium == Medium::Svg {
            let mut path: Vec<_> = points.iter().map(|&(x, y)| (self.device(x), self.device(y))).collect();
            path.dedup();
            let stroke_width = self.thickness(width);
            let style = ShapeStyle { color: paint(colour).to_rgba(), filled: false, stroke_width };
            return match path.len() {
                0 | 1 => Ok(()),
                _ => self.backend.draw_path(path, &style).map_err(drawing_fault),
            };
        }
        // plotters places lines on whole pixels, so that slanted ones vary in thickness; these are exact.
        let path: Vec<_> = points.iter().map(|&(x, y)| (x * self.unit, y * self.unit)).collect();
        let radius = f64::max(width * self.unit, 1.0) / 2.0;
        for (index, pair) in path.windows(2).enumerate() {
            let is_flat = (index == 0, index + 2 == path.len());
            self.stroke_pixels(pair[0], pair[1], radius, is_flat, colour)?;
        }
        Ok(())
    }

    /// Paints the pixels within `radius` of a segment; an end that is not flat is a half disc. Device pixels.
    fn stroke_pixels(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        radius: f64,
        is_flat: (bool, bool),
        colour: Rgb,
    ) -> Result<(), FigureError> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        let (ux, uy) = if length > 0.0 { (dx / length, dy / length) } else { (1.0, 0.0) };
        let (width, height) = self.backend.get_size();
        let range = |a: f64, b: f64, most: u32| {
            let reach = radius + 1.0;
            ((a.min(b) - reach).max(0.0) as i32, (a.max(b) + reach).min(f64::from(most) - 1.0) as i32)
        };
        let ((left, right), (top, bottom)) = (range(from.0, to.0, width), range(from.1, to.1, height));
        for y in top..=bottom {
            for x in left..=right {
                let (px, py) = (f64::from(x) + 0.5 - from.0, f64::from(y) + 0.5 - from.1);
                let (along, across) = (px * ux + py * uy, (py * ux - px * uy).abs());
                let beyond = f64::max(-along, along - length);
                let ends_flat = if -along > along - length { is_flat.0 } else { is_flat.1 };
                let coverage = match (beyond > 0.0, ends_flat) {
                    (_, true) => f64::min(radius - across + 0.5, 1.0) * (0.5 - beyond).clamp(0.0, 1.0),
                    (true, false) => radius - beyond.hypot(across) + 0.5,
                    (false, false) => radius - across + 0.5,
                };
                if coverage > 0.0 {
                    let ink = paint(colour).mix(coverage.min(1.0)).to_backend_color();
                    self.backend.draw_pixel((x, y), ink).map_err(drawing_fault)?;
                }
            }
        }
        Ok(())
    }

    /// Fills a disc.
    pub(crate) fn disc(&mut self, (x, y): (f64, f64), radius: f64, colour: Rgb) -> Result<(), FigureError> {
        if self.medium == Medium::Bitmap {
            let centre = (x * self.unit, y * self.unit);
            return self.stroke_pixels(centre, centre, radius * self.unit, (false, false), colour);
        }
        let centre = (self.device(x), self.device(y));
        let radius = self.thickness(radius);
        self.backend.draw_circle(centre, radius, &paint(colour), true).map_err(drawing_fault)
    }

    /// Writes one line of text.
    pub(crate) fn write(&mut self, text: &str, writing: &Writing) -> Result<(), FigureError> {
        match self.medium {
            Medium::Bitmap => self.write_pixels(text, writing),
            Medium::Svg => self.write_element(text, writing),
        }
    }

    fn write_pixels(&mut self, text: &str, writing: &Writing) -> Result<(), FigureError> {
        let em = writing.em * self.unit;
        let start = match writing.align {
            Align::Left => 0.0,
            Align::Centre => -typeface::text_width(text, em) / 2.0,
            Align::Right => -typeface::text_width(text, em),
        };
        let start = start.round() as i32;
        let (x0, y0) = (self.device(writing.x), self.device(writing.y));
        let (width, height) = self.backend.get_size();
        let colour = paint(writing.colour);
        let mut outcome = Ok(());
        typeface::rasterise(text, em, |along, down, coverage| {
            let (x, y) = match writing.direction {
                Direction::Rightwards => (x0 + start + along, y0 + down),
                Direction::Upwards => (x0 + down, y0 - start - along),
            };
            if outcome.is_ok() && (0..width as i32).contains(&x) && (0..height as i32).contains(&y) {
                outcome = self
                    .backend
                    .draw_pixel((x, y), colour.mix(f64::from(coverage)).to_backend_color())
                    .map_err(drawing_fault);
            }
        });
        outcome
    }

    fn write_element(&mut self, text: &str, writing: &Writing) -> Result<(), FigureError> {
        let em = writing.em * self.unit;
        // plotters writes size / 1.24 as the em, and puts a text anchored at its top 0.76 em below its position.
        let (size, drop) = (em * 1.24, 0.76 * em);
        let along = match writing.align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let (x, y) = (writing.x * self.unit, writing.y * self.unit);
        let (position, turn) = match writing.direction {
            Direction::Rightwards => ((x, y - drop), FontTransform::None),
            Direction::Upwards => ((x - drop, y), FontTransform::Rotate270),
        };
        let font = FontDesc::new(FontFamily::Name(typeface::FAMILY), size, FontStyle::Normal).transform(turn);
        let colour = paint(writing.colour);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(along, VPos::Top));
        let position = (position.0.round() as i32, position.1.round() as i32);
        self.backend.draw_text(text, &style, position).map_err(drawing_fault)
    }
}
