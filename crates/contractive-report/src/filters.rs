//! The encoder's weights, as images or as one matrix.

use contractive_core::patches::PictureShape;
use plotters::backend::DrawingBackend;

use crate::axis::{Axis, decimal_label};
use crate::colour::{FRAME, PAPER, Rgb, diverging};
use crate::error::{FigureError, check_finite, check_length};
use crate::page::{Align, Direction, Figure, Page, Writing, draw_png};
use crate::panel::{BODY, SMALL, plain};
use crate::png::{check_size, rgb};
use crate::series::{LONGEST_NAME, name_height};
use crate::typeface::fitted;

/// Pixels between two filters and round them all.
const GAP: usize = 4;

/// A PNG with the first `at_most` filters as images, in the order given, row by row in a near-square grid.
///
/// Each filter is scaled by its own largest weight in size: blue is negative, near white zero, orange positive. A
/// filter of zeros is near white. Filters of three channels have their colours, around a middle grey that is zero.
///
/// **Shapes.** `weights`: (m, height × width × channels), row-major, one filter a row, as an encoder's first weight matrix.
/// `scale`: pixels of the picture for one weight, a side, at least 1.
///
/// # Errors
/// [`FigureError::Empty`] where a size is 0, [`FigureError::Length`] where `weights` holds no whole number of filters,
/// [`FigureError::NonFinite`] for NaN or ∞ (named by filter and pixel), [`FigureError::Size`] where the picture would
/// be too large.
pub fn filter_grid(weights: &[f32], shape: PictureShape, at_most: usize, scale: usize) -> Result<Vec<u8>, FigureError> {
    if weights.is_empty() {
        return Err(FigureError::Empty { what: "weights" });
    }
    let PictureShape { height, width, channels } = shape;
    let length = height.saturating_mul(width).saturating_mul(channels);
    let m = weights.len().checked_div(length).unwrap_or(0).max(1);
    check_length("weights", "m × height × width × channels", weights.len(), &[m, height, width, channels])?;
    check_finite("weights", weights, length)?;
    for (what, size) in [("at_most", at_most), ("scale", scale)] {
        if size == 0 {
            return Err(FigureError::Empty { what });
        }
    }
    let shown = m.min(at_most);
    let columns = columns_for(shown, height, width);
    let rows = shown.div_ceil(columns);
    let (tile_w, tile_h) = (width.saturating_mul(scale), height.saturating_mul(scale));
    let picture_w = columns.saturating_mul(tile_w.saturating_add(GAP)).saturating_add(GAP);
    let picture_h = rows.saturating_mul(tile_h.saturating_add(GAP)).saturating_add(GAP);
    let (png_w, png_h) = check_size(picture_w, picture_h, 1)?;

    let mut pixels = vec![PAPER[0]; picture_w * picture_h * 3];
    for (index, filter) in weights.chunks_exact(length).take(shown).enumerate() {
        let largest = largest_size(filter);
        let colours = signed_colours(filter, channels, largest);
        let (top, left) = (GAP + index / columns * (tile_h + GAP), GAP + index % columns * (tile_w + GAP));
        for y in 0..tile_h {
            for x in 0..tile_w {
                let at = ((top + y) * picture_w + left + x) * 3;
                pixels[at..at + 3].copy_from_slice(&colours[y / scale * width + x / scale]);
            }
        }
    }
    rgb(&pixels, png_w, png_h)
}

/// The colours of pixels whose channels are positive or negative; `largest` is the size that is shown in full.
pub(crate) fn signed_colours(values: &[f32], channels: usize, largest: f64) -> Vec<Rgb> {
    let share = |value: f32| if largest > 0.0 { f64::from(value) / largest } else { 0.0 };
    let of_channel = |value: &f32| (127.5 + 127.5 * share(*value).clamp(-1.0, 1.0)).round() as u8;
    match channels {
        3 => values.as_chunks::<3>().0.iter().map(|pixel| pixel.each_ref().map(of_channel)).collect(),
        // Of other numbers of channels the first is shown.
        _ => values.iter().step_by(channels.max(1)).map(|value| diverging(share(*value))).collect(),
    }
}

/// Columns that make the picture nearest to square, filling the last row where that costs little.
fn columns_for(shown: usize, height: usize, width: usize) -> usize {
    let square = (shown as f64 * height as f64 / width as f64).sqrt().ceil().clamp(1.0, shown as f64) as usize;
    let is_full = |columns: &usize| shown.is_multiple_of(*columns);
    (square..=(square + square / 3).min(shown)).find(is_full).unwrap_or(square)
}

pub(crate) fn largest_size(values: &[f32]) -> f64 {
    values.iter().fold(0.0, |largest, &value| f64::max(largest, f64::from(value).abs()))
}

pub(crate) fn relative_colour(value: f64, largest: f64) -> Rgb {
    diverging(if largest > 0.0 { value / largest } else { 0.0 })
}

/// Most cells a side of a heat map; longer sides are averaged down to it.
const MOST_CELLS: usize = 1200;

/// A PNG with a weight matrix as a heat map: one unit a row, one input feature a column, one symmetric colour scale for
/// all, shown beside it. Blue is negative, near white zero, orange positive.
///
/// `row_title` says what a row is, such as "first-layer unit". Columns are marked with their names, written upright and
/// as many of them as have room, or else with indices from 0. Sides longer than 1200 are averaged down in equal blocks,
/// which the axis then says.
///
/// **Shapes.** `weights`: (m, n), row-major; `column_names`: n.
///
/// # Errors
/// [`FigureError::Empty`] where a size is 0, [`FigureError::Length`] where `weights` does not hold m × n values or
/// `column_names` not n, [`FigureError::NonFinite`] for NaN or ∞.
pub fn weight_heatmap(
    weights: &[f32],
    m: usize,
    n: usize,
    row_title: &str,
    column_names: Option<&[String]>,
) -> Result<Vec<u8>, FigureError> {
    check_length("weights", "m × n", weights.len(), &[m, n])?;
    check_finite("weights", weights, n)?;
    if let Some(names) = column_names.filter(|names| names.len() != n) {
        return Err(FigureError::Length { what: "column_names", sizes: "n", expected: n, got: names.len() });
    }
    let heat = Heat::of(weights, (m, n), row_title, column_names);
    let (width, height) = heat.sheet_size();
    let (png_w, png_h) = check_size((width * UNIT) as usize, (height * UNIT) as usize, 1)?;
    draw_png(&heat, png_w, png_h, UNIT)
}

/// Pixels a point in a heat map.
const UNIT: f64 = 2.0;

/// A matrix of cells, averaged down where needed, with its layout in points.
struct Heat<'a> {
    row_title: &'a str,
    column_names: Option<&'a [String]>,
    cells: Vec<f64>,
    rows: usize,
    columns: usize,
    /// Matrix rows and columns that a cell averages.
    block: (usize, usize),
    size: (usize, usize),
    cell: (f64, f64),
}

const LEFT: f64 = 64.0;
const TOP: f64 = 20.0;
const BAR: f64 = 14.0;
/// Room kept for the titles and the colour bar beside a small matrix.
const NARROWEST: f64 = 100.0;
const LOWEST: f64 = 100.0;

impl<'a> Heat<'a> {
    fn of(weights: &[f32], (m, n): (usize, usize), row_title: &'a str, column_names: Option<&'a [String]>) -> Self {
        let block = (m.div_ceil(MOST_CELLS), n.div_ceil(MOST_CELLS));
        let (rows, columns) = (m.div_ceil(block.0), n.div_ceil(block.1));
        let mut sums = vec![(0.0, 0_u32); rows * columns];
        for (row, line) in weights.chunks_exact(n).enumerate() {
            for (column, &weight) in line.iter().enumerate() {
                let (sum, count) = &mut sums[row / block.0 * columns + column / block.1];
                *sum += f64::from(weight);
                *count += 1;
            }
        }
        let cells = sums.into_iter().map(|(sum, count)| sum / f64::from(count.max(1))).collect();
        // whole device pixels a cell, within a width of 600 and a height of 450 points where one pixel a cell allows
        let cell = |count: usize, room: f64| ((room * UNIT / count as f64).floor().clamp(1.0, 64.0)) / UNIT;
        Self {
            row_title,
            column_names,
            cells,
            rows,
            columns,
            block,
            size: (m, n),
            cell: (cell(columns, 600.0), cell(rows, 450.0)),
        }
    }

    fn extent(&self) -> (f64, f64) {
        (self.columns as f64 * self.cell.0, self.rows as f64 * self.cell.1)
    }

    fn sheet_size(&self) -> (f64, f64) {
        let (width, height) = self.extent();
        let (width, height) = (width.max(NARROWEST), height.max(LOWEST));
        (LEFT + width + 130.0, TOP + height + self.label_height() + 44.0)
    }

    /// Height of what marks the columns.
    fn label_height(&self) -> f64 {
        self.column_names.map_or(SMALL, |names| name_height(names).max(SMALL))
    }

    /// Marks columns with as many upright names as have room, or with indices.
    fn mark_columns<DB: DrawingBackend>(
        &self,
        page: &mut Page<DB>,
        width: f64,
        bottom: f64,
    ) -> Result<(), FigureError> {
        let per_column = self.cell.0 / self.block.1 as f64;
        let apart = if self.column_names.is_some() { SMALL + 3.0 } else { 60.0 };
        for (value, label) in index_ticks(self.size.1, width, apart) {
            let x = LEFT + (value + 0.5) * per_column;
            page.rule((x, bottom + 1.0), (x, bottom + 5.0), 1.0, FRAME)?;
            match self.column_names.and_then(|names| names.get(value as usize)) {
                None => page.write(&label, &plain(x, bottom + 9.0 + SMALL, SMALL, Align::Centre))?,
                Some(name) => {
                    let upright = plain(x + SMALL * 0.36, bottom + 9.0, SMALL, Align::Right);
                    let name = fitted(name, SMALL, LONGEST_NAME);
                    page.write(&name, &Writing { direction: Direction::Upwards, ..upright })?;
                }
            }
        }
        Ok(())
    }
}

impl Figure for Heat<'_> {
    fn draw<DB: DrawingBackend>(&self, page: &mut Page<DB>) -> Result<(), FigureError> {
        let largest = self.cells.iter().fold(0.0, |largest, value| f64::max(largest, value.abs()));
        let (width, height) = self.extent();
        let (right, bottom) = (LEFT + width, TOP + height);
        page.rectangle(LEFT - 1.0, TOP - 1.0, right + 1.0, bottom + 1.0, FRAME)?;
        for (index, &value) in self.cells.iter().enumerate() {
            let x = LEFT + (index % self.columns) as f64 * self.cell.0;
            let y = TOP + (index / self.columns) as f64 * self.cell.1;
            page.rectangle(x, y, x + self.cell.0, y + self.cell.1, relative_colour(value, largest))?;
        }

        let per_row = self.cell.1 / self.block.0 as f64;
        self.mark_columns(page, width, bottom)?;
        for (value, label) in index_ticks(self.size.0, height, 30.0) {
            let y = TOP + (value + 0.5) * per_row;
            page.rule((LEFT - 5.0, y), (LEFT - 1.0, y), 1.0, FRAME)?;
            page.write(&label, &plain(LEFT - 9.0, y + SMALL * 0.36, SMALL, Align::Right))?;
        }
        let averaged = |what: &str, block: usize| match block {
            1 => what.to_owned(),
            _ => format!("{what} (means of {block})"),
        };
        let title_x = LEFT + f64::max(width, NARROWEST) / 2.0;
        let title = plain(title_x, bottom + 14.0 + self.label_height() + BODY, BODY, Align::Centre);
        page.write(&averaged("input feature", self.block.1), &title)?;
        let middle = TOP + f64::max(height, LOWEST) / 2.0;
        let title = Writing { direction: Direction::Upwards, ..plain(8.0 + BODY, middle, BODY, Align::Centre) };
        let row_title = fitted(&averaged(self.row_title, self.block.0), BODY, f64::max(height, LOWEST) + 40.0);
        page.write(&row_title, &title)?;
        draw_colour_bar(page, LEFT + f64::max(width, NARROWEST) + 24.0, largest, f64::max(height, LOWEST))
    }
}

/// Indices from 0 to `count` − 1 at round steps, no closer than `apart` points.
fn index_ticks(count: usize, length: f64, apart: f64) -> Vec<(f64, String)> {
    let last = (count - 1) as f64;
    let axis = Axis::whole_numbers(0.0, last, ((length / apart) as usize).max(1));
    axis.ticks.into_iter().filter_map(|tick| Some((tick.value, tick.label?))).collect()
}

/// The colours from +`largest` at the top to −`largest` at the bottom, with those numbers beside it.
fn draw_colour_bar<DB: DrawingBackend>(
    page: &mut Page<DB>,
    left: f64,
    largest: f64,
    height: f64,
) -> Result<(), FigureError> {
    const STEPS: usize = 128;
    let bar = height.min(220.0);
    page.rectangle(left - 1.0, TOP - 1.0, left + BAR + 1.0, TOP + bar + 1.0, FRAME)?;
    for step in 0..STEPS {
        let [upper, lower] = [step, step + 1].map(|edge| edge as f64 / STEPS as f64);
        let colour = diverging(1.0 - upper - lower);
        page.rectangle(left, TOP + upper * bar, left + BAR, TOP + lower * bar, colour)?;
    }
    let exponent = if largest > 0.0 { largest.log10().floor() as i32 - 2 } else { 0 };
    let label = decimal_label(largest, exponent, largest);
    let ends =
        if largest > 0.0 { [format!("+{label}"), "0".into(), format!("−{label}")] } else { Default::default() };
    for (text, share) in ends.iter().zip([0.0, 0.5, 1.0]) {
        let y = TOP + share * bar + SMALL * 0.36;
        page.write(text, &plain(left + BAR + 7.0, y, SMALL, Align::Left))?;
    }
    Ok(())
}
