//! The error at the bottom of an error that wraps others.

use contractive::Error;
use contractive::checkpoint::CheckpointError;
use contractive::config::ConfigError;
use contractive::data::{PatchError, TableError};
use contractive::import::ImportError;
use contractive::model::{ModelError, TensorFileError};
use contractive::preprocess::PreprocessError;
use contractive::run::RunError;
use contractive::train::TrainError;
use contractive_anomaly::LabelError;
use contractive_anomaly::detector::encoding::EncodingError;
use contractive_anomaly::detector::{DetectorError, MergeError, ThresholdError};
use contractive_anomaly::images::ImageError;
use contractive_anomaly::series::SeriesError;
use contractive_core::ArgumentError;
use contractive_core::communicator::CommunicationError;
use contractive_datasets::DatasetError;
use contractive_onnx::OnnxError;
use contractive_pictures::PictureError;
use contractive_table::OutputError;

/// An error of the toolkit, by the room that it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Argument(&'a ArgumentError),
    Checkpoint(&'a CheckpointError),
    Communication(&'a CommunicationError),
    Config(&'a ConfigError),
    Dataset(&'a DatasetError),
    Detector(&'a DetectorError),
    Encoding(&'a EncodingError),
    Image(&'a ImageError),
    Import(&'a ImportError),
    Label(&'a LabelError),
    Merge(&'a MergeError),
    Model(&'a ModelError),
    Onnx(&'a OnnxError),
    Output(&'a OutputError),
    Patches(&'a PatchError),
    Picture(&'a PictureError),
    Preprocess(&'a PreprocessError),
    Run(&'a RunError),
    Series(&'a SeriesError),
    Table(&'a TableError),
    Tensors(&'a TensorFileError),
    Threshold(&'a ThresholdError),
    Train(&'a TrainError),
}

impl<'a> Kind<'a> {
    /// The toolkit's error in `error`, if it holds one.
    pub(super) fn of(error: &'a anyhow::Error) -> Option<Self> {
        error.chain().find_map(|cause| {
            let of = |kind: Option<Kind<'a>>| kind.map(Kind::unwrapped);
            of(cause.downcast_ref::<Error>().map(of_toolkit))
                .or_else(|| of(cause.downcast_ref().map(Kind::Config)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Table)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Dataset)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Train)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Model)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Run)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Output)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Checkpoint)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Preprocess)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Detector)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Encoding)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Import)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Label)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Merge)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Threshold)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Series)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Image)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Picture)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Tensors)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Onnx)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Argument)))
                .or_else(|| of(cause.downcast_ref().map(Kind::Communication)))
        })
    }

    /// The error inside one that only wraps it.
    fn unwrapped(self) -> Self {
        let inner = match self {
            Kind::Config(ConfigError::Argument(e)) => Kind::Argument(e),
            Kind::Dataset(DatasetError::Communication(e)) => Kind::Communication(e),
            Kind::Dataset(DatasetError::Table(e)) => Kind::Table(e),
            Kind::Dataset(DatasetError::Train(e)) => Kind::Train(e),
            Kind::Dataset(DatasetError::Encoding(e)) => Kind::Encoding(e),
            Kind::Train(TrainError::Communication(e)) => Kind::Communication(e),
            Kind::Train(TrainError::Data(e)) => Kind::Table(e),
            Kind::Train(TrainError::Config(e)) => Kind::Config(e),
            Kind::Train(TrainError::Columns(e)) => Kind::Preprocess(e),
            Kind::Train(TrainError::Argument(e)) => Kind::Argument(e),
            Kind::Train(TrainError::Patches(e)) => Kind::Patches(e),
            Kind::Train(TrainError::Pictures(e)) => Kind::Picture(e),
            Kind::Dataset(DatasetError::Pictures(e)) => Kind::Picture(e),
            Kind::Model(ModelError::Patches(e)) => Kind::Patches(e),
            Kind::Patches(PatchError::Grid(e)) => Kind::Argument(e),
            Kind::Train(TrainError::Checkpoint(e)) => Kind::Checkpoint(e),
            Kind::Train(TrainError::Run(e)) => Kind::Run(e),
            Kind::Train(TrainError::Model(e)) => Kind::Model(e),
            Kind::Model(ModelError::Argument(e)) => Kind::Argument(e),
            Kind::Model(ModelError::Columns(e)) => Kind::Preprocess(e),
            Kind::Model(ModelError::Rows(e)) => Kind::Table(e),
            Kind::Model(ModelError::Tensors(e)) => Kind::Tensors(e),
            Kind::Checkpoint(CheckpointError::Tensors(e)) => Kind::Tensors(e),
            Kind::Run(RunError::Config(e)) => Kind::Config(e),
            Kind::Detector(DetectorError::Communication(e)) => Kind::Communication(e),
            Kind::Detector(DetectorError::Threshold(e)) => Kind::Threshold(e),
            Kind::Detector(DetectorError::Columns(e)) => Kind::Preprocess(e),
            Kind::Detector(DetectorError::Encoding(e)) => Kind::Encoding(e),
            Kind::Detector(DetectorError::Argument(e)) => Kind::Argument(e),
            Kind::Detector(DetectorError::Model(e)) => Kind::Model(e),
            Kind::Encoding(EncodingError::Communication(e)) => Kind::Communication(e),
            Kind::Encoding(EncodingError::Data(e)) => Kind::Table(e),
            Kind::Import(ImportError::Tensors(e)) => Kind::Tensors(e),
            Kind::Import(ImportError::File(e)) => Kind::Table(e),
            Kind::Import(ImportError::Argument(e)) => Kind::Argument(e),
            Kind::Import(ImportError::Model(e)) => Kind::Model(e),
            // A cell of a column of scores has remedies of its own.
            Kind::Merge(MergeError::Table(TableError::Cell { .. } | TableError::ColumnKind { .. })) => return self,
            Kind::Merge(MergeError::Table(e)) => Kind::Table(e),
            Kind::Merge(MergeError::Threshold(e)) => Kind::Threshold(e),
            Kind::Image(ImageError::Picture(e)) => Kind::Picture(e),
            Kind::Image(ImageError::Detector(e)) => Kind::Detector(e),
            Kind::Picture(PictureError::Array(e)) => Kind::Table(e),
            Kind::Series(SeriesError::Data(e)) => Kind::Table(e),
            Kind::Series(SeriesError::Labels(e)) => Kind::Label(e),
            Kind::Series(SeriesError::Detector(e)) => Kind::Detector(e),
            whole => return whole,
        };
        inner.unwrapped()
    }
}

fn of_toolkit(error: &Error) -> Kind<'_> {
    match error {
        Error::Config(e) => Kind::Config(e),
        Error::Data(e) => Kind::Table(e),
        Error::Preprocess(e) => Kind::Preprocess(e),
        Error::Argument(e) => Kind::Argument(e),
        Error::Model(e) => Kind::Model(e),
        Error::Checkpoint(e) => Kind::Checkpoint(e),
        Error::Run(e) => Kind::Run(e),
        Error::Train(e) => Kind::Train(e),
        Error::Output(e) => Kind::Output(e),
        _ => unreachable!("every kind of the toolkit's error is listed above"),
    }
}
