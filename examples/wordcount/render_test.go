package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRender(t *testing.T) {
	r := result{
		Counted: 1200, Lines: 3000, Words: 9000, Distinct: 12, Restarts: 1,
		Top: []entry{{"мир", 1234}, {"go", 5}},
		Skipped: map[outcome][]failure{
			unreadable: {{"a/b", errors.New("permission denied")}},
			poisoned:   {{"p", errors.New("boom")}},
		},
	}
	for i := range 10 {
		r.Skipped[binary] = append(r.Skipped[binary], failure{fmt.Sprintf("img%d", i), errBinary})
	}
	var b strings.Builder
	if err := render(&b, r, 2*time.Second); err != nil {
		t.Fatal(err)
	}
	want := `rank  word  times
   1  мир   1,234
   2  go        5

1,200 files, 3,000 lines, 9,000 words, 12 different; 2s, 1,500 lines/s
1 unreadable:
  a/b: permission denied
10 binary, not counted:
  img0
  img1
  img2
  img3
  img4
  img5
  img6
  img7
  and 2 more
1 poisoned, their readers crashed:
  p: boom
readers that crashed and were replaced: 1
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s", n, got)
		}
	}
}

func TestBar(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		want        string
	}{
		{0, 4, "[....]   0% 0/4 files"},
		{1, 4, "[#...]  25% 1/4 files"},
		{4, 4, "[####] 100% 4/4 files"},
		{0, 0, "[####] 100% 0/0 files"},
	} {
		if got := bar(c.done, c.total, 4); got != c.want {
			t.Errorf("bar(%d, %d) = %q, want %q", c.done, c.total, got, c.want)
		}
	}
}
