package supervision

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// TestConformance checks testdata/conformance.list against the tests there are, and prints how many cases of each suite
// are translated.
func TestConformance(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]bool)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
	}
	list, err := os.ReadFile("testdata/conformance.list")
	if err != nil {
		t.Fatal(err)
	}
	suite, done, all, omitted := "", 0, 0, 0
	sum := func() {
		if suite != "" {
			t.Logf("%s: %d of %d applicable cases; %d of %d do not apply", suite, done, all-omitted, omitted, all)
		}
		done, all, omitted = 0, 0, 0
	}
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '[':
			sum()
			suite = strings.Trim(line, "[]")
			continue
		}
		all++
		if _, by, ok := strings.Cut(line, " = "); ok {
			name, _, _ := strings.Cut(by, " ")
			if !tests[name] {
				t.Errorf("%s: %q: there is no test %s", suite, line, name)
			}
			done++
		} else if _, why, ok := strings.Cut(line, " - "); ok && why != "" {
			omitted++
		} else {
			t.Errorf("%s: %q names neither a test nor a reason", suite, line)
		}
	}
	sum()
}
