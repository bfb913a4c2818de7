//! The 16×16 grid.

use apic_core::lapic::VectorSet;
use apic_core::units::Vector;
use roxmltree::{Document, Node};
use scene::{Grid, grid_svg};

fn set(numbers: &[u8]) -> VectorSet {
    let mut set = VectorSet::default();
    for n in numbers {
        set.test_and_set(Vector::new(*n));
    }
    set
}

fn classed<'a>(doc: &'a Document<'a>, class: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    doc.descendants().filter(move |n| n.attribute("class") == Some(class))
}

fn y(node: Node<'_, '_>, attribute: &str) -> f64 {
    node.attribute(attribute).and_then(|v| v.parse().ok()).expect("a number")
}

fn svg(numbers: &[u8], changed: &[(Vector, bool)], vppr: Option<u8>) -> String {
    grid_svg(&Grid { id: "pir", name: "PIR", set: &set(numbers), changed, vppr, width: 340 })
}

#[test]
fn set_bits_are_cells_with_their_vectors_and_classes() {
    let svg = svg(&[0x31, 0xec], &[(Vector::new(0xec), true), (Vector::new(0x40), false)], None);
    let doc = Document::parse(&svg).expect("well formed");
    let cells: Vec<_> = classed(&doc, "cell").collect();
    assert_eq!(cells.iter().map(|c| c.attribute("data-vector").expect("named")).collect::<Vec<_>>(), ["0x31", "0xec"]);
    assert!(y(cells[1], "y") < y(cells[0], "y"), "higher classes are further up");
    assert_eq!(classed(&doc, "ring").next().and_then(|n| n.attribute("data-vector")), Some("0xec"));
    assert_eq!(classed(&doc, "ghost").next().and_then(|n| n.attribute("data-vector")), Some("0x40"));
    assert_eq!(doc.root_element().attribute("aria-label"), Some("PIR: vector 0xec, class 14; vector 0x31, class 3"));
}

#[test]
fn the_threshold_lies_above_the_class_it_holds_back() {
    let at_e = svg(&[0xec], &[], Some(0xe0));
    let doc = Document::parse(&at_e).expect("well formed");
    let line = classed(&doc, "threshold").next().expect("a line");
    let cell = classed(&doc, "cell").next().expect("a cell");
    assert!(y(line, "y1") <= y(cell, "y"), "class 14 waits while VPPR is 0xe0");
    let free = svg(&[0xec], &[], Some(0));
    assert!(!free.contains("threshold"), "nothing waits at VPPR 0");
}

#[test]
fn a_full_grid_is_few_nodes_more_than_an_empty_one_and_has_no_styles() {
    let empty = svg(&[], &[], None);
    let doc = Document::parse(&empty).expect("well formed");
    let nodes = doc.descendants().filter(Node::is_element).count();
    assert!(nodes < 30, "{nodes}");
    assert_eq!(doc.root_element().attribute("aria-label"), Some("PIR: no vector set"));
    assert!(doc.descendants().all(|n| !n.has_attribute("style")));
    let all: Vec<u8> = (0..=255).collect();
    assert!(Document::parse(&svg(&all, &[], Some(0xff))).is_ok());
}
