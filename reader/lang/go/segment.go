// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
	"unicode/utf8"
)

// Info is what the header says about the segment; it never changes.
type Info struct {
	Path                string
	Instance            string
	UUID                string // new for each start of the runtime
	Major, Minor        uint16
	Incarnation         uint64 // starts of this instance in a row, from 1
	PID                 int32  // in the writer's pid namespace
	Size                uint64 // bytes
	StartMono           uint64 // ns, the writer's CLOCK_MONOTONIC
	StartTime           uint64 // ns since the epoch
	HeartbeatIntervalMs uint32
	StaleAfterMs        uint32
	ScrapeHintMs        uint32
}

// Segment is an open segment.
type Segment struct {
	info     Info
	file     *os.File
	identity *syscall.Stat_t
	header   []byte // the immutable part
	regions  regions
	schema   *schema
	mem      []byte // the mapping, made for the first live snapshot

	seenSeq uint64 // the heartbeat that Verdict saw last
	seenAt  time.Time
}

// Open opens the segment at path and checks its header, directory and schema. Symbolic
// links are not followed. A segment whose writer is gone opens like any other.
func Open(path string) (*Segment, error) {
	file, err := os.OpenFile(path,
		os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, openError(path, err)
	}
	s := &Segment{info: Info{Path: path}, file: file}
	err = s.attach()
	if err != nil {
		err = s.named(err)
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close releases the file and the mapping. Snapshots stay valid.
func (s *Segment) Close() error {
	if s.mem != nil {
		_ = syscall.Munmap(s.mem)
		s.mem = nil
	}
	return s.file.Close()
}

// Info returns what the header says.
func (s *Segment) Info() Info { return s.info }

// Replaced reports whether the path leads to another file now, or to none: the runtime
// was started again, or is gone for good; or whether there are more metrics now.
func (s *Segment) Replaced() bool {
	st, err := s.stat()
	if err != nil || st.Nlink == 0 {
		return true
	}
	var now syscall.Stat_t
	err = syscall.Stat(s.info.Path, &now)
	if err != nil || now.Dev != s.identity.Dev || now.Ino != s.identity.Ino {
		return true
	}
	used, err := s.word(offDescUsed)
	return err != nil || used != s.schema.used
}

// Reattach opens the file that the path leads to now, if Replaced says so, and reports
// whether it did. After an error the segment is the one it was.
func (s *Segment) Reattach() (bool, error) {
	if !s.Replaced() {
		return false, nil
	}
	next, err := Open(s.info.Path)
	if err != nil {
		return false, err
	}
	_ = s.Close()
	*s = *next
	return true, nil
}

func (s *Segment) attach() error {
	err := s.checkFile()
	if err != nil {
		return err
	}
	// First, because with any state but INIT all that follows is complete.
	state, err := s.word(offState)
	if err != nil {
		return err
	}
	s.header, err = s.read(0, immutable)
	if err != nil {
		return err
	}
	err = checkHeader(s.header, s.info.Size)
	if err != nil {
		return err
	}
	if state == stateInit {
		return fail(NotReady, "state")
	}
	s.fillInfo()
	err = s.readDirectory()
	if err != nil {
		return err
	}
	s.schema, err = s.readSchema()
	return err
}

func (s *Segment) checkFile() error {
	st, err := s.stat()
	if err != nil {
		return err
	}
	user := uint32(os.Geteuid())
	switch {
	case st.Mode&syscall.S_IFMT != syscall.S_IFREG:
		return fail(Denied, "path")
	case st.Mode&0o002 != 0:
		return fail(Denied, "mode")
	case user != 0 && st.Uid != 0 && st.Uid != user:
		return fail(Denied, "owner")
	case st.Size < headerBytes || st.Size > maxBytes:
		return damaged("file")
	}
	s.identity = st
	s.info.Size = uint64(st.Size)
	return nil
}

func checkHeader(h []byte, size uint64) error {
	dirOff, dirCount := u64(h, 0x88), u64(h, 0x90)
	switch {
	case !bytes.Equal(h[:8], magic[:]):
		return damaged("magic")
	case u32(h, 0x08) != endianTag:
		return damaged("endian")
	case u16(h, 0x0C) != formatMajor:
		return fail(Version, "ver_major")
	case u64(h, 0x18) != 0:
		return fail(Version, "feat_incompat")
	case uint64(u32(h, 0xF0)) != crc(h[:0xF0]):
		return damaged("hdr_crc")
	case u64(h, 0x28) != size:
		return damaged("map_size")
	case dirCount < 1 || dirCount > dirMax:
		return damaged("dir_count")
	case dirOff%8 != 0 || !fitsIn(dirOff, dirCount*regionBytes, size):
		return damaged("dir_off")
	case u32(h, 0xA0) == 0:
		return damaged("heartbeat_interval_ms")
	case u32(h, 0xA4) == 0:
		return damaged("stale_after_ms")
	}
	return nil
}

func (s *Segment) fillInfo() {
	h, id := s.header, s.header[0x30:0x40]
	s.info.UUID = fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	s.info.Instance = paddedText(h[0xB0:0xF0], "?")
	s.info.Major, s.info.Minor = u16(h, 0x0C), u16(h, 0x0E)
	s.info.Incarnation = u64(h, 0x50)
	s.info.PID = int32(u32(h, 0x58))
	s.info.StartMono, s.info.StartTime = u64(h, 0x78), u64(h, 0x80)
	s.info.HeartbeatIntervalMs = u32(h, 0xA0)
	s.info.StaleAfterMs = u32(h, 0xA4)
	s.info.ScrapeHintMs = u32(h, 0xA8)
}

// paddedText returns the text before the first NUL, or what stands for one that is not
// UTF-8.
func paddedText(b []byte, instead string) string {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	if !utf8.Valid(b) {
		return instead
	}
	return string(b)
}

func (s *Segment) stat() (*syscall.Stat_t, error) {
	info, err := s.file.Stat()
	if err != nil {
		return nil, err
	}
	return info.Sys().(*syscall.Stat_t), nil
}

// named completes an error of this segment. Damage in a file that became shorter is a
// consequence of that.
func (s *Segment) named(err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Kind: Failed, Err: err}
	}
	if e.Kind == Damaged && s.truncated() {
		e.Field = "file"
	}
	e.Path = s.info.Path
	return e
}

func (s *Segment) truncated() bool {
	st, err := s.stat()
	return err == nil && uint64(st.Size) < s.info.Size
}

// read copies length bytes from off on, which the caller has checked against the size.
func (s *Segment) read(off, length uint64) ([]byte, error) {
	b := make([]byte, length)
	_, err := s.file.ReadAt(b, int64(off))
	if errors.Is(err, io.EOF) {
		return nil, damaged("file")
	}
	return b, err
}

func (s *Segment) word(off uint64) (uint64, error) {
	b, err := s.read(off, 8)
	if err != nil {
		return 0, err
	}
	return u64(b, 0), nil
}
