//! Which layers are the encoder's and which the decoder's: as they are named, else by names and sizes where these leave one
//! way alone.

use contractive_table::listing::some_names;

use super::error::ImportError;
use super::options::ImportOptions;
use super::state::{Linear, State};

/// The layers of a network, as places among those of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) encoder: Vec<usize>,
    pub(super) decoder: Decoder,
    /// How they were told, where nobody said.
    pub(super) notes: Vec<String>,
}

/// The decoder's layers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decoder {
    /// Layers of its own.
    Own(Vec<usize>),
    /// The encoder's, transposed; the file may have them a second time.
    Tied { copies: Option<Vec<usize>>, biases: Biases },
}

/// Biases of a tied decoder, as places among the tensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Biases {
    /// These, one a layer; zeros where there is none.
    Named(Vec<Option<usize>>),
    /// What the file has left over for it.
    LeftOver,
}

/// More layers than this are not tried in every order.
const MOST_TRIED: usize = 8;

impl Choice {
    pub(super) fn of(state: &State, options: &ImportOptions) -> Result<Self, ImportError> {
        for (stack, names) in [("encoder", &options.layers), ("decoder", &options.decoder_layers)] {
            if names.as_ref().is_some_and(Vec::is_empty) {
                return Err(ambiguous(state, stack, "the list of its layers is empty".into()));
            }
        }
        let mut notes = Vec::new();
        let said = options.decoder_layers.as_ref().map(|names| said_decoder(state, names)).transpose()?;
        let (encoder, found) = match (&options.layers, &said) {
            (Some(names), _) => (named(state, names)?, None),
            (None, Some(Decoder::Own(decoder))) => {
                let (first, last) = (&state.layers[decoder[0]], &state.layers[decoder[decoder.len() - 1]]);
                let rest = others(state, decoder);
                let encoder = chained(&state.layers, &rest, last.gives, first.takes);
                let reason = || format!("no order of the others leads from {} to {} numbers", last.gives, first.takes);
                (encoder.ok_or_else(|| ambiguous(state, "encoder", reason()))?, None)
            }
            (None, _) => {
                let (encoder, decoder, how) = split(state)?;
                notes.push(how);
                (encoder, Some(decoder))
            }
        };
        check_links(state, "the encoder", &encoder)?;
        let decoder = match said {
            Some(decoder) => decoder,
            None => match found.map_or_else(|| rest_of(state, &encoder), |found| Ok(Some(found))) {
                Ok(Some(decoder)) if !decoder.is_empty() => Decoder::Own(decoder),
                Ok(_) => {
                    if !options.tied {
                        notes.push("the file has no decoder: it is tied, the encoder's weights transposed".into());
                    }
                    Decoder::Tied { copies: None, biases: Biases::LeftOver }
                }
                Err(_) if options.tied => Decoder::Tied { copies: None, biases: Biases::LeftOver },
                Err(error) => return Err(error),
            },
        };
        let decoder = match decoder {
            Decoder::Own(layers) if options.tied => {
                let own: Vec<Option<usize>> = layers.iter().map(|layer| state.layers[*layer].bias).collect();
                let biases = if own.iter().any(Option::is_some) { Biases::Named(own) } else { Biases::LeftOver };
                Decoder::Tied { copies: Some(layers), biases }
            }
            decoder => decoder,
        };
        if let Decoder::Own(layers) = &decoder {
            let whole: Vec<usize> = encoder.last().into_iter().chain(layers).copied().collect();
            check_links(state, "the decoder", &whole)?;
        }
        once(state, &encoder, &decoder)?;
        Ok(Choice { encoder, decoder, notes })
    }
}

/// The layers of these names.
fn named(state: &State, names: &[String]) -> Result<Vec<usize>, ImportError> {
    let of = |name: &String| state.layer(name)?.ok_or_else(|| no_such(state, name));
    names.iter().map(of).collect()
}

/// The decoder of these names: Linear layers, or the biases of a tied one.
fn said_decoder(state: &State, names: &[String]) -> Result<Decoder, ImportError> {
    let layers = names.iter().map(|name| state.layer(name)).collect::<Result<Vec<Option<usize>>, _>>()?;
    if layers.iter().all(Option::is_none) {
        let of = |name: &String| state.vector(name)?.map(Some).ok_or_else(|| no_such(state, name));
        let biases = Biases::Named(names.iter().map(of).collect::<Result<_, _>>()?);
        return Ok(Decoder::Tied { copies: None, biases });
    }
    let of = |(layer, name): (Option<usize>, &String)| layer.ok_or_else(|| no_such(state, name));
    Ok(Decoder::Own(layers.into_iter().zip(names).map(of).collect::<Result<_, _>>()?))
}

/// The decoder among the layers that the encoder leaves; none where it leaves none.
fn rest_of(state: &State, encoder: &[usize]) -> Result<Option<Vec<usize>>, ImportError> {
    let rest = others(state, encoder);
    if rest.is_empty() {
        return Ok(None);
    }
    let (d, k) = (state.layers[encoder[0]].takes, state.layers[encoder[encoder.len() - 1]].gives);
    let by_name = || {
        let decoder: Vec<usize> =
            rest.iter().copied().filter(|i| Role::of(&state.layers[*i].name) == Role::Decoder).collect();
        chained(&state.layers, &decoder, k, d)
    };
    let found = chained(&state.layers, &rest, k, d).or_else(by_name);
    found.map(Some).ok_or_else(|| {
        let reason = format!("not one order alone of those left over leads from {k} back to {d} numbers");
        ambiguous(state, "decoder", reason)
    })
}

/// Encoder, decoder (or nothing) and how they were told, where nobody named them.
fn split(state: &State) -> Result<(Vec<usize>, Vec<usize>, String), ImportError> {
    let roles: Vec<Role> = state.layers.iter().map(|layer| Role::of(&layer.name)).collect();
    let of = |role: Role| -> Vec<usize> { (0..roles.len()).filter(|i| roles[*i] == role).collect() };
    let (encoder, decoder, neither) = (of(Role::Encoder), of(Role::Decoder), of(Role::Neither));
    if encoder.is_empty() && !decoder.is_empty() {
        // The order of all names would begin with the decoder.
        return match fits(&state.layers, &neither, &decoder) && !neither.is_empty() {
            true => {
                Ok((neither, decoder, "the decoder was told by its names, the encoder is the layers before".into()))
            }
            false => Err(ambiguous(state, "encoder", "only the decoder's names say which they are".into())),
        };
    }
    if !encoder.is_empty() {
        let mut ways = vec![([&encoder[..], &neither].concat(), decoder.clone())];
        if !neither.is_empty() {
            ways.push((encoder.clone(), [&neither[..], &decoder].concat()));
            ways.push((encoder, [&decoder[..], &neither].concat()));
        }
        // Without a decoder a layer of no such name may be the code, or the head of another task.
        let is_head = |decoder: &[usize]| decoder.is_empty() && !neither.is_empty();
        ways.retain(|(encoder, decoder)| !is_head(decoder) && fits(&state.layers, encoder, decoder));
        // A layer between the two may be of either: sizes say where the code is.
        let is_code = |(encoder, decoder): &(Vec<usize>, Vec<usize>)| {
            let whole = [&encoder[..], decoder].concat();
            let widths: Vec<usize> = whole.iter().map(|layer| state.layers[*layer].gives).collect();
            code_of(&widths) == Some(encoder.len() - 1)
        };
        if ways.len() > 1 && ways.iter().any(is_code) {
            ways.retain(is_code);
        }
        return match ways.len() {
            1 => {
                let (encoder, decoder) = ways.remove(0);
                Ok((encoder, decoder, "encoder and decoder were told by their names".into()))
            }
            0 => Err(ambiguous(state, "encoder", "those whose names say so do not lead there and back".into())),
            _ => Err(ambiguous(state, "encoder", "layers that no name tells could belong to either".into())),
        };
    }
    let all: Vec<usize> = (0..roles.len()).collect();
    if links(&state.layers, &all).is_some() {
        let reason = "in the order of their names one does not take what the one before gives".to_owned();
        return Err(ambiguous(state, "encoder", reason));
    }
    let (first, last) = (&state.layers[0], &state.layers[all.len() - 1]);
    if all.len() == 1 || first.takes != last.gives {
        return Ok((all, Vec::new(), "all layers, in the order of their names, are the encoder".into()));
    }
    let widths: Vec<usize> = state.layers.iter().map(|layer| layer.gives).collect();
    let code = code_of(&widths).ok_or_else(|| {
        ambiguous(state, "encoder", "several layers are the narrowest, and each could give the code".into())
    })?;
    let how = format!("layers in the order of their names; `{}` gives the code", state.layers[code].name);
    Ok((all[..=code].to_vec(), all[code + 1..].to_vec(), how))
}

/// The layer that gives the code, of a stack that leads back to where it began, `widths` being what each layer gives: the
/// middle of a mirrored stack, else the narrowest, if it is one alone.
fn code_of(widths: &[usize]) -> Option<usize> {
    let (d, inner) = widths.split_last()?;
    debug_assert!(*d > 0);
    if inner.len() % 2 == 1 && inner.iter().eq(inner.iter().rev()) {
        return Some(inner.len() / 2);
    }
    let least = inner.iter().min()?;
    let mut narrowest = (0..inner.len()).filter(|i| inner[*i] == *least);
    narrowest.next().filter(|_| narrowest.next().is_none())
}

/// What a name says of its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Encoder,
    Decoder,
    Neither,
}

impl Role {
    fn of(name: &str) -> Self {
        let name = name.to_lowercase();
        let is = |start: &str| name.split(['.', '_']).any(|part| part.starts_with(start));
        match (is("enc"), is("dec")) {
            (true, false) => Role::Encoder,
            (false, true) => Role::Decoder,
            _ => Role::Neither,
        }
    }
}

/// The first place at which a layer does not take what the one before gives.
fn links(layers: &[Linear], places: &[usize]) -> Option<usize> {
    places.windows(2).position(|pair| layers[pair[0]].gives != layers[pair[1]].takes)
}

/// Whether they meet, and lead back where there is a decoder.
fn fits(layers: &[Linear], encoder: &[usize], decoder: &[usize]) -> bool {
    let whole = [encoder, decoder].concat();
    let leads_back = || layers[whole[0]].takes == layers[whole[whole.len() - 1]].gives;
    links(layers, &whole).is_none() && (decoder.is_empty() || leads_back())
}

/// The order of `places`, all of them, that leads from `from` to `to` numbers: the one they have, else the only one. No layers
/// lead nowhere, be it from some numbers to as many.
fn chained(layers: &[Linear], places: &[usize], from: usize, to: usize) -> Option<Vec<usize>> {
    let leads = |order: &[usize]| {
        links(layers, order).is_none()
            && order.first().is_some_and(|first| layers[*first].takes == from)
            && order.last().is_some_and(|last| layers[*last].gives == to)
    };
    if leads(places) {
        return Some(places.to_vec());
    }
    let mut found = Vec::new();
    if (1..=MOST_TRIED).contains(&places.len()) {
        try_orders(layers, from, to, &mut places.to_vec(), &mut Vec::new(), &mut found);
    }
    if found.len() == 1 { found.pop() } else { None }
}

/// Gathers at most two orders of `left` after `order`.
fn try_orders(
    layers: &[Linear],
    from: usize,
    to: usize,
    left: &mut Vec<usize>,
    order: &mut Vec<usize>,
    found: &mut Vec<Vec<usize>>,
) {
    if left.is_empty() && from == to {
        found.push(order.clone());
    }
    for i in 0..left.len() {
        if found.len() < 2 && layers[left[i]].takes == from {
            let next = left.remove(i);
            order.push(next);
            try_orders(layers, layers[next].gives, to, left, order, found);
            order.pop();
            left.insert(i, next);
        }
    }
}

fn others(state: &State, taken: &[usize]) -> Vec<usize> {
    (0..state.layers.len()).filter(|i| !taken.contains(i)).collect()
}

/// Refuses a stack whose layers do not meet.
fn check_links(state: &State, stack: &'static str, places: &[usize]) -> Result<(), ImportError> {
    let Some(at) = links(&state.layers, places) else { return Ok(()) };
    let (below, above) = (&state.layers[places[at]], &state.layers[places[at + 1]]);
    let turned = places.windows(2).all(|pair| state.layers[pair[0]].takes == state.layers[pair[1]].gives);
    Err(ImportError::Unlinked {
        stack,
        below: below.name.clone(),
        out: below.gives,
        above: above.name.clone(),
        takes: above.takes,
        meets_turned: turned && !below.is_turned,
    })
}

/// Refuses a layer that is used twice.
fn once(state: &State, encoder: &[usize], decoder: &Decoder) -> Result<(), ImportError> {
    let decoder = match decoder {
        Decoder::Own(layers) | Decoder::Tied { copies: Some(layers), .. } => &layers[..],
        Decoder::Tied { copies: None, .. } => &[],
    };
    let mut all = [encoder, decoder].concat();
    all.sort_unstable();
    match all.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(ImportError::Twice { layer: state.layers[pair[0]].name.clone() }),
    }
}

fn no_such(state: &State, name: &str) -> ImportError {
    ImportError::NoSuchLayer { path: state.path(), layer: name.to_owned(), found: state.found() }
}

fn ambiguous(state: &State, stack: &'static str, reason: String) -> ImportError {
    ImportError::Ambiguous { path: state.path(), stack, reason, found: state.found() }
}

/// Places of the biases of a tied decoder whose layers give `needed` numbers: those named, else what is left over and has
/// these sizes, in order; nothing where there is none of such sizes.
pub(super) fn tied_biases(
    state: &State,
    biases: &Biases,
    needed: &[usize],
    used: &[usize],
) -> Result<Vec<Option<usize>>, ImportError> {
    let left = match biases {
        Biases::Named(places) if places.len() == needed.len() => return Ok(places.clone()),
        Biases::Named(places) => {
            let found = format!("{} named", places.len());
            return Err(ImportError::AmbiguousBiases { path: state.path(), needed: format!("{needed:?}"), found });
        }
        Biases::LeftOver => (0..state.tensors.len()).filter(|place| !used.contains(place)),
    };
    let size = |place: &usize| match state.tensors[*place].shape.as_slice() {
        [n] => Some(*n),
        _ => None,
    };
    let all: Vec<usize> = left.filter(|place| size(place).is_some_and(|n| needed.contains(&n))).collect();
    let of_decoder: Vec<usize> =
        all.iter().copied().filter(|place| Role::of(&state.tensors[*place].name) == Role::Decoder).collect();
    let is_it = |places: &[usize]| places.iter().filter_map(size).eq(needed.iter().copied());
    match [of_decoder, all.clone()].into_iter().find(|places| is_it(places)) {
        Some(places) => Ok(places.into_iter().map(Some).collect()),
        None if all.is_empty() => Ok(Vec::new()),
        None => {
            let shown = |place: &usize| format!("`{}` {:?}", state.tensors[*place].name, state.tensors[*place].shape);
            Err(ImportError::AmbiguousBiases {
                path: state.path(),
                needed: format!("{needed:?}"),
                found: some_names(&all.iter().map(shown).collect::<Vec<String>>()),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_middle_of_a_mirror_or_the_narrowest() {
        assert_eq!(code_of(&[5, 3, 5, 8]), Some(1));
        assert_eq!(code_of(&[16, 32, 16, 8]), Some(1), "wide in the middle, and mirrored");
        assert_eq!(code_of(&[5, 3, 8]), Some(1));
        assert_eq!(code_of(&[1000, 784]), Some(0));
        assert_eq!(code_of(&[5, 5, 8]), None);
        assert_eq!(code_of(&[4, 6, 4, 7, 8]), None);
    }

    #[test]
    fn names_tell_roles() {
        for (name, role) in [
            ("encoder.0", Role::Encoder),
            ("model.Enc_fc", Role::Encoder),
            ("fc_dec", Role::Decoder),
            ("code", Role::Neither),
            ("encoder.decoder_like", Role::Neither),
        ] {
            assert_eq!(Role::of(name), role, "{name}");
        }
    }
}
