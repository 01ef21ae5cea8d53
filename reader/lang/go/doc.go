// SPDX-License-Identifier: Apache-2.0

// Package segment reads a Snakepit segment: the memory-mapped file in which a runtime
// keeps its metrics, rows and events. The format is described in shm/format/segment.md.
//
// Open checks a file and everything in it that does not change. Snapshot then copies
// the values of one moment; what it returns is the caller's own and stays valid after
// the runtime ended and the segment was closed.
//
//	seg, err := segment.Open("/run/snakepit/prod.seg")
//	if err != nil {
//		return err // a *segment.Error: its Kind says whether to try again
//	}
//	defer seg.Close()
//	snap, err := seg.Snapshot(segment.Snap)
//	if err != nil {
//		return err
//	}
//	for _, m := range snap.Metrics() {
//		for _, series := range snap.Series(m) {
//			fmt.Println(m.Name, series.Labels, series.Number())
//		}
//	}
//
// There are two tiers that say the same. Snap is the copy that the writer makes under
// a checksum at each heartbeat: it is read with pread, so nothing the writer or the
// owner of the file does can disturb the reader. Live is the cells themselves, now,
// through a mapping and the loads of sync/atomic, which order at least as strictly as
// the format asks for.
//
// Nothing in the file is trusted. A file that is truncated while it is read gives an
// error of kind Damaged, also in the live tier. Readers write nothing and take no lock.
//
// A Segment belongs to one goroutine at a time; a Snapshot does not change and may be
// shared. The package needs Linux and a little-endian machine, as the writer does.
package segment
