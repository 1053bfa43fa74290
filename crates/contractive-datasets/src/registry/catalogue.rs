//! The list of registered data sets: MD5 sums as their authors published them, SHA-256 sums of the same bytes.
//!
//! `cifar10-gray` is this project's own re-encoding, so its sums are ours.

use super::set::{PartFiles, Registered, RegisteredFile};
use crate::part::Part;

const DIGITS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

pub(super) static ALL: [Registered; 4] = [
    Registered {
        name: "strokes",
        description: "images like handwritten digits, drawn from a seed; built in, needs no files",
        licence: "as this program",
        image_shape: (28, 28),
        class_names: DIGITS,
        rows: (10_000, 2_000),
        parts: &[],
    },
    Registered {
        name: "fashion-mnist",
        description: "photographs of clothes in ten classes, by Zalando Research",
        licence: "MIT, copyright 2017 Zalando SE",
        image_shape: (28, 28),
        class_names: &[
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ],
        rows: (60_000, 10_000),
        parts: &[
            PartFiles {
                part: Part::Train,
                images: RegisteredFile {
                    name: "train-images-idx3-ubyte.gz",
                    url: Some(
                        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/train-images-idx3-ubyte.gz",
                    ),
                    size: 26_421_880,
                    sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    md5: Some("8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                },
                labels: RegisteredFile {
                    name: "train-labels-idx1-ubyte.gz",
                    url: Some(
                        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/train-labels-idx1-ubyte.gz",
                    ),
                    size: 29_515,
                    sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    md5: Some("25c81989df183df01b3e8a0aad5dffbe"),
                },
            },
            PartFiles {
                part: Part::Test,
                images: RegisteredFile {
                    name: "t10k-images-idx3-ubyte.gz",
                    url: Some(
                        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/t10k-images-idx3-ubyte.gz",
                    ),
                    size: 4_422_102,
                    sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    md5: Some("bef4ecab320f06d8554ea6380940ec79"),
                },
                labels: RegisteredFile {
                    name: "t10k-labels-idx1-ubyte.gz",
                    url: Some(
                        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/t10k-labels-idx1-ubyte.gz",
                    ),
                    size: 5_148,
                    sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                    md5: Some("bb300cfdad3c16e7a12a480ee83cd310"),
                },
            },
        ],
    },
    Registered {
        name: "mnist",
        description: "handwritten digits, by Y. LeCun, C. Cortes and C. Burges",
        licence: "no licence stated by its authors",
        image_shape: (28, 28),
        class_names: DIGITS,
        rows: (60_000, 10_000),
        parts: &[
            PartFiles {
                part: Part::Train,
                images: RegisteredFile {
                    name: "train-images-idx3-ubyte.gz",
                    url: Some("https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz"),
                    size: 9_912_422,
                    sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    md5: Some("f68b3c2dcbeaaa9fbdd348bbdeb94873"),
                },
                labels: RegisteredFile {
                    name: "train-labels-idx1-ubyte.gz",
                    url: Some("https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz"),
                    size: 28_881,
                    sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    md5: Some("d53e105ee54ea40749a09fcbcd1e9432"),
                },
            },
            PartFiles {
                part: Part::Test,
                images: RegisteredFile {
                    name: "t10k-images-idx3-ubyte.gz",
                    url: Some("https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz"),
                    size: 1_648_877,
                    sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    md5: Some("9fb629c4189551a2d022fa330f9573f3"),
                },
                labels: RegisteredFile {
                    name: "t10k-labels-idx1-ubyte.gz",
                    url: Some("https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz"),
                    size: 4_542,
                    sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    md5: Some("ec29112dd5afa0611ce80d1b7f02629c"),
                },
            },
        ],
    },
    Registered {
        name: "cifar10-gray",
        description: "small photographs in ten classes, CIFAR-10 by A. Krizhevsky turned to grey, without 50 images",
        licence: "no licence stated by its author",
        image_shape: (32, 32),
        class_names: &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        rows: (29_973, 9_977),
        parts: &[
            PartFiles {
                part: Part::Train,
                images: RegisteredFile {
                    name: "train-images-idx3-ubyte.gz",
                    url: None,
                    size: 28_578_422,
                    sha256: "3cfc8b7335cd45a3e8edca43c1889e59cb143500c72b10c9d7b1ed34e308a073",
                    md5: None,
                },
                labels: RegisteredFile {
                    name: "train-labels-idx1-ubyte.gz",
                    url: None,
                    size: 14_980,
                    sha256: "c22201230dd4724f5ebc9e6c65fef7747b8261601865f53500ca71ee922ee3be",
                    md5: None,
                },
            },
            PartFiles {
                part: Part::Test,
                images: RegisteredFile {
                    name: "test-images-idx3-ubyte.gz",
                    url: None,
                    size: 9_508_985,
                    sha256: "4284ea2fb80e0d4a524075b5ac11c7dc80a2190d7426adc42d5a8e3d8bbcd235",
                    md5: None,
                },
                labels: RegisteredFile {
                    name: "test-labels-idx1-ubyte.gz",
                    url: None,
                    size: 638,
                    sha256: "135137651425a83a9abc14d5c9e5dbe3271d6518dbd819b65a7f384c45acb62e",
                    md5: None,
                },
            },
        ],
    },
];
