package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// listed bounds how many paths of one kind the report names.
const listed = 8

// render writes the table of words, the totals and what could not be counted.
func render(w io.Writer, r result, took time.Duration) error {
	var b strings.Builder
	table(&b, r.Top)
	rate := int64(float64(r.Lines) / max(took.Seconds(), 1e-9))
	fmt.Fprintf(&b, "\n%s files, %s lines, %s words, %s different; %s, %s lines/s\n",
		grouped(r.Counted), grouped(r.Lines), grouped(r.Words), grouped(r.Distinct),
		took.Round(time.Millisecond), grouped(rate))
	for _, kind := range []outcome{unreadable, binary, poisoned} {
		skipped(&b, kind, r.Skipped[kind])
	}
	if r.Restarts > 0 {
		fmt.Fprintf(&b, "readers that crashed and were replaced: %s\n", grouped(int64(r.Restarts)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// compare writes how fast the same words were counted by one process and by several.
func compare(w io.Writer, r result, one, several time.Duration, nodes int) error {
	rate := func(took time.Duration) string { return grouped(int64(float64(r.Words) / max(took.Seconds(), 1e-9))) }
	_, err := fmt.Fprintf(w, "the same result twice: 1 process %s words/s, %d processes %s words/s\n", rate(one), nodes, rate(several))
	return err
}

// same says what of two results differs.
func same(a, b result) error {
	switch {
	case a.Counted != b.Counted, a.Lines != b.Lines, a.Words != b.Words, a.Distinct != b.Distinct:
		return fmt.Errorf("%d files, %d lines, %d words, %d different; and %d, %d, %d, %d", a.Counted, a.Lines, a.Words, a.Distinct,
			b.Counted, b.Lines, b.Words, b.Distinct)
	case !slices.Equal(a.Top, b.Top):
		return fmt.Errorf("the tables are %v and %v", a.Top, b.Top)
	}
	for _, kind := range []outcome{unreadable, binary, poisoned} {
		if !slices.EqualFunc(a.Skipped[kind], b.Skipped[kind], func(x, y failure) bool { return x.Path == y.Path }) {
			return fmt.Errorf("%v: %v and %v", kind, a.Skipped[kind], b.Skipped[kind])
		}
	}
	return nil
}

func table(b *strings.Builder, rows []entry) {
	word, times := len("word"), len("times")
	for _, row := range rows {
		word = max(word, utf8.RuneCountInString(row.Word))
		times = max(times, len(grouped(row.Times)))
	}
	fmt.Fprintf(b, "%4s  %-*s  %*s\n", "rank", word, "word", times, "times")
	for i, row := range rows {
		fmt.Fprintf(b, "%4d  %-*s  %*s\n", i+1, word, row.Word, times, grouped(row.Times))
	}
}

func skipped(b *strings.Builder, kind outcome, files []failure) {
	if len(files) == 0 {
		return
	}
	fmt.Fprintf(b, "%s %s:\n", grouped(int64(len(files))), kind)
	for _, f := range files[:min(listed, len(files))] {
		fmt.Fprintf(b, "  %s", f.Path)
		if kind != binary {
			fmt.Fprintf(b, ": %s", f.Why)
		}
		b.WriteByte('\n')
	}
	if more := len(files) - listed; more > 0 {
		fmt.Fprintf(b, "  and %s more\n", grouped(int64(more)))
	}
}

// grouped writes n with a comma between thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// bar draws how much of a whole is done, width characters wide between its brackets.
func bar(done, total int64, width int) string {
	part := 1.0
	if total > 0 {
		part = float64(done) / float64(total)
	}
	full := int(part * float64(width))
	return fmt.Sprintf("[%s%s] %3d%% %s/%s files", strings.Repeat("#", full), strings.Repeat(".", width-full),
		int(100*part), grouped(done), grouped(total))
}
