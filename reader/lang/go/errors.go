// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"errors"
	"io/fs"
	"syscall"
)

// Kind names what became of an attempt that did not succeed.
type Kind string

// The kinds, as section 7 of the format has them.
const (
	Missing  Kind = "missing"   // there is no such file
	Denied   Kind = "denied"    // not readable for this user, or not safe to read
	Damaged  Kind = "damaged"   // not a segment, or not whole
	Version  Kind = "version"   // another major version, or a feature not known here
	NotReady Kind = "not_ready" // being built: try again soon
	Failed   Kind = "failed"    // nothing the format speaks of: out of descriptors, I/O
)

// Error is the type of every error of this package.
type Error struct {
	Kind  Kind
	Field string // what does not hold, in the vocabulary of the format; Failed: ""
	Path  string
	Err   error // the cause, where the system named one
}

var reasons = map[Kind]string{
	Missing:  "there is no such segment",
	Denied:   "not readable for this user, or not safe to read",
	Damaged:  "damaged",
	Version:  "of another version, or needs features not known here",
	NotReady: "still being built, try again",
	Failed:   "cannot be read",
}

func (e *Error) Error() string {
	text := e.Path + ": " + reasons[e.Kind]
	if e.Field != "" {
		text += " (" + e.Field + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// fail makes an error without a path, which Segment.named adds.
func fail(kind Kind, field string) error {
	return &Error{Kind: kind, Field: field}
}

func damaged(field string) error { return fail(Damaged, field) }

func openError(path string, err error) error {
	kind, field := Failed, ""
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		kind, field = Missing, "path"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ELOOP),
		errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		kind, field = Denied, "path"
	}
	var wrapped *fs.PathError
	if errors.As(err, &wrapped) {
		err = wrapped.Err // it would name the path a second time
	}
	return &Error{Kind: kind, Field: field, Path: path, Err: err}
}
