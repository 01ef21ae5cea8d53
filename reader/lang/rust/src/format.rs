// SPDX-License-Identifier: Apache-2.0

//! Numbers of the format, version 1.0, and how its bytes are read.

pub(crate) const MAGIC: [u8; 8] = *b"\x93SNKM\r\n\x1A";
pub(crate) const ENDIAN: u32 = 0x0102_0304;
pub(crate) const MAJOR: u16 = 1;
pub(crate) const HEADER_BYTES: u64 = 0x1000;
/// Bytes of the header that never change.
pub(crate) const IMMUTABLE: usize = 0x100;
pub(crate) const MAX_BYTES: u64 = 1 << 32;
pub(crate) const DIR_MAX: u64 = 64;
pub(crate) const REGION_BYTES: usize = 64;
pub(crate) const RING_HEADER: u64 = 64;
pub(crate) const ROW_BYTES: u64 = 384;
pub(crate) const LATCH_BYTES: u64 = 320;
pub(crate) const RECORD_BYTES: u64 = 8 * 16;
pub(crate) const TEXT_BYTES: u64 = 8 * 63;
pub(crate) const DESC_BYTES: u64 = 128;
pub(crate) const KEY_BYTES: u64 = 16;
pub(crate) const SNAP_BYTES: u64 = 512;
pub(crate) const SNAP_TABLE_BYTES: usize = 64;
pub(crate) const EVENT_BYTES: u64 = 128;
/// Bits of a descriptor's `row_keys`.
pub(crate) const KEYS_MAX: u64 = 32;
/// Most descriptors, enumerations, values of one, buckets, bounds, and bytes of a text.
pub(crate) const MOST: u64 = 1024;

pub(crate) const OFF_STATE: u64 = 0x100;
pub(crate) const OFF_STOP_REASON: u64 = 0x108;
pub(crate) const OFF_DESC_USED: u64 = 0x180;
pub(crate) const OFF_STRT_USED: u64 = 0x188;
pub(crate) const OFF_BANK_HIGH: u64 = 0x190;
pub(crate) const OFF_ROW_HIGH: u64 = 0x198;
pub(crate) const OFF_HB_SEQ: u64 = 0x1C0;
pub(crate) const OFF_HB: u64 = 0x200;
pub(crate) const HB_BYTES: u64 = 128;
pub(crate) const OFF_METERS: u64 = 0x300;
pub(crate) const METERS_BYTES: u64 = 64;
pub(crate) const OFF_SNAP_SEQ: u64 = 0x340;

/// A flag of a descriptor.
pub(crate) const DESC_SPARSE: u8 = 1;
/// First word of a sparse metric that a row does not have.
pub(crate) const ABSENT: u64 = u64::MAX;

pub(crate) const ROW_KINDS: usize = 4;
pub(crate) const PROCESS: usize = 0;
pub(crate) const POOL: usize = 1;
pub(crate) const WORKER: usize = 2;
pub(crate) const TOOL: usize = 3;

pub(crate) const STATE_INIT: u64 = 0;
pub(crate) const STATE_CLOSED: u64 = 3;
pub(crate) const STATE_SUPERSEDED: u64 = 4;

pub(crate) const GEN_TOMBSTONE: u64 = 2;

/// Whether a row with this generation is in use or retired, not free or being recycled.
pub(crate) fn gen_is_present(gen: u64) -> bool {
    matches!(gen % 4, 1 | 2)
}

pub(crate) fn u16_at(b: &[u8], off: usize) -> u16 {
    u16::from_le_bytes([b[off], b[off + 1]])
}

pub(crate) fn u32_at(b: &[u8], off: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&b[off..off + 4]);
    u32::from_le_bytes(bytes)
}

pub(crate) fn u64_at(b: &[u8], off: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&b[off..off + 8]);
    u64::from_le_bytes(bytes)
}

/// Whole words; what is left over is dropped.
pub(crate) fn words(b: &[u8]) -> Vec<u64> {
    b.chunks_exact(8).map(|word| u64_at(word, 0)).collect()
}

/// Whether `len` bytes from `off` on lie within `size`.
pub(crate) fn fits_in(off: u64, len: u64, size: u64) -> bool {
    len <= size && off <= size - len
}

/// The text before the first NUL; none where it is not UTF-8.
pub(crate) fn padded_text(b: &[u8]) -> Option<String> {
    let end = b.iter().position(|&c| c == 0).unwrap_or(b.len());
    std::str::from_utf8(&b[..end]).ok().map(str::to_owned)
}

/// Of the CRC of byte `i`, followed by as many zeros as the number of the table.
const CRC_TABLES: [[u32; 256]; 8] = crc_tables();

const fn crc_tables() -> [[u32; 256]; 8] {
    const CASTAGNOLI: u32 = 0x82F6_3B78;
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (CASTAGNOLI * (crc & 1));
            bit += 1;
        }
        tables[0][i] = crc;
        i += 1;
    }
    let mut t = 1;
    while t < 8 {
        let mut i = 0;
        while i < 256 {
            let crc = tables[t - 1][i];
            tables[t][i] = (crc >> 8) ^ tables[0][(crc & 0xFF) as usize];
            i += 1;
        }
        t += 1;
    }
    tables
}

/// CRC-32C, eight bytes at a time.
pub(crate) fn crc(b: &[u8]) -> u64 {
    let mut crc = u32::MAX;
    let chunks = b.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        let word = u64_at(chunk, 0) ^ u64::from(crc);
        crc = 0;
        for (i, table) in CRC_TABLES.iter().rev().enumerate() {
            crc ^= table[(word >> (8 * i) & 0xFF) as usize];
        }
    }
    for &byte in rest {
        crc = (crc >> 8) ^ CRC_TABLES[0][((crc ^ u32::from(byte)) & 0xFF) as usize];
    }
    u64::from(!crc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_that_of_rfc_3720() {
        assert_eq!(crc(b""), 0);
        assert_eq!(crc(b"123456789"), 0xE306_9283);
        assert_eq!(crc(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc(&[0xFF; 32]), 0x62A8_AB43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc(&ascending), 0x46DD_794E);
    }

    #[test]
    fn lengths_that_wrap_do_not_fit() {
        assert!(fits_in(8, 8, 16));
        assert!(!fits_in(9, 8, 16));
        assert!(!fits_in(u64::MAX, 8, 16));
        assert!(!fits_in(0, u64::MAX, 16));
    }
}
