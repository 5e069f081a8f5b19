package report

import (
	"fmt"
	"slices"
	"strings"
)

// The lines of a Markdown page between which results are kept.
const (
	spliceBegin = "<!-- bench -->"
	spliceEnd   = "<!-- /bench -->"
)

// Splice returns page with everything between its two marker lines replaced by results.
func Splice(page, results string) (string, error) {
	lines := strings.Split(page, "\n")
	begin := slices.Index(lines, spliceBegin)
	if begin < 0 {
		return "", fmt.Errorf("there is no line %s", spliceBegin)
	}
	length := slices.Index(lines[begin:], spliceEnd)
	if length < 0 {
		return "", fmt.Errorf("there is no line %s after %s", spliceEnd, spliceBegin)
	}
	fresh := []string{spliceBegin, "", strings.TrimSpace(results), ""}
	return strings.Join(slices.Concat(lines[:begin], fresh, lines[begin+length:]), "\n"), nil
}
