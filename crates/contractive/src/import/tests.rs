//! State dicts as other programs write them, and files that only look like it.

use std::fs;
use std::path::PathBuf;

use contractive_core::{Loss, Penalty};
use safetensors::tensor::TensorView;

use super::*;

/// A folder with a file of weights.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn path(&self) -> PathBuf {
        self.folder.path().join("weights.safetensors")
    }

    /// Tensors of 32-bit floats, each of numbers of its own.
    fn of(tensors: &[(&str, &[usize])]) -> Self {
        let values: Vec<Vec<f32>> = tensors.iter().map(|(name, shape)| values(name, shape)).collect();
        let bytes: Vec<Vec<u8>> =
            values.iter().map(|values| values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
        let all = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| (*name, Dtype::F32, *shape, &bytes[..]));
        File::with(&all.collect::<Vec<_>>())
    }

    fn with(tensors: &[(&str, Dtype, &[usize], &[u8])]) -> Self {
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            (name.to_string(), TensorView::new(*dtype, shape.to_vec(), bytes).unwrap())
        });
        File::raw(safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap())
    }

    fn raw(bytes: impl AsRef<[u8]>) -> Self {
        let file = File { folder: tempfile::tempdir().unwrap() };
        fs::write(file.path(), bytes).unwrap();
        file
    }

    fn import(&self, change: impl FnOnce(&mut ImportOptions)) -> Result<Imported, ImportError> {
        let mut options = ImportOptions {
            activation: Some(Activation::Relu),
            code_activation: Some(Activation::Tanh),
            ..ImportOptions::default()
        };
        change(&mut options);
        import(self.path(), &options)
    }

    fn refusal(&self, change: impl FnOnce(&mut ImportOptions)) -> String {
        self.import(change).unwrap_err().to_string()
    }
}

/// Numbers that say whose they are: every tensor's differ.
fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let seed = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 1000;
    (0..shape.iter().product::<usize>()).map(|i| seed as f32 + i as f32 / 64.0).collect()
}

fn names(list: &[&str]) -> Option<Vec<String>> {
    Some(list.iter().map(|name| (*name).to_owned()).collect())
}

/// Where each tensor of the model came from.
fn origins(report: &ImportReport) -> Vec<(&str, Option<&str>)> {
    report.tensors.iter().map(|t| (t.tensor.as_str(), t.source.as_deref())).collect()
}

const MIRRORED: [(&str, &[usize]); 8] = [
    ("decoder.0.bias", &[5]),
    ("decoder.0.weight", &[5, 3]),
    ("decoder.2.bias", &[8]),
    ("decoder.2.weight", &[8, 5]),
    ("encoder.0.bias", &[5]),
    ("encoder.0.weight", &[5, 8]),
    ("encoder.2.bias", &[3]),
    ("encoder.2.weight", &[3, 5]),
];

#[test]
fn a_sequential_encoder_and_decoder_are_told_by_their_names() {
    let imported = File::of(&MIRRORED).import(|_| ()).unwrap();
    let net = imported.parameters.architecture();
    assert_eq!((&net.encoder_sizes[..], &net.decoder_sizes[..], net.tied), (&[8, 5, 3][..], &[3, 5, 8][..], false));
    assert_eq!(net.encoder_activations, [Activation::Relu, Activation::Tanh]);
    assert_eq!(net.decoder_activations, [Activation::Relu, Activation::Identity]);
    let want = ["encoder.0", "encoder.2", "decoder.0", "decoder.2"];
    for (place, name) in imported.parameters.places().chunks(2).zip(want) {
        let (weight, bias) = (&place[0], &place[1]);
        let (w, b) = (format!("{name}.weight"), format!("{name}.bias"));
        assert_eq!(imported.parameters.tensor(&weight.name).unwrap(), values(&w, &weight.shape));
        assert_eq!(imported.parameters.tensor(&bias.name).unwrap(), values(&b, &bias.shape));
    }
    assert!(imported.report.tensors.iter().all(|tensor| tensor.in_words() == "as it is"));
    assert!(imported.report.ignored.is_empty() && imported.report.notes[0].contains("by their names"));
    let model = imported.clone().into_model(Objective::new(Loss::Mse, Penalty::None, 0.0), Preprocessing::identity(8));
    let from = model.unwrap().provenance().imported.clone().unwrap();
    assert_eq!((from.source.as_str(), from.sha256.map(|sum| sum.len())), ("weights.safetensors", Some(64)));
}

#[test]
fn layers_that_are_named_need_no_names_that_speak() {
    let file = File::of(&[
        ("code.bias", &[3]),
        ("code.weight", &[3, 5]),
        ("fc.weight", &[5, 8]),
        ("head.weight", &[10, 3]),
        ("out.weight", &[8, 5]),
        ("up.weight", &[5, 3]),
    ]);
    let error = file.refusal(|o| o.layers = names(&["fc", "code"]));
    assert!(error.contains("which layers are the decoder") && error.contains("head (3 to 10)"), "{error}");
    let imported = file
        .import(|o| {
            o.layers = names(&["fc", "code"]);
            o.decoder_layers = names(&["up", "out"]);
        })
        .unwrap();
    assert_eq!(
        origins(&imported.report),
        [
            ("encoder.0.weight", Some("fc.weight")),
            ("encoder.0.bias", None),
            ("encoder.1.weight", Some("code.weight")),
            ("encoder.1.bias", Some("code.bias")),
            ("decoder.0.weight", Some("up.weight")),
            ("decoder.0.bias", None),
            ("decoder.1.weight", Some("out.weight")),
            ("decoder.1.bias", None),
        ]
    );
    assert_eq!(imported.parameters.tensor("encoder.0.bias").unwrap(), [0.0; 5]);
    assert_eq!(imported.report.tensors[1].done, [Done::Zeros]);
    assert_eq!(imported.report.ignored[0].source, "head.weight");
}

#[test]
fn sizes_tell_the_decoder_in_whatever_order_its_names_stand() {
    let file = File::of(&[("a.weight", &[5, 8]), ("b.weight", &[3, 5]), ("x.weight", &[8, 5]), ("y.weight", &[5, 3])]);
    let imported = file.import(|o| o.layers = names(&["a", "b"])).unwrap();
    assert_eq!(origins(&imported.report)[4].1, Some("y.weight"));
    // The order of names does not lead through all four, and other orders are not guessed without a name.
    assert!(file.refusal(|_| ()).contains("in the order of their names"));
    let plain =
        File::of(&[("1.weight", &[4, 6]), ("2.weight", &[2, 4]), ("10.weight", &[4, 2]), ("11.weight", &[6, 4])]);
    let imported = plain.import(|_| ()).unwrap();
    assert_eq!(imported.parameters.architecture().encoder_sizes, [6, 4, 2]);
    assert_eq!(origins(&imported.report)[4].1, Some("10.weight"), "10 comes after 2");
    let square = File::of(&[("a.weight", &[4, 4]), ("b.weight", &[4, 4]), ("c.weight", &[4, 4])]);
    assert!(square.refusal(|_| ()).contains("several layers are the narrowest"));
    let imported = square.import(|o| o.layers = names(&["a"])).unwrap();
    assert_eq!(origins(&imported.report)[4].1, Some("c.weight"), "the order of their names");
}

#[test]
fn a_code_whose_name_does_not_speak_goes_where_it_fits() {
    let file = File::of(&[
        ("code.weight", &[3, 5]),
        ("decoder.0.weight", &[5, 3]),
        ("decoder.2.weight", &[8, 5]),
        ("encoder.0.weight", &[5, 8]),
    ]);
    let imported = file.import(|_| ()).unwrap();
    assert_eq!(origins(&imported.report)[2].1, Some("code.weight"));
    assert_eq!(imported.parameters.architecture().encoder_sizes, [8, 5, 3]);
    // In the order of all names the decoder would come first, and that meets too.
    let decoder = [("dec1.weight", &[5, 3][..]), ("dec2.weight", &[8, 5])];
    let file = File::of(&[&decoder[..], &[("fc1.weight", &[5, 8]), ("fc2.weight", &[3, 5])]].concat());
    let imported = file.import(|_| ()).unwrap();
    assert_eq!(imported.parameters.architecture().encoder_sizes, [8, 5, 3]);
    assert!(File::of(&decoder).refusal(|_| ()).contains("only the decoder's names"));
    // The head of a classifier is no code.
    let classifier = [("encoder.0.weight", &[5, 8][..]), ("encoder.2.weight", &[3, 5]), ("head.weight", &[10, 3])];
    assert!(File::of(&classifier).refusal(|_| ()).contains("head (3 to 10)"));
}

#[test]
fn wrappers_prefixes_go_and_ends_of_names_are_enough() {
    let file = File::of(&[
        ("module._orig_mod.net.encoder.0.weight", &[3, 8]),
        ("module._orig_mod.net.encoder.0.bias", &[3]),
        ("module._orig_mod.net.decoder.0.weight", &[8, 3]),
    ]);
    let imported = file
        .import(|o| {
            o.layers = names(&["encoder.0"]);
            o.decoder_layers = names(&["module.net.decoder.0"]);
        })
        .unwrap();
    assert_eq!(origins(&imported.report)[0].1, Some("module._orig_mod.net.encoder.0.weight"));
    let twins = File::of(&[("a.fc.weight", &[3, 8]), ("b.fc.weight", &[8, 3])]);
    assert!(twins.refusal(|o| o.layers = names(&["fc"])).contains("could be a.fc, b.fc; give the whole name"));
    let collide = File::of(&[("module.fc.weight", &[3, 8]), ("fc.weight", &[8, 3])]);
    let imported = collide.import(|o| o.layers = names(&["module.fc"])).unwrap();
    assert_eq!(origins(&imported.report)[2].1, Some("fc.weight"), "two that would have one name keep their prefixes");
}

#[test]
fn kernels_are_turned_round() {
    let kernels: [(&str, &[usize]); 4] =
        [("dense/kernel:0", &[4, 3]), ("dense/bias:0", &[3]), ("dense_1/kernel:0", &[3, 4]), ("dense_1/bias:0", &[4])];
    let imported = File::of(&kernels).import(|_| ()).unwrap();
    let stored = values("dense/kernel:0", &[4, 3]);
    let weight = imported.parameters.tensor("encoder.0.weight").unwrap();
    assert!((0..3).all(|j| (0..4).all(|i| weight[4 * j + i] == stored[3 * i + j])));
    assert_eq!(imported.report.tensors[0].done, [Done::Transposed]);
    // Weights that are (in, out) under another name do not meet, and the error says that they would turned round.
    let file = File::of(&[("a.weight", &[8, 5]), ("b.weight", &[5, 3]), ("c.weight", &[3, 8])]);
    let error = file.refusal(|o| o.layers = names(&["a", "b"]));
    assert!(error.contains("`a` gives 8 numbers and `b`, which follows, takes 3"), "{error}");
    assert!(error.contains("turned round they meet"), "{error}");
    let imported = file
        .import(|o| {
            o.layers = names(&["a", "b"]);
            o.is_turned = Some(true);
        })
        .unwrap();
    assert_eq!(imported.parameters.architecture().encoder_sizes, [8, 5, 3]);
}

#[test]
fn a_decoder_of_all_layers_leaves_no_encoder() {
    let file = File::of(&[("0.weight", &[2, 4]), ("2.weight", &[4, 2])]);
    let error = file.refusal(|o| o.decoder_layers = names(&["0", "2"]));
    assert!(error.contains("which layers are the encoder"), "{error}");
}

#[test]
fn a_tied_decoder_takes_the_encoders_weights_and_its_own_biases() {
    let encoder: [(&str, &[usize]); 4] = [
        ("encoder.0.weight", &[5, 8]),
        ("encoder.0.bias", &[5]),
        ("encoder.2.weight", &[3, 5]),
        ("encoder.2.bias", &[3]),
    ];
    let bare = File::of(&encoder).import(|_| ()).unwrap();
    assert!(bare.report.tied && bare.report.notes.iter().any(|note| note.contains("no decoder")));
    assert_eq!(bare.parameters.tensor("decoder.1.bias").unwrap(), [0.0; 8]);
    assert_eq!(bare.report.tensors[4].done, [Done::Tied]);

    let with = |more: &[(&'static str, &'static [usize])]| File::of(&[&encoder[..], more].concat());
    let loose = with(&[("out", &[8]), ("zmid", &[5]), ("scale", &[1])]);
    assert!(
        loose.refusal(|_| ()).contains("name each as one of the decoder's layers"),
        "their order is not that of sizes"
    );
    let error = loose.refusal(|o| o.decoder_layers = names(&["out"]));
    assert!(error.contains("it needs [5, 8], and has 1 named"), "{error}");
    let named = loose.import(|o| o.decoder_layers = names(&["zmid", "out"])).unwrap();
    assert_eq!(named.parameters.tensor("decoder.1.bias").unwrap(), values("out", &[8]));
    assert_eq!(named.report.ignored.iter().map(|i| i.source.as_str()).collect::<Vec<_>>(), ["scale"]);
    let told = with(&[("decoder.0.bias", &[5]), ("decoder.1.bias", &[8])]).import(|_| ()).unwrap();
    assert_eq!(told.parameters.tensor("decoder.0.bias").unwrap(), values("decoder.0.bias", &[5]));
    let unclear = with(&[("one", &[5]), ("other", &[5])]).refusal(|_| ());
    assert!(unclear.contains("it needs [5, 8], and has `one` [5], `other` [5]"), "{unclear}");
}

#[test]
fn weights_that_are_called_tied_must_be() {
    let weight: Vec<f32> = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let turned: Vec<f32> = vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let file = |copy: &[f32]| {
        File::with(&[
            ("encoder.weight", Dtype::F32, &[2, 3], &bytes(&weight)),
            ("decoder.weight", Dtype::F32, &[3, 2], &bytes(copy)),
            ("decoder.bias", Dtype::F32, &[3], &bytes(&[7.0, 8.0, 9.0])),
        ])
    };
    let imported = file(&turned).import(|o| o.tied = true).unwrap();
    assert!(imported.parameters.architecture().tied && imported.report.ignored.is_empty());
    assert_eq!(imported.parameters.tensor("decoder.0.bias").unwrap(), [7.0, 8.0, 9.0]);
    assert!(file(&weight).refusal(|o| o.tied = true).contains("are not tied"));
    // A tied decoder of whose layers one alone has a bias.
    let deep = File::of(&MIRRORED.iter().filter(|(name, _)| *name != "decoder.0.bias").copied().collect::<Vec<_>>());
    assert!(deep.refusal(|o| o.tied = true).contains("`decoder.0.weight` is not the transposed"));
    assert!(!file(&turned).import(|_| ()).unwrap().report.tied, "only where it is said");
}

#[test]
fn wide_and_narrow_numbers_become_singles_or_are_refused() {
    let wide: Vec<u8> = [0.1_f64, 1.0, 2.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let halves: Vec<u8> = [0x3c00_u16, 0xc000, 0x3800, 0x0000].iter().flat_map(|v| v.to_le_bytes()).collect();
    let file = |dtype, bytes: &[u8]| {
        let one = 1.0_f32.to_le_bytes().repeat(4);
        File::with(&[("enc.weight", dtype, &[2, 2], bytes), ("dec.weight", Dtype::F32, &[2, 2], &one)])
    };
    let imported = file(Dtype::F64, &wide).import(|_| ()).unwrap();
    assert_eq!(imported.parameters.tensor("encoder.0.weight").unwrap(), [0.1, 1.0, 2.0, 3.0]);
    assert_eq!(imported.report.tensors[0].in_words(), "F64 to F32");
    let imported = file(Dtype::F16, &halves).import(|_| ()).unwrap();
    assert_eq!(imported.parameters.tensor("encoder.0.weight").unwrap(), [1.0, -2.0, 0.5, 0.0]);
    let huge: Vec<u8> = [0.1_f64, 1e40, 2.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let error = file(Dtype::F64, &huge).refusal(|_| ());
    assert!(error.contains("`enc.weight` must hold finite numbers that 32 bits hold, but entry 1 is 1e40"), "{error}");
    let whole: Vec<u8> = vec![0; 32];
    assert!(file(Dtype::I64, &whole).refusal(|_| ()).contains("F32, F64, F16 or BF16, got I64"));
}

#[test]
fn what_a_file_does_not_hold_must_be_said() {
    let file = File::of(&MIRRORED);
    assert!(file.refusal(|o| o.code_activation = None).contains("(`code_activation`)"));
    let error = file.refusal(|o| o.activation = None);
    assert!(error.contains("the encoder's layers before the code") && error.contains("(`activation`)"), "{error}");
    let flat = File::of(&[("enc.weight", &[3, 8]), ("dec.weight", &[8, 3])]);
    assert!(flat.import(|o| o.activation = None).is_ok(), "there is no layer between");
}

#[test]
fn wrong_requests_name_what_is_there() {
    let file = File::of(&MIRRORED);
    let error = file.refusal(|o| o.layers = names(&["encoder.0", "encoder.1"]));
    assert!(error.contains("no Linear layer `encoder.1`") && error.contains("encoder.2 (5 to 3)"), "{error}");
    assert!(file.refusal(|o| o.layers = names(&["encoder.0", "encoder.0"])).contains("takes 8"));
    let error = file.refusal(|o| {
        o.layers = names(&["encoder.0", "encoder.2"]);
        o.decoder_layers = names(&["decoder.0", "encoder.0"]);
    });
    assert!(error.contains("the decoder: the layer `decoder.0` gives 5") && error.contains("takes 8"), "{error}");
    let error = file.refusal(|o| o.decoder_layers = names(&["decoder.0", "decoder.0.bias"]));
    assert!(error.contains("no Linear layer `decoder.0.bias`"), "{error}");
    let convolution = File::of(&[("conv.weight", &[4, 1, 3, 3]), ("bn.running_mean", &[4])]);
    let error = convolution.refusal(|_| ());
    assert!(error.contains("no Linear layer was found") && error.contains("second spatial layer"), "{error}");
    assert!(error.contains("`contractive.torch` with method=\"probes\""), "{error}");
    let vectors = File::of(&[("norm.weight", &[4])]).refusal(|_| ());
    assert!(vectors.contains("no Linear layer was found") && !vectors.contains("spatial"), "{vectors}");
    let odd = File::of(&[&MIRRORED[..], &[("bn.running_mean", &[5])]].concat()).import(|_| ()).unwrap();
    assert!(odd.report.notes.iter().any(|note| note.contains("bn.running_mean")));
    for (name, shape) in [("norm.weight", &[5][..]), ("norm.gamma", &[5]), ("encoder.1.weight_orig", &[5, 8])] {
        let odd = File::of(&[&MIRRORED[..], &[(name, shape)]].concat()).import(|_| ()).unwrap();
        assert!(odd.report.notes.iter().any(|note| note.contains(name)), "{name}: {:?}", odd.report.notes);
    }
    for message in [file.refusal(|o| o.layers = names(&[])), file.refusal(|o| o.decoder_layers = names(&[]))] {
        assert!(message.contains("the list of its layers is empty"), "{message}");
    }
}

#[test]
fn biases_of_another_size_are_refused() {
    let file = File::of(&[("enc.weight", &[3, 8]), ("enc.bias", &[4]), ("dec.weight", &[8, 3])]);
    assert!(file.refusal(|_| ()).contains("`enc.bias` must have shape [3], got [4]"));
    let upright = File::of(&[("enc.weight", &[3, 8]), ("enc.bias", &[3, 1]), ("dec.weight", &[8, 3])]);
    assert!(upright.refusal(|_| ()).contains("`enc.bias` must have shape [3], got [3, 1]"));
}

#[test]
fn files_of_other_programs_get_a_remedy() {
    for (name, bytes, text) in [
        ("model.pt", &b"PK\x03\x04\0\0\x08\x08"[..], "torch.load(PATH, weights_only=True)"),
        ("model.bin", b"\x80\x02}q\0X\x01\0", "a pickle"),
        ("old.pth", b"\x80\x02\x8a\x0al\xfc\x9cF", "save_file"),
        ("empty.pkl", b"", "a pickle"),
        ("net.keras", b"PK\x03\x04\x14\0\0\0", "a model of Keras"),
        ("net.weights.h5", b"\x89HDF\r\n\x1a\n", "a model of Keras"),
        ("w.npz", b"PK\x03\x04\x14\0\0\0", "an archive of NumPy arrays"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = import(&path, &ImportOptions::default()).unwrap_err().to_string();
        assert!(error.contains(text), "{name}: {error}");
    }
}

#[test]
fn hostile_files_are_refused_before_anything_is_allocated() {
    let header = |json: &str, payload: usize| {
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json.bytes());
        bytes.extend(vec![0; payload]);
        File::raw(bytes)
    };
    let one = |shape: &str, offsets: &str| {
        format!("{{\"a.weight\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
    };
    for (json, payload, text) in [
        (one("[2,2]", "[0,16]"), 12, "truncated or damaged"),
        (one("[2,2]", "[0,16]"), 20, "truncated or damaged"),
        (one("[2,2]", "[4,20]"), 20, "does not lie where it should"),
        (one("[2,2]", "[16,0]"), 16, "does not lie where it should"),
        (one("[4611686018427387904,4]", "[0,16]"), 16, "does not lie where it should"),
        (one("[1000000000,1000000000]", "[0,16]"), 16, "does not lie where it should"),
        (one("[2,2]", "[0,18446744073709551615]"), 16, ""),
        ("{".to_owned(), 0, "not one of a safetensors file"),
        ("{}".to_owned(), 0, "it has none"),
        (one("[0,4]", "[0,0]"), 0, "layer size"),
    ] {
        let error = header(&json, payload).refusal(|_| ());
        assert!(error.contains(text), "{json}: {error}");
    }
    // Two tensors over the same bytes.
    let twice = "{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},\
                 \"b.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";
    assert!(header(twice, 16).refusal(|_| ()).contains("does not lie where it should"));
    assert!(File::raw([0xff; 8]).refusal(|_| ()).contains("the header claims"));
    assert!(import("absent.safetensors", &ImportOptions::default()).is_err());
}
