//! A graph under construction: operations on [`Value`]s add nodes to it, and arithmetic reads as formulas do.
//!
//! Only operations that mean the same in every opset from 17 on are used, so that the opset is a number in the file and
//! nothing else.

mod arithmetic;
mod elements;
pub(crate) mod operations;
mod pictures;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use crate::messages::{
    AttributeProto, Dimension, GraphProto, NodeProto, TensorProto, TensorShape, TensorType, TypeProto, ValueInfoProto,
};

pub(crate) use elements::Element;

/// The domain of operations for tables.
const TABLES: &str = "ai.onnx.ml";

/// A graph under construction. Names made here end with a space, so that they are none of a table's columns, which may be
/// called anything.
#[derive(Default)]
pub(crate) struct Graph {
    parts: RefCell<Parts>,
}

#[derive(Default)]
struct Parts {
    graph: GraphProto,
    /// Names of values; a [`Value`] is a place in here.
    names: Vec<String>,
    /// Single numbers, each kept once.
    scalars: HashMap<(Element, u64), usize>,
}

/// A tensor of a graph.
#[derive(Clone, Copy)]
pub(crate) struct Value<'g> {
    graph: &'g Graph,
    place: usize,
    element: Element,
}

/// A size of an input or an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// The number of rows, known when the graph is run.
    Rows,
    /// Another number that is known when the graph is run, by its name.
    Open(&'static str),
    /// A number.
    Of(usize),
}

impl Graph {
    /// An input.
    pub(crate) fn input(&self, name: &str, element: Element, shape: &[Size], doc: &str) -> Value<'_> {
        self.parts.borrow_mut().graph.input.push(info(name, element, shape, doc));
        self.named(name.to_owned(), element)
    }

    /// Makes `value` the output `name`.
    pub(crate) fn output(&self, name: &str, value: Value<'_>, shape: &[Size], doc: &str) {
        let mut parts = self.parts.borrow_mut();
        let from = parts.names[value.place].clone();
        let node = NodeProto {
            input: vec![from],
            output: vec![name.to_owned()],
            name: format!("output {name}"),
            op_type: "Identity".to_owned(),
            ..NodeProto::default()
        };
        parts.graph.node.push(node);
        parts.graph.output.push(info(name, value.element, shape, doc));
    }

    /// Numbers of 64 bits, row-major.
    pub(crate) fn doubles(&self, shape: &[usize], values: &[f64]) -> Value<'_> {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initialiser(Element::Double, shape, bytes)
    }

    /// Numbers of 32 bits, row-major.
    pub(crate) fn floats(&self, shape: &[usize], values: &[f32]) -> Value<'_> {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initialiser(Element::Float, shape, bytes)
    }

    /// Whole numbers, row-major.
    pub(crate) fn integers(&self, shape: &[usize], values: &[i64]) -> Value<'_> {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initialiser(Element::Integer, shape, bytes)
    }

    /// Truth values, row-major.
    pub(crate) fn truths(&self, shape: &[usize], values: &[bool]) -> Value<'_> {
        self.initialiser(Element::Truth, shape, values.iter().map(|v| u8::from(*v)).collect())
    }

    /// One number, without a shape.
    pub(crate) fn scalar(&self, element: Element, value: f64) -> Value<'_> {
        let key = (element, value.to_bits());
        if let Some(&place) = self.parts.borrow().scalars.get(&key) {
            return Value { graph: self, place, element };
        }
        let made = self.initialiser(element, &[], element.bytes_of(value));
        self.parts.borrow_mut().scalars.insert(key, made.place);
        made
    }

    fn initialiser(&self, element: Element, shape: &[usize], raw_data: Vec<u8>) -> Value<'_> {
        let dims: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
        let name = format!("constant {} ", self.parts.borrow().graph.initializer.len());
        let tensor = TensorProto { dims, data_type: element.number(), name: name.clone(), raw_data };
        self.parts.borrow_mut().graph.initializer.push(tensor);
        self.named(name, element)
    }

    fn named(&self, name: String, element: Element) -> Value<'_> {
        let mut parts = self.parts.borrow_mut();
        parts.names.push(name);
        Value { graph: self, place: parts.names.len() - 1, element }
    }

    /// Adds an operation with an output of each of these elements.
    fn operation<const N: usize>(
        &self,
        op: &str,
        inputs: &[Value<'_>],
        attribute: Vec<AttributeProto>,
        elements: [Element; N],
    ) -> [Value<'_>; N] {
        let place = self.parts.borrow().names.len();
        let outputs: Vec<String> = (0..N).map(|i| format!("{op} {place}.{i} ")).collect();
        let domain = if op == "LabelEncoder" { TABLES } else { "" };
        let input = inputs.iter().map(|value| self.parts.borrow().names[value.place].clone()).collect();
        let node = NodeProto {
            input,
            output: outputs.clone(),
            name: format!("{op} {place}"),
            op_type: op.to_owned(),
            attribute,
            domain: domain.to_owned(),
        };
        self.parts.borrow_mut().graph.node.push(node);
        let mut i = 0;
        elements.map(|element| {
            i += 1;
            self.named(outputs[i - 1].clone(), element)
        })
    }

    /// What `body` makes of each row of the inputs by itself, row by row: for what would need too much room of all at once.
    pub(crate) fn each_row<'g>(
        &'g self,
        inputs: &[Value<'g>],
        body: impl FnOnce(&[Value<'g>]) -> Value<'g>,
    ) -> Value<'g> {
        let outside = std::mem::take(&mut self.parts.borrow_mut().graph.node);
        let place = self.parts.borrow().names.len();
        let rows: Vec<Value<'g>> = inputs
            .iter()
            .enumerate()
            .map(|(i, input)| self.named(format!("row {place}.{i} "), input.element))
            .collect();
        let made = body(&rows);
        let mut parts = self.parts.borrow_mut();
        let node = std::mem::replace(&mut parts.graph.node, outside);
        let port = |value: &Value<'g>| untold(&parts.names[value.place], value.element);
        let (input, output) = (rows.iter().map(port).collect(), vec![port(&made)]);
        drop(parts);
        let graph = GraphProto { node, name: "a row".to_owned(), input, output, ..GraphProto::default() };
        let attributes =
            vec![AttributeProto::int("num_scan_inputs", inputs.len() as i64), AttributeProto::graph("body", graph)];
        let [rows] = self.operation("Scan", inputs, attributes, [made.element]);
        rows
    }

    /// The whole graph, called `name`, without what no output is made of.
    pub(crate) fn finish(self, name: &str) -> GraphProto {
        let mut graph = self.parts.into_inner().graph;
        graph.name = name.to_owned();
        let mut used: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
        // Nodes come after those that they are made of.
        let mut kept: Vec<NodeProto> = Vec::new();
        for node in graph.node.into_iter().rev() {
            if node.output.iter().any(|name| used.contains(name)) {
                add_used(&node, &mut used);
                kept.push(node);
            }
        }
        kept.reverse();
        graph.node = kept;
        graph.initializer.retain(|tensor| used.contains(&tensor.name));
        graph
    }
}

/// Adds the names that a node uses, within its own graph too.
fn add_used(node: &NodeProto, used: &mut HashSet<String>) {
    used.extend(node.input.iter().cloned());
    let inner = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
    inner.flat_map(|graph| &graph.node).for_each(|node| add_used(node, used));
}

/// An input or an output of any shape.
fn untold(name: &str, element: Element) -> ValueInfoProto {
    let tensor_type = Some(TensorType { elem_type: element.number(), shape: None });
    let type_ = Some(TypeProto { tensor_type });
    ValueInfoProto { name: name.to_owned(), type_, doc_string: String::new() }
}

fn info(name: &str, element: Element, shape: &[Size], doc: &str) -> ValueInfoProto {
    let open = |name: &str| Dimension { dim_value: None, dim_param: Some(name.to_owned()) };
    let dimension = |size: &Size| match size {
        Size::Rows => open("rows"),
        Size::Open(name) => open(name),
        Size::Of(n) => Dimension { dim_value: Some(*n as i64), dim_param: None },
    };
    let shape = TensorShape { dim: shape.iter().map(dimension).collect() };
    let tensor_type = Some(TensorType { elem_type: element.number(), shape: Some(shape) });
    ValueInfoProto { name: name.to_owned(), type_: Some(TypeProto { tensor_type }), doc_string: doc.to_owned() }
}
