//! Where a picture has edges, and in which direction: histograms of oriented gradients, without normalisation by
//! neighbours (Dalal and Triggs 2005, "Histograms of oriented gradients for human detection").
//!
//! With g the forward difference of a channel (0 at the far rim), u_k the unit vector at 60°·k:
//!
//! ```text
//! e_k(pixel) = Σ over channels of max(0, ⟨g, u_k⟩)²/|g|          |g| shared out among directions
//! x_k(cell)  = √(mean of e_k over the pixels of the cell)         cells are patches: as large, as far apart
//! ```
//!
//! What a thing is shows in its outline; brightness within it, and small shifts, count for little. The root keeps a few
//! strong edges from ruling the distance.

use contractive_core::patches::{PatchGrid, PictureShape};
use contractive_pictures::Picture;

use super::error::ImageError;

/// Directions of an edge.
pub(super) const DIRECTIONS: usize = 6;
/// (cos, sin) of 60°·k.
const UNITS: [(f32, f32); DIRECTIONS] = {
    const HALF: f32 = 0.5;
    const ROOT: f32 = 0.866_025_4;
    [(1.0, 0.0), (HALF, ROOT), (-HALF, ROOT), (-1.0, 0.0), (-HALF, -ROOT), (HALF, -ROOT)]
};

/// The cells of pictures of `shape`.
pub(super) fn cells(shape: PictureShape, patch: usize, stride: usize) -> Result<PatchGrid, ImageError> {
    Ok(PatchGrid::new(PictureShape { channels: DIRECTIONS, ..shape }, patch, stride)?)
}

/// The numbers of a row, cell by cell.
pub(super) fn row_width(cells: &PatchGrid) -> usize {
    cells.n_patches() * DIRECTIONS
}

/// The row of a picture, added to `out`.
pub(super) fn append_row(picture: &Picture, grid: &PatchGrid, out: &mut Vec<f32>) {
    let energies = energies(picture);
    let (k, width) = (grid.patch(), picture.shape.width);
    let share = 1.0 / (k * k) as f32;
    for i in 0..grid.n_patches() {
        let (top, left) = grid.place(i);
        let mut sums = [0.0_f32; DIRECTIONS];
        for y in top..top + k {
            let line = &energies[y * width + left..][..k];
            line.iter().for_each(|e| sums.iter_mut().zip(e).for_each(|(sum, e)| *sum += e));
        }
        out.extend(sums.map(|sum| (share * sum).sqrt()));
    }
}

/// e of every pixel.
fn energies(picture: &Picture) -> Vec<[f32; DIRECTIONS]> {
    let PictureShape { height, width, channels } = picture.shape;
    let at = |y: usize, x: usize, c: usize| f32::from(picture.pixels[(y * width + x) * channels + c]);
    let mut all = Vec::with_capacity(height * width);
    for y in 0..height {
        for x in 0..width {
            let mut of_pixel = [0.0; DIRECTIONS];
            for c in 0..channels {
                let here = at(y, x, c);
                let right = (at(y, (x + 1).min(width - 1), c) - here) / 255.0;
                let down = (at((y + 1).min(height - 1), x, c) - here) / 255.0;
                let length = (right * right + down * down).sqrt();
                if length > 0.0 {
                    for (e, (cos, sin)) in of_pixel.iter_mut().zip(UNITS) {
                        let along = (right * cos + down * sin).max(0.0);
                        *e += along * along / length;
                    }
                }
            }
            all.push(of_pixel);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dark to the left of a column, and light from it on.
    fn edge(height: usize, width: usize, column: usize) -> Picture {
        let pixel = |i: usize| if i % width < column { 0 } else { 255 };
        Picture { shape: PictureShape::grey(height, width), pixels: (0..height * width).map(pixel).collect() }
    }

    #[test]
    fn an_edge_is_in_its_cell_and_its_direction() {
        let picture = edge(8, 8, 6);
        let grid = cells(picture.shape, 4, 4).unwrap();
        assert_eq!(row_width(&grid), 24);
        let mut row = Vec::new();
        append_row(&picture, &grid, &mut row);
        // Four of the sixteen pixels of a right cell have the step, to the right: √(4/16), and half of it squared at 60°.
        let right = [0.5, 0.25, 0.0, 0.0, 0.0, 0.25];
        for (cell, expected) in row.chunks(6).zip([[0.0; 6], right, [0.0; 6], right]) {
            assert!(cell.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{cell:?} not {expected:?}");
        }
    }

    #[test]
    fn brightness_counts_for_nothing_and_all_of_a_step_is_shared_out() {
        let mut picture = edge(6, 9, 3);
        picture.pixels.iter_mut().for_each(|p| *p = *p / 5 + 40);
        let once = energies(&picture);
        picture.pixels.iter_mut().for_each(|p| *p += 60);
        assert_eq!(energies(&picture), once);
        // Σ over directions of cos²₊ is 3/2, for any angle.
        let sum: f32 = once[2].iter().sum();
        assert!((sum - 1.5 * 51.0 / 255.0).abs() < 1e-6, "{sum}");
    }
}
