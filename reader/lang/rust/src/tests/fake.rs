// SPDX-License-Identifier: Apache-2.0

//! A small segment made by hand: two pools (the second retired), two workers and a row
//! that is being recycled, a tool, two banks, and an event ring of four records.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::directory::Regions;
use crate::format::*;
use crate::live;
use crate::mapping::Mapping;

pub const DESC: usize = 0x2000;
pub const STRT: usize = 0x4000;
pub const KEYS: usize = 0x6000;
pub const ENUM: usize = 0x7000;
pub const BNDS: usize = 0x9000;
pub const ROWD: usize = 0xA000; // a page a kind
pub const ROWC: usize = 0xE000;
pub const BANK: usize = 0x12000;
pub const EVNT: usize = 0x16000;
pub const TEXT: usize = 0x18000;
pub const SNAP: usize = 0x1A000;
pub const SIZE: usize = 0x22000;

pub const MONO: u64 = 5_000_000_000;
pub const WALL: u64 = 1_700_000_000_000_000_000;
const WORKER_STRIDE: u64 = 384;

/// The bytes of the segment, and the file they are written to.
pub struct Fake {
    pub path: PathBuf,
    pub b: Vec<u8>,
    directory: PathBuf,
    regions: usize,
    strt: Vec<u8>,
}

#[derive(Default)]
struct Desc {
    kind: u8,
    vtype: u8,
    storage: u8,
    row: u8,
    off: u32,
    count: u32,
    stride: u32,
    name: &'static str,
    exp: i32,
    keys: u32,
    values: u32,
    derive: [u32; 2],
    retired: bool,
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Fake {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("snakepit-segment-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let mut fake = Fake {
            path: directory.join("test.seg"),
            b: vec![0; SIZE],
            directory,
            regions: 0,
            strt: vec![0; 8],
        };
        fake.fill_schema();
        fake.fill_header();
        fake.fill_directory();
        fake.fill_rows();
        fake.fill_events();
        fake.seal();
        fake.write();
        fake.fill_snap(3);
        fake
    }

    pub fn write(&self) {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = fs::OpenOptions::new();
        options.create(true).write(true).mode(0o600);
        let mut file = options.open(&self.path).unwrap();
        file.write_all(&self.b).unwrap();
        file.set_len(self.b.len() as u64).unwrap();
    }

    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn put(&mut self, off: usize, words: &[u64]) {
        for (i, word) in words.iter().enumerate() {
            self.put_bytes(off + 8 * i, &word.to_le_bytes());
        }
    }

    pub fn put32(&mut self, off: usize, words: &[u32]) {
        for (i, word) in words.iter().enumerate() {
            self.put_bytes(off + 4 * i, &word.to_le_bytes());
        }
    }

    pub fn put_bytes(&mut self, off: usize, bytes: &[u8]) {
        self.b[off..off + bytes.len()].copy_from_slice(bytes);
    }

    /// Make the checksums right again.
    pub fn seal(&mut self) {
        let n = u64_at(&self.b, 0x90);
        if n <= DIR_MAX {
            let sum = crc(&self.b[0x1000..][..n as usize * REGION_BYTES]);
            self.put32(0xF4, &[sum as u32]);
        }
        let sum = crc(&self.b[..0xF0]);
        self.put32(0xF0, &[sum as u32]);
    }

    pub fn seal_half(&mut self) {
        let half = SNAP + 0x4000;
        let len = u64_at(&self.b, half + 16) as usize;
        if (SNAP_BYTES as usize..=0x4000).contains(&len) {
            let sum = crc(&self.b[half + 8..half + len]);
            self.put(half, &[sum]);
        }
    }

    fn text(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let reference = self.strt.len() as u32 / 8;
        self.strt.extend((text.len() as u32).to_le_bytes());
        self.strt.extend(text.as_bytes());
        let padded = (self.strt.len() / 8 + 1) * 8;
        self.strt.resize(padded, 0);
        reference
    }

    fn region(
        &mut self,
        number: u32,
        kind: usize,
        off: usize,
        len: u64,
        entries: [u64; 4],
    ) {
        let at = 0x1000 + self.regions * REGION_BYTES;
        let [stride, count, outer_stride, outer_count] = entries;
        self.put32(at, &[number, kind as u32]);
        let off = off as u64;
        self.put(
            at + 8,
            &[off, len, stride, count, outer_stride, outer_count, 1],
        );
        self.regions += 1;
    }

    fn desc(&mut self, n: usize, d: Desc) {
        let at = DESC + n * DESC_BYTES as usize;
        let prom = format!("{}_prom", d.name);
        let name = [self.text(d.name), self.text(&prom), self.text("1")];
        let help = self.text("Help.");
        self.put32(at, &[n as u32 + 1]);
        self.put_bytes(at + 4, &[d.kind, d.vtype, d.storage, 0, d.row, 1]);
        self.put32(at + 12, &[d.off, d.count.max(1), d.stride.max(8)]);
        self.put32(at + 24, &[name[0], name[1], name[2], d.exp as u32, help]);
        self.put32(at + 52, &[d.keys, d.values]);
        if d.kind == 4 {
            self.put32(at + 60, &[1, 2]); // bounds 20, 30
            self.put_bytes(at + 72, &[4, 0, 3]);
            self.put(at + 80, &[10]); // upper bounds 10, 20, 30, 40, 50
        }
        self.put_bytes(at + 75, &[1, 0, 0, d.retired.into()]);
        self.put32(at + 88, &d.derive);
    }

    /// Returns where the tables of WORKER_STATE and WORKER_STATUS are.
    fn fill_enums(&mut self) -> [u32; 2] {
        let mut tables = vec![vec!["none"]; 16];
        tables[4] = vec!["clean", "signal"];
        tables[9] = vec!["empty", "spawning", "starting", "warming", "ready"];
        tables[10] = vec!["starting", "idle", "busy", "draining", "down"];
        tables[11] = vec!["worker_moved"];
        tables[15] = vec!["none", "idle", "removed"];
        let mut index = vec![0, tables.len() as u32];
        let mut body = Vec::new();
        for values in &tables {
            index.push((2 + tables.len() + body.len()) as u32);
            body.extend([self.text("state"), self.text("snakepit.state")]);
            body.push(values.len() as u32);
            for value in values {
                let reference = self.text(value);
                body.push(reference);
            }
        }
        self.put32(ENUM, &index);
        self.put32(ENUM + 4 * index.len(), &body);
        [index[2 + 9], index[2 + 10]]
    }

    fn fill_schema(&mut self) {
        for source in 0..7 {
            let label = self.text(&format!("key{source}"));
            self.put32(KEYS + source * KEY_BYTES as usize, &[source as u32, label]);
        }
        let [state, status] = self.fill_enums();
        #[rustfmt::skip]
        let all = [
            Desc { kind: 1, vtype: 1, storage: 1, row: 3, name: "tool.requests", keys: 0b101, ..Desc::default() },
            Desc { kind: 4, vtype: 1, storage: 1, row: 1, name: "wait", keys: 1, stride: 56, ..Desc::default() },
            Desc { kind: 3, vtype: 1, storage: 3, row: 1, off: 16, name: "active", keys: 1, ..Desc::default() },
            Desc { kind: 5, vtype: 1, storage: 2, row: 2, off: 320, name: "state", keys: 2, values: state, ..Desc::default() },
            Desc { kind: 3, vtype: 3, storage: 2, row: 2, off: 336, name: "float", keys: 2, ..Desc::default() },
            Desc { kind: 3, vtype: 2, storage: 2, row: 2, off: 344, name: "signed", exp: -3, keys: 2, ..Desc::default() },
            Desc { kind: 3, vtype: 1, storage: 5, row: 1, count: 5, name: "workers", keys: 1, values: status, derive: [320, 328], ..Desc::default() },
            Desc { kind: 7, vtype: 6, storage: 6, row: 2, name: "info", keys: 0b111_1000, ..Desc::default() },
            Desc { kind: 1, vtype: 1, storage: 4, off: 0x300, name: "dropped", ..Desc::default() },
            Desc { kind: 99, vtype: 1, storage: 2, row: 2, off: 1, name: "unknown", ..Desc::default() },
            Desc { kind: 1, vtype: 1, storage: 2, row: 2, off: 1, name: "retired", retired: true, ..Desc::default() },
            Desc { kind: 6, vtype: 4, storage: 2, row: 2, off: 352, name: "seen", keys: 2, exp: -9, ..Desc::default() },
            Desc { kind: 6, vtype: 5, storage: 4, off: 0x80, name: "start", exp: -9, ..Desc::default() },
        ];
        for (n, desc) in all.into_iter().enumerate() {
            self.desc(n, desc);
        }
        let strt = std::mem::take(&mut self.strt);
        self.put(OFF_DESC_USED as usize, &[13, strt.len() as u64]);
        self.put_bytes(STRT, &strt);
        self.put(BNDS, &[10, 20, 30, 40, 50]);
    }

    fn fill_header(&mut self) {
        self.put_bytes(0, &MAGIC);
        self.put32(0x08, &[ENDIAN, 1, 1, 0x400]);
        self.put(0x28, &[SIZE as u64]);
        let uuid: Vec<u8> = (0..16).collect();
        self.put_bytes(0x30, &uuid);
        self.put(0x50, &[7, 4242]);
        self.put(0x78, &[1, 1_600_000_000_500_000_000, 0x1000, 0]);
        self.put32(0xA0, &[100, 50, 10, 1000]);
        self.put_bytes(0xB0, b"test");
        self.put(OFF_STATE as usize, &[1]);
        self.put(OFF_BANK_HIGH as usize, &[2, 1, 2, 3, 1]);
        self.put(OFF_HB_SEQ as usize, &[5]);
        let beat = (OFF_HB + HB_BYTES) as usize;
        self.put(beat, &[5, MONO, WALL]);
        let sum = crc(&self.b[beat..beat + 56]);
        self.put(beat + 56, &[sum]);
        self.put(OFF_METERS as usize, &[11, 12, 13]);
    }

    fn fill_directory(&mut self) {
        self.region(1, 0, DESC, 0x2000, [128, 64, 0, 1]);
        self.region(2, 0, STRT, 0x2000, [1, 0x2000, 0, 1]);
        self.region(3, 0, KEYS, 0x1000, [16, 256, 0, 1]);
        self.region(4, 0, ENUM, 0x2000, [4, 0x800, 0, 1]);
        self.region(5, 0, BNDS, 0x1000, [8, 512, 0, 1]);
        for kind in [POOL, WORKER, TOOL] {
            self.region(7, kind, ROWD + kind * 0x1000, 0x1000, [384, 4, 0, 1]);
        }
        self.region(8, POOL, ROWC + 0x1000, 0x1000, [320, 4, 0, 1]);
        self.region(8, WORKER, ROWC + 0x2000, 0x1000, [WORKER_STRIDE, 4, 0, 1]);
        self.region(9, POOL, BANK + 0x1000, 256, [64, 4, 0x100, 2]);
        self.region(9, TOOL, BANK + 0x3000, 32, [8, 4, 0x40, 2]);
        self.region(12, 0, EVNT, 0x240, [128, 4, 0x1000, 2]);
        self.region(16, WORKER, TEXT, 0x2000, [1024, 4, 0, 1]);
        self.region(10, 0, SNAP, 0x4000, [0x4000, 1, 0x4000, 2]);
        self.region(99, 1234, 0x1000, 8, [1, 8, 0, 1]);
        self.put(0x90, &[self.regions as u64]);
    }

    pub fn row_at(kind: usize, index: usize) -> usize {
        ROWD + kind * 0x1000 + index * ROW_BYTES as usize
    }

    fn row(&mut self, kind: usize, index: usize, words: &[u64], name: &[u8]) {
        let at = Fake::row_at(kind, index);
        self.put(at, words);
        self.put_bytes(at + 128, name);
    }

    fn fill_rows(&mut self) {
        self.row(POOL, 0, &[1, 100, 0, 0, MONO], b"default");
        self.put_bytes(Fake::row_at(POOL, 0) + 256, b"demo.Adapter");
        self.row(POOL, 1, &[2, 101, 1, 0, MONO, MONO + 1, 0, 2], b"gone");
        self.row(WORKER, 0, &[5, 200, 0, 0, MONO], b"");
        self.row(WORKER, 1, &[1, 201, 0, 1, MONO], b"");
        self.row(WORKER, 2, &[3, 202, 0, 2, MONO], b"");
        self.row(TOOL, 0, &[1, 300, 0, 0, MONO], b"word\xFFstats");

        self.latch(ROWC + 0x1000, &[10, 9, 1]);
        let python = u64_at(b"3.11.2\0\0", 0);
        let process = [3, 1234, 7, WALL, MONO + 2, 2, 137, python];
        self.latch(ROWC + 0x2000, &process);
        let cells = [4, 1, 2.5f64.to_bits(), -1500i64 as u64, MONO + 3];
        self.put(ROWC + 0x2000 + 320, &cells);
        self.put(ROWC + 0x2000 + WORKER_STRIDE as usize + 320, &[99]);

        // Two banks: a first bucket, one in the middle, the overflow.
        self.put(BANK + 0x1000, &[1, 0, 0, 4, 0, 1, 200]);
        self.put(BANK + 0x1100, &[1, 0, 0, 2, 0, 0, 100]);
        self.put(BANK + 0x3000, &[u64::MAX - 5]);
        self.put(BANK + 0x3040, &[3]);
        self.put(TEXT, &[2]);
        self.put_bytes(TEXT + 16, b"ImportError: no module\n");
    }

    fn latch(&mut self, at: usize, words: &[u64]) {
        self.put(at, &[3]);
        self.put(at + 64, &[0xBAD]);
        self.put(at + 64 + RECORD_BYTES as usize, words);
    }

    fn fill_events(&mut self) {
        for n in 2..6 {
            self.event(EVNT, n, n * 10);
        }
        self.put(EVNT, &[6, 4]);
        self.event(EVNT + 0x1000, 0, 35);
        self.put(EVNT + 0x1000, &[1, 4]);
    }

    pub fn event(&mut self, ring: usize, n: u64, mono: u64) {
        let at = ring + 64 + (n % 4 * EVENT_BYTES) as usize;
        let kind = 3 << 32 | 4 << 48;
        let words = [mono, kind, 0, 0, 1, 100, 3, 1234, 7, 8, 0xAB, 0xCD, 0];
        self.put(at + 16, &words);
        self.put(at, &[0, n + 1]);
        let sum = crc(&self.b[at + 8..at + EVENT_BYTES as usize]);
        self.put(at, &[n + 1, sum]);
    }

    /// Make half `seq & 1` from the live cells, which other tests check.
    fn fill_snap(&mut self, seq: u64) {
        let entries = &self.b[0x1000..][..self.regions * REGION_BYTES];
        let regions = Regions::parse(entries, SIZE as u64).unwrap();
        let file = fs::File::open(&self.path).unwrap();
        let mapping = Mapping::new(&file, SIZE as u64).unwrap();
        let image = mapping
            .guarded(|cells| live::gather(cells, &regions))
            .unwrap();
        let half = SNAP + (seq & 1) as usize * 0x4000;
        let len = SNAP_BYTES + 8 * image.words.len() as u64;
        self.put(half + 8, &[seq, len]);
        self.put(half + 56, &[image.skipped]);
        self.put(half + 64, &image.meters);
        for (kind, table) in image.tables.iter().enumerate() {
            let p = &table.parts;
            let words = [
                table.off + SNAP_BYTES,
                table.count,
                table.stride,
                p.record,
                p.text,
                p.cells,
                p.sums,
            ];
            self.put(half + 128 + kind * SNAP_TABLE_BYTES, &words);
        }
        self.put(half + SNAP_BYTES as usize, &image.words);
        self.seal_half();
        self.put(OFF_SNAP_SEQ as usize, &[seq]);
        self.write();
    }

    pub fn truncate(&self, size: usize) {
        truncate(&self.path, size);
    }
}

pub fn truncate(path: &Path, size: usize) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(size as u64).unwrap();
}
