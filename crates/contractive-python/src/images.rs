//! `contractive._core.ImageDetector`: anomalies in pictures.

use std::path::PathBuf;

use contractive_anomaly::images::{
    ImageDetector as Trained, ImageError, ImageSpec, NamedSource, PictureSet, PictureSize, PicturesInMemory,
    ScoredPicture,
};
use contractive_core::patches::PictureShape;
use contractive_pictures::{Colour, Fit, Picture, PictureOptions, PictureSource};
use contractive_report::{ImageMeter, images_html};
use numpy::{IntoPyArray, PyArrayMethods, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use serde::Deserialize;

use crate::failure::raise;
use crate::folders::{Files, files_of, of_files};
use crate::rows::numbers_of;
use crate::settings::{by_key, detector_settings, rule};
use crate::telling::{Tells, training};
use crate::work::{pieces, threads};

/// A trained detector of pictures.
#[pyclass(frozen, module = "contractive._core")]
pub struct ImageDetector {
    trained: Trained,
}

/// Pictures as Python gives them: a path, or arrays (H, W, C) of bytes.
#[derive(FromPyObject)]
pub enum Given<'py> {
    /// A folder, an archive or an array in a file.
    Path(PathBuf),
    /// Arrays.
    Arrays(Vec<PyReadonlyArray3<'py, u8>>),
}

/// Pictures away from Python.
enum Taken {
    Path(PathBuf),
    Memory(PicturesInMemory),
}

impl Given<'_> {
    fn taken(self) -> PyResult<Taken> {
        let arrays = match self {
            Given::Path(path) => return Ok(Taken::Path(path)),
            Given::Arrays(arrays) => arrays,
        };
        let picture = |array: PyReadonlyArray3<'_, u8>| {
            let [height, width, channels] = [array.shape()[0], array.shape()[1], array.shape()[2]];
            let shape = PictureShape { height, width, channels };
            if height == 0 || width == 0 || ![1, 3].contains(&channels) {
                let text = format!(
                    "X must hold pictures of at least one pixel, of 1 or 3 channels, got {height} × {width} × {channels}"
                );
                return Err(PyValueError::new_err(text));
            }
            Ok(Picture { shape, pixels: numbers_of(array)? })
        };
        let pictures = arrays.into_iter().map(picture).collect::<PyResult<Vec<Picture>>>()?;
        Ok(Taken::Memory(PicturesInMemory { what: "X".into(), pictures }))
    }
}

/// Pictures ready to be read.
enum Source {
    Path(NamedSource),
    Memory(PicturesInMemory),
}

impl Source {
    fn open(taken: Taken, options: &PictureOptions) -> PyResult<Self> {
        Ok(match taken {
            Taken::Path(path) => Source::Path(NamedSource::new(PictureSource::open(path, options).map_err(raise)?)),
            Taken::Memory(pictures) => Source::Memory(pictures),
        })
    }

    fn set(&self) -> &dyn PictureSet {
        match self {
            Source::Path(source) => source,
            Source::Memory(pictures) => pictures,
        }
    }

    /// What should be known of them once they are read.
    fn notes(&self) -> Vec<String> {
        let skipped = match self {
            Source::Path(source) => source.source().skipped(),
            Source::Memory(_) => Vec::new(),
        };
        skipped.into_iter().map(|(name, reason)| format!("{name} was passed over: {reason}")).collect()
    }

    /// The folder of each picture, where there are folders.
    fn folders(&self) -> Option<(Vec<i64>, Vec<String>)> {
        match self {
            Source::Path(source) => source.source().labels(),
            Source::Memory(_) => None,
        }
    }
}

/// What of pictures is looked at; what is left out is as by default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wishes {
    patch: usize,
    stride: Option<usize>,
    scales: Vec<usize>,
    colour: String,
    /// `None` is as by default, a list of none their own size.
    image_size: Option<Vec<usize>>,
    aspect: Option<String>,
    position_aware: bool,
    whole: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        let ImageSpec { patch, scales, .. } = ImageSpec::default();
        let colour = Colour::Auto.name().into();
        let (stride, image_size, aspect) = (None, None, None);
        Wishes { patch, stride, scales, colour, image_size, aspect, position_aware: false, whole: false }
    }
}

impl Wishes {
    fn spec(&self) -> PyResult<ImageSpec> {
        let unknown = |name: &str, known: &[&str], got: &str| {
            PyValueError::new_err(format!("`{name}` must be one of {}, got {got}", known.join(", ")))
        };
        let mut spec = match self.whole {
            true => ImageSpec::whole(),
            false => ImageSpec { scales: self.scales.clone(), ..ImageSpec::default() },
        }
        .with_patch(self.patch);
        spec.stride = self.stride.unwrap_or(spec.stride);
        match self.image_size.as_deref() {
            None => {}
            Some([width, height]) => spec.size = Some(PictureSize { width: *width, height: *height }),
            Some(_) => spec.size = None,
        }
        spec.colour = Colour::named(&self.colour)
            .ok_or_else(|| unknown("colour", &Colour::ALL.map(Colour::name), &self.colour))?;
        if let Some(aspect) = &self.aspect {
            spec.fit = Fit::named(aspect).ok_or_else(|| unknown("aspect", &Fit::ALL.map(Fit::name), aspect))?;
        }
        if self.position_aware {
            spec.position = ImageSpec::POSITION_AWARE;
        }
        spec.check().map_err(raise)?;
        Ok(spec)
    }
}

#[pymethods]
impl ImageDetector {
    /// Trains on pictures; the detector, and what a user should know.
    #[staticmethod]
    #[pyo3(signature = (pictures, wishes, skip_broken, settings, threshold, *, n_threads=None, listener=None))]
    #[allow(clippy::too_many_arguments)] // Python's keywords
    fn train(
        py: Python<'_>,
        pictures: Given<'_>,
        wishes: &str,
        skip_broken: bool,
        settings: &str,
        threshold: &str,
        n_threads: Option<usize>,
        listener: Option<Py<PyAny>>,
    ) -> PyResult<(ImageDetector, Vec<String>)> {
        let spec = by_key::<Wishes>(wishes)?.spec()?;
        let settings = detector_settings(settings, threshold)?;
        let taken = pictures.taken()?;
        let source = pieces(py, |_| Source::open(taken, &spec.options(skip_broken)))?;
        let tells = Tells { listener: &listener, of_scores: false };
        let trained =
            training(py, None, n_threads, &tells, |options| Trained::train(source.set(), &spec, &settings, options))?;
        Ok((ImageDetector { trained }, source.notes()))
    }

    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<ImageDetector> {
        Ok(ImageDetector { trained: Trained::load(path).map_err(raise)? })
    }

    fn save(&self, path: PathBuf) -> PyResult<()> {
        self.trained.save(path).map_err(raise)
    }

    fn to_files(&self) -> PyResult<Files> {
        files_of(|folder| self.trained.save(folder).map_err(raise))
    }

    /// Pickled as its files.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Files,))> {
        Ok((py.get_type::<ImageDetector>().getattr("from_files")?, (self.to_files()?,)))
    }

    #[staticmethod]
    fn from_files(files: Files) -> PyResult<ImageDetector> {
        of_files(&files, |folder| Ok(ImageDetector { trained: Trained::load(folder).map_err(raise)? }))
    }

    /// Another detector with this rule.
    fn with_threshold(&self, threshold: &str) -> PyResult<ImageDetector> {
        let mut trained = self.trained.clone();
        trained.set_threshold(rule(threshold)?).map_err(raise)?;
        Ok(ImageDetector { trained })
    }

    #[getter]
    fn threshold(&self) -> f64 {
        self.trained.threshold()
    }

    #[getter]
    fn threshold_rule(&self) -> String {
        self.trained.threshold_rule().to_string()
    }

    #[getter]
    fn pixel_level(&self) -> f64 {
        self.trained.pixel_level()
    }

    #[getter]
    fn channels(&self) -> usize {
        self.trained.channels()
    }

    #[getter]
    fn n_training_pictures(&self) -> usize {
        self.trained.n_training_pictures()
    }

    /// What of pictures is looked at, as JSON.
    fn spec(&self) -> PyResult<String> {
        serde_json::to_string(self.trained.spec()).map_err(raise)
    }

    /// The settings, as JSON.
    fn settings(&self) -> PyResult<String> {
        serde_json::to_string(self.trained.settings()).map_err(raise)
    }

    /// Score, probability and label of every picture, and its heat map where `maps` are wanted.
    #[pyo3(signature = (pictures, *, maps=false, skip_broken=false, n_threads=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        pictures: Given<'py>,
        maps: bool,
        skip_broken: bool,
        n_threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let mut all = Scored::default();
        let source = self.each(py, pictures, skip_broken, n_threads, |name, mut scored| {
            all.names.push(name);
            all.places.push(scored.place as usize);
            all.score.push(scored.score);
            all.probability.push(scored.probability);
            all.label.push(scored.is_anomaly);
            if maps {
                all.maps.push(([scored.map.height, scored.map.width], std::mem::take(&mut scored.map.values)));
            }
        })?;
        let told = PyDict::new(py);
        told.set_item("name", all.names)?;
        if let Some((codes, names)) = source.folders() {
            let folders: Vec<&str> = all.places.iter().map(|place| &names[codes[*place] as usize][..]).collect();
            told.set_item("folder", folders)?;
        }
        told.set_item("score", all.score.into_pyarray(py))?;
        told.set_item("probability", all.probability.into_pyarray(py))?;
        told.set_item("label", all.label.into_pyarray(py))?;
        let maps = all.maps.into_iter().map(|(shape, values)| values.into_pyarray(py).reshape(shape));
        told.set_item("maps", PyList::new(py, maps.collect::<PyResult<Vec<_>>>()?)?)?;
        told.set_item("notes", source.notes())?;
        Ok(told)
    }

    /// The page of `cae detect --report`, as HTML.
    #[pyo3(signature = (pictures, *, skip_broken=false, n_threads=None))]
    fn page(
        &self,
        py: Python<'_>,
        pictures: Given<'_>,
        skip_broken: bool,
        n_threads: Option<usize>,
    ) -> PyResult<String> {
        let mut meter = ImageMeter::default();
        let source = self.each(py, pictures, skip_broken, n_threads, |name, scored| meter.add(&name, &scored))?;
        let what = source.set().what().to_owned();
        let name = match &source {
            Source::Path(source) => source.source().file_name(),
            Source::Memory(_) => what.clone(),
        };
        let record = meter.finish(&self.trained, (name, what, false), source.notes()).map_err(raise)?;
        images_html(&record).map_err(raise)
    }

    /// The heat map and the outlined picture of each, as PNG files.
    #[pyo3(signature = (pictures, *, n_threads=None))]
    fn drawn<'py>(
        &self,
        py: Python<'py>,
        pictures: Given<'py>,
        n_threads: Option<usize>,
    ) -> PyResult<Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>> {
        let (mut all, level) = (Vec::new(), self.trained.pixel_level());
        self.each(py, pictures, false, n_threads, |_, scored| {
            let map = contractive_report::heat_map_png(&scored.map, level);
            all.push(map.and_then(|map| Ok((map, contractive_report::outlined_png(&scored, level)?))));
        })?;
        let bytes = |(map, outlined): (Vec<u8>, Vec<u8>)| (PyBytes::new(py, &map), PyBytes::new(py, &outlined));
        all.into_iter().map(|drawn| drawn.map(bytes).map_err(raise)).collect()
    }
}

/// What is gathered of pictures.
#[derive(Default)]
struct Scored {
    names: Vec<String>,
    places: Vec<usize>,
    score: Vec<f64>,
    probability: Vec<f64>,
    label: Vec<bool>,
    maps: Vec<([usize; 2], Vec<f32>)>,
}

impl ImageDetector {
    /// Scores every picture.
    fn each(
        &self,
        py: Python<'_>,
        pictures: Given<'_>,
        skip_broken: bool,
        n_threads: Option<usize>,
        mut each: impl FnMut(String, ScoredPicture) + Send,
    ) -> PyResult<Source> {
        let taken = pictures.taken()?;
        pieces(py, |stop| {
            let source = Source::open(taken, &self.trained.reading(skip_broken))?;
            let set = source.set();
            let order = (0..set.len() as u32).collect();
            let scored: Result<(), ImageError> =
                self.trained.score_each(set, order, threads(n_threads), &mut |scored| {
                    stop.check();
                    each(set.name(scored.place as usize), scored);
                    true
                });
            scored.map_err(raise)?;
            Ok(source)
        })
    }
}
