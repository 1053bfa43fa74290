//! A file that is rotated while it is followed: no row is lost, none comes twice.

use std::fs::{self, File};
use std::path::PathBuf;

use super::*;

/// A folder with a file that one writer writes and rotates.
struct Writer {
    folder: tempfile::TempDir,
    file: File,
    rotated: usize,
}

const HEADER: &str = "time,load,heat,odd\n";

impl Writer {
    fn begin() -> Writer {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("growing.csv")).unwrap();
        let mut writer = Writer { folder, file, rotated: 0 };
        writer.write(HEADER);
        writer
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("growing.csv")
    }

    fn write(&mut self, text: &str) {
        self.file.write_all(text.as_bytes()).unwrap();
    }

    fn rows(&mut self, rows: std::ops::Range<usize>) {
        let text = rows.map(row).collect::<String>();
        self.write(&text);
    }

    /// Renames the file; what is written still goes there.
    fn rename(&mut self) {
        self.rotated += 1;
        fs::rename(self.path(), self.folder.path().join(format!("growing.csv.{}", self.rotated))).unwrap();
    }

    /// The next file takes the name, and names the columns.
    fn rotate(&mut self) {
        self.rename();
        self.open();
        self.write(HEADER);
    }

    fn open(&mut self) {
        self.file = File::options().create(true).append(true).open(self.path()).unwrap();
    }

    /// Copies the file elsewhere and empties it.
    fn copy_and_truncate(&mut self) {
        fs::copy(self.path(), self.folder.path().join("copy.csv")).unwrap();
        File::options().write(true).open(self.path()).unwrap().set_len(0).unwrap();
    }
}

fn row(i: usize) -> String {
    format!("{},{}.5,{},0\n", i as u64 * MINUTE, i, 2 * i)
}

/// The rows that came, by their load, and what was told of the file.
#[derive(Default)]
struct Seen {
    rows: Vec<usize>,
    turns: Vec<(Turn, bool)>,
}

impl Seen {
    fn poll(&mut self, growing: &mut Growing) {
        loop {
            let growth = growing.poll().unwrap();
            assert_eq!(growth.stamps.len() * 2, growth.values.len());
            for (stamp, values) in growth.stamps.iter().zip(growth.values.chunks(2)) {
                let i = values[0] as usize;
                assert_eq!((stamp, values), (&(i as u64 * MINUTE).to_string(), &[i as f64 + 0.5, 2.0 * i as f64][..]));
                self.rows.push(i);
            }
            self.turns.extend(growth.turn.map(|turn| (turn, growth.left_out)));
            if !growth.has_more {
                return;
            }
        }
    }
}

fn follow(writer: &Writer) -> Growing {
    Growing::open(writer.path(), &trained()[0]).unwrap()
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_goes_on_in_the_next() {
    let mut writer = Writer::begin();
    let (mut growing, mut seen) = (follow(&writer), Seen::default());
    writer.rows(0..10);
    seen.poll(&mut growing);
    writer.rows(10..15);
    writer.rename();
    // The writer has not noticed yet, and the next file is there, empty.
    File::create(writer.path()).unwrap();
    writer.rows(15..20);
    seen.poll(&mut growing);
    assert_eq!((seen.rows.len(), seen.turns.len()), (20, 0));
    writer.rows(20..22);
    writer.open();
    writer.write(HEADER);
    writer.rows(22..30);
    seen.poll(&mut growing);
    // A next one without a header, one with its columns in another order, both larger than what was read.
    writer.rename();
    assert!(!growing.is_gone());
    seen.poll(&mut growing);
    assert!(growing.is_gone());
    writer.open();
    writer.rows(30..200);
    seen.poll(&mut growing);
    assert!(!growing.is_gone());
    writer.rename();
    writer.open();
    writer.write("heat,odd,load,time\n400,0,200.5,12000\n");
    seen.poll(&mut growing);
    assert_eq!(seen.rows, (0..201).collect::<Vec<_>>());
    assert_eq!(seen.turns, [(Turn::Replaced, false); 3]);
}

#[test]
fn a_file_that_is_removed_and_comes_back_is_waited_for() {
    let mut writer = Writer::begin();
    let (mut growing, mut seen) = (follow(&writer), Seen::default());
    writer.rows(0..10);
    seen.poll(&mut growing);
    fs::remove_file(writer.path()).unwrap();
    writer.rows(10..12);
    seen.poll(&mut growing);
    assert!(growing.is_gone() && seen.rows.len() == 12);
    seen.poll(&mut growing);
    writer.open();
    writer.write(HEADER);
    writer.rows(12..20);
    seen.poll(&mut growing);
    assert_eq!((seen.rows, seen.turns), ((0..20).collect(), vec![(Turn::Replaced, false)]));
}

#[test]
fn a_file_that_is_cut_short_is_read_from_its_beginning() {
    let mut writer = Writer::begin();
    writer.open(); // to append
    let (mut growing, mut seen) = (follow(&writer), Seen::default());
    writer.rows(0..10);
    seen.poll(&mut growing);
    writer.copy_and_truncate();
    writer.rows(10..12);
    seen.poll(&mut growing);
    // As long as before, and longer, when it is looked at again: only its bytes tell.
    writer.copy_and_truncate();
    writer.rows(12..14);
    seen.poll(&mut growing);
    writer.copy_and_truncate();
    writer.rows(14..60);
    seen.poll(&mut growing);
    assert_eq!((&seen.rows, &seen.turns), (&(0..60).collect(), &vec![(Turn::Cut, false); 3]));
    // A writer that keeps its place leaves a hole.
    let mut writer = Writer::begin();
    let (mut growing, mut seen) = (follow(&writer), Seen::default());
    writer.rows(0..10);
    seen.poll(&mut growing);
    writer.copy_and_truncate();
    writer.rows(10..12);
    seen.poll(&mut growing);
    writer.rows(12..13);
    seen.poll(&mut growing);
    assert_eq!(seen.rows, (0..13).collect::<Vec<_>>());
}

#[test]
fn a_line_that_is_not_ended_waits_and_is_left_out_at_a_turn() {
    let mut writer = Writer::begin();
    let (mut growing, mut seen) = (follow(&writer), Seen::default());
    writer.rows(0..10);
    writer.write("600,10");
    seen.poll(&mut growing);
    assert!(growing.is_within_line() && seen.rows.len() == 10);
    writer.rename();
    // It is ended in the old file.
    writer.write(".5,20,0\n660,\"1");
    seen.poll(&mut growing);
    writer.open();
    writer.rows(12..14);
    seen.poll(&mut growing);
    assert_eq!(
        (seen.rows, seen.turns),
        ([(0..11).collect::<Vec<_>>(), vec![12, 13]].concat(), vec![(Turn::Replaced, true)])
    );
}

#[test]
fn a_table_that_is_written_anew_is_no_continuation() {
    for begins in [0, 19] {
        let mut writer = Writer::begin();
        let mut growing = follow(&writer);
        writer.rows(0..20);
        Seen::default().poll(&mut growing);
        writer.rotate();
        writer.rows(begins..30);
        assert_eq!(growing.poll().unwrap().turn, Some(Turn::Replaced));
        let error = growing.poll().unwrap_err().to_string();
        assert!(error.contains("would be scored twice") && error.contains("growing.csv"), "{error}");
    }
    // Lines are counted in the file at hand, rows on.
    let mut writer = Writer::begin();
    let mut growing = follow(&writer);
    writer.rows(0..20);
    Seen::default().poll(&mut growing);
    writer.rotate();
    writer.rows(20..22);
    writer.write("1320,x,1,0\n");
    growing.poll().unwrap();
    let error = growing.poll().unwrap_err().to_string();
    assert!(error.contains("line 4") && error.contains("`load`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However a writer writes and renames, and whenever it is looked at, each row comes once.
    #[test]
    fn every_row_comes_once(events in proptest::collection::vec(0..6_usize, 5..80)) {
        let mut writer = Writer::begin();
        let (mut growing, mut seen) = (follow(&writer), Seen::default());
        let mut written = 0;
        let mut is_renamed = false;
        for event in events {
            match event {
                0 => seen.poll(&mut growing),
                1 if !is_renamed => {
                    // A file keeps its name over two looks.
                    seen.poll(&mut growing);
                    writer.rename();
                    is_renamed = true;
                }
                2 if is_renamed => {
                    writer.open();
                    is_renamed = false;
                }
                3 if !is_renamed && written % 2 == 0 => {
                    seen.poll(&mut growing);
                    writer.open();
                    writer.copy_and_truncate();
                }
                n => {
                    writer.rows(written..written + n);
                    written += n;
                }
            }
        }
        if is_renamed {
            writer.open();
            writer.rows(written..written + 1);
            written += 1;
        }
        seen.poll(&mut growing);
        prop_assert_eq!(seen.rows, (0..written).collect::<Vec<_>>());
    }
}
