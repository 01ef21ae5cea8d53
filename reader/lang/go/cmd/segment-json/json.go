// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encoder writes JSON front to back. Integers and seconds are exact to the last digit,
// which encoding/json has no type for, and keys stay in the order in which they came.
type encoder struct {
	b     []byte
	comma bool // something stands before the next key or value
}

func (e *encoder) separate() {
	if e.comma {
		e.b = append(e.b, ',')
	}
	e.comma = true
}

func (e *encoder) open(bracket byte) {
	e.separate()
	e.b = append(e.b, bracket)
	e.comma = false
}

func (e *encoder) close(bracket byte) {
	e.b = append(e.b, bracket)
	e.comma = true
}

func (e *encoder) key(name string) *encoder {
	e.string(name)
	e.b = append(e.b, ':')
	e.comma = false
	return e
}

func (e *encoder) object(f func()) { e.open('{'); f(); e.close('}') }
func (e *encoder) array(f func())  { e.open('['); f(); e.close(']') }

// raw appends text that is JSON already.
func (e *encoder) raw(text string) {
	e.separate()
	e.b = append(e.b, text...)
}

func (e *encoder) u64(n uint64) { e.raw(strconv.FormatUint(n, 10)) }
func (e *encoder) i64(n int64)  { e.raw(strconv.FormatInt(n, 10)) }
func (e *encoder) bool(v bool)  { e.raw(strconv.FormatBool(v)) }
func (e *encoder) null()        { e.raw("null") }
func (e *encoder) ns(ns uint64) { e.raw(decimal(ns, -9)) }
func (e *encoder) float(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		e.null()
		return
	}
	e.raw(shortest(v))
}

var escapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`,
}

func (e *encoder) string(text string) {
	e.separate()
	e.b = append(e.b, '"')
	for _, r := range text { // bytes that are not UTF-8 come as U+FFFD
		if short, ok := escapes[r]; ok {
			e.b = append(e.b, short...)
		} else if r < 0x20 || r == 0x7F {
			e.b = append(e.b, fmt.Sprintf(`\u%04x`, r)...)
		} else {
			e.b = utf8.AppendRune(e.b, r)
		}
	}
	e.b = append(e.b, '"')
}

// decimal returns n * 10^exp in plain notation, without zeros at the end of a fraction.
func decimal(n uint64, exp int) string {
	if n == 0 {
		return "0"
	}
	digits := strconv.FormatUint(n, 10)
	if exp >= 0 {
		return digits + strings.Repeat("0", exp)
	}
	if len(digits) <= -exp {
		digits = strings.Repeat("0", 1-exp-len(digits)) + digits
	}
	point := len(digits) + exp
	fraction := strings.TrimRight(digits[point:], "0")
	if fraction == "" {
		return digits[:point]
	}
	return digits[:point] + "." + fraction
}

// shortest returns the first text of 15, 16 or 17 digits that is this number, as %g
// writes it: any text of up to 15 digits survives text, number, text. Subnormal numbers
// have fewer digits to give.
func shortest(v float64) string {
	precision := 15
	if v != 0 && math.Abs(v) < 0x1p-1022 {
		precision = 1
	}
	for ; precision < 17; precision++ {
		text := strconv.FormatFloat(v, 'g', precision, 64)
		if back, err := strconv.ParseFloat(text, 64); err == nil && back == v {
			return text
		}
	}
	return strconv.FormatFloat(v, 'g', precision, 64)
}
