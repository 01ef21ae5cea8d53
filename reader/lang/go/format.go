// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Numbers of the format, version 1.0.
const (
	formatMajor   = 1
	endianTag     = 0x01020304
	headerBytes   = 0x1000
	immutable     = 0x100 // bytes of the header that never change
	maxBytes      = 1 << 32
	dirMax        = 64
	regionBytes   = 64
	ringHeader    = 64
	rowBytes      = 384
	latchBytes    = 320
	recordBytes   = 8 * 16
	textBytes     = 8 * 63
	descBytes     = 128
	keyBytes      = 16
	snapBytes     = 512
	snapTableSize = 64
	eventBytes    = 128
	keysMax       = 32   // bits of a descriptor's row_keys
	mostOf        = 1024 // descriptors, enumerations, values, buckets, bounds, bytes of a text
)

// Offsets within the header.
const (
	offState      = 0x100
	offStopReason = 0x108
	offDescUsed   = 0x180
	offStrtUsed   = 0x188
	offBankHigh   = 0x190
	offRowHigh    = 0x198
	offHbSeq      = 0x1C0
	offHb         = 0x200
	offMeters     = 0x300
	offSnapSeq    = 0x340
	metersBytes   = 64
	hbBytes       = 128
)

// Region types that this package uses.
const (
	regionDesc = 1
	regionStrt = 2
	regionKeys = 3
	regionEnum = 4
	regionBnds = 5
	regionRowd = 7
	regionRowc = 8
	regionBank = 9
	regionSnap = 10
	regionInfl = 11
	regionEvnt = 12
	regionEvid = 13
	regionSpan = 14
	regionHist = 15
	regionText = 16
	regionThrd = 17
	regionLedg = 18
)

// RowKind says what a row stands for.
type RowKind uint8

// The kinds of rows. The runtime itself has one, without a directory.
const (
	ProcessRow RowKind = 0
	PoolRow    RowKind = 1
	WorkerRow  RowKind = 2
	ToolRow    RowKind = 3
	rowKinds           = 4
)

const (
	stateInit       = 0
	stateClosed     = 3
	stateSuperseded = 4
)

const (
	genFree      = 0
	genTombstone = 2
	genRecycling = 3
)

const (
	storageBank    = 1
	storageRow     = 2
	storageLatch   = 3
	storageHeader  = 4
	storageDerived = 5
	storageOne     = 6
	storageLedger  = 7
)

const deriveWorkersByStatus = 1

const (
	descSparse = 1              // a flag
	absent     = math.MaxUint64 // first word of a sparse metric that a row does not have
)

// Sources of labels.
const (
	keyPool     = 0
	keyWorker   = 1
	keyMethod   = 2
	keyWorkerID = 3
	keyPid      = 4
	keyAdapter  = 5
	keyPython   = 6
	keySources  = 7
)

var magic = [8]byte{0x93, 'S', 'N', 'K', 'M', '\r', '\n', 0x1A}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc(b []byte) uint64 { return uint64(crc32.Checksum(b, castagnoli)) }

func u16(b []byte, off int) uint16 { return binary.LittleEndian.Uint16(b[off:]) }
func u32(b []byte, off int) uint32 { return binary.LittleEndian.Uint32(b[off:]) }
func u64(b []byte, off int) uint64 { return binary.LittleEndian.Uint64(b[off:]) }

// words converts whole words; what is left over is dropped.
func words(b []byte) []uint64 {
	w := make([]uint64, len(b)/8)
	for i := range w {
		w[i] = u64(b, 8*i)
	}
	return w
}

func min(a, b uint64) uint64 {
	if a < b {
		return a
	}
	return b
}

// fitsIn says whether length bytes from off on lie within size.
func fitsIn(off, length, size uint64) bool {
	return length <= size && off <= size-length
}
