//! The figures as a caller gets them: sizes, known pixels, the same bytes twice, refusals, and the text of an SVG.

use std::io::Cursor;

use contractive_core::patches::PictureShape;
use contractive_report::{
    FigureError, LossHistory, filter_grid, loss_curve_png, loss_curve_svg, profile_grid, reconstruction_grid,
    tangent_grid, tangent_profiles, weight_heatmap,
};
use png::{BitDepth, ColorType, Decoder};

/// A picture of `N` numbers a pixel.
struct Picture<const N: usize> {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl<const N: usize> Picture<N> {
    fn decode(png: &[u8], colour: ColorType) -> Self {
        let mut reader = Decoder::new(Cursor::new(png)).read_info().expect("the bytes are a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.color_type, info.bit_depth), (colour, BitDepth::Eight));
        assert_eq!(pixels.len(), info.width as usize * info.height as usize * N);
        Self { width: info.width, height: info.height, pixels }
    }

    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn at(&self, x: u32, y: u32) -> [u8; N] {
        assert!(x < self.width && y < self.height, "({x}, {y}) lies outside {:?}", self.size());
        let pixel = (y * self.width + x) as usize * N;
        self.pixels[pixel..pixel + N].try_into().unwrap()
    }

    fn has(&self, colour: [u8; N]) -> bool {
        self.pixels.chunks_exact(N).any(|pixel| pixel == colour)
    }
}

fn grey(png: &[u8]) -> Picture<1> {
    Picture::decode(png, ColorType::Grayscale)
}

fn rgb(png: &[u8]) -> Picture<3> {
    Picture::decode(png, ColorType::Rgb)
}

/// A falling history; the penalty spans a factor of 1000.
fn history(epochs: usize) -> LossHistory {
    let epoch: Vec<f64> = (1..=epochs).map(|epoch| epoch as f64).collect();
    let total: Vec<f64> = epoch.iter().map(|epoch| 14.0 + 30.0 / epoch).collect();
    LossHistory {
        validation_total: Some(total.iter().map(|total| total + 1.0).collect()),
        train_reconstruction: Some(total.iter().map(|total| total - 1.0).collect()),
        train_penalty: Some(epoch.iter().map(|epoch| 1000.0 / epoch.powi(3)).collect()),
        train_total: total,
        epoch,
        loss_name: "loss per row (sse)".to_owned(),
        penalty_name: "mean ‖J‖²".to_owned(),
    }
}

/// Every tag that opens closes again, in order, and no bare `&` is left.
fn is_well_formed(xml: &str) -> bool {
    let mut open = Vec::new();
    for piece in xml.split('<').skip(1) {
        let Some((tag, text)) = piece.split_once('>') else { return false };
        if text.split('&').skip(1).any(|entity| entity.split_once(';').is_none_or(|(name, _)| name.len() > 5)) {
            return false;
        }
        let name = tag.split_whitespace().next().unwrap_or_default().trim_end_matches('/');
        match name.strip_prefix('/') {
            Some(closed) if open.pop() != Some(closed) => return false,
            Some(_) => {}
            None if tag.ends_with('/') || tag.starts_with(['?', '!']) => {}
            None => open.push(name),
        }
    }
    open.is_empty() && xml.trim_end().ends_with("</svg>")
}

#[test]
fn grid_shows_each_value_where_it_belongs() {
    // two images of 2 × 3, without room for the rows' names: margins of 8, gaps of 4 and 8
    let originals = [0.2, 0.0, 0.0, 0.0, 0.0, 1.0, 0.4, 0.0, 0.0, 0.0, 0.0, 7.0];
    let reconstructions = [0.6, 0.0, 0.0, 0.0, 0.0, 0.8, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let image = grey(&reconstruction_grid(&originals, &reconstructions, 2, PictureShape::grey(2, 3), 5).unwrap());
    assert_eq!(image.size(), (8 + 15 + 4 + 15 + 8, 8 + 10 + 8 + 10 + 8));
    let pixel = |x, y| image.at(x, y)[0];
    assert_eq!(pixel(7, 8), 255, "margin");
    assert_eq!([pixel(8, 8), pixel(12, 12), pixel(13, 8)], [51, 51, 0], "first original, scaled by 5");
    assert_eq!(pixel(8 + 14, 8 + 9), 255, "its last pixel");
    assert_eq!([pixel(8 + 19, 8), pixel(8 + 33, 17)], [102, 255], "second original, clamped above");
    assert_eq!([pixel(8, 26), pixel(22, 35)], [153, 204], "first reconstruction");
    assert_eq!(pixel(8 + 19, 26), 0, "second reconstruction, clamped below");
}

#[test]
fn grid_of_digits_names_its_rows() {
    let values = vec![0.5; 10 * 784];
    let image = grey(&reconstruction_grid(&values, &values, 10, PictureShape::grey(28, 28), 4).unwrap());
    assert_eq!(image.height, 8 + 112 + 8 + 112 + 8);
    let left = image.width - (10 * 116 + 4);
    assert_eq!(image.at(left, 8)[0], 128);
    let ink = |top: u32| (0..left).flat_map(move |x| (top..top + 112).map(move |y| (x, y)));
    for top in [8, 128] {
        assert!(ink(top).any(|(x, y)| image.at(x, y)[0] < 80), "a name beside the row at {top}");
    }
    assert!((0..left).all(|x| image.at(x, 124)[0] == 255), "names keep to their rows");
}

#[test]
fn grid_refuses_what_does_not_fit() {
    let values = [0.0; 8];
    assert_eq!(
        reconstruction_grid(&values, &values[..6], 2, PictureShape::grey(2, 2), 1),
        Err(FigureError::Length {
            what: "reconstructions",
            sizes: "n × height × width × channels",
            expected: 8,
            got: 6
        })
    );
    assert_eq!(
        reconstruction_grid(&[], &[], 0, PictureShape::grey(2, 2), 1),
        Err(FigureError::Empty { what: "originals" })
    );
    assert_eq!(
        reconstruction_grid(&values, &values, 2, PictureShape::grey(2, 2), 0),
        Err(FigureError::Empty { what: "scale" })
    );
    let mut broken = values;
    broken[6] = f32::INFINITY;
    let refused = reconstruction_grid(&values, &broken, 2, PictureShape::grey(2, 2), 1);
    assert_eq!(
        refused,
        Err(FigureError::NonFinite { what: "reconstructions", row: 1, column: 2, value: f32::INFINITY })
    );
    assert!(matches!(
        reconstruction_grid(&values, &values, 2, PictureShape::grey(2, 2), usize::MAX),
        Err(FigureError::Size { width: usize::MAX, .. })
    ));
    assert!(reconstruction_grid(&values, &values, usize::MAX, PictureShape::grey(2, 2), 1).is_err());
}

#[test]
fn filters_are_scaled_about_zero_each_by_itself() {
    // three filters of 1 × 2: mixed, all zero, tiny
    let weights = [0.5, -0.5, 0.0, 0.0, -1e-6, 0.5e-6];
    let image = rgb(&filter_grid(&weights, PictureShape::grey(1, 2), 8, 3).unwrap());
    // two columns of two rows, the last place empty
    let at = |filter: u32, pixel: u32| image.at(5 + filter % 2 * 10 + pixel * 3, 5 + filter / 2 * 7);
    assert_eq!(image.size(), (2 * 10 + 4, 2 * 7 + 4));
    assert_eq!(image.at(15, 12), [255; 3]);
    let [red, _, blue] = at(0, 0);
    assert!(red > blue, "positive is orange");
    let [red, _, blue] = at(0, 1);
    assert!(blue > red, "negative is blue");
    assert_eq!([at(1, 0), at(1, 1)], [[247; 3]; 2], "zero is neutral");
    assert_eq!(at(2, 0), at(0, 1), "a filter is scaled by its own largest weight");
}

#[test]
fn filters_stop_at_the_number_asked_for_and_refuse_a_part_of_one() {
    let weights = vec![1.0; 64 * 784];
    let image = rgb(&filter_grid(&weights, PictureShape::grey(28, 28), 64, 2).unwrap());
    assert_eq!(image.size(), (8 * 60 + 4, 8 * 60 + 4));
    assert_eq!(rgb(&filter_grid(&weights, PictureShape::grey(28, 28), 1, 2).unwrap()).size(), (64, 64));
    let refused = filter_grid(&weights[..800], PictureShape::grey(28, 28), 64, 2);
    assert_eq!(
        refused,
        Err(FigureError::Length {
            what: "weights", sizes: "m × height × width × channels", expected: 784, got: 800
        })
    );
    assert_eq!(filter_grid(&[], PictureShape::grey(28, 28), 4, 2), Err(FigureError::Empty { what: "weights" }));
    let refused = filter_grid(&[0.0, 1.0, f32::NAN, 0.0], PictureShape::grey(1, 2), 4, 2);
    assert!(matches!(refused, Err(FigureError::NonFinite { row: 1, column: 0, .. })), "{refused:?}");
}

#[test]
fn heatmap_has_the_first_weight_at_its_upper_left() {
    let image = rgb(&weight_heatmap(&[-2.0, 1.0, 0.0, 2.0], 2, 2, "code unit", None).unwrap());
    // the matrix begins at (64, 20) points of two pixels; its four cells are 64 pixels a side
    let cell = |column: u32, row: u32| image.at(128 + 64 * column + 32, 40 + 64 * row + 32);
    assert_eq!([cell(0, 0), cell(0, 1), cell(1, 1)], [[4, 44, 92], [247; 3], [108, 36, 4]]);
    assert!(weight_heatmap(&[1.0; 6], 2, 2, "code unit", None).is_err());
    let long = weight_heatmap(&vec![0.0; 3 * 5000], 3, 5000, "code unit", None);
    assert!(long.is_ok(), "long sides are averaged down; zeros have a colour");
}

#[test]
fn heatmap_says_what_its_rows_are_and_names_its_columns() {
    let weights: Vec<f32> = (0..12).map(|index| index as f32 - 6.0).collect();
    let draw = |rows: &str, names: Option<&[String]>| weight_heatmap(&weights, 3, 4, rows, names);
    let named = |words: [&str; 4]| draw("first-layer unit", Some(&words.map(str::to_owned))).unwrap();
    let plain = draw("first-layer unit", None).unwrap();
    assert!(plain != draw("code unit", None).unwrap(), "the title is the caller's");
    let (short, long) = (named(["a", "b", "c", "d"]), named(["age", "height", "weight", "blood pressure"]));
    let heights = [&plain, &short, &long].map(|png| rgb(png).height);
    assert!(heights[1] < heights[2] && heights[0] < heights[2], "names take the room they need: {heights:?}");
    assert!(short != named(["a", "b", "d", "c"]), "the names are written");
    let (bare, full) = (rgb(&plain), rgb(&long));
    // one cell of each column and row, 64 pixels a side from (128, 40)
    for (column, row) in [(0, 0), (3, 0), (1, 2)] {
        let (x, y) = (128 + 64 * column + 32, 40 + 64 * row + 32);
        assert_eq!(bare.at(x, y), full.at(x, y), "names move no cell");
    }
    // Many names are thinned, not written over each other.
    let many: Vec<String> = (0..3000).map(|column| format!("column {column}")).collect();
    assert!(weight_heatmap(&vec![0.5; 2 * 3000], 2, 3000, "first-layer unit", Some(&many)).is_ok());
    assert_eq!(
        draw("first-layer unit", Some(&many[..3])),
        Err(FigureError::Length { what: "column_names", sizes: "n", expected: 4, got: 3 })
    );
}

#[test]
fn loss_curve_has_the_size_asked_for_and_the_same_bytes_twice() {
    let history = history(12);
    let png = loss_curve_png(&history, 900, 700).unwrap();
    assert_eq!(rgb(&png).size(), (900, 700));
    assert!(png == loss_curve_png(&history, 900, 700).unwrap());
    assert_eq!(loss_curve_svg(&history, 900, 700), loss_curve_svg(&history, 900, 700));
    assert!(rgb(&png).has([0, 114, 178]), "the training curve's blue");
}

#[test]
fn loss_curve_svg_is_well_formed_and_says_what_it_shows() {
    let mut history = history(12);
    history.penalty_name = "0.1 · mean ‖J‖² <all & exact>".to_owned();
    let svg = loss_curve_svg(&history, 1600, 1200).unwrap();
    assert!(is_well_formed(&svg));
    let texts = ["training total", "validation total", "training reconstruction", "loss per row (sse)", "epoch"];
    for text in texts.into_iter().chain(["training 0.1 · mean ‖J‖² &lt;all &amp; exact&gt;", "log scale"]) {
        assert!(svg.contains(text), "{text:?} is missing");
    }
}

#[test]
fn logarithmic_axis_is_stated_only_where_it_is_used() {
    let mut history = history(12);
    history.train_penalty = None;
    assert!(!loss_curve_svg(&history, 800, 600).unwrap().contains("log scale"));
    history.train_total[0] = 1e4;
    assert!(loss_curve_svg(&history, 800, 600).unwrap().contains("log scale"));
    history.train_total[5] = 0.0;
    assert!(!loss_curve_svg(&history, 800, 600).unwrap().contains("log scale"), "zero has no logarithm");
}

#[test]
fn one_epoch_is_drawn_as_points() {
    let svg = loss_curve_svg(&history(1), 800, 600).unwrap();
    assert_eq!(svg.matches("<circle").count(), 4);
    assert!(is_well_formed(&svg));
    assert!(loss_curve_png(&history(1), 800, 600).is_ok());
}

#[test]
fn values_that_are_not_finite_leave_a_gap() {
    let whole = history(40);
    let mut holed = whole.clone();
    holed.train_total[20] = f64::NAN;
    holed.validation_total = Some(vec![f64::INFINITY; 40]);
    let svg = loss_curve_svg(&holed, 800, 600).unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("validation"));
    let blue_lines = |svg: &str| svg.matches("stroke=\"#0072B2\"").count();
    assert_eq!(blue_lines(&svg), blue_lines(&loss_curve_svg(&whole, 800, 600).unwrap()) + 1);
    let huge = LossHistory { epoch: vec![1.0, 2.0], train_total: vec![-1e300, 1e300], ..LossHistory::default() };
    assert!(loss_curve_png(&huge, 800, 600).is_ok());
}

#[test]
fn loss_curve_refuses_an_empty_or_uneven_history() {
    assert_eq!(loss_curve_png(&LossHistory::default(), 800, 600), Err(FigureError::Empty { what: "epoch" }));
    let mut uneven = history(5);
    uneven.train_penalty = Some(vec![1.0; 4]);
    assert_eq!(
        loss_curve_svg(&uneven, 800, 600),
        Err(FigureError::Length { what: "train_penalty", sizes: "one an epoch", expected: 5, got: 4 })
    );
    let lost = LossHistory { train_total: vec![f64::NAN; 5], ..history(5) };
    assert_eq!(loss_curve_png(&lost, 800, 600), Err(FigureError::NothingFinite { what: "train_total", length: 5 }));
    assert!(matches!(loss_curve_png(&history(5), 800, 100), Err(FigureError::Size { height: 100, .. })));
    assert!(matches!(loss_curve_png(&history(5), 800, u32::MAX), Err(FigureError::Size { .. })));
}

#[test]
fn profiles_draw_tables_with_and_without_names() {
    let originals: Vec<f32> = (0..39).map(|index| (index as f32).sin()).collect();
    let reconstructions: Vec<f32> = originals.iter().map(|value| value * 0.8).collect();
    let names: Vec<String> = (0..13).map(|feature| format!("feature {feature}")).collect();
    let plain = profile_grid(&originals, &reconstructions, 3, 13, None).unwrap();
    assert_eq!(rgb(&plain).width, 1600);
    assert!(plain == profile_grid(&originals, &reconstructions, 3, 13, None).unwrap());
    let named = profile_grid(&originals, &reconstructions, 3, 13, Some(&names)).unwrap();
    assert!(rgb(&named).height > rgb(&plain).height, "names take room below");
    for colour in [[0, 114, 178], [213, 94, 0]] {
        assert!(rgb(&plain).has(colour));
    }
    let mut holed = originals.clone();
    holed[3] = f32::NAN;
    assert!(profile_grid(&holed, &reconstructions, 3, 13, None).unwrap() != plain);
    assert_eq!(
        profile_grid(&originals, &reconstructions, 3, 13, Some(&names[..5])),
        Err(FigureError::Length { what: "names", sizes: "n_features", expected: 13, got: 5 })
    );
    assert!(profile_grid(&[f32::NAN], &[f32::NAN], 1, 1, None).is_err());
    assert!(matches!(profile_grid(&[0.0; 500], &[0.0; 500], 500, 1, None), Err(FigureError::Size { .. })));
}

#[test]
fn tangents_stand_beside_their_images_in_colours_of_their_own() {
    // Two images of 1 × 2 with two tangents each, the second of the second image of zeros.
    let images = [0.0, 1.0, 0.5, 2.0];
    let tangents = [0.5, -0.5, 1e-6, -1e-6, 0.0, 3.0, 0.0, 0.0];
    let image = rgb(&tangent_grid(&images, &tangents, 2, PictureShape::grey(1, 2), 3).unwrap());
    assert_eq!(image.size(), (3 * 10 + 4, 2 * 7 + 4));
    let at = |row: u32, column: u32, pixel: u32| image.at(5 + column * 10 + pixel * 3, 5 + row * 7);
    assert_eq!([at(0, 0, 0), at(0, 0, 1), at(1, 0, 0), at(1, 0, 1)], [[0; 3], [255; 3], [128; 3], [255; 3]]);
    let [red, _, blue] = at(0, 1, 0);
    assert!(red > blue, "positive is orange");
    assert_eq!([at(0, 1, 0), at(0, 1, 1)], [at(0, 2, 0), at(0, 2, 1)], "each is scaled by its own largest entry");
    assert_eq!([at(1, 2, 0), at(1, 2, 1)], [[247; 3]; 2], "zeros are neutral");
    assert_eq!(
        tangent_grid(&[], &tangents, 0, PictureShape::grey(1, 2), 3),
        Err(FigureError::Empty { what: "images" })
    );
    assert!(matches!(
        tangent_grid(&images, &tangents[..5], 2, PictureShape::grey(1, 2), 3),
        Err(FigureError::Length { what: "tangents", .. })
    ));
    assert_eq!(
        tangent_grid(&images, &tangents, 2, PictureShape::grey(1, 2), 0),
        Err(FigureError::Empty { what: "scale" })
    );
}

#[test]
fn tangents_of_a_table_are_profiles_of_up_to_three() {
    let tangents: Vec<f32> = (0..2 * 4 * 13).map(|index| (index as f32).sin()).collect();
    let picture = tangent_profiles(&tangents, &[3, 40], 4, 13, None).unwrap();
    for colour in [[0, 114, 178], [213, 94, 0], [0, 158, 115]] {
        assert!(rgb(&picture).has(colour));
    }
    let one = tangent_profiles(&tangents[..26], &[3, 40], 1, 13, None).unwrap();
    assert!(!rgb(&one).has([213, 94, 0]));
    assert!(tangent_profiles(&tangents, &[3, 41], 4, 13, None).unwrap() != picture, "rows are named");
    assert!(tangent_profiles(&tangents, &[3], 4, 13, None).is_err());
}
