// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Verdict says what became of the writer.
type Verdict string

// The verdicts, in the order in which they are reached.
const (
	Closed Verdict = "closed" // ended cleanly
	Old    Verdict = "old"    // the file is from an earlier boot
	Dead   Verdict = "dead"   // nobody holds the writer's lock
	Hung   Verdict = "hung"   // the lock is held, but the heartbeat stands still
	Alive  Verdict = "alive"
)

// Verdict judges the writer now. Hung needs two calls that are at least StaleAfterMs
// apart without a heartbeat between them; earlier calls say Alive.
func (s *Segment) Verdict() (Verdict, error) {
	state, err := s.word(offState)
	if err != nil {
		return "", s.named(err)
	}
	seq, err := s.word(offHbSeq)
	if err != nil {
		return "", s.named(err)
	}
	switch {
	case state == stateClosed || state == stateSuperseded:
		return Closed, nil
	case s.fromEarlierBoot():
		return Old, nil
	case !lockHeld(s.file):
		return Dead, nil
	}
	now := time.Now()
	if seq != s.seenSeq || s.seenAt.IsZero() {
		s.seenSeq, s.seenAt = seq, now
		return Alive, nil
	}
	if now.Sub(s.seenAt) >= time.Duration(s.info.StaleAfterMs)*time.Millisecond {
		return Hung, nil
	}
	return Alive, nil
}

// HeartbeatAge returns how long ago the heartbeat of a snapshot was. By the monotonic
// clock where it is the writer's own, which steps of the wall clock do not touch.
func (s *Segment) HeartbeatAge(h Heartbeat) time.Duration {
	now, then := uint64(time.Now().UnixNano()), h.Wall
	if s.sharesClock() {
		now, then = monotonicNow(), h.Mono
	}
	if now < then {
		return 0
	}
	return time.Duration(now - then)
}

func (s *Segment) bootID() []byte { return s.header[0x40:0x50] }

func (s *Segment) fromEarlierBoot() bool {
	unknown := make([]byte, 16)
	id := kernelBootID()
	return id != nil && !bytes.Equal(s.bootID(), unknown) && !bytes.Equal(s.bootID(), id)
}

func (s *Segment) sharesClock() bool {
	var st syscall.Stat_t
	err := syscall.Stat("/proc/self/ns/time", &st)
	return err == nil && st.Ino == u64(s.header, 0x70) &&
		bytes.Equal(s.bootID(), kernelBootID())
}

// kernelBootID returns nil where the kernel does not say.
func kernelBootID() []byte {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil
	}
	id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil || len(id) != 16 {
		return nil
	}
	return id
}

// Numbers of Linux that package syscall does not have.
const (
	ofdGetLock     = 36 // F_OFD_GETLK
	clockMonotonic = 1
)

// lockHeld asks the kernel whether anybody holds the writer's lock. True also where the
// file system cannot say, so that the heartbeat decides.
func lockHeld(file *os.File) bool {
	lock := syscall.Flock_t{Type: syscall.F_RDLCK}
	err := syscall.FcntlFlock(file.Fd(), ofdGetLock, &lock)
	return err != nil || lock.Type != syscall.F_UNLCK
}

// monotonicNow reads the clock itself, which package time does not give away.
func monotonicNow() uint64 {
	var now syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic,
		uintptr(unsafe.Pointer(&now)), 0)
	if errno != 0 {
		return 0
	}
	return uint64(now.Nano())
}
