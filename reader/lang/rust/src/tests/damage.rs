// SPDX-License-Identifier: Apache-2.0

//! What becomes of files that are not, or not wholly, segments.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::fake::{truncate, Fake, BNDS, DESC, ENUM, KEYS, ROWD, SIZE, SNAP};
use super::{open, TIERS};
use crate::format::*;
use crate::mapping::Mapping;
use crate::ErrorKind::{Damaged, Denied, Missing, NotReady, Version};
use crate::{sys, Cursor, Error, ErrorKind, Segment, Tier, Value};

fn what(error: Error) -> (ErrorKind, Option<&'static str>) {
    (error.kind(), error.field())
}

const fn dir(n: usize, field: usize) -> usize {
    0x1000 + n * REGION_BYTES + field
}

const fn desc(n: usize, field: usize) -> usize {
    DESC + n * DESC_BYTES as usize + field
}

const HALF: usize = SNAP + 0x4000;

enum Change {
    Byte(usize, u8),
    Word(usize, u64),
    Word32(usize, u32),
}
use Change::{Byte, Word, Word32};

#[rustfmt::skip]
const CASES: [(ErrorKind, &str, Change); 46] = [
    (Damaged, "magic", Byte(0, 0)),
    (Damaged, "endian", Byte(8, 1)),
    (Version, "ver_major", Byte(12, 2)),
    (Version, "feat_incompat", Byte(0x18, 1)),
    (Damaged, "map_size", Word(0x28, 4096)),
    (Damaged, "dir_count", Word(0x90, 65)),
    (Damaged, "dir_count", Word(0x90, 0)),
    (Damaged, "dir_off", Word(0x88, 0x1001)),
    (Damaged, "dir_off", Word(0x88, !7)),
    (Damaged, "heartbeat_interval_ms", Word32(0xA0, 0)),
    (Damaged, "stale_after_ms", Word32(0xA4, 0)),
    (NotReady, "state", Word(OFF_STATE as usize, 0)),
    (Damaged, "directory", Word(dir(0, 8), !7)),
    (Damaged, "directory", Word(dir(0, 16), 1 << 63)),
    (Damaged, "directory", Word(dir(0, 24), 64)),
    (Damaged, "directory", Word(dir(0, 24), 0)),
    (Damaged, "directory", Word(dir(0, 32), 65)),
    (Damaged, "directory", Word(dir(0, 48), 0)),
    (Damaged, "directory", Word32(dir(0, 0), 98)),
    (Damaged, "directory", Word32(dir(6, 4), 1)),
    (Damaged, "directory", Word(dir(5, 32), 5)),
    (Damaged, "directory", Word(dir(10, 40), 255)),
    (Damaged, "directory", Word(dir(10, 48), 1 << 60)),
    (Damaged, "directory", Word(dir(12, 16), 0x23F)),
    (Damaged, "directory", Word(dir(14, 48), 1)),
    (Damaged, "strings", Word(OFF_STRT_USED as usize, 0x2001)),
    (Damaged, "enums", Word32(ENUM + 4, 0x7FF)),
    (Damaged, "enums", Word32(ENUM + 8, 0x7FE)),
    (Damaged, "enums", Word32(ENUM + 80, 0)),
    (Damaged, "keys", Word32(KEYS + 4, 0x400)),
    (Damaged, "descriptors", Word(OFF_DESC_USED as usize, 65)),
    (Damaged, "descriptors", Word32(desc(0, 24), 0x300)),
    (Damaged, "descriptors", Word32(desc(0, 12), 8)),
    (Damaged, "descriptors", Word32(desc(1, 16), 2)),
    (Damaged, "descriptors", Word32(desc(2, 12), 128)),
    (Damaged, "descriptors", Word32(desc(4, 12), 312)),
    (Damaged, "descriptors", Word32(desc(4, 36), 31)),
    (Damaged, "descriptors", Word32(desc(6, 16), 4)),
    (Damaged, "descriptors", Word32(desc(6, 88), 384)),
    (Damaged, "descriptors", Word32(desc(8, 12), 0x340)),
    (Damaged, "bounds", Word32(desc(1, 96), 508)),
    (Damaged, "bounds", Word(BNDS + 16, 20)),
    (Damaged, "heartbeat", Byte((OFF_HB + HB_BYTES) as usize + 3, 1)),
    (NotReady, "snap", Word(OFF_SNAP_SEQ as usize, 0)),
    (Damaged, "snap", Word(OFF_SNAP_SEQ as usize, 5)),
    (Damaged, "snap", Word(HALF + 16, 1 << 40)),
];

#[test]
fn damage_names_its_field() {
    for (kind, field, change) in &CASES {
        let mut fake = Fake::new();
        match *change {
            Byte(off, value) => fake.b[off] = value,
            Word(off, value) => fake.put(off, &[value]),
            Word32(off, value) => fake.put32(off, &[value]),
        }
        fake.seal();
        fake.write();
        let result = Segment::open(&fake.path).and_then(|mut s| s.snapshot(Tier::Snap));
        let error = result.err().unwrap_or_else(|| panic!("{field} is read"));
        assert_eq!(what(error), (*kind, Some(*field)));
    }
}

#[test]
fn checksums_are_checked() {
    for (field, off) in [("hdr_crc", 0x50), ("dir_crc", 0x1004), ("snap", HALF + 600)] {
        let mut fake = Fake::new();
        fake.b[off] ^= 1;
        fake.write();
        let result = Segment::open(&fake.path).and_then(|mut s| s.snapshot(Tier::Snap));
        assert_eq!(what(result.err().unwrap()), (Damaged, Some(field)));
    }
}

#[test]
fn tables_of_snap_are_checked() {
    for field in 0..7 {
        let mut fake = Fake::new();
        fake.put(HALF + 128 + 2 * SNAP_TABLE_BYTES + 8 * field, &[0x3FF8]);
        fake.seal_half();
        fake.write();
        let error = open(&fake).snapshot(Tier::Snap).err().unwrap();
        assert_eq!(what(error), (Damaged, Some("snap")), "field {field}");
    }
}

#[test]
fn rows_beyond_the_directory_are_damage() {
    let mut fake = Fake::new();
    fake.put(OFF_ROW_HIGH as usize + 16, &[5]);
    fake.write();
    let error = open(&fake).snapshot(Tier::Live).err().unwrap();
    assert_eq!(what(error), (Damaged, Some("rows")));
}

#[test]
fn files_that_are_no_segments_are_told_apart() {
    let fake = Fake::new();
    let refused = |path: &std::path::Path| what(Segment::open(path).err().unwrap());
    assert_eq!(refused(&fake.beside("none")), (Missing, Some("path")));
    assert_eq!(refused(&fake.path.join("below")), (Missing, Some("path")));
    assert_eq!(refused(fake.path.parent().unwrap()), (Denied, Some("path")));
    std::os::unix::fs::symlink(&fake.path, fake.beside("link")).unwrap();
    assert_eq!(refused(&fake.beside("link")), (Denied, Some("path")));
    assert!(sys::make_fifo(&fake.beside("fifo")));
    assert_eq!(refused(&fake.beside("fifo")), (Denied, Some("path")));
    truncate(&fake.path, 4095);
    assert_eq!(refused(&fake.path), (Damaged, Some("file")));
    fs::set_permissions(&fake.path, fs::Permissions::from_mode(0o606)).unwrap();
    assert_eq!(refused(&fake.path), (Denied, Some("mode")));
}

#[test]
fn a_file_truncated_while_it_is_open_is_an_error() {
    for size in [0, 4096, ROWD + 0x1000, SIZE - 1] {
        for tier in TIERS {
            let fake = Fake::new();
            let mut segment = open(&fake);
            segment.snapshot(Tier::Live).unwrap(); // maps
            fake.truncate(size);
            let error = segment.snapshot(tier).err().unwrap();
            assert_eq!(what(error), (Damaged, Some("file")));
            let error = segment.events(&mut Cursor::default()).err().unwrap();
            assert_eq!(what(error), (Damaged, Some("file")));
        }
    }
}

#[test]
fn a_file_that_was_cut_stays_damaged_when_it_grows_again() {
    let fake = Fake::new();
    let mut segment = open(&fake);
    segment.snapshot(Tier::Live).unwrap();
    fake.truncate(ROWD);
    assert!(segment.snapshot(Tier::Live).is_err());
    fake.write();
    let error = segment.snapshot(Tier::Live).err().unwrap();
    assert_eq!(
        what(error),
        (Damaged, Some("file")),
        "the mapping is zeros now"
    );
}

/// Faults in anybody else's mapping end the process as they would without us.
#[test]
fn faults_elsewhere_are_passed_on() {
    use std::os::unix::process::ExitStatusExt;
    let victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "tests::damage::victim"])
        .output()
        .unwrap();
    assert_eq!(victim.status.signal(), Some(sys::SIGBUS), "{victim:?}");
}

#[test]
#[ignore = "is run by faults_elsewhere_are_passed_on and dies"]
fn victim() {
    let (ours, theirs) = (Fake::new(), Fake::new());
    open(&ours).snapshot(Tier::Live).unwrap(); // installs the handler
    let file = fs::File::open(&theirs.path).unwrap();
    let mapping = Mapping::new(&file, SIZE as u64).unwrap();
    theirs.truncate(0);
    drop((ours, theirs)); // no destructor runs after this
    mapping.unguarded(ROWD as u64);
}

/// A generator of numbers that are the same each time (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

#[rustfmt::skip]
const INTERESTING: [u64; 19] = [
    0, 1, 2, 3, 7, 8, 64, 255, 4095, 4096, 1 << 16, 1 << 31, (1 << 32) - 1, 1 << 32,
    (1 << 63) - 1, 1 << 63, !7, !0, 0x0101_0101_0101_0101,
];

/// Segments with words that were changed at random give an answer or an error; arithmetic
/// that overflows would panic in this build.
#[test]
fn any_bytes_are_survived() {
    let mut random = Random(1);
    let mut fake = Fake::new();
    let good = fake.b.clone();
    let mut read = 0;
    for _ in 0..1000 {
        fake.b.copy_from_slice(&good);
        for _ in 0..=random.below(4) {
            let end = [SIZE, 0x3000][random.below(2)];
            let off = random.below(end) & !7;
            fake.put(off, &[INTERESTING[random.below(INTERESTING.len())]]);
        }
        fake.seal_half();
        fake.seal();
        fake.write();
        let mut segment = match Segment::open(&fake.path) {
            Ok(segment) => segment,
            Err(_) => continue,
        };
        for tier in TIERS {
            if let Ok(snapshot) = segment.snapshot(tier) {
                read += 1;
                for series in snapshot.metrics().iter().flat_map(|m| snapshot.series(m)) {
                    series.number();
                    if let Value::Histogram(histogram) = &series.value {
                        histogram.quantile(0.5);
                    }
                }
            }
        }
        let _ = segment.events(&mut Cursor::default());
    }
    assert!(
        read >= 300,
        "only {read} snapshots: the test changes too much"
    );
}
