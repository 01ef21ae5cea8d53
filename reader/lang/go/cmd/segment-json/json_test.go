// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"testing"
)

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		exp  int
		want string
	}{
		{0, -9, "0"}, {1500000000, -9, "1.5"}, {1, -9, "0.000000001"}, {12, 2, "1200"},
		{math.MaxUint64, 0, "18446744073709551615"}, {2000000000, -9, "2"},
		{math.MaxUint64, -9, "18446744073.709551615"}, {7, -30, "0.000000000000000000000000000007"},
	} {
		if got := decimal(c.n, c.exp); got != c.want {
			t.Errorf("%d e%d: %s, not %s", c.n, c.exp, got, c.want)
		}
	}
}

func TestShortest(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.1: "0.1", 2.5: "2.5", 1e15: "1e+15", 123456: "123456", 1e-5: "1e-05",
		1.0 / 3: "0.3333333333333333", 0.30000000000000004: "0.30000000000000004", 5e-324: "5e-324",
		-1e300: "-1e+300", 1 << 53: "9007199254740992",
	} {
		if got := shortest(v); got != want {
			t.Errorf("%v: %s, not %s", v, got, want)
		}
	}
}

func TestEncoder(t *testing.T) {
	var e encoder
	e.object(func() {
		e.key("a").array(func() { e.u64(1); e.i64(-2); e.null(); e.float(math.Inf(1)) })
		e.key("b").object(func() {})
		e.key("c").string("\"\\\x01\n\x7fä\xff<")
	})
	want := `{"a":[1,-2,null,null],"b":{},"c":"\"\\\u0001\n\u007fä` + "\ufffd" + `<"}`
	if string(e.b) != want {
		t.Errorf("%s\n%s", e.b, want)
	}
}
