//! Exit codes: 1 failure, 2 usage, 3 bad data, 4 diverged.

use std::io::ErrorKind;

use contractive::config::ConfigError;
use contractive::data::TableError;
use contractive::import::ImportError;
use contractive::model::{ModelError, TensorFileError};
use contractive::run::RunError;
use contractive::train::TrainError;
use contractive_anomaly::detector::encoding::EncodingError;
use contractive_anomaly::detector::{DetectorError, MergeError};
use contractive_anomaly::images::ImageError;
use contractive_anomaly::series::SeriesError;
use contractive_core::ArgumentError;
use contractive_core::communicator::CommunicationError;
use contractive_datasets::DatasetError;
use contractive_onnx::OnnxError;
use contractive_pictures::PictureError;
use contractive_table::OutputError;

use super::kind::Kind;
use super::usage::Usage;

const FAILURE: u8 = 1;
const USAGE: u8 = 2;
pub(crate) const BAD_DATA: u8 = 3;
const DIVERGED: u8 = 4;

/// The exit code of an error.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| cause.is::<Usage>()) {
        return USAGE;
    }
    match Kind::of(error) {
        Some(kind) => of_kind(kind),
        None => FAILURE,
    }
}

/// What ranks have to say of each other, if that is the error.
pub(crate) fn communication(error: &anyhow::Error) -> Option<&CommunicationError> {
    match Kind::of(error) {
        Some(Kind::Communication(e)) => Some(e),
        _ => None,
    }
}

/// Whether an error of one rank is one of all: how they were started, or numbers that all have.
pub(crate) fn is_of_all(error: &anyhow::Error) -> bool {
    matches!(code(error), USAGE | DIVERGED)
}

fn of_kind(kind: Kind<'_>) -> u8 {
    match kind {
        Kind::Argument(ArgumentError::Range { .. } | ArgumentError::NotFinite { .. }) => BAD_DATA,
        Kind::Argument(_) => USAGE,
        Kind::Checkpoint(_) | Kind::Preprocess(_) | Kind::Patches(_) => BAD_DATA,
        Kind::Train(TrainError::SeveralSizes { .. }) => BAD_DATA,
        // Ranks that were given different things were started so.
        Kind::Communication(CommunicationError::Differs { .. }) => USAGE,
        Kind::Communication(_) => FAILURE,
        // What is no text is a wrong configuration, as text that is no TOML.
        Kind::Config(ConfigError::Read { source, .. }) if source.kind() != ErrorKind::InvalidData => FAILURE,
        Kind::Config(_) => USAGE,
        Kind::Dataset(e) => of_dataset(e),
        Kind::Detector(e) => of_detector(e),
        Kind::Encoding(EncodingError::TwoRoles { .. } | EncodingError::Unfit(_) | EncodingError::Columns { .. }) => {
            USAGE
        }
        Kind::Encoding(_) => BAD_DATA,
        Kind::Import(
            ImportError::OtherFormat { .. }
            | ImportError::NoLayers { .. }
            | ImportError::Type { .. }
            | ImportError::Shape { .. }
            | ImportError::Number { .. },
        ) => BAD_DATA,
        Kind::Import(_) => USAGE,
        Kind::Label(_) => USAGE,
        Kind::Merge(MergeError::SameFile { .. } | MergeError::EmptyFolder { .. } | MergeError::TooMany { .. }) => USAGE,
        Kind::Merge(MergeError::Changed) => FAILURE,
        Kind::Merge(_) => BAD_DATA,
        Kind::Model(ModelError::Write { .. } | ModelError::Occupied { .. } | ModelError::Read { .. }) => FAILURE,
        Kind::Model(_) => BAD_DATA,
        Kind::Onnx(OnnxError::Opset { .. }) => USAGE,
        Kind::Onnx(OnnxError::Write { .. }) => FAILURE,
        Kind::Onnx(_) => BAD_DATA,
        Kind::Output(OutputError::Write { .. }) => FAILURE,
        Kind::Output(_) => USAGE,
        Kind::Run(RunError::Occupied { .. } | RunError::NotARun { .. } | RunError::NotBegun { .. }) => USAGE,
        Kind::Run(RunError::Metrics { .. }) => BAD_DATA,
        Kind::Run(RunError::Read { source, .. }) if source.kind() == ErrorKind::InvalidData => BAD_DATA,
        Kind::Run(_) => FAILURE,
        Kind::Image(ImageError::Setting { .. }) => USAGE,
        Kind::Image(ImageError::File { .. }) => FAILURE,
        Kind::Image(_) => BAD_DATA,
        Kind::Picture(PictureError::Size { .. } | PictureError::NoMasks { .. }) => USAGE,
        Kind::Picture(PictureError::Io { .. }) => FAILURE,
        Kind::Picture(_) => BAD_DATA,
        Kind::Series(SeriesError::Setting { .. } | SeriesError::Columns { .. }) => USAGE,
        Kind::Series(SeriesError::File { .. }) => FAILURE,
        Kind::Series(_) => BAD_DATA,
        Kind::Table(e) => of_table(e),
        Kind::Tensors(TensorFileError::Read { .. } | TensorFileError::Write { .. }) => FAILURE,
        Kind::Tensors(_) => BAD_DATA,
        Kind::Threshold(_) => USAGE,
        Kind::Train(TrainError::Diverged { .. }) => DIVERGED,
        Kind::Train(TrainError::Changed { .. }) => BAD_DATA,
        Kind::Train(_) => USAGE,
    }
}

fn of_table(error: &TableError) -> u8 {
    match error {
        TableError::Io { source, .. } if source.kind() == ErrorKind::IsADirectory => BAD_DATA,
        TableError::Io { .. } => FAILURE,
        TableError::UnknownFormat { .. }
        | TableError::NotBuilt { .. }
        | TableError::NoSuchArray { .. }
        | TableError::Setting { .. }
        | TableError::MissingColumns { .. } => USAGE,
        _ => BAD_DATA,
    }
}

fn of_dataset(error: &DatasetError) -> u8 {
    match error {
        DatasetError::UnknownName { .. }
        | DatasetError::UnknownPart { .. }
        | DatasetError::NoSuchPart { .. }
        | DatasetError::RowCount { .. }
        | DatasetError::Columns { .. }
        | DatasetError::NoPictures { .. }
        | DatasetError::TwoReadings { .. }
        | DatasetError::Setting { .. } => USAGE,
        DatasetError::Checksum { .. } | DatasetError::TooLarge { .. } => BAD_DATA,
        _ => FAILURE,
    }
}

fn of_detector(error: &DetectorError) -> u8 {
    match error {
        DetectorError::Setting { .. } | DetectorError::NoSuchScore { .. } => USAGE,
        DetectorError::TooFewRows { .. } | DetectorError::Stored { .. } | DetectorError::NotFinite { .. } => BAD_DATA,
        DetectorError::Diverged { .. } => DIVERGED,
        _ => FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn codes_go_by_the_kind_also_under_a_context_and_within_other_errors() {
        let unknown = || contractive::recipe::find("strkes").unwrap_err();
        assert_eq!(code(&unknown().into()), 2);
        assert_eq!(code(&anyhow::Error::from(unknown()).context("while looking")), 2);
        assert_eq!(code(&Usage("no".into()).into()), 2);
        assert_eq!(code(&std::io::Error::other("no").into()), 1);
        let diverged = || TrainError::Diverged { epoch: 1, step: 1, term: "total".into(), last_good: None };
        assert_eq!(code(&diverged().into()), 4);
        assert_eq!(code(&contractive::Error::from(diverged()).into()), 4);
        assert_eq!(code(&DatasetError::from(diverged()).into()), 4);
        let (data, what) = ("t".into(), "the score".into());
        assert_eq!(code(&DetectorError::NotFinite { data, row: 0, what, value: f64::NAN }.into()), 3);
        let empty = TableError::Empty { what: "t".into() };
        let nested = SeriesError::from(DetectorError::from(EncodingError::from(empty)));
        assert_eq!(code(&Err::<(), _>(nested).context("while scoring").unwrap_err()), 3);
    }
}
